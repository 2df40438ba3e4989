//! Why deep networks have shortcuts: forty layers learn two spirals with a shortcut around each, and learn nothing
//! without (He et al., "Deep Residual Learning for Image Recognition", 2016).
//!
//! ```text
//! cargo run --release --example residual
//! ```

use neuropil::data::{self, Samples};
use neuropil::metrics::accuracy;
use neuropil::prelude::*;

const DEPTH: usize = 40;
const WIDTH: usize = 16;

fn main() -> Result<()> {
    let mut rng = rng(3);
    let (train, test) = data::spirals(1200, 2, 0.02, &mut rng).split(0.25, &mut rng)?;
    let mut reached = [0.0; 2];
    for (shortcuts, reached) in [false, true].into_iter().zip(&mut reached) {
        let (first, last, right) = learn(shortcuts, &train, &test)?;
        let name = if shortcuts { "with shortcuts" } else { "without" };
        println!("{DEPTH} layers {name:14}  loss {first:.4} -> {last:.4}  test accuracy {right:.4}");
        *reached = right;
    }
    println!("test accuracy {:.4}", reached[1]);
    Ok(())
}

/// The loss of the first and of the last epoch, and the accuracy on the test samples.
fn learn(shortcuts: bool, train: &Samples<f32>, test: &Samples<f32>) -> Result<(f64, f64, f64)> {
    let mut rng = rng(7);
    let mut network = Sequential::new(2).with(Dense::new(2, WIDTH, &mut rng))?;
    for _ in 0..DEPTH {
        let layer = Sequential::new(WIDTH).with(Dense::new(WIDTH, WIDTH, &mut rng))?.with(Tanh)?;
        if shortcuts {
            network.push(Residual::new(layer))?; // x + layer(x)
        } else {
            network.push(layer)?;
        }
    }
    network.push(Dense::new(WIDTH, 2, &mut rng))?;
    let mut trainer = Trainer::new(CrossEntropy::new(), Adam::new(0.003)).epochs(60).batch_size(50).seed(7);
    let history = trainer.fit(&mut network, train)?;
    let losses = history.column("loss");
    let right = accuracy(&network.predict(&test.x)?, &test.target)?;
    Ok((losses[0], losses[losses.len() - 1], right))
}
