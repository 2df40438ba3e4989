//! Regression: predicts the progression of diabetes within a year.
//!
//! ```text
//! cargo run --release --features progress --example regression
//! ```

use neuropil::data::{self, StandardScaler};
use neuropil::metrics::R2;
use neuropil::prelude::*;
use neuropil::train::{EarlyStopping, ProgressBar};

fn main() -> Result<()> {
    let mut rng = rng(1);
    let (train, mut test) = data::diabetes::<f64>().split(0.25, &mut rng)?;
    let (mut train, mut validation) = train.split(0.2, &mut rng)?;

    // Standardizes every column with the mean and standard deviation of the training data.
    let (inputs, targets) = (StandardScaler::fit(&train.x)?, StandardScaler::fit(&train.target)?);
    for samples in [&mut train, &mut validation, &mut test] {
        samples.x = inputs.transform(&samples.x)?;
        samples.target = targets.transform(&samples.target)?;
    }

    let mut network = Sequential::mlp(&[10, 16, 1], Tanh, &mut rng)?;
    let mut trainer = Trainer::new(Mse, Adam::new(3e-3).decay(Decay::decoupled(0.05).spare_biases()))
        .epochs(200)
        .batch_size(32)
        .seed(1)
        .validation(&validation)
        .metric(R2)
        .callback(EarlyStopping::new(20))
        .callback(ProgressBar::new());
    trainer.fit(&mut network, &train)?;

    let result = trainer.evaluate(&network, &test)?;
    println!("test {result}, root of the mean squared error {:.1}", result.loss.sqrt() * targets.deviation()[0]);
    Ok(())
}
