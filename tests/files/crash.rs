//! A program that is killed while it saves leaves the old file or the new one.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use neuropil::ndarray::Array2;
use neuropil::prelude::*;
use neuropil::rand::Rng as _;

use super::builder;

/// Tells the child where to save.
const SAVE_TO: &str = "NEUROPIL_TEST_SAVE_TO";

/// A network whose numbers all are `version`.
fn network(version: f32) -> Sequential<f32> {
    let mut network = Sequential::mlp(&[100, 300, 100], Tanh, &mut rng(0)).unwrap();
    network.visit_mut(&mut |_, matrix: &mut Array2<f32>| matrix.fill(version));
    network
}

/// The version of the network in a file, if it is all of one version.
fn version(path: &Path) -> f32 {
    let network = Sequential::<f32>::load(path).unwrap();
    let version = network.parameter("0.bias").unwrap()[[0, 0]];
    network.visit(&mut |_, matrix| assert!(matrix.iter().all(|&x| x == version)));
    version
}

fn strays(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count() - 1
}

/// What the child does: saves newer and newer versions until it is killed. On its own, nothing.
#[test]
fn child_that_saves() {
    let Some(path) = std::env::var_os(SAVE_TO) else { return };
    let mut next = version(path.as_ref());
    loop {
        next += 1.0;
        network(next).save(&path).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn killed_at_200_random_moments_the_old_or_the_new_file_is_there() {
    use std::os::unix::process::ExitStatusExt as _;

    let folder = builder::folder("killed");
    let path = folder.join("model");
    network(0.0).save(&path).unwrap();
    let (mut last, mut interrupted, mut random) = (0.0, 0, rng(1));
    for _ in 0..200 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "files::crash::child_that_saves"])
            .env(SAVE_TO, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Once it has reported that its test is running.
        child.stdout.take().unwrap().read_exact(&mut [0; 8]).unwrap();
        std::thread::sleep(Duration::from_micros(random.next_u64() % 20_000));
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9), "the child ended by itself");
        let found = version(&path);
        assert!(found >= last);
        interrupted += usize::from(strays(&folder) > 0);
        network(found).save(&path).unwrap();
        assert_eq!((version(&path), strays(&folder)), (found, 0));
        last = found;
    }
    assert!(last > 50.0, "only {last} saves");
    assert!(interrupted > 20, "only {interrupted} were interrupted");
    println!("{last} saves, {interrupted} of them interrupted in the middle");
}
