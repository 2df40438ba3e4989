//! Notebook 001: layers with a forward and a backward pass. Prints what the notebook asserts.
//!
//! ```text
//! cargo run --release --example notebook_001
//! ```

// The notebook's arrays are numpy's, after `np.random.seed(17)`.
#[path = "../tests/common/numpy_random.rs"]
mod numpy_random;

use neuropil::ndarray::{Array1, Array2, array, s};
use neuropil::prelude::*;
use numpy_random::NumpyRandom;

fn main() -> Result<()> {
    println!("Task 1: a linear layer, X·W + b\n");
    let mut random = NumpyRandom::new(17);
    let x = random.uniforms(10_000, 5);
    let network = Sequential::new(5).with(linear(random.normals(5, 3))?)?;
    println!("{:.8}\n", network.predict(&x)?.slice(s![..3, ..]));

    println!("Task 2: ReLU of it\n");
    let network = network.with(Relu)?;
    println!("{:.8}\n", network.predict(&x)?.slice(s![..3, ..]));

    println!("Task 3: binary cross-entropy, the mean\n");
    let (y, p) = (array![[1.0, 1.0, 0.0, 0.0]], array![[0.5, 0.5, 0.5, 0.5]]);
    println!("y = {y}, p = {p}: {:.3}", Bce::new().evaluate(&p, &y)?);
    let mut random = NumpyRandom::new(17);
    let y = Array2::from_shape_simple_fn((100, 1), || random.coin());
    println!("100 random pairs: {:.3}\n", Bce::new().evaluate(&random.uniforms(100, 1), &y)?);

    println!("Task 3.5: backpropagation on graphs\n");
    // f = (x + y)·z at x = -2, y = 5, z = -4: the weights of one layer are 1, the weight of the other is z.
    let sum = linear(array![[1.0], [1.0]])?.without_bias();
    let product = linear(array![[-4.0]])?.without_bias();
    show_gradients("f = (x + y)·z", &Sequential::new(2).with(sum)?.with(product)?, &array![[-2.0, 5.0]])?;
    let neuron = Dense::from_parameters(array![[2.0], [-3.0]], array![-3.0])?;
    let neuron = Sequential::new(2).with(neuron)?.with(Sigmoid)?;
    show_gradients("y = σ(w0 x0 + w1 x1 + w2)", &neuron, &array![[-1.0, -2.0]])?;

    println!("Task 4: backward through a linear layer\n");
    let mut random = NumpyRandom::new(17);
    let layer = linear(random.normals(5, 3))?;
    let (x, dout) = (random.normals(10_000, 5), random.normals(10_000, 3));
    let before = x.clone();
    let mut tape = Tape::for_layer(&layer, 5, 0);
    tape.forward(&layer, &x)?;
    let gradients = tape.backward_from(&layer, &dout)?;
    println!("dX = dout·Wᵀ  {:?}, its sum is {:.3}", gradients.input.dim(), gradients.input.sum());
    println!("dW = Xᵀ·dout  {:?}, its sum is {:.3}", gradients.weights[0].dim(), gradients.weights[0].sum());
    println!("X is as it was: {}\n", x == before);

    println!("Task 5: backward through ReLU\n");
    let mut random = NumpyRandom::new(17);
    let (x, dout) = (random.normals(10_000, 5), random.normals(10_000, 5));
    let mut tape = Tape::for_layer(&Relu, 5, 0);
    tape.forward(&Relu, &x)?;
    let gradients = tape.backward_from(&Relu, &dout)?;
    println!("dX = dout where X > 0, else 0  {:?}, its sum is {:.3}\n", gradients.input.dim(), gradients.input.sum());

    println!("Task 6: backward through binary cross-entropy\n");
    let (y, p) = (array![[1.0, 1.0, 1.0, 0.0, 0.0]], array![[0.99, 0.9, 0.8, 0.5, 0.2]]);
    println!("{:.8}", Bce::new().gradient(&p, &y)?);
    Ok(())
}

/// The notebook's `LinearLayer`: biases start at 0.
fn linear(weight: Array2<f64>) -> Result<Dense<f64>> {
    let bias = Array1::zeros(weight.ncols());
    Dense::from_parameters(weight, bias)
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
