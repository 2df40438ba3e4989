//! Notebook 004: a neural network, from one neuron to XOR. Prints what the notebook prints.
//!
//! ```text
//! cargo run --release --example notebook_004
//! ```

#![allow(clippy::unreadable_literal)] // The notebook's digits, as it has them.

use neuropil::ndarray::{Array2, Axis, array};
use neuropil::prelude::*;

/// The notebook starts all weights as `randn() * 0.01`.
const SMALL: Init = Init::Normal { mean: 0.0, std: 0.01 };

fn main() -> Result<()> {
    println!("1. A neuron, y = σ(w·x + b)\n");
    let x = array![[1.0, 2.0, 3.0]];
    let layer = Dense::from_parameters(array![[0.5], [-0.2], [0.1]], array![0.3])?;
    let neuron = Sequential::new(3).with(layer.clone())?.with(Sigmoid)?;
    println!("Input: {}\nWeights: {}\nBias: {}", x.row(0), layer.weight().column(0), 0.3);
    let mut tape = Tape::new(&neuron, 0);
    println!("Output: {:.4}\n", tape.forward(&neuron, &x)?[[0, 0]]);

    println!("2. Its derivatives\n");
    let gradients = tape.backward_from(&neuron, &array![[1.0]])?;
    println!("Gradient w.r.t. weights: {:.8}", gradients.weights[0].column(0));
    println!("Gradient w.r.t. bias: {:.4}", gradients.weights[1][[0, 0]]);
    println!("Gradient w.r.t. input: {:.8}\n", gradients.input.row(0));

    println!("4. A layer of two neurons\n");
    let mut layer = network(&[3, 2], &mut rng(42))?;
    let mut tape = Tape::new(&layer, 0);
    let output = tape.forward(&layer, &x)?;
    println!("Input shape: {:?}\nOutput shape: {:?}\nOutput: {:.8}", x.dim(), output.dim(), output.row(0));
    let gradients = tape.backward_from(&layer, &array![[1.0, 1.0]])?;
    println!("Gradient w.r.t. input: {:.8}", gradients.input.row(0));
    tape.step(&mut layer, &mut Sgd::new(0.1))?;
    layer.visit(&mut |info, matrix| println!("Shape of {}: {:?}", info.name, matrix.dim()));

    println!("\n6. A network\n");
    let mut net = network(&[4, 8, 3, 1], &mut rng(42))?;
    println!("Architecture of the network:\n{net}");
    let x = array![[1.0, 2.0, 3.0, 4.0]];
    let mut tape = Tape::new(&net, 0);
    println!("Input: {}\nOutput: {:.8}", x.row(0), tape.forward(&net, &x)?.row(0));
    let gradients = tape.backward_from(&net, &array![[1.0]])?;
    println!("Gradient w.r.t. input: {:.3e}", gradients.input.row(0));
    tape.step(&mut net, &mut Sgd::new(0.01))?;
    println!("Parameters updated!\n");

    println!("7. Training on XOR, from the notebook's own weights\n");
    let x = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    let y = array![[0.0], [1.0], [1.0], [0.0]];
    let hidden = array![
        [0.01356240028570823, -0.0007201012158033385, 0.010035328978920241, 0.0036163602504763414],
        [-0.006451197546051243, 0.0036139560550841393, 0.015380365664659692, -0.0003582603910995154]
    ];
    let output = array![[0.01564643655814006], [-0.026197451040897445], [0.00821902504375224], [0.0008704706823817123]];
    let mut net = Sequential::new(2)
        .with(Dense::from_parameters(hidden, array![0.0, 0.0, 0.0, 0.0])?)?
        .with(Sigmoid)?
        .with(Dense::from_parameters(output, array![0.0])?)?
        .with(Sigmoid)?;
    let mut tape = Tape::new(&net, 0);
    let mut sgd = Sgd::new(0.5);
    let mut losses = Vec::new();
    for epoch in 0..1000 {
        let mut total = 0.0;
        for (x, y) in x.axis_chunks_iter(Axis(0), 1).zip(y.axis_chunks_iter(Axis(0), 1)) {
            total += tape.train(&mut net, &x, &y, &Mse, &mut sgd)?;
        }
        losses.push(total / 4.0);
        if epoch % 100 == 0 {
            println!("Epoch {epoch}, Loss: {:.4}", losses[epoch]);
        }
    }
    println!("\nPredictions after training:");
    for ((x, p), y) in x.rows().into_iter().zip(net.predict(&x)?).zip(&y) {
        println!("  [{}, {}] -> {p:.4} (true: {y})", x[0], x[1]);
    }
    println!("From weights this small, 1000 epochs do not solve it; see the example `xor`.\n");
    print_curve("Loss", "Epoch", &losses);
    Ok(())
}

/// Dense layers with small weights and biases of 0, each with a sigmoid.
fn network(sizes: &[usize], rng: &mut impl neuropil::rand::Rng) -> Result<Sequential<f64>> {
    let mut network = Sequential::new(sizes[0]);
    for pair in sizes.windows(2) {
        network.push(Dense::with_init(pair[0], pair[1], SMALL, rng))?;
        network.push(Sigmoid)?;
    }
    Ok(network)
}

/// Draws a curve in characters, 64 wide and 12 high.
fn print_curve(y_name: &str, x_name: &str, values: &[f64]) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (width, height) = (64, 12);
    let mut canvas = Array2::from_elem((height, width), ' ');
    for column in 0..width {
        let value = values[column * (values.len() - 1) / (width - 1)];
        let row = ((high - value) / (high - low) * (height - 1) as f64).round() as usize;
        canvas[[row, column]] = '*';
    }
    println!("{y_name}");
    for (row, line) in canvas.rows().into_iter().enumerate() {
        let value = high - (high - low) * row as f64 / (height - 1) as f64;
        println!("{value:>8.4} |{}", line.iter().collect::<String>());
    }
    println!("{:>8} +{}", "", "-".repeat(width));
    println!("{:>10}0{:>width$}", "", format!("{x_name} {}", values.len() - 1), width = width - 1);
}
