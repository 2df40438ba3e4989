//! Files that older versions wrote stay readable: see `tests/fixtures/files`.

use std::fs;
use std::path::PathBuf;

use neuropil::ndarray::Array2;
use neuropil::prelude::*;

use crate::zoo;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/files")
}

/// The rows that each network of the corpus was asked for.
fn batch<A: Scalar>(network: &Sequential<A>) -> Array2<A> {
    let columns = network.input().len();
    let spec = network.layers().next().and_then(Layer::spec).unwrap();
    let number = |n: usize| match spec.kind() {
        "embedding" => (n % spec.count("count").unwrap()) as f64,
        _ => (n % 7) as f64 / 4.0 - 0.5,
    };
    Array2::from_shape_fn((2, columns), |(i, j)| A::of(number(i * columns + j)))
}

/// The outputs for that batch, as text in a file beside the network's.
fn outputs<A: Scalar>(network: &Sequential<A>) -> String {
    let y = network.predict(&batch(network)).unwrap();
    y.iter().fold(String::new(), |text, y| text + &format!("{y:e}\n"))
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

fn check<A: Scalar>() -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.ends_with(&format!("-{}.safetensors", A::NAME)) {
            let network = Sequential::<A>::load(&path).unwrap_or_else(|error| panic!("{error}"));
            let want = fs::read_to_string(path.with_extension("txt")).unwrap();
            // Whether they are the same numbers; their last bits may change with the kernels.
            let (got, want) = (outputs(&network), want.lines());
            assert_eq!(got.lines().count(), want.clone().count(), "{name}");
            for (got, want) in got.lines().zip(want).map(|(got, want)| (number(got), number(want))) {
                let close = (got - want).abs() <= 2e-5 + 2e-4 * want.abs();
                assert!(close || got.is_nan() && want.is_nan() || got == want, "{name}: {got}, not {want}");
            }
            files += 1;
        }
    }
    files
}

#[test]
fn files_of_version_1_stay_readable() {
    let files = (check::<f32>(), check::<f64>());
    assert!(files.0 >= 40 && files.1 >= 1, "{files:?} files");
}

/// Adds what is not there yet: every layer in f32, and a network in f64. Files that are there are never written again.
#[test]
#[ignore = "writes into the source tree: run it by hand after adding a layer"]
fn add_to_the_corpus() {
    fn add<A: Scalar>(wanted: impl Fn(&str) -> bool) {
        for entry in zoo::layers::<A>().into_iter().filter(|entry| wanted(entry.name)) {
            let name = entry.name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
            let path = folder().join(format!("v1-{name}-{}.safetensors", A::NAME));
            if !path.exists() {
                entry.network.save(&path).unwrap();
                fs::write(path.with_extension("txt"), outputs(&entry.network)).unwrap();
            }
        }
    }
    add::<f32>(|_| true);
    add::<f64>(|name| name == "Sequential");
}
