//! The examples `digits` and `fine_tune` learn to classify digits.

#[path = "../examples/digits.rs"]
#[allow(dead_code)] // Its `main` runs elsewhere.
mod example;

#[cfg(feature = "files")]
#[path = "../examples/fine_tune.rs"]
#[allow(dead_code)]
mod fine_tune;

use neuropil::metrics::accuracy;

/// The mean of five seeds, each with its own held-out fifth: scikit-learn's network of the same size reaches 0.9656 and
/// PyTorch's 0.9644.
#[test]
fn the_mean_accuracy_of_five_seeds_is_at_least_0_965() {
    let mut last = Vec::new();
    for seed in 1..=5 {
        let (network, test, history) = example::train(seed, false).unwrap();
        assert_eq!((network.parameter_count(), test.len()), (64 * 64 + 64 + 64 * 32 + 32 + 32 * 10 + 10, 359));
        let losses = history.column("loss");
        assert!(losses[losses.len() - 1] < 0.05 * losses[0], "seed {seed}: {losses:?}");
        last.push(accuracy(&network.predict(&test.x).unwrap(), &test.target).unwrap());
    }
    let mean = last.iter().sum::<f64>() / 5.0;
    assert!(mean >= 0.965, "{mean} of {last:?}");
}

#[cfg(feature = "files")]
#[test]
fn an_imported_network_learns_on_and_is_exported() {
    let (network, before, after) = fine_tune::run().unwrap();
    assert_eq!(network.parameter_count(), 8 * 9 + 8 + 16 * 8 * 9 + 16 + 64 * 10 + 10);
    assert!(before < 0.5 && after > 0.85, "{before}, then {after}");
}
