//! Trains the lecture's network, 784-128-10, on the MNIST digits.
//!
//! ```text
//! cargo run --release --features progress --example mnist -- --data DIR [--epochs N]
//! ```

use std::path::PathBuf;
use std::process::ExitCode;

use neuropil::data::Mnist;
use neuropil::metrics::{Accuracy, ClassificationReport, ConfusionMatrix, accuracy};
use neuropil::prelude::*;
use neuropil::schedules::Cosine;
use neuropil::train::{EarlyStopping, ProgressBar};

const USAGE: &str = "usage: mnist --data DIR [--epochs N], where DIR holds the four files of MNIST";

fn main() -> ExitCode {
    let Some((folder, epochs)) = arguments() else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    match run(folder, epochs) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(folder: PathBuf, epochs: usize) -> Result<()> {
    let Mnist { mut train, mut test } = Mnist::<f32>::load(folder)?;
    // Mean and standard deviation of all pixels of the training images.
    for x in [&mut train.x, &mut test.x] {
        x.mapv_inplace(|pixel| (pixel - 0.1307) / 0.3081);
    }

    let mut rng = rng(1);
    // 5,000 training images are held out as validation data, to select the best epoch.
    let (train, validation) = train.split(1.0 / 12.0, &mut rng)?;
    let mut network = Sequential::mlp(&[784, 128, 10], Relu, &mut rng)?;
    println!("{network}");

    let mut trainer = Trainer::new(CrossEntropy::new(), Sgd::new(0.1))
        .epochs(epochs)
        .batch_size(64)
        .seed(1)
        .schedule(Cosine::new(epochs as u64))
        .validation(&validation)
        .metric(Accuracy)
        .callback(EarlyStopping::new(5))
        .callback(ProgressBar::new());
    trainer.fit(&mut network, &train)?;

    let y = trainer.predict(&network, &test.x)?;
    let confusion = ConfusionMatrix::new(&y, &test.target)?;
    println!("\n{confusion}\n\n{}\n", ClassificationReport::new(&confusion));
    println!("test accuracy {:.4}", accuracy(&y, &test.target)?);
    Ok(())
}

/// The folder and the number of epochs from the command line.
fn arguments() -> Option<(PathBuf, usize)> {
    let (mut folder, mut epochs) = (None, 5);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--data" => folder = Some(arguments.next()?.into()),
            "--epochs" => epochs = arguments.next()?.parse().ok()?,
            _ => return None,
        }
    }
    Some((folder?, epochs))
}
