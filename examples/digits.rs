//! Learns to read the handwritten digits that come with the crate, from four fifths of them, and is tested with the rest.
//!
//! ```text
//! cargo run --release --example digits
//! ```

use std::time::Instant;

use neuropil::data::{self, Samples};
use neuropil::metrics::{ConfusionMatrix, accuracy, argmax};
use neuropil::prelude::*;

fn main() -> Result<()> {
    let start = Instant::now();
    let (network, test) = train(1, |epoch, loss, accuracy| {
        println!(
            "epoch {epoch:>2}  loss {loss:.4}  test accuracy {accuracy:.4}  {:.2} s",
            start.elapsed().as_secs_f64()
        );
    })?;
    println!("\n{network}");

    let y = network.predict(&test.x)?;
    println!("{}\n", ConfusionMatrix::new(&y, &test.target)?);
    let answers = argmax(&y);
    let misread = (0..test.len()).filter(|i| answers[*i] as f32 != test.target[[*i, 0]]);
    for i in misread.take(3) {
        println!("{} read as {}", test.target[[i, 0]], answers[i]);
        draw(&test.x.row(i).to_vec());
    }
    println!("test accuracy {:.4}", accuracy(&y, &test.target)?);
    Ok(())
}

/// Trains a 64-64-32-10 network; calls `report` with each epoch's number, mean loss and accuracy on the test samples, and
/// returns those with the network. (A test runs this with 5 seeds.)
pub(crate) fn train(seed: u64, mut report: impl FnMut(usize, f32, f64)) -> Result<(Sequential<f32>, Samples<f32>)> {
    let mut rng = rng(seed);
    let mut digits = data::digits();
    digits.x /= 16.0; // From 0..=16 to 0..=1.
    let (train, test) = digits.split(0.2, &mut rng)?;

    let mut network = Sequential::mlp(&[64, 64, 32, 10], Relu, &mut rng)?;
    let mut tape = Tape::new(&network, seed);
    let mut sgd = Sgd::new(0.1).momentum(0.9);
    for epoch in 1..=30 {
        let mut loss = 0.0;
        for batch in train.batches(32, &mut rng) {
            let share = batch.len() as f32 / train.len() as f32;
            loss += share * tape.train(&mut network, &batch.x, &batch.target, &CrossEntropy::new(), &mut sgd)?;
        }
        report(epoch, loss, accuracy(&network.predict(&test.x)?, &test.target)?);
    }
    Ok((network, test))
}

/// Prints a picture of 8 x 8 pixels from 0 to 1, darker characters for more ink.
fn draw(picture: &[f32]) {
    for line in picture.chunks(8) {
        let line: String = line.iter().map(|ink| [' ', '.', ':', 'o', '#'][(ink * 4.99) as usize]).collect();
        println!("    {line}");
    }
}
