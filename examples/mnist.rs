//! The lecture's network, 784-128-10, learns to read the MNIST digits.
//!
//! ```text
//! cargo run --release --example mnist -- --data DIR [--epochs N]
//! ```

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use neuropil::data::Mnist;
use neuropil::metrics::accuracy;
use neuropil::prelude::*;

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
    // Mean and standard deviation of all pixels of the training pictures.
    for x in [&mut train.x, &mut test.x] {
        x.mapv_inplace(|pixel| (pixel - 0.1307) / 0.3081);
    }

    let mut rng = rng(1);
    let mut network = Sequential::mlp(&[784, 128, 10], Relu, &mut rng)?;
    let mut tape = Tape::new(&network, 1);
    let mut sgd = Sgd::new(0.1);
    println!("{network}");

    let start = Instant::now();
    let mut right = accuracy(&network.predict(&test.x)?, &test.target)?;
    for epoch in 1..=epochs {
        let mut loss = 0.0;
        for batch in train.batches(64, &mut rng) {
            let share = batch.len() as f32 / train.len() as f32;
            loss += share * tape.train(&mut network, &batch.x, &batch.target, &CrossEntropy::new(), &mut sgd)?;
        }
        let learned = accuracy(&network.predict(&train.x)?, &train.target)?;
        right = accuracy(&network.predict(&test.x)?, &test.target)?;
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "epoch {epoch:>2}  loss {loss:.4}  train accuracy {learned:.4}  test accuracy {right:.4}  {seconds:.1} s"
        );
    }
    println!("test accuracy {right:.4}");
    Ok(())
}

/// The folder and the number of epochs that were asked for.
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
