//! Where the time of a convolutional network goes, layer by layer.
//!
//! ```text
//! cargo run --release --example profile
//! ```

use neuropil::prelude::*;
use neuropil::{Profile, data};

fn main() -> Result<()> {
    let mut rng = rng(1);
    let network = Sequential::new([1, 8, 8])
        .with(Conv2d::new(1, 8, [3, 3], &mut rng).padding(1))?
        .with(Relu)?
        .with(Conv2d::new(8, 16, [3, 3], &mut rng).padding(1))?
        .with(BatchNorm::new(16))?
        .with(Relu)?
        .with(MaxPool2d::new([2, 2]))?
        .with(Flatten)?
        .with(Dense::new(256, 10, &mut rng))?;
    let digits = data::digits::<f32>();
    let batch = digits.x.slice(ndarray::s![..64, ..]);
    let profile = Profile::new(&network, &batch, 100)?;
    print!("{profile}");

    let steps = profile.layers.iter().map(|layer| layer.step());
    let slowest = steps.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((at, seconds)) = slowest {
        let percent = 100.0 * seconds / profile.total().step().max(f64::MIN_POSITIVE);
        println!("slowest layer: {} {}, {percent:.0} % of a step", at, profile.summary.layers[at].name);
    }
    Ok(())
}
