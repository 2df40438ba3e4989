//! Notebook 003: from lists to matrices, and how much faster that is. Prints what the notebook prints.
//!
//! ```text
//! cargo run --release --example notebook_003
//! ```

#![allow(clippy::unreadable_literal)] // The digits as the notebook writes them.

use std::time::{Duration, Instant};

use neuropil::ndarray::{Array, Array1, Array2, Axis, array, s};
use neuropil::prelude::*;

/// The weighted sum of a neuron, written with lists.
fn sum_inside_neuron(x: &[f64], w: &[f64]) -> f64 {
    let mut output = 0.0;
    for i in 0..x.len() {
        output += x[i] * w[i];
    }
    output
}

/// Fires if the sum is above 0.
fn activation(sum: f64) -> u8 {
    u8::from(sum > 0.0)
}

/// A layer of neurons as in the notebook: weights (neurons, inputs), no bias, no activation.
fn neurons(weight: &Array2<f64>) -> Result<Dense<f64>> {
    Ok(Dense::from_parameters(weight.t().to_owned(), Array1::zeros(weight.nrows()))?.without_bias())
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}

fn main() -> Result<()> {
    println!("One neuron: a weighted sum, and 1 if it is above 0\n");
    for (x, w) in
        [(vec![0.1, 0.3, 0.4], vec![0.2, -0.3, -0.1]), (vec![0.1, 0.3, 0.4, 0.4, 0.2], vec![0.2, -0.3, -0.1, 0.1, 0.5])]
    {
        let neuron = Sequential::new(x.len()).with(neurons(&Array1::from_vec(w.clone()).insert_axis(Axis(0)))?)?;
        let sum = neuron.predict_one(&x)?[0];
        println!("by the crate {sum}, with a loop {}, output {}", sum_inside_neuron(&x, &w), activation(sum));
    }
    let mut rng = rng(3);
    let init = Init::Uniform { low: 0.0, high: 1.0 };
    let (x, w): (Array2<f64>, Array2<f64>) = (init.matrix(1, 10_000, &mut rng), init.matrix(1, 10_000, &mut rng));
    let sum = Sequential::new(10_000).with(neurons(&w)?)?.predict(&x)?[[0, 0]];
    println!("with 10,000 random inputs and weights {sum}, output {}\n", activation(sum));

    println!("Do I go for a walk? Temperature, wind, and whether I am in the mood\n");
    let x_total = array![[-12.0, 5.0, 0.0], [-10.0, 1.0, 1.0], [3.0, 0.0, 1.0], [5.0, 3.0, 0.0]];
    let w = array![[0.7795850059377605, 0.34250587681430344, 0.16699085452952409]];
    let neuron = Sequential::new(3).with(neurons(&w)?)?;
    let sums = neuron.predict(&x_total)?;
    println!("sums    {}", sums.column(0));
    println!("outputs {}\n", sums.column(0).mapv(activation));

    println!("5,000,000 observations\n");
    let x: Array2<f64> = init.matrix(5_000_000, 3, &mut rng);
    let lists: Vec<Vec<f64>> = x.rows().into_iter().map(|row| row.to_vec()).collect();
    let w_list = w.row(0).to_vec();
    let start = Instant::now();
    let sums: Vec<f64> = lists.iter().map(|x| sum_inside_neuron(x, &w_list)).collect();
    let by_lists = start.elapsed();
    println!("sums with lists            {by_lists:.1?}");
    let start = Instant::now();
    let activations: Vec<u8> = sums.iter().map(|&sum| activation(sum)).collect();
    println!("activations with lists     {:.1?}", start.elapsed());
    let mut scratch = Scratch::default();
    neuron.predict_into(&x, &mut scratch)?;
    let start = Instant::now();
    let output = neuron.predict_into(&x, &mut scratch)?;
    let by_matrix = start.elapsed();
    println!("sums with matrices         {by_matrix:.1?}");
    let start = Instant::now();
    let activations_of_matrix = output.mapv(activation);
    println!("activations with matrices  {:.1?}", start.elapsed());
    println!("the first sums {:?}", &sums[..5]);
    println!("               {:?}", output.slice(s![..5, 0]).to_vec());
    println!("the first outputs {:?} and {}", &activations[..10], activations_of_matrix.slice(s![..10, 0]));
    println!("shapes: x {:?}, w {:?}, output {:?}", x.dim(), w.dim(), output.dim());
    println!(
        "sums faster by {:.1} times (in Python it was 93: there the loop itself is slow)\n",
        ratio(by_lists, by_matrix)
    );

    println!("Shapes of products\n");
    for (rows, inner, height, columns) in [(5023, 42, 42, 4023), (50, 10, 12, 40), (15, 12, 12, 17)] {
        let layer = Sequential::new(height).with(neurons(&Array2::ones((columns, height)))?)?;
        match layer.predict(&Array2::ones((rows, inner))) {
            Ok(product) => println!("({rows}, {inner}) @ ({height}, {columns}) -> {:?}", product.dim()),
            Err(error) => println!("({rows}, {inner}) @ ({height}, {columns}): {error}"),
        }
    }

    println!("\nndarray, the numpy of Rust\n");
    let a = Array::from_iter(0..15);
    println!("{a}\n{}", a.to_shape((3, 5)).expect("15 numbers"));
    println!("{}\n{}", array![[1.5, 2.0, 3.0], [4.0, 5.0, 6.0]], Array2::<f64>::zeros((3, 4)));
    println!("{}", Array::range(0.0, 2.0, 0.3));
    let (a, b) = (array![20, 30, 40, 50], Array::from_iter(0..4));
    println!("{a} - {b} = {}, {b}² = {}, {b}·10 = {}", &a - &b, &b * &b, &b * 10);
    println!("10 sin(a) = {:.8}", a.mapv(|a| 10.0 * f64::from(a).sin()));
    println!("a < 35 is {}: {:?}", a.mapv(|a| a < 35), a.iter().filter(|a| **a < 35).collect::<Vec<_>>());
    let a = Array::from_iter(0..12).into_shape_with_order((6, 2)).expect("12 numbers");
    println!("{a}\n{}\n{}\n{}\n", a.t(), a.dot(&a.t()), a.t().dot(&a));

    println!("A network of 2 inputs and 3, 2 and 1 neurons, on 10,000 observations\n");
    let mut x: Array2<f64> = init.matrix(10_000, 2, &mut rng);
    // The first five are the notebook's.
    let first = [
        [0.78944932, 0.07566491],
        [0.47264626, 0.60449812],
        [0.75671481, 0.59431158],
        [0.01785576, 0.40014831],
        [0.00356506, 0.00162829],
    ];
    x.slice_mut(s![..5, ..]).assign(&Array2::from(first.to_vec()));
    let w1 = array![[0.47640043, 0.9582993], [0.22382104, 0.27011854], [0.63867328, 0.98275118]];
    let (w2, w3) = (init.matrix(2, 3, &mut rng), init.matrix(1, 2, &mut rng));
    let mut network = Sequential::new(2);
    for weight in [w1, w2, w3] {
        network.push(neurons(&weight)?)?;
        let output = network.predict(&x)?;
        println!("(neurons, inputs) = {:?}, output {:?}, its first five rows:", weight.dim(), output.dim());
        println!("{:.8}\n", output.slice(s![..5, ..]));
    }
    print!("{network}");
    Ok(())
}
