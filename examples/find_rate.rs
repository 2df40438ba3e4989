//! Finds a learning rate with a range test, and trains with it on the 8 x 8 digits.
//!
//! ```text
//! cargo run --release --example find_rate
//! ```

use neuropil::data;
use neuropil::metrics::Accuracy;
use neuropil::prelude::*;
use neuropil::schedules::OneCycle;

fn main() -> Result<()> {
    let mut rng = rng(1);
    let mut digits = data::digits::<f32>();
    digits.x /= 16.0;
    let (train, test) = digits.split(0.2, &mut rng)?;
    let mut network = Sequential::mlp(&[64, 64, 10], Relu, &mut rng)?;

    let sgd = || Sgd::new(0.01).momentum(0.9);
    let curve =
        Trainer::new(CrossEntropy::new(), sgd()).batch_size(32).find_rate(&network, &train, 1e-4..=10.0, 100)?;
    println!("{:>9}  {:>9}\n{curve}\n", "rate", "loss");

    let highest = curve.suggestion().unwrap_or(0.01);
    let (epochs, batches) = (15, train.len().div_ceil(32));
    let history = Trainer::new(CrossEntropy::new(), sgd())
        .epochs(epochs)
        .batch_size(32)
        .schedule_by_step(OneCycle::new(highest, (epochs * batches) as u64))
        .validation(&test)
        .metric(Accuracy)
        .fit(&mut network, &train)?;
    println!("one cycle up to {highest:.1e}:\n{history}");
    Ok(())
}
