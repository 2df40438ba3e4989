//! Attention as a join of query, key and value.

use neuropil::gradcheck;
use neuropil::layer::Join;
use neuropil::ndarray::{Array2, s};
use neuropil::prelude::*;
use neuropil::rand::RngExt;

/// Attention of `queries` steps to `keys` steps, with as many inputs as a join.
fn network(
    layer: MultiHeadAttention<f64>,
    queries: usize,
    keys: usize,
    features: usize,
    inputs: usize,
) -> Network<f64> {
    let mut g = Network::new();
    let mut values = vec![g.input("query", [queries, features])];
    values.extend(["key", "value"].iter().take(inputs - 1).map(|name| g.input(name, [keys, features])));
    let y = g.join(layer, values).unwrap();
    g.output("y", y).unwrap();
    g
}

/// All derivatives against finite differences, with two inputs and with three.
#[test]
fn derivatives_agree_with_finite_differences() {
    for seed in 0..24 {
        let rng = &mut rng(seed);
        let (heads, width) = (rng.random_range(1..4), rng.random_range(1..4));
        let (queries, keys, features) = (rng.random_range(1..5), rng.random_range(1..5), heads * width);
        let mut layer = MultiHeadAttention::new(features, heads, rng);
        if rng.random() {
            layer = layer.causal();
        }
        if rng.random_range(0..4) == 0 {
            layer = layer.without_bias();
        }
        let inputs = rng.random_range(2..4);
        let network = network(layer, queries, keys, features, inputs);
        let x = Init::STANDARD_NORMAL.matrix(3, network.input_shape().len(), rng);
        let report = gradcheck::layer(&network, network.input_shape(), &x, seed).unwrap();
        assert!(report.passes(1e-7), "{network:?}: {report}");
        assert_eq!(report.compared, x.len() + network.parameter_count());
    }
}

/// One sequence for query, key and value is self-attention, masked or not, and so are its gradients.
#[test]
fn of_one_sequence_it_is_self_attention() {
    for seed in 0..8 {
        let rng = &mut rng(seed);
        let mut layer = MultiHeadAttention::<f64>::new(6, 3, rng);
        Layer::visit_mut(&mut layer, &mut |_, w| w.mapv_inplace(|w| w + 0.25)); // No bias is 0.
        if seed % 2 == 0 {
            layer = layer.masked();
        }
        let mut x = Init::STANDARD_NORMAL.matrix(3, 5 * 6, rng);
        x.slice_mut(s![1, 3 * 6..]).fill(0.0);
        x.slice_mut(s![2, ..]).fill(0.0);
        let mut g = Network::new();
        let value = g.input("x", [5, 6]);
        let y = g.join(layer.clone(), [value, value, value]).unwrap();
        g.output("y", y).unwrap();
        let alone = Sequential::new([5, 6]).with(layer).unwrap();
        let dy = Init::STANDARD_NORMAL.matrix(3, 5 * 6, rng);
        let [joined, alone] = [&g, &*alone].map(|network| {
            let mut tape = Tape::new(network, 0);
            let y = tape.forward(network, &x).unwrap().clone();
            let gradients = tape.backward_from(network, &dy).unwrap();
            let mut all = vec![y, gradients.input.clone()];
            all.extend(gradients.weights.iter().cloned());
            all
        });
        for (joined, alone) in joined.iter().zip(&alone) {
            assert!(close(joined, alone, 1e-12));
        }
    }
}

/// Padding of keys and queries changes nothing, and a sample whose keys are all padding gets what has no values.
#[test]
fn padding_is_hidden() {
    let rng = &mut rng(3);
    let layer = MultiHeadAttention::<f64>::new(4, 2, rng).masked();
    let (query, key) = (Init::STANDARD_NORMAL.matrix(2, 2 * 4, rng), Init::STANDARD_NORMAL.matrix(2, 3 * 4, rng));
    let padded = |x: &Array2<f64>| {
        let mut padded = Array2::zeros((x.nrows(), x.ncols() + 2 * 4));
        padded.slice_mut(s![.., ..x.ncols()]).assign(x);
        padded
    };
    let (short, long) = (network(layer.clone(), 2, 3, 4, 2), network(layer, 4, 5, 4, 2));
    let rows = short.input_rows(&[("query", &query), ("key", &key)]).unwrap();
    let want = short.predict(&rows).unwrap();
    let rows = long.input_rows(&[("query", &padded(&query)), ("key", &padded(&key))]).unwrap();
    let got = long.predict(&rows).unwrap();
    assert!(close(&got.slice(s![.., ..8]).to_owned(), &want, 1e-12));
    assert!(got.slice(s![.., 8..]).iter().all(|&y| y == 0.0));
    let rows = short.input_rows(&[("query", &query), ("key", &Array2::zeros(key.dim()))]).unwrap();
    assert!(short.predict(&rows).unwrap().iter().all(|y| *y == 0.0)); // The output's bias is 0.
}

fn close(a: &Array2<f64>, b: &Array2<f64>, tolerance: f64) -> bool {
    a.dim() == b.dim() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < tolerance)
}

/// Four products with a weight for each step, and two for each pair of steps.
#[test]
fn multiplications_are_counted() {
    let layer = MultiHeadAttention::<f64>::new(6, 2, &mut rng(0));
    let inputs = [[2, 6], [3, 6], [3, 6]].map(Shape::from);
    assert_eq!(Join::multiply_adds(&layer, &inputs), (2 + 3 + 3 + 2) * 6 * 6 + 2 * (2 * 3 * 6));
}
