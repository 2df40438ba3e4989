//! Notebook 000: one neuron, from the weighted sum to backpropagation. Prints what the notebook prints.
//!
//! ```text
//! cargo run --release --example notebook_000
//! ```

#![allow(clippy::unreadable_literal)] // The digits as the notebook writes them.

use neuropil::losses::Sum;
use neuropil::ndarray::{Array1, Array2, array};
use neuropil::prelude::*;

/// Task 4's sigmoid with the derivative σ(1 - σ), which reproduces every printed digit of the notebook. The crate's own
/// [`Sigmoid`] computes σ(x)·σ(-x), which keeps its precision where σ rounds to 1.
#[derive(Debug, Clone)]
struct NotebookSigmoid;

impl Activation for NotebookSigmoid {
    fn apply<A: Scalar>(&self, x: A) -> A {
        Sigmoid.apply(x)
    }
    fn slope<A: Scalar>(&self, _: A, y: A) -> A {
        y * (A::ONE - y)
    }
}

fn main() -> Result<()> {
    println!("Task 1: sigmoid\n");
    println!("sigmoid(0) = {}\n", Sigmoid.apply(0.0));

    println!("Task 2: a neuron with 5 inputs, a bias, and random weights from [0, 1)\n");
    let init = Init::Uniform { low: 0.0, high: 1.0 };
    let weights: Array2<f64> = init.matrix(6, 1, &mut rng(0));
    let inputs = [0.001, 2.0, 0.8, 7.0, 0.6];
    let perceptron = neuron(weights.as_slice().expect("just made"), Sigmoid)?;
    println!("output  {}", perceptron.predict_one(&inputs)?);
    println!("weights {:.8}", all_weights(&perceptron));
    println!("inputs  {inputs:?}, and 1 for the bias\n");

    println!("Task 3: cross-entropy, the sum of -(y ln p + (1 - y) ln(1 - p))\n");
    let cross_entropy = Sum(Bce::clipped(1e-15));
    println!("y = 1, p = 0.363274:                 {}", cross_entropy.evaluate(&array![[0.363274]], &array![[1.0]])?);
    let (y, p) = (array![[1.0, 0.0, 1.0]], array![[0.9, 0.3, 0.4]]);
    println!("y = [1, 0, 1], p = [0.9, 0.3, 0.4]:  {}\n", cross_entropy.evaluate(&p, &y)?);

    println!("Task 4: backpropagation\n");
    let x = array![[2.0, 1.1, 7.0, 0.8, 0.34, 0.6, 5.0, 1.72]];
    let y = array![[0.0]];
    let mut layer = neuron(&DRAWS[15..24], NotebookSigmoid)?;
    println!("weights before, the bias first:\n{:.8}\n", all_weights(&layer));
    let mut tape = Tape::new(&layer, 0);
    let mut sgd = Sgd::new(0.2);
    for _ in 0..50 {
        println!("{}", tape.train(&mut layer, &x, &y, &cross_entropy, &mut sgd)?);
    }

    println!("\nThe weights that the notebook shows here are those of an earlier run with 5 inputs:");
    let earlier_x = array![[2.0, 1.1, 7.0, 0.8, 0.34]];
    let mut earlier = neuron(&DRAWS[..6], NotebookSigmoid)?;
    let mut earlier_tape = Tape::new(&earlier, 0);
    for _ in 0..50 {
        earlier_tape.train(&mut earlier, &earlier_x, &y, &cross_entropy, &mut sgd)?;
    }
    println!("{:.8}\n", all_weights(&earlier));

    println!("Step by step, from where the 50 epochs ended");
    for _ in 0..2 {
        let output = tape.forward(&layer, &x)?.clone();
        println!("\noutput         {output}");
        println!("weights        {:.8}", all_weights(&layer));
        println!("loss           {}", tape.loss(&cross_entropy, &y)?);
        println!("loss gradient  {}", cross_entropy.gradient(&output, &y)?);
        // The notebook's `backward` returns dL/dz, which is the gradient of the bias.
        println!("backward       {}", tape.backward(&layer)?.weights[1]);
        tape.step(&mut layer, &mut sgd)?;
        println!("weights        {:.8}", all_weights(&layer));
    }
    Ok(())
}

/// A neuron with weights in the notebook's order: the bias first, as the weight of a constant input 1.
fn neuron(weights: &[f64], activation: impl Activation) -> Result<Sequential<f64>> {
    let inputs = weights.len() - 1;
    let weight = Array1::from_iter(weights[1..].iter().copied()).insert_axis(neuropil::ndarray::Axis(1));
    Sequential::new(inputs).with(Dense::from_parameters(weight, array![weights[0]])?)?.with(activation)
}

/// All weights of a neuron, the bias first.
fn all_weights(neuron: &Sequential<f64>) -> Array1<f64> {
    let mut weights = Vec::new();
    neuron.visit(&mut |info, matrix| match info.role {
        neuropil::layer::Role::Bias => weights.insert(0, matrix[[0, 0]]),
        _ => weights.extend(matrix),
    });
    weights.into()
}

/// The numbers that the notebook's `default_rng(42).random()` drew, in order.
const DRAWS: [f64; 24] = [
    0.7739560485559633,
    0.4388784397520523,
    0.8585979199113825,
    0.6973680290593639,
    0.09417734788764953,
    0.9756223516367559,
    0.761139701990353,
    0.7860643052769538,
    0.12811363267554587,
    0.45038593789556713,
    0.37079802423258124,
    0.9267649888486018,
    0.6438651200806645,
    0.82276161327083,
    0.44341419882733113,
    0.2272387217847769,
    0.5545847870158348,
    0.06381725610417532,
    0.8276311719925821,
    0.6316643991220648,
    0.7580877400853738,
    0.35452596812986836,
    0.9706980243949033,
    0.8931211213221977,
];
