//! Interrupts a training, resumes it in another process, and compares the result with an uninterrupted one.
//!
//! ```text
//! cargo run --release --example resume
//! ```

use std::path::{Path, PathBuf};
use std::process::Command;

use neuropil::data::{self, Samples};
use neuropil::metrics::Accuracy;
use neuropil::prelude::*;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|argument| argument == "--go-on") {
        return go_on(&arguments.next().map(PathBuf::from).unwrap_or_default());
    }

    let (samples, mut whole) = start()?;
    let history = trainer().epochs(10).fit(&mut whole, &samples)?;
    println!("ten epochs without interruption:\n{history}");

    let (samples, mut network) = start()?;
    let mut first = trainer().epochs(5);
    first.fit(&mut network, &samples)?;
    let file = std::env::temp_dir().join(format!("neuropil-resume-{}.state", std::process::id()));
    first.save_state(&file, &network)?;
    println!("five epochs, and the rest in another process:");
    let program = std::env::current_exe().expect("a program knows where it is");
    let output = Command::new(program).arg("--go-on").arg(&file).output().expect("a program can be run again");
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}{}", String::from_utf8_lossy(&output.stderr));
    let _ = std::fs::remove_file(&file);
    assert!(output.status.success() && text.contains(&fingerprint(&whole)), "the weights differ");
    println!("the same bits: {}", fingerprint(&whole));
    Ok(())
}

/// The process that resumes.
fn go_on(file: &Path) -> Result<()> {
    let (samples, mut network) = start()?;
    let mut second = trainer().epochs(5);
    second.load_state(file, &mut network)?;
    let history = second.fit(&mut network, &samples)?;
    println!("{history}weights {}", fingerprint(&network));
    Ok(())
}

/// The common start of both processes: the same data, and a network of the same architecture.
fn start() -> Result<(Samples<f32>, Sequential<f32>)> {
    let mut rng = rng(7);
    Ok((data::moons(500, 0.2, &mut rng), Sequential::mlp(&[2, 32, 32, 2], Relu, &mut rng)?))
}

fn trainer() -> Trainer<'static, f32> {
    Trainer::new(CrossEntropy::new(), Adam::new(0.01)).batch_size(32).seed(7).metric(Accuracy)
}

/// A hash of all bits of the weights.
fn fingerprint(network: &Sequential<f32>) -> String {
    let mut sum = 0_u64;
    network.visit(&mut |_, matrix| {
        sum = matrix.iter().fold(sum, |sum, w| sum.rotate_left(5).wrapping_mul(0x9e37_79b9) ^ u64::from(w.to_bits()));
    });
    format!("{sum:016x}")
}
