//! The lecture's XOR network (section 4.2.1), traced: one training step with every number, and why two of the lecture's
//! numbers differ.
//!
//! ```text
//! cargo run --example trace_xor [-- FOLDER]
//! ```
//!
//! With a folder, the step is written there as Markdown, as LaTeX and as an SVG drawing.

use std::path::PathBuf;

use neuropil::Trace;
use neuropil::ndarray::{Array1, Array2, array};
use neuropil::prelude::*;

/// y = x·W.
fn product(weight: Array2<f64>) -> Result<Dense<f64>> {
    let bias = Array1::zeros(weight.ncols());
    Ok(Dense::from_parameters(weight, bias)?.without_bias())
}

fn main() -> Result<()> {
    let mut network = Sequential::new(2)
        .with(product(array![[0.45, 0.78], [-0.12, 0.13]])?)?
        .with(Sigmoid)?
        .with(product(array![[1.5], [-2.3]])?)?
        .with(Sigmoid)?;
    let mut tape = Tape::new(&network, 0);
    let (x, target) = (array![[1.0, 0.0]], array![[1.0]]);
    let trace = Trace::step(&mut tape, &mut network, &x, &target, &Mse, &mut Sgd::new(0.5))?;
    println!("{trace}");

    let out = |layer: usize| trace.layers[layer].output[[0, 0]];
    let rounded = trace.layers[1].output.mapv(|h| (h * 100.0).round() / 100.0);
    let sum = rounded[[0, 0]] * 1.5 - rounded[[0, 1]] * 2.3;
    println!("The lecture continues with H1_out and H2_out rounded to {rounded}. Then");
    println!("  O1_in  = {} * 1.5 - {} * 2.3 = {sum:.3}, not {:.4};", rounded[[0, 0]], rounded[[0, 1]], out(2));
    let answer = Sigmoid.apply(sum);
    println!("  O1_out = {answer:.3}, printed as 0.33 (truncated, not rounded), not {:.4}.", out(3));
    let after = network.predict(&x)?[[0, 0]];
    println!("After the step the network answers {after:.4}: a little closer to 1.");

    if let Some(folder) = std::env::args().nth(1).map(PathBuf::from) {
        let files = [("md", Some(trace.markdown(4))), ("tex", Some(trace.latex(4))), ("svg", trace.svg())];
        for (ending, text) in files {
            let path = folder.join("trace_xor").with_extension(ending);
            if let Err(error) = std::fs::write(&path, text.unwrap_or_default()) {
                println!("{}: {error}", path.display());
            }
        }
    }
    Ok(())
}
