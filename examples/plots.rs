//! More plots: learning curves, a learning rate search, a ROC curve, histograms of every layer, and the feature maps
//! and saliency of a convolutional network.
//!
//! ```text
//! cargo run --release --features plot --example plots [-- FOLDER]
//! ```
//!
//! Each is written as SVG and as PNG; without a folder, to the folder for temporary files.

use std::path::PathBuf;

use neuropil::data::{self, Samples};
use neuropil::layers::Padding;
use neuropil::metrics::{Accuracy, RocCurve, accuracy};
use neuropil::ndarray::{Array2, s};
use neuropil::prelude::*;
use neuropil::rand::rngs::Xoshiro256PlusPlus;
use neuropil::train::Trainer;
use neuropil::{Trace, plot, terminal};

fn main() -> Result<()> {
    let rng = &mut rng(4);
    let mut digits = data::digits::<f64>();
    digits.x /= 16.0;
    let (train, test) = digits.split(0.25, rng)?;
    training(&train, &test, rng)?;
    convolutions(&train, &test, rng)?;
    trade_off(rng)
}

fn save(name: &str, svg: &str) -> Result<()> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    plot::save(folder.join(format!("{name}.svg")), svg)?;
    plot::save(folder.join(format!("{name}.png")), svg)
}

/// Traces the first step of a network, searches for a learning rate, and trains.
fn training(train: &Samples<f64>, test: &Samples<f64>, rng: &mut Xoshiro256PlusPlus) -> Result<()> {
    let mut network = Sequential::mlp(&[64, 32, 32, 10], Relu, rng)?;
    let mut fresh = network.clone();
    let mut tape = Tape::new(&fresh, 4);
    let batch = train.batches(64, rng).next().unwrap_or(train.clone());
    let (loss, mut adam) = (CrossEntropy::new(), Adam::new(3e-3));
    let trace = Trace::step(&mut tape, &mut fresh, &batch.x, &batch.target, &loss, &mut adam)?;
    save("histograms", &plot::histograms(&trace))?;

    let mut search = Trainer::new(CrossEntropy::new(), Adam::new(1e-3)).batch_size(32).seed(4);
    save("rate_curve", &plot::rate_curve(&search.find_rate(&network, train, 1e-5..=1.0, 100)?))?;

    let trainer = Trainer::new(CrossEntropy::new(), Adam::new(3e-3)).epochs(30).batch_size(32).seed(4);
    let history = trainer.metric(Accuracy).validation(test).fit(&mut network, train)?;
    println!("{}", terminal::learning_curves(&history));
    save("learning_curves", &plot::learning_curves(&history))
}

/// The feature maps of eight kernels for a digit, and the saliency of its pixels.
fn convolutions(train: &Samples<f64>, test: &Samples<f64>, rng: &mut Xoshiro256PlusPlus) -> Result<()> {
    let mut network = Sequential::new([1, 8, 8])
        .with(Conv2d::new(1, 8, [3, 3], rng).padding(Padding::Same))?
        .with(Relu)?
        .with(MaxPool2d::new([2, 2]))?
        .with(Flatten)?
        .with(Dense::new(128, 10, rng))?;
    Trainer::new(CrossEntropy::new(), Adam::new(3e-3)).epochs(15).batch_size(32).seed(4).fit(&mut network, train)?;
    let right = accuracy(&network.predict(&test.x)?, &test.target)?;
    println!("The network reads {:.1} % of the test digits.", 100.0 * right);
    save("feature_maps", &plot::feature_maps(&network, 1, &test.x.row(0).to_vec(), 8)?)?;

    let mut images = Array2::zeros((20, 64));
    let mut captions = Vec::new();
    for i in 0..10 {
        let (digit, class) = (test.x.slice(s![i..=i, ..]), test.target[[i, 0]]);
        images.slice_mut(s![i..=i, ..]).assign(&digit);
        images.slice_mut(s![i + 10..=i + 10, ..]).assign(&network.saliency(&digit, class as usize)?);
        captions.push(format!("a {class}"));
    }
    captions.extend((0..10).map(|_| "looked at".to_owned()));
    save("saliency", &plot::images(&images, [1, 8, 8], &captions, 10)?)
}

/// Overlapping moons, so that the ROC curve is not just a corner.
fn trade_off(rng: &mut Xoshiro256PlusPlus) -> Result<()> {
    let Samples { x, target } = data::moons::<f64>(400, 0.35, rng);
    let mut network = Sequential::mlp(&[2, 8, 1], Tanh, rng)?.with(Sigmoid)?;
    let (mut tape, mut adam) = (Tape::new(&network, 4), Adam::new(0.02));
    for _ in 0..200 {
        tape.train(&mut network, &x, &target, &Bce::new(), &mut adam)?;
    }
    save("roc_curve", &plot::roc_curve(&RocCurve::new(&network.predict(&x)?, &target)?))
}
