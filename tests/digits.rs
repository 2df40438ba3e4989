//! The example `digits` learns to read.

#[path = "../examples/digits.rs"]
#[allow(dead_code)] // Its `main` runs elsewhere.
mod example;

use neuropil::metrics::accuracy;

/// The mean of five seeds, each with its own held-out fifth: scikit-learn's network of the same size reaches 0.9656 and
/// `PyTorch`'s 0.9644.
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
