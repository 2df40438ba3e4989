//! The other plots: learning curves, the search for a learning rate, a ROC curve, histograms of every layer, and what a
//! network looks at.
//!
//! ```text
//! cargo run --release --features plot --example plots [-- FOLDER]
//! ```
//!
//! Without a folder, they are in the system's one for temporary files.

use std::path::PathBuf;

use neuropil::data::{self, Samples};
use neuropil::metrics::{Accuracy, RocCurve};
use neuropil::ndarray::{Axis, s};
use neuropil::prelude::*;
use neuropil::train::Trainer;
use neuropil::{Trace, plot, terminal};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let mut rng = rng(4);
    let mut digits = data::digits::<f64>();
    digits.x /= 16.0;
    let (train, test) = digits.split(0.25, &mut rng)?;
    let mut network = Sequential::mlp(&[64, 32, 32, 10], Relu, &mut rng)?;

    let mut search = Trainer::new(CrossEntropy::new(), Adam::new(1e-3)).batch_size(32).seed(4);
    let curve = search.find_rate(&network, &train, 1e-5..=1.0, 100)?;
    std::fs::write(folder.join("rate_curve.svg"), plot::rate_curve(&curve))?;

    let history = Trainer::new(CrossEntropy::new(), Adam::new(3e-3))
        .epochs(30)
        .batch_size(32)
        .seed(4)
        .metric(Accuracy)
        .validation(&test)
        .fit(&mut network, &train)?;
    println!("{}", terminal::learning_curves(&history));
    std::fs::write(folder.join("learning_curves.svg"), plot::learning_curves(&history))?;

    let few = test.x.slice(s![..10, ..]);
    let mut saliency = Vec::new();
    for i in 0..10 {
        let class = test.target[[i, 0]] as usize;
        saliency.push(network.saliency(&few.slice(s![i..=i, ..]), class)?);
    }
    let rows: Vec<_> = saliency.iter().map(|row| row.view()).collect();
    let both = neuropil::ndarray::concatenate(Axis(0), &[few, neuropil::ndarray::concatenate(Axis(0), &rows)?.view()])?;
    let captions: Vec<String> =
        (0..20).map(|i| if i < 10 { format!("{}", test.target[[i, 0]]) } else { "looked at".into() }).collect();
    std::fs::write(folder.join("saliency.svg"), plot::images(&both, [1, 8, 8], &captions, 10)?)?;

    let mut tape = Tape::new(&network, 4);
    let batch = train.batches(64, &mut rng).next().unwrap_or(train.clone());
    let trace =
        Trace::step(&mut tape, &mut network, &batch.x, &batch.target, &CrossEntropy::new(), &mut Adam::new(3e-3))?;
    std::fs::write(folder.join("histograms.svg"), plot::histograms(&trace))?;

    // Overlapping moons, for a curve that is not a corner.
    let Samples { x, target } = data::moons::<f64>(400, 0.35, &mut rng);
    let mut network = Sequential::mlp(&[2, 8, 1], Tanh, &mut rng)?.with(Sigmoid)?;
    let (mut tape, mut adam) = (Tape::new(&network, 4), Adam::new(0.02));
    for _ in 0..200 {
        tape.train(&mut network, &x, &target, &Bce::new(), &mut adam)?;
    }
    let curve = RocCurve::new(&network.predict(&x)?, &target)?;
    std::fs::write(folder.join("roc_curve.svg"), plot::roc_curve(&curve))?;
    Ok(())
}
