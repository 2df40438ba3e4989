//! Predicts a number from several: how far diabetes progresses within a year.
//!
//! ```text
//! cargo run --release --features progress --example regression
//! ```

use neuropil::data::{self, Samples};
use neuropil::ndarray::Axis;
use neuropil::prelude::*;
use neuropil::train::{EarlyStopping, ProgressBar};

fn main() -> Result<()> {
    let mut rng = rng(1);
    let (train, mut test) = data::diabetes::<f64>().split(0.25, &mut rng)?;
    let (mut train, mut validation) = train.split(0.2, &mut rng)?;

    // Every column with mean 0 and deviation 1, as the training data have it.
    let [[x_mean, x_deviation], [mean, deviation]] = [&train.x, &train.target]
        .map(|columns| [columns.mean_axis(Axis(0)).expect("samples"), columns.std_axis(Axis(0), 0.0)]);
    for Samples { x, target } in [&mut train, &mut validation, &mut test] {
        *x = (&*x - &x_mean) / &x_deviation;
        *target = (&*target - &mean) / &deviation;
    }

    let mut network = Sequential::mlp(&[10, 16, 1], Tanh, &mut rng)?;
    let mut trainer = Trainer::new(Mse, Adam::new(3e-3).decay(Decay::decoupled(0.05).spare_biases()))
        .epochs(200)
        .batch_size(32)
        .seed(1)
        .validation(&validation)
        .callback(EarlyStopping::new(20))
        .callback(ProgressBar::new());
    trainer.fit(&mut network, &train)?;

    // Beside the variance of the targets: what the best constant would leave.
    let loss = trainer.evaluate(&network, &test)?.loss;
    let r2 = 1.0 - loss / test.target.var_axis(Axis(0), 0.0)[0];
    println!("test R2 {r2:.3}, root of the mean squared error {:.1}", loss.sqrt() * deviation[0]);
    Ok(())
}
