//! Notebook 002: the lecture, from linear classifiers to MNIST. Prints what the lecture prints.
//!
//! ```text
//! cargo run --release --example notebook_002 [-- --data DIR]
//! ```
//!
//! DIR is a folder with the four files of MNIST; without it, the last section is left out.

mod plot;

use neuropil::data::Mnist;
use neuropil::losses::class_targets;
use neuropil::metrics::{accuracy, argmax};
use neuropil::ndarray::{Array1, Array2, array, s};
use neuropil::prelude::*;

fn main() -> Result<()> {
    linear_classifiers()?;
    losses()?;
    activations()?;
    forward()?;
    backpropagation()?;
    regression()?;
    println!("6. A simple network on MNIST\n");
    let Some(folder) = std::env::args().skip_while(|argument| argument != "--data").nth(1) else {
        println!("Left out: give the folder of its four files as `-- --data DIR`.");
        return Ok(());
    };
    mnist(&folder)
}

/// y = x·W.
fn product(weight: Array2<f64>) -> Dense<f64> {
    let bias = Array1::zeros(weight.ncols());
    Dense::from_parameters(weight, bias).expect("as many biases as columns").without_bias()
}

fn uniform(low: f64, high: f64, rows: usize, columns: usize, rng: &mut impl neuropil::rand::Rng) -> Array2<f64> {
    Init::Uniform { low, high }.matrix(rows, columns, rng)
}

fn linear_classifiers() -> Result<()> {
    println!("1. The limits of a linear classifier\n");
    println!("An image of 800 x 600 pixels in three colors has {} numbers.", Shape::from([3, 600, 800]).len());
    let mut rng = rng(1);
    let x = uniform(0.0, 1.0, 1, 3072, &mut rng);
    let small = Init::Normal { mean: 0.0, std: 0.0001 };
    let w1: Array2<f64> = small.matrix(3072, 100, &mut rng);
    let w2: Array2<f64> = small.matrix(100, 10, &mut rng);
    let scores = Sequential::new(3072).with(product(w1.clone()))?;
    let two = scores.clone().with(product(w2.clone()))?;
    let one = Sequential::new(3072).with(product(w1.dot(&w2)))?;
    println!("\nTwo linear classifiers in a row:\n{:.3e}", two.predict(&x)?.row(0));
    println!("One, with the product of their weights, is the same:\n{:.3e}", one.predict(&x)?.row(0));
    let activations = scores.clone().with(Relu)?;
    let bent = activations.clone().with(product(w2))?;
    println!("\nThe first of 100 scores:      {:.5}", scores.predict(&x)?.slice(s![0, ..8]));
    println!("Activations, max(0, scores):  {:.5}", activations.predict(&x)?.slice(s![0, ..8]));
    println!("Scores with a nonlinearity between them:\n{:.3e}\n", bent.predict(&x)?.row(0));
    Ok(())
}

fn losses() -> Result<()> {
    println!("3.1 Losses\n");
    let (y, t) = (array![[0.5, -0.25, 0.75]], array![[1.0, 0.25, 0.25]]);
    println!("mean squared error   input {y}, target {t}, output {}", Mse.evaluate(&y, &t)?);
    println!("mean absolute error  input {y}, target {t}, output {}", Mae.evaluate(&y, &t)?);
    let mut rng = rng(3);
    let (scores, labels) = (uniform(0.0, 1.0, 3, 5, &mut rng), [4, 0, 2]);
    let loss = CrossEntropy::new().evaluate(&scores, &class_targets(&labels))?;
    println!("cross-entropy        input\n{scores:.4}\n  target {labels:?}, output {loss:.4}");
    let (p, t) = (uniform(0.0, 1.0, 1, 3, &mut rng), array![[1.0, 0.0, 1.0]]);
    println!("binary cross-entropy input {p:.4}, target {t}, output {:.4}\n", Bce::new().evaluate(&p, &t)?);
    Ok(())
}

