//! Trains a 2-4-1 network on XOR, sample by sample, with stochastic gradient descent.
//!
//! ```text
//! cargo run --release --example xor
//! ```

use neuropil::data;
use neuropil::ndarray::Axis;
use neuropil::prelude::*;

fn main() -> Result<()> {
    let network = train(42, |epoch, loss| {
        if epoch % 100 == 0 {
            println!("epoch {epoch:>4}  loss {loss:.6}");
        }
    })?;
    println!("\n{network}");

    let xor = data::xor();
    let y = network.predict(&xor.x)?;
    for ((x, y), target) in xor.x.rows().into_iter().zip(&y).zip(&xor.target) {
        println!("[{}, {}] -> {y:.3} (expected {target})", x[0], x[1]);
    }
    Ok(())
}

/// Trains from the random weights of `seed`; calls `report` with each epoch's number and mean loss.
/// (A test runs this with 20 seeds.)
pub(crate) fn train(seed: u64, mut report: impl FnMut(usize, f64)) -> Result<Sequential<f64>> {
    let xor = data::xor();
    let mut network = Sequential::mlp(&[2, 4, 1], Sigmoid, &mut rng(seed))?.with(Sigmoid)?;
    let mut tape = Tape::new(&network, seed);
    let mut sgd = Sgd::new(0.5);
    for epoch in 0..=5000 {
        let mut loss = 0.0;
        for (x, target) in xor.x.axis_chunks_iter(Axis(0), 1).zip(xor.target.axis_chunks_iter(Axis(0), 1)) {
            loss += tape.train(&mut network, &x, &target, &Mse, &mut sgd)? / 4.0;
        }
        report(epoch, loss);
    }
    Ok(network)
}
