//! Networks as Rust source: compiled with `rustc` alone, they predict the same bits.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use neuropil::prelude::*;

use super::{builder, zoo};

/// Layers of the zoo that are no part of the promise.
fn is_written<A: Scalar>(entry: &zoo::Entry<A>) -> bool {
    let kind = entry.layer().spec().unwrap().kind().to_owned();
    let flat = matches!(entry.network.input(), Shape::Flat(_));
    let not_activations = [
        "rnn",
        "lstm",
        "gru",
        "multi_head_attention",
        "sinusoidal_positions",
        "learned_positions",
        "p_relu",
        "conv1d",
        "conv2d",
        "conv_transpose2d",
        "batch_norm",
        "layer_norm",
        "group_norm",
        "instance_norm",
        "rms_norm",
        "embedding",
        "last_step",
        "permute",
        "pixel_shuffle",
        "upsample",
        "pad2d",
        "parallel",
        "rescale",
        "residual",
    ];
    let pool = kind.contains("pool");
    let needs_features = matches!(&*kind, "dense" | "softmax" | "log_softmax");
    !pool && !not_activations.contains(&&*kind) && (flat || !needs_features)
}

/// The sources of all layers and of some networks, each a module of one file.
fn sources<A: Scalar>() -> Vec<String> {
    let r = &mut rng(1);
    let mut sources = Vec::new();
    let mut layers = 0;
    for entry in zoo::layers::<A>() {
        match entry.network.to_rust() {
            Ok(source) => {
                assert!(is_written(&entry), "{}", entry.name);
                sources.push(source);
                layers += 1;
            }
            Err(error) => {
                assert!(!is_written(&entry), "{}: {error}", entry.name);
                assert!(error.to_string().contains("cannot be written as Rust source"), "{error}");
            }
        }
    }
    assert!(layers >= 30, "{layers}");
    let plain = |sizes: &[usize], r: &mut _| Sequential::<A>::mlp(sizes, Tanh, r).unwrap();
    let networks = [
        plain(&[2, 4, 1], r).with(Sigmoid).unwrap(),
        plain(&[128, 1], r),
        plain(&[127, 1], r),
        plain(&[16, 8, 16], r),
        plain(&[17, 8, 100], r).with(LogSoftmax).unwrap(),
        // Longer than one block of a sum.
        plain(&[257, 3], r),
        plain(&[1100, 33, 10], r).with(Softmax).unwrap(),
        plain(&[513, 1], r),
    ];
    sources.extend(networks.iter().map(|network| network.to_rust().unwrap()));
    sources
}

#[test]
fn the_generated_tests_pass_without_dependencies() {
    let folder = builder::folder("rust_source");
    let mut main = String::new();
    let sources = [sources::<f32>(), sources::<f64>()].concat();
    for (i, source) in sources.iter().enumerate() {
        fs::write(folder.join(format!("network_{i}.rs")), source).unwrap();
        writeln!(main, "#[allow(dead_code)]\nmod network_{i};").unwrap();
    }
    fs::write(folder.join("main.rs"), main).unwrap();
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let binary = folder.join("tests");
    let mut command = Command::new(rustc);
    command.args(["--test", "--edition", "2024", "-D", "warnings", "-o"]).arg(&binary).arg(folder.join("main.rs"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = Command::new(binary).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains(&format!("{} passed", sources.len())), "{text}");
    println!("{text}");
}

#[test]
fn export_writes_the_file() -> Result<()> {
    let path = builder::folder("rust_export").join("xor.rs");
    let network = Sequential::<f64>::mlp(&[2, 4, 1], Tanh, &mut rng(1))?;
    network.export_rust(&path)?;
    assert_eq!(fs::read_to_string(&path).unwrap(), network.to_rust()?);
    let error = Sequential::<f64>::new([2, 3]).with(Dense::new(3, 1, &mut rng(1)))?.export_rust(&path).unwrap_err();
    assert!(error.to_string().starts_with("layer 0, Dense(3 -> 1), cannot be written as Rust source"), "{error}");
    Ok(())
}
