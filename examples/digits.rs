//! Trains a dense network on the handwritten digits that come with the crate, and tests it on a held-out fifth.
//!
//! ```text
//! cargo run --release --features progress --example digits
//! ```

use neuropil::data::{self, Samples};
use neuropil::metrics::{Accuracy, ClassificationReport, ConfusionMatrix, accuracy, argmax};
use neuropil::prelude::*;
use neuropil::schedules::Cosine;
use neuropil::train::{EarlyStopping, History, ProgressBar};

fn main() -> Result<()> {
    let (network, test, _) = train(1, true)?;
    println!("\n{network}");

    let y = network.predict(&test.x)?;
    let confusion = ConfusionMatrix::new(&y, &test.target)?;
    println!("{confusion}\n\n{}\n", ClassificationReport::new(&confusion));
    let answers = argmax(&y);
    let misread = (0..test.len()).filter(|i| answers[*i] as f32 != test.target[[*i, 0]]);
    for i in misread.take(3) {
        println!("{} read as {}", test.target[[i, 0]], answers[i]);
        draw(&test.x.row(i).to_vec());
    }
    println!("test accuracy {:.4}", accuracy(&y, &test.target)?);
    Ok(())
}

/// Trains a 64-64-32-10 network on four fifths of the digits, with a tenth of these as validation data for early
/// stopping; returns it with the test samples. (A test runs this with 5 seeds.)
pub(crate) fn train(seed: u64, show: bool) -> Result<(Sequential<f32>, Samples<f32>, History)> {
    let mut rng = rng(seed);
    let mut digits = data::digits();
    digits.x /= 16.0; // From 0..=16 to 0..=1.
    let (train, test) = digits.split(0.2, &mut rng)?;
    let (train, validation) = train.split(0.1, &mut rng)?;

    let mut network = Sequential::mlp(&[64, 64, 32, 10], Relu, &mut rng)?;
    let sgd = Sgd::new(0.1).momentum(0.9).decay(Decay::l2(1e-4));
    let mut trainer = Trainer::new(CrossEntropy::new(), sgd)
        .epochs(40)
        .batch_size(32)
        .seed(seed)
        .schedule(Cosine::new(40))
        .validation(&validation)
        .metric(Accuracy)
        .callback(EarlyStopping::new(15));
    if show {
        trainer = trainer.callback(ProgressBar::new());
    }
    let history = trainer.fit(&mut network, &train)?;
    Ok((network, test, history))
}

/// Prints a picture of 8 x 8 pixels from 0 to 1, darker characters for more ink.
fn draw(picture: &[f32]) {
    for line in picture.chunks(8) {
        let line: String = line.iter().map(|ink| [' ', '.', ':', 'o', '#'][(ink * 4.99) as usize]).collect();
        println!("    {line}");
    }
}
