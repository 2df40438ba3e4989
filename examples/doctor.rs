//! Three unhealthy networks, and the doctor's diagnosis of each.
//!
//! ```text
//! cargo run --example doctor
//! ```

use neuropil::data::{self, Samples};
use neuropil::doctor;
use neuropil::prelude::*;

fn main() -> Result<()> {
    let mut rng = rng(1);
    let mut digits = data::digits::<f64>();
    let batch =
        |digits: &Samples<f64>, seed| digits.batches(300, &mut neuropil::rng(seed)).next().unwrap_or(digits.clone());
    let loss = CrossEntropy::new();

    println!("1. Unscaled pixels, and ten layers of sigmoids\n");
    let sizes: Vec<usize> = [vec![64], vec![20; 10], vec![10]].concat();
    let deep = Sequential::mlp(&sizes, Sigmoid, &mut rng)?;
    let Samples { x, target } = batch(&digits, 1);
    println!("{}", doctor::examine(&deep, &x, &target, &loss, &mut Sgd::new(0.1))?);

    digits.x /= 16.0;
    let Samples { x, target } = batch(&digits, 1);

    println!("2. ReLU units that died in one step at a large learning rate\n");
    let mut dead = Sequential::mlp(&[64, 32, 10], Relu, &mut rng)?;
    Tape::new(&dead, 0).train(&mut dead, &x, &target, &loss, &mut Adam::new(3.0))?;
    println!("{}", doctor::examine(&dead, &x, &target, &loss, &mut Adam::new(3.0))?);

    println!("3. A softmax before a loss that includes it, and labels of other samples\n");
    let twice = Sequential::mlp(&[64, 32, 10], Relu, &mut rng)?.with(Softmax)?;
    let others = batch(&digits, 2).target;
    println!("{}", doctor::examine(&twice, &x, &others, &loss, &mut Adam::new(1e-3))?);

    println!("And a healthy one\n");
    let healthy = Sequential::mlp(&[64, 32, 10], Relu, &mut rng)?;
    print!("{}", doctor::examine(&healthy, &x, &target, &loss, &mut Adam::new(1e-3))?);
    Ok(())
}
