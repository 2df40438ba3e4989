//! Decision boundaries of networks trained on moons, circles and spirals, in the terminal and as pictures.
//!
//! ```text
//! cargo run --release --features plot --example boundary [-- FOLDER]
//! ```

use std::path::PathBuf;

use neuropil::data::{self, Samples};
use neuropil::prelude::*;
use neuropil::train::Trainer;
use neuropil::{plot, terminal};

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let mut random = rng(5);
    let sets: [(&str, Samples<f64>); 3] = [
        ("moons", data::moons(200, 0.12, &mut random)),
        ("circles", data::circles(200, 0.5, 0.05, &mut random)),
        ("spirals", data::spirals(240, 3, 0.04, &mut random)),
    ];
    for (name, samples) in sets {
        let (network, accuracy) = train(&samples)?;
        let title = format!("{name}: {:.1} % right", 100.0 * accuracy);
        println!("{title}\n{}", terminal::boundary(&network, &samples, 60, 22)?);
        if let Some(folder) = &folder {
            plot::save(folder.join(format!("boundary_{name}.svg")), &plot::boundary(&network, &samples, &title)?)?;
        }
    }
    Ok(())
}

/// A trained network with two hidden layers, and its accuracy on the samples.
fn train(samples: &Samples<f64>) -> Result<(Sequential<f64>, f64)> {
    let classes = samples.target.iter().fold(0.0_f64, |most, &class| most.max(class)) as usize + 1;
    let mut network = Sequential::mlp(&[2, 24, 24, classes], Tanh, &mut rng(5))?;
    Trainer::new(CrossEntropy::new(), Adam::new(0.01)).epochs(120).batch_size(20).seed(5).fit(&mut network, samples)?;
    let accuracy = neuropil::metrics::accuracy(&network.predict(&samples.x)?, &samples.target)?;
    Ok((network, accuracy))
}
