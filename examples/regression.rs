//! Predicts a number from several: how diabetes progresses within a year, or a made-up function.
//!
//! ```text
//! cargo run --release --example regression -- [--data DIR]
//! ```
//!
//! DIR holds `diabetes_data_raw.csv.gz` and `diabetes_target.csv.gz` as scikit-learn ships them (Efron, Hastie, Johnstone
//! and Tibshirani, "Least Angle Regression", 2004). Without it, the data are drawn from Friedman's function of ten
//! numbers, of which five matter.

use std::path::{Path, PathBuf};

use neuropil::data::Samples;
use neuropil::ndarray::{Array2, Axis};
use neuropil::prelude::*;
use neuropil::train::EarlyStopping;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = match arguments.next().as_deref() {
        Some("--data") => arguments.next().map(PathBuf::from),
        _ => None,
    };
    let mut rng = rng(3);
    let samples = match folder {
        Some(folder) => diabetes(&folder)?,
        None => friedman(600),
    };
    let (train, test) = samples.split(0.25, &mut rng)?;
    let (mut train, validation) = train.split(0.2, &mut rng)?;

    // Every column with mean 0 and deviation 1, as the training data have it.
    let scale = |data: &Array2<f64>| (data.mean_axis(Axis(0)).expect("samples"), data.std_axis(Axis(0), 0.0));
    let (x, target) = (scale(&train.x), scale(&train.target));
    let standardise = |samples: &mut Samples<f64>| {
        samples.x = (&samples.x - &x.0) / &x.1;
        samples.target = (&samples.target - &target.0) / &target.1;
    };
    let (mut validation, mut test) = (validation, test);
    [&mut train, &mut validation, &mut test].into_iter().for_each(standardise);

    let mut network = Sequential::mlp(&[10, 32, 16, 1], Tanh, &mut rng)?;
    let mut trainer = Trainer::new(Mse, Adam::new(3e-3).decay(Decay::decoupled(0.05).spare_biases()))
        .epochs(300)
        .batch_size(32)
        .seed(3)
        .validation(&validation)
        .callback(EarlyStopping::new(20));
    let history = trainer.fit(&mut network, &train)?;
    println!("{} epochs, the last of them:", history.epochs().len());
    history
        .to_string()
        .lines()
        .take(1)
        .chain(history.to_string().lines().rev().take(3))
        .for_each(|line| println!("{line}"));

    // The targets' variance on the test set is what a constant would leave.
    let loss = trainer.evaluate(&network, &test)?.loss;
    let r2 = 1.0 - loss / test.target.var_axis(Axis(0), 0.0)[0];
    println!("\ntest: R2 {r2:.3}, root of the mean squared error {:.2}", loss.sqrt() * target.1[0]);
    Ok(())
}

/// 442 patients: age, sex, body mass index, blood pressure and six blood values; the disease's progression.
fn diabetes(folder: &Path) -> Result<Samples<f64>> {
    let x = table(&folder.join("diabetes_data_raw.csv.gz"), 10)?;
    Samples::new(x, table(&folder.join("diabetes_target.csv.gz"), 1)?)
}

/// Numbers in a text file that may be compressed, so many to a line.
fn table(path: &Path, columns: usize) -> Result<Array2<f64>> {
    let name = path.display().to_string();
    let wrong = |error: String| Error::File { path: name.clone(), error };
    // The `gzip` program is everywhere, and spares the example a dependency.
    let output = std::process::Command::new("gzip").arg("-dc").arg(path).output().map_err(|e| wrong(e.to_string()))?;
    if !output.status.success() {
        return Err(wrong(String::from_utf8_lossy(&output.stderr).trim().into()));
    }
    let numbers: std::result::Result<Vec<f64>, _> =
        String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::parse).collect();
    let numbers = numbers.map_err(|error| wrong(error.to_string()))?;
    let rows = numbers.len() / columns;
    Array2::from_shape_vec((rows, columns), numbers).map_err(|error| wrong(error.to_string()))
}

/// 10 sin(π x₀ x₁) + 20 (x₂ - ½)² + 10 x₃ + 5 x₄ and noise (Friedman 1991).
fn friedman(samples: usize) -> Samples<f64> {
    let mut rng = rng(11);
    let x: Array2<f64> = Init::STANDARD_UNIFORM.matrix(samples, 10, &mut rng);
    let noise: Array2<f64> = Init::STANDARD_NORMAL.matrix(samples, 1, &mut rng);
    let target = Array2::from_shape_fn((samples, 1), |(i, _)| {
        let x = x.row(i);
        let wave = 10.0 * (std::f64::consts::PI * x[0] * x[1]).sin();
        wave + 20.0 * (x[2] - 0.5).powi(2) + 10.0 * x[3] + 5.0 * x[4] + noise[[i, 0]]
    });
    Samples { x, target }
}
