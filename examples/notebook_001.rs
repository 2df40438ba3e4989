//! Notebook 001: layers with a forward and a backward pass. Prints what the notebook asserts.
//!
//! ```text
//! cargo run --release --example notebook_001
//! ```

#![allow(clippy::unreadable_literal)] // The notebook's digits, as it has them.

use neuropil::ndarray::{Array2, array, s};
use neuropil::prelude::*;

fn main() -> Result<()> {
    let mut rng = rng(17);
    let normal = Init::Normal { mean: 0.0, std: 1.0 };

    println!("Task 1: a linear layer, X·W + b\n");
    // The notebook's arrays begin with these three rows; W is from a standard normal distribution, and b is 0.
    let x = array![
        [0.2946650026871097, 0.5305867556052941, 0.19152078694749486, 0.06790035819129137, 0.7869854599999133],
        [0.6563335217758555, 0.6375208960436358, 0.575602893753034, 0.03906291618886648, 0.35781360448354893],
        [0.9456831868184076, 0.060044680315385346, 0.864042103546211, 0.8772905261480303, 0.05119366562045369]
    ];
    let weight = array![
        [1.5267147137476185, -0.6898192481549039, 0.47690382262626985],
        [1.0908395164989304, -0.9177046226568359, -0.3732555969076399],
        [0.8139894782992543, -0.7469329936828095, 1.2739545947832505],
        [0.49113512266506987, 0.3664030595771046, -0.11734982446786164],
        [-2.5066127929751305, 1.5303248855744376, -0.3720408378881012]
    ];
    let linear = Dense::from_parameters(weight, array![0.0, 0.0, 0.0])?;
    let network = Sequential::new(5).with(linear)?;
    println!("{:.8}\n", network.predict(&x)?);

    println!("Task 2: ReLU of it\n");
    let network = network.with(Relu)?;
    println!("{:.8}\n", network.predict(&x)?);

    println!("Task 3: binary cross-entropy, the mean\n");
    let (y, p) = (array![[1.0, 1.0, 0.0, 0.0]], array![[0.5, 0.5, 0.5, 0.5]]);
    println!("y = {y}, p = {p}: {:.3}\n", Bce::new().evaluate(&p, &y)?);

    println!("Task 3.5: backpropagation on graphs\n");
    // f = (x + y)·z at x = -2, y = 5, z = -4: the weights of one layer are 1, the weight of the other is z.
    let sum = Dense::from_parameters(array![[1.0], [1.0]], array![0.0])?.without_bias();
    let product = Dense::from_parameters(array![[-4.0]], array![0.0])?.without_bias();
    let graph = Sequential::new(2).with(sum)?.with(product)?;
    show_gradients("f = (x + y)·z", &graph, &array![[-2.0, 5.0]])?;
    // y = σ(w0 x0 + w1 x1 + w2)
    let neuron =
        Sequential::new(2).with(Dense::from_parameters(array![[2.0], [-3.0]], array![-3.0])?)?.with(Sigmoid)?;
    show_gradients("y = σ(w0 x0 + w1 x1 + w2)", &neuron, &array![[-1.0, -2.0]])?;

    println!("Task 4: backward through a linear layer of 10,000 samples\n");
    let layer = Dense::with_init(5, 3, normal, &mut rng);
    let (x, dout) = (normal.matrix(10_000, 5, &mut rng), normal.matrix(10_000, 3, &mut rng));
    let before = x.clone();
    let mut tape = Tape::for_layer(&layer, 5, 0);
    tape.forward(&layer, &x)?;
    let gradients = tape.backward_from(&layer, &dout)?;
    println!("dX = dout·Wᵀ  {:?}, its sum is {:.3}", gradients.input.dim(), gradients.input.sum());
    println!("dW = Xᵀ·dout  {:?}, its sum is {:.3}", gradients.weights[0].dim(), gradients.weights[0].sum());
    println!("X is as it was: {}\n", x == before);

    println!("Task 5: backward through ReLU\n");
    let dout = normal.matrix(10_000, 5, &mut rng);
    let mut tape = Tape::for_layer(&Relu, 5, 0);
    tape.forward(&Relu, &x)?;
    let gradients = tape.backward_from(&Relu, &dout)?;
    println!("dX = dout where X > 0, else 0  {:?}, its sum is {:.3}", gradients.input.dim(), gradients.input.sum());
    println!("the first row of X    {:.3}", x.slice(s![0, ..]));
    println!("the first row of dout {:.3}", dout.slice(s![0, ..]));
    println!("the first row of dX   {:.3}\n", gradients.input.slice(s![0, ..]));

    println!("Task 6: backward through binary cross-entropy\n");
    let (y, p) = (array![[1.0, 1.0, 1.0, 0.0, 0.0]], array![[0.99, 0.9, 0.8, 0.5, 0.2]]);
    println!("{:.8}", Bce::new().gradient(&p, &y)?);
    Ok(())
}

fn show_gradients(what: &str, network: &Sequential<f64>, x: &Array2<f64>) -> Result<()> {
    let mut tape = Tape::new(network, 0);
    println!("{what} = {:.4}", tape.forward(network, x)?[[0, 0]]);
    let gradients = tape.backward_from(network, &array![[1.0]])?;
    println!("  by the inputs  {:.4}", gradients.input);
    for (slot, gradient) in gradients.weights.iter().enumerate() {
        println!("  by parameter {slot} {:.4}", gradient.t());
    }
    println!();
    Ok(())
}
