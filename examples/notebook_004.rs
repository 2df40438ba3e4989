//! Notebook 004: a neural network, from one neuron to XOR. Prints what the notebook prints.
//!
//! ```text
//! cargo run --release --example notebook_004
//! ```

// The notebook's weights are numpy's, after `np.random.seed(42)`.
#[path = "../tests/common/numpy_random.rs"]
mod numpy_random;
mod plot;

use neuropil::ndarray::{Array1, Axis, array};
use neuropil::prelude::*;
use numpy_random::NumpyRandom;

fn main() -> Result<()> {
    let mut random = NumpyRandom::new(42);
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
    let mut layer = network(&[3, 2], &mut random)?;
    let mut tape = Tape::new(&layer, 0);
    let output = tape.forward(&layer, &x)?;
    println!("Input shape: {:?}\nOutput shape: {:?}\nOutput: {:.8}", x.dim(), output.dim(), output.row(0));
    let gradients = tape.backward_from(&layer, &array![[1.0, 1.0]])?;
    println!("Gradient w.r.t. input: {:.8}", gradients.input.row(0));
    tape.step(&mut layer, &mut Sgd::new(0.1))?;
    layer.visit(&mut |info, matrix| println!("Shape of {}: {:?}", info.name, matrix.dim()));

    println!("\n6. A network\n");
    let mut net = network(&[4, 8, 3, 1], &mut random)?;
    println!("Architecture of the network:\n{net}");
    let x = array![[1.0, 2.0, 3.0, 4.0]];
    let mut tape = Tape::new(&net, 0);
    println!("Input: {}\nOutput: {:.8}", x.row(0), tape.forward(&net, &x)?.row(0));
    let gradients = tape.backward_from(&net, &array![[1.0]])?;
    println!("Gradient w.r.t. input: {:.3e}", gradients.input.row(0));
    tape.step(&mut net, &mut Sgd::new(0.01))?;
    println!("Parameters updated!\n");

    println!("7. Training on XOR\n");
    let x = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    let y = array![[0.0], [1.0], [1.0], [0.0]];
    let mut net = network(&[2, 4, 1], &mut random)?;
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
    plot::print_curve("Loss", "Epoch", &losses);
    Ok(())
}

/// The notebook's `NeuralNetwork`: dense layers with weights `randn() * 0.01` and biases of 0, each with a sigmoid.
fn network(sizes: &[usize], random: &mut NumpyRandom) -> Result<Sequential<f64>> {
    let mut network = Sequential::new(sizes[0]);
    for pair in sizes.windows(2) {
        let weight = random.normals(pair[0], pair[1]) * 0.01;
        network.push(Dense::from_parameters(weight, Array1::zeros(pair[1]))?)?;
        network.push(Sigmoid)?;
    }
    Ok(network)
}
