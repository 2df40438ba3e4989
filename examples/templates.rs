//! The templates of a linear classifier: its weights for each digit as an image; also its confusion matrix and its
//! mistakes.
//!
//! ```text
//! cargo run --release --features plot --example templates [-- FOLDER]
//! ```

use std::path::PathBuf;

use neuropil::classic::LinearClassifier;
use neuropil::data::{self, Samples};
use neuropil::metrics::{ConfusionMatrix, accuracy, argmax};
use neuropil::ndarray::s;
use neuropil::prelude::*;
use neuropil::{plot, terminal};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = rng(1);
    let mut digits = data::digits::<f64>();
    digits.x /= 16.0;
    let (train, test) = digits.split(0.25, &mut rng)?;
    let mut classifier = LinearClassifier::new(64, 10, &mut rng)?;
    let mut losses = Vec::new();
    for _ in 0..40 {
        let (loss, mut sgd) = (CrossEntropy::new(), Sgd::new(0.2));
        losses.push(classifier.fit_epoch(&train, 32, &loss, &mut sgd, &mut rng)?);
    }
    println!("{}", terminal::curves("loss", "epoch", &[("loss", &losses)]));
    let scores = classifier.scores(&test.x)?;
    println!("test accuracy {:.1} %", 100.0 * accuracy(&scores, &test.target)?);
    let templates = classifier.templates();
    println!("\nThe templates of 0 and of 3:\n");
    println!("{}", terminal::image(&templates.column(0).to_vec(), 8));
    println!("{}", terminal::image(&templates.column(3).to_vec(), 8));

    let Some(folder) = std::env::args().nth(1).map(PathBuf::from) else { return Ok(()) };
    plot::save(folder.join("templates.svg"), &plot::templates(&templates, [1, 8, 8], 5)?)?;
    let confusion = ConfusionMatrix::new(&scores, &test.target)?;
    plot::save(folder.join("confusion_matrix.svg"), &plot::confusion_matrix(&confusion, &[]))?;
    // The first sixteen, and the first four that are misread.
    let answers = argmax(&scores);
    let misread = (16..test.len()).filter(|&i| answers[i] as f64 != test.target[[i, 0]]).take(4);
    let shown: Vec<usize> = (0..16).chain(misread).collect();
    let samples = Samples::new(
        test.x.select(neuropil::ndarray::Axis(0), &shown),
        test.target.select(neuropil::ndarray::Axis(0), &shown),
    )?;
    plot::save(folder.join("predictions.svg"), &plot::predictions(classifier.network(), &samples, [1, 8, 8], 10)?)?;
    std::fs::write(folder.join("digits.png"), plot::png(&test.x.slice(s![..50, ..]), [1, 8, 8], 10, 4)?)?;
    Ok(())
}
