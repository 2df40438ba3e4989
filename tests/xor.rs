//! The example `xor` solves XOR whatever the seed.

use neuropil::data;

#[path = "../examples/xor.rs"]
#[allow(dead_code)] // Its `main` runs elsewhere.
mod example;

#[test]
fn twenty_of_twenty_seeds_come_within_a_twentieth_of_the_truth() {
    let xor = data::xor();
    let mut compared = 0;
    for seed in 0..20 {
        let (mut first, mut last) = (None, f64::NAN);
        let network = example::train(seed, |_, loss| {
            first.get_or_insert(loss);
            last = loss;
        })
        .unwrap();
        assert!(last < 0.01 * first.unwrap(), "seed {seed}: the loss went from {first:?} to {last}");
        for (y, target) in network.predict(&xor.x).unwrap().iter().zip(&xor.target) {
            approx::assert_abs_diff_eq!(y, target, epsilon = 0.05);
            compared += 1;
        }
    }
    assert_eq!(compared, 20 * 4);
}