fn activations() -> Result<()> {
    println!("3.2 Activations\n");
    let wide: Array2<f64> = Init::Normal { mean: 0.0, std: 5.0 }.matrix(1, 5, &mut rng(5));
    let narrow: Array2<f64> = Init::Normal { mean: 0.0, std: 1.0 }.matrix(1, 5, &mut rng(6));
    let table: [(&str, &dyn Layer<f64>, &Array2<f64>); 4] = [
        ("sigmoid", &Sigmoid, &wide),
        ("tanh", &Tanh, &wide),
        ("ReLU", &Relu, &narrow),
        ("leaky ReLU", &LeakyRelu::new(0.01), &narrow),
    ];
    for (name, activation, x) in table {
        let mut tape = Tape::for_layer(activation, 5, 0);
        println!("{name:10}  input  {x:.4}\n{:10}  output {:.4}", "", tape.forward(activation, x)?);
    }
    println!();
    Ok(())
}

fn forward() -> Result<()> {
    println!("4.2.1 What a network answers to the XOR of 1 and 0\n");
    let input = array![[1.0, 0.0]];
    let sums = Sequential::new(2).with(product(array![[0.45, 0.78], [-0.12, 0.13]]))?;
    let hidden = sums.clone().with(Sigmoid)?;
    let output = hidden.clone().with(product(array![[1.5], [-2.3]]))?;
    println!("H1, H2         {}", sums.predict(&input)?);
    println!("H1_out, H2_out {:.2}", hidden.predict(&input)?);
    println!("O1_in          {:.3}  (the lecture rounds before: -0.672)", output.predict(&input)?);
    println!("O1_out         {:.3}  (and cuts: 0.33); expected 1\n", output.with(Sigmoid)?.predict(&input)?);
    Ok(())
}

fn backpropagation() -> Result<()> {
    println!("5.3 Cross-entropy of scores = x·W, and its gradient by W\n");
    let mut rng = rng(7);
    let model = Sequential::new(4).with(product(uniform(-1.0, 1.0, 4, 3, &mut rng)))?;
    let x = uniform(-1.0, 1.0, 6, 4, &mut rng);
    let mut tape = Tape::new(&model, 0);
    tape.forward(&model, &x)?;
    println!("loss {:.4}", tape.loss(&CrossEntropy::new(), &class_targets(&[0, 1, 2, 0, 1, 2]))?);
    println!("dW\n{:.4}\n", tape.backward(&model)?.weights[0]);

    println!("5.3.1 f = 1/(1 + exp(-(w0 x0 + w1 x1 + w2)))\n");
    let neuron =
        Sequential::new(2).with(Dense::from_parameters(array![[2.0], [-3.0]], array![-3.0])?)?.with(Sigmoid)?;
    let mut tape = Tape::new(&neuron, 0);
    println!("f = {:.4}", tape.forward(&neuron, &array![[-1.0, -2.0]])?[[0, 0]]);
    let gradients = tape.backward_from(&neuron, &array![[1.0]])?;
    println!("by w0, w1 {:.4}", gradients.weights[0].column(0));
    println!("by w2     {:.4}", gradients.weights[1].column(0));
    println!("by x0, x1 {:.4}\n", gradients.input.row(0));

    println!("5.3.4 The gradient of an error\n");
    let (x, y) = (array![[1.0], [2.0], [3.0], [4.0]], array![[2.0], [4.0], [6.0], [8.0]]);
    let mut model = Sequential::new(1).with(product(array![[1.0]]))?;
    let mut tape = Tape::new(&model, 0);
    tape.forward(&model, &x)?;
    println!("MSE = {}", tape.loss(&Mse, &y)?);
    println!("W.grad = {}\n", tape.backward(&model)?.weights[0][[0, 0]]);

    // The lecture's gradients accumulate until they are set to zero; a tape's do not, so the loop below adds them up.
    let (mut by_e, mut by_w) = (Array1::zeros(4), 0.0);
    for pass in 1..=3 {
        println!("========== Backprop {pass} ==============");
        if pass == 3 {
            by_w = 0.0;
        }
        let gradients = tape.backward(&model)?;
        // w is 1, so the gradient with respect to x = E/w is that with respect to E.
        by_e += &gradients.input.column(0);
        by_w += gradients.weights[0][[0, 0]];
        println!("dMSE/dE = {by_e}\ndMSE/dW = {by_w}");
    }
    tape.step(&mut model, &mut Sgd::new(0.005))?;
    if let Err(error) = tape.backward(&model) {
        println!("After a step there is nothing to go back through: {error}.\n");
    }
    Ok(())
}

