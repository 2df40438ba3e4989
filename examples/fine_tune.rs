//! Fine-tunes a network exported by PyTorch: it reads upright digits, and learns to read rotated ones from a few
//! hundred samples.
//!
//! ```text
//! cargo run --release --example fine_tune
//! ```
//!
//! `data/digits_onnx.py` trained the network on the first 1000 digits and exported it.

use std::ops::Range;

use neuropil::data::{self, Samples};
use neuropil::layers::Strided;
use neuropil::metrics::accuracy;
use neuropil::prelude::*;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/digits.onnx");

fn main() -> Result<()> {
    let (network, before, after) = run()?;
    println!("{network}");
    println!("accuracy on rotated digits: {before:.4} as imported, {after:.4} after fine-tuning");
    Ok(())
}

/// The fine-tuned network, read back from the file to which it was exported, and the accuracies. (A test runs this.)
pub(crate) fn run() -> Result<(Network<f32>, f64, f64)> {
    let mut network = Network::<f32>::from_onnx(FILE)?;
    let mut digits = data::digits();
    digits.x /= 16.0; // From 0..=16 to 0..=1.
    // Rotated by 90 degrees: row i is column i, from the bottom up.
    let turn = Sequential::<f32>::new([8, 8]).with(Strided::new([8, 8], [8, 8], [1, -8], 56))?;
    digits.x = turn.predict(&digits.x)?;

    // The first 600 are the new training data; the last 797 were never seen, upright or rotated.
    let (learn, test) = (rows(&digits, 0..600)?, rows(&digits, 1000..1797)?);
    let before = accuracy(&network.predict(&test.x)?, &test.target)?;
    let mut trainer = Trainer::new(CrossEntropy::new(), Adam::new(0.003)).epochs(30).batch_size(30).seed(1);
    trainer.fit(&mut network, &learn)?;

    let again = Network::<f32>::from_onnx_bytes(&network.to_onnx_bytes()?)?;
    let after = accuracy(&again.predict(&test.x)?, &test.target)?;
    Ok((again, before, after))
}

fn rows(samples: &Samples<f32>, rows: Range<usize>) -> Result<Samples<f32>> {
    samples.select(&rows.collect::<Vec<_>>())
}
