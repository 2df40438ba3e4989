//! Convolutional networks for handwritten digits: the network of 1989 that read zip codes, and a modern LeNet-5.
//!
//! The network of 1989 (LeCun et al., "Backpropagation Applied to Handwritten Zip Code Recognition") has two
//! convolutions with 12 feature maps, 5 x 5 kernels and stride 2, then 30 units and 10 outputs, all with tanh; here it
//! takes 28 x 28 images and is trained with cross-entropy instead of squared errors. LeNet-5 (1998) has pooling between
//! its convolutions; the modern form has ReLU and max pooling instead of tanh and average pooling.
//!
//! ```text
//! cargo run --release --example lenet -- --data DIR [--net 1989] [--epochs N]
//! ```
//!
//! DIR has the four files of MNIST, in IDX format, plain or gzipped. Without it, the same kind of network is trained on
//! the small digits that come with the crate.

use neuropil::data::{self, Mnist, Samples};
use neuropil::metrics::{Accuracy, accuracy};
use neuropil::prelude::*;
use neuropil::rand::Rng;
use neuropil::schedules::Cosine;
use neuropil::train::ProgressBar;

const BATCH: usize = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (mut folder, mut net, mut epochs) = (None, "modern".to_owned(), None);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{argument} needs a value"))?;
        match &*argument {
            "--data" => folder = Some(value),
            "--net" => net = value,
            "--epochs" => epochs = Some(value.parse()?),
            _ => return Err(format!("{argument} is not known; there are --data, --net and --epochs").into()),
        }
    }
    let mut rng = rng(1);
    let (train, test, side) = if let Some(folder) = &folder {
        let Mnist { train, test } = Mnist::load(folder)?;
        (train, test, 28)
    } else {
        println!("without --data: the 8 x 8 digits that come with the crate\n");
        let mut digits = data::digits();
        digits.x /= 16.0;
        let (train, test) = digits.split(0.2, &mut rng)?;
        (train, test, 8)
    };
    let mut network = match &*net {
        "modern" => modern(side, &mut rng)?,
        "1989" => of_1989(side, &mut rng)?,
        _ => return Err(format!("there is no net {net}; there are modern and 1989").into()),
    };
    println!("{network}");
    fit(&mut network, &train, &test, epochs.unwrap_or(if folder.is_some() { 5 } else { 20 }))?;
    println!("test accuracy {:.4}", accuracy(&network.predict(&test.x)?, &test.target)?);
    Ok(())
}

/// Two convolutions with ReLU and max pooling, then 120, 84 and 10 units.
fn modern(side: usize, rng: &mut impl Rng) -> Result<Sequential<f32>> {
    let network = Sequential::new([1, side, side])
        .with(Conv2d::new(1, 6, [5, 5], rng).padding(2))?
        .with(Relu)?
        .with(MaxPool2d::new([2, 2]))?
        .with(Conv2d::new(6, 16, [5, 5], rng).padding(if side == 28 { 0 } else { 2 }))?
        .with(Relu)?
        .with(MaxPool2d::new([2, 2]))?
        .with(Flatten)?;
    let features = network.output().len();
    network
        .with(Dense::new(features, 120, rng))?
        .with(Relu)?
        .with(Dense::new(120, 84, rng))?
        .with(Relu)?
        .with(Dense::new(84, 10, rng))
}

/// Two convolutions with stride 2, then 30 and 10 units.
fn of_1989(side: usize, rng: &mut impl Rng) -> Result<Sequential<f32>> {
    let network = Sequential::new([1, side, side])
        .with(Conv2d::new(1, 12, [5, 5], rng).stride([2, 2]).padding(2))?
        .with(Tanh)?
        .with(Conv2d::new(12, 12, [5, 5], rng).stride([2, 2]).padding(2))?
        .with(Tanh)?
        .with(Flatten)?;
    let features = network.output().len();
    network.with(Dense::new(features, 30, rng))?.with(Tanh)?.with(Dense::new(30, 10, rng))
}

/// Trains for `epochs` epochs with a decaying learning rate, and prints each.
fn fit(network: &mut Sequential<f32>, train: &Samples<f32>, test: &Samples<f32>, epochs: usize) -> Result<()> {
    let steps = epochs * train.len().div_ceil(BATCH);
    let mut trainer = Trainer::new(CrossEntropy::new(), Adam::new(0.002))
        .epochs(epochs)
        .batch_size(BATCH)
        .seed(1)
        .schedule_by_step(Cosine::new(steps as u64))
        .metric(Accuracy)
        .validation(test)
        .callback(ProgressBar::new());
    trainer.fit(network, train).map(|_| ())
}