/// Gradient descent on w in y = w·x, in `f32` as in the lecture.
fn regression() -> Result<()> {
    println!("5.3.4 Regression of y = 2x by gradient descent\n");
    let (x, y) = (array![[1.0_f32], [2.0], [3.0], [4.0]], array![[2.0], [4.0], [6.0], [8.0]]);
    let mut model = Sequential::new(1).with(Dense::from_parameters(array![[1.0]], array![0.0])?.without_bias())?;
    let mut tape = Tape::new(&model, 0);
    let mut sgd = Sgd::new(0.005);
    println!("Prediction before training: f(X) = {:.4}", model.predict(&x)?.column(0));
    for epoch in 0..102 {
        let loss = tape.train(&mut model, &x, &y, &Mse, &mut sgd)?;
        if epoch % 10 == 1 {
            let w = model.predict_one(&[1.0])?[0];
            println!("epoch {epoch}: w = {w:.3}, loss = {loss:.8}");
        }
    }
    println!("Prediction after training: f(X) = {:.4}\n", model.predict(&x)?.column(0));
    Ok(())
}

fn mnist(folder: &str) -> Result<()> {
    let Mnist { mut train, mut test } = Mnist::<f32>::load(folder)?;
    for samples in [&mut train, &mut test] {
        samples.x.mapv_inplace(|pixel| (pixel - 0.5) / 0.5);
    }
    let mut rng = rng(0);
    let mut net = Sequential::mlp(&[28 * 28, 128, 10], Relu, &mut rng)?;
    print!("{net}");
    let mut tape = Tape::new(&net, 0);
    let mut sgd = Sgd::new(0.001);
    let loss_function = CrossEntropy::new();
    let mut history = Vec::new();
    for epoch in 0..10 {
        let (mut total, mut batches) = (0.0, 0.0);
        for batch in train.batches(64, &mut rng) {
            total += f64::from(tape.train(&mut net, &batch.x, &batch.target, &loss_function, &mut sgd)?);
            batches += 1.0;
        }
        history.push(total / batches);
        println!("Epoch={epoch} loss={:.4}", history[epoch]);
    }
    println!();
    plot::print_curve("Loss", "Epochs", &history);
    println!("\nAccuracy train= {}", accuracy(&net.predict(&train.x)?, &train.target)?);
    println!("Accuracy test= {}\n", accuracy(&net.predict(&test.x)?, &test.target)?);

    let images = test.x.slice(s![..64, ..]);
    let outputs = net.predict(&images)?;
    println!(
        "a batch {:?}, its outputs {:?}; the first ten images, and what the network reads:\n",
        images.dim(),
        outputs.dim()
    );
    for (image, digit) in images.rows().into_iter().zip(argmax(&outputs)).take(10) {
        println!("{digit}");
        for line in image.as_slice().unwrap_or_default().chunks(28) {
            let line: String = line.iter().map(|&ink| [' ', '.', 'o', '#'][((ink + 1.0) * 1.99) as usize]).collect();
            if !line.trim().is_empty() {
                println!("{}", line.trim_end());
            }
        }
    }
    Ok(())
}
