//! A film of a network that learns two spirals: its decision boundary every few epochs, as one animated SVG to open in
//! a browser, and as numbered PNGs for a video encoder.
//!
//! ```text
//! cargo run --release --features plot --example film [-- FOLDER [png]]
//! ```
//!
//! The PNGs are written on request; without a folder, the film is written to the folder for temporary files.

use std::path::PathBuf;

use neuropil::data;
use neuropil::plot::Film;
use neuropil::prelude::*;
use neuropil::{plot, terminal};

fn main() -> Result<()> {
    let mut rng = rng(3);
    let spirals = data::spirals::<f64>(160, 2, 0.02, &mut rng);
    let mut network = Sequential::mlp(&[2, 32, 32, 2], Tanh, &mut rng)?;
    let (mut tape, mut adam) = (Tape::new(&network, 3), Adam::new(0.01));
    let mut film = Film::new("Two spirals", &spirals)?;
    for epoch in 0..=150 {
        if epoch % 6 == 0 {
            let right = neuropil::metrics::accuracy(&network.predict(&spirals.x)?, &spirals.target)?;
            film.frame(&network, &format!("epoch {epoch}, {:.0} % right", 100.0 * right))?;
        }
        for batch in spirals.batches(16, &mut rng) {
            tape.train(&mut network, &batch.x, &batch.target, &CrossEntropy::new(), &mut adam)?;
        }
    }
    println!("{}", terminal::boundary(&network, &spirals, 60, 24)?);
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let path = folder.join("film.svg");
    plot::save(&path, &film.svg(0.15))?;
    println!("{}", path.display());
    if std::env::args().nth(2).is_some_and(|argument| argument == "png") {
        for (i, frame) in film.frames().enumerate() {
            plot::save(folder.join(format!("film_{i:03}.png")), &frame)?;
        }
    }
    Ok(())
}
