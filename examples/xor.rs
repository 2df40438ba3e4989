//! Trains a 2-4-1 network on XOR, sample by sample, with stochastic gradient descent.
//!
//! ```text
//! cargo run --release --example xor
//! ```

use ndarray::{Axis, array};
use neuropil::ndarray;
use neuropil::prelude::*;

fn main() -> Result<()> {
    let x = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    let target = array![[0.0], [1.0], [1.0], [0.0]];

    let mut network = Sequential::<f64>::mlp(&[2, 4, 1], Sigmoid, &mut rng(42))?.with(Sigmoid)?;
    let mut tape = Tape::new(&network, 42);
    let mut sgd = Sgd::new(0.5);
    println!("{network}");

    for epoch in 0..=2000 {
        let mut loss = 0.0;
        for (x, target) in x.axis_chunks_iter(Axis(0), 1).zip(target.axis_chunks_iter(Axis(0), 1)) {
            loss += tape.train(&mut network, &x, &target, &Mse, &mut sgd)? / 4.0;
        }
        if epoch % 100 == 0 {
            println!("epoch {epoch:>4}  loss {loss:.6}");
        }
    }

    println!();
    let y = network.predict(&x)?;
    for ((x, y), target) in x.rows().into_iter().zip(y.rows()).zip(target.rows()) {
        println!("[{}, {}] -> {:.3} (expected {})", x[0], x[1], y[0], target[0]);
    }
    Ok(())
}
