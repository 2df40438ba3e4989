//! Attention over more queries than are computed at a time, against its formula.

use ndarray::{Array2, ArrayView2, Axis, Zip, concatenate, s};
use neuropil::layers::Attention;
use neuropil::ndarray;
use neuropil::prelude::*;

use crate::common::assert_close;

/// Differences of sums in another order.
const CLOSE: crate::common::Tolerance = crate::common::Tolerance { absolute: 1e-12, relative: 1e-12 };

const FEATURES: usize = 4;
const HEADS: usize = 2;

/// The parameters or their gradients, in the order of the layer.
type Four = [Array2<f64>; 4];

fn parameters(layer: &MultiHeadAttention<f64>) -> Four {
    let mut all = Vec::new();
    layer.visit(&mut |_, w| all.push(w.clone()));
    all.try_into().unwrap()
}

/// Softmax(Q·Kᵀ/√d)·V of one sample and its gradients: y, those of query, key and value, and of the parameters.
fn formula(
    [w_in, b_in, w_out, b_out]: &Four,
    inputs: [ArrayView2<'_, f64>; 3],
    sees: impl Fn(usize, usize) -> bool,
    dy: ArrayView2<'_, f64>,
) -> (Array2<f64>, [Array2<f64>; 3], Four) {
    let block = |i: usize| s![.., i * FEATURES..(i + 1) * FEATURES];
    let [q, k, v] = [0, 1, 2].map(|i| inputs[i].dot(&w_in.slice(block(i))) + b_in.slice(block(i)));
    let d_mixed = dy.dot(&w_out.t());
    let mut mixed = Array2::zeros(q.dim());
    let [mut dq, mut dk, mut dv] = [&q, &k, &v].map(|part| Array2::<f64>::zeros(part.dim()));
    let width = FEATURES / HEADS;
    let scale = 1.0 / (width as f64).sqrt();
    for head in 0..HEADS {
        let columns = s![.., head * width..(head + 1) * width];
        let (q, k, v, d_mixed) = (q.slice(columns), k.slice(columns), v.slice(columns), d_mixed.slice(columns));
        let scores = q.dot(&k.t()) * scale;
        let mut p = Array2::from_shape_fn(scores.dim(), |at| if sees(at.0, at.1) { scores[at].exp() } else { 0.0 });
        p.rows_mut().into_iter().for_each(|mut row| row /= row.sum().max(f64::MIN_POSITIVE));
        mixed.slice_mut(columns).assign(&p.dot(&v));
        dv.slice_mut(columns).assign(&p.t().dot(&d_mixed));
        let mut d = d_mixed.dot(&v.t());
        let sums = (&p * &d).sum_axis(Axis(1)).insert_axis(Axis(1));
        Zip::from(&mut d).and(&p).and_broadcast(&sums).for_each(|d, &p, &sum| *d = p * (*d - sum) * scale);
        dq.slice_mut(columns).assign(&d.dot(&k));
        dk.slice_mut(columns).assign(&d.t().dot(&q));
    }
    let parts = [dq, dk, dv];
    let dx = [0, 1, 2].map(|i| parts[i].dot(&w_in.slice(block(i)).t()));
    let dw = [0, 1, 2].map(|i| inputs[i].t().dot(&parts[i]));
    let db = [0, 1, 2].map(|i| parts[i].sum_axis(Axis(0)).insert_axis(Axis(0)));
    let beside = |parts: &[Array2<f64>; 3]| concatenate(Axis(1), &parts.each_ref().map(|part| part.view())).unwrap();
    let out = [mixed.t().dot(&dy), dy.sum_axis(Axis(0)).insert_axis(Axis(0))];
    let [dw_out, db_out] = out;
    (mixed.dot(w_out) + b_out, dx, [beside(&dw), beside(&db), dw_out, db_out])
}

/// A layer without zeros, and numbers for `rows` samples of so many steps.
fn layer(seed: u64) -> MultiHeadAttention<f64> {
    let mut layer = MultiHeadAttention::new(FEATURES, HEADS, &mut rng(seed));
    layer.visit_mut(&mut |_, w| w.mapv_inplace(|w| w + 0.25));
    layer
}

fn numbers(rows: usize, steps: usize, seed: u64) -> Array2<f64> {
    Init::STANDARD_NORMAL.matrix(rows, steps * FEATURES, &mut rng(seed))
}

/// Row `row` with one step per row.
fn steps(x: &Array2<f64>, row: usize) -> ArrayView2<'_, f64> {
    x.index_axis(Axis(0), row).into_shape_with_order((x.ncols() / FEATURES, FEATURES)).unwrap()
}

/// Self-attention on a tape, whose weights are not stored where there are many steps, of two samples; the second ends
/// with padding.
fn on_a_tape(count: usize, causal: bool) -> usize {
    let layer = if causal { layer(1).causal() } else { layer(1) };
    let (mut x, dy) = (numbers(2, count, 2), numbers(2, count, 3));
    let length = count * 2 / 3;
    x.slice_mut(s![1, length * FEATURES..]).fill(0.0);
    let masked = layer.clone().masked();
    let mut tape = Tape::for_layer(&masked, [count, FEATURES], 0);
    let y = tape.forward(&masked, &x).unwrap().clone();
    let gradients = tape.backward_from(&masked, &dy).unwrap();
    let (mut compared, mut sums) = (0, parameters(&layer).map(|w| Array2::zeros(w.dim())));
    for (row, length) in [(0, count), (1, length)] {
        let [x, dy] = [&x, &dy].map(|all| steps(all, row).slice_move(s![..length, ..]));
        let (want, dx, dw) = formula(&parameters(&layer), [x; 3], |query, key| !causal || key <= query, dy);
        let [dq, dk, dv] = dx;
        compared += assert_close("y", steps(&y, row).slice(s![..length, ..]).to_owned(), want, CLOSE);
        let got = steps(gradients.input, row).slice(s![..length, ..]).to_owned();
        compared += assert_close("dx", got, dq + dk + dv, CLOSE);
        sums.iter_mut().zip(dw).for_each(|(sum, dw)| *sum += &dw);
    }
    for (got, want) in gradients.weights.iter().zip(sums) {
        compared += assert_close("dw", got.iter().copied(), want, CLOSE);
    }
    // With the weights stored, all bits are the same.
    let hidden = Array2::from_shape_fn((2, count), |(row, key)| row == 1 && key >= length);
    let mut attention = Attention::default();
    let stored = layer.attend(&x, &x, &x, Some(&hidden), &mut attention).unwrap();
    assert_eq!(stored.slice(s![0, ..]), y.slice(s![0, ..]));
    assert_eq!(stored.slice(s![1, ..length * FEATURES]), y.slice(s![1, ..length * FEATURES]));
    let mut dy = dy;
    dy.slice_mut(s![1, length * FEATURES..]).fill(0.0);
    let stored = layer.attend_backward(&dy, [&x; 3], &mut attention).unwrap();
    assert_eq!(stored.weights[0], gradients.weights[0]);
    compared
}

#[test]
fn long_self_attention_is_its_formula() {
    let mut compared = 0;
    for (count, causal) in [(150, true), (300, true), (300, false), (65, false)] {
        compared += on_a_tape(count, causal);
    }
    assert_eq!(compared, 11_184);
}

/// Other numbers of queries than of keys, with any keys hidden.
#[test]
fn long_cross_attention_is_its_formula() {
    let mut compared = 0;
    for (queries, keys, causal) in [(130, 300, false), (300, 70, true), (70, 300, true)] {
        let layer = if causal { layer(4).causal() } else { layer(4) };
        let (query, dy) = (numbers(2, queries, 5), numbers(2, queries, 6));
        let (key, value) = (numbers(2, keys, 7), numbers(2, keys, 8));
        // Also the first ones, so that some queries see nothing.
        let hidden = Array2::from_shape_fn((2, keys), |(row, key)| (key * 7 + row) % 5 < 2 || row == 1 && key < 3);
        let mut attention = Attention::default();
        let y = layer.attend(&query, &key, &value, Some(&hidden), &mut attention).unwrap();
        let gradients = layer.attend_backward(&dy, [&query, &key, &value], &mut attention).unwrap();
        let mut sums = parameters(&layer).map(|w| Array2::zeros(w.dim()));
        for row in 0..2 {
            let inputs = [&query, &key, &value].map(|all| steps(all, row));
            let sees = |query, key| !hidden[[row, key]] && (!causal || key <= query);
            let (want, dx, dw) = formula(&parameters(&layer), inputs, sees, steps(&dy, row));
            compared += assert_close("y", steps(&y, row).to_owned(), want, CLOSE);
            let got = [&gradients.query, &gradients.key, &gradients.value];
            for (got, want) in got.into_iter().zip(dx) {
                compared += assert_close("dx", steps(got, row).to_owned(), want, CLOSE);
            }
            sums.iter_mut().zip(dw).for_each(|(sum, dw)| *sum += &dw);
            let weights = attention.weights();
            for ((_, query, key), &p) in weights.index_axis(Axis(0), row).indexed_iter() {
                assert_eq!(p > 0.0, sees(query, key));
            }
        }
        for (got, want) in gradients.weights.iter().zip(sums) {
            compared += assert_close("dw", got.iter().copied(), want, CLOSE);
        }
    }
    assert_eq!(compared, 18_960);
}

/// A sample has the same bits alone as in a batch, beside a longer one, and on any number of threads.
#[test]
fn a_long_sample_is_computed_as_if_it_were_alone() {
    let layer = layer(9).masked();
    let run = |x: &Array2<f64>| {
        let mut tape = Tape::for_layer(&layer, [x.ncols() / FEATURES, FEATURES], 0);
        let y = tape.forward(&layer, x).unwrap().clone();
        let dy = x.mapv(|x| 1.0 - x * x);
        let gradients = tape.backward_from(&layer, &dy).unwrap();
        (y, gradients.input.clone(), gradients.weights.to_vec())
    };
    let mut x = numbers(3, 400, 10);
    let lengths = [400, 129, 1];
    for (row, length) in lengths.into_iter().enumerate() {
        x.slice_mut(s![row, length * FEATURES..]).fill(0.0);
    }
    let all = run(&x);
    for (row, length) in lengths.into_iter().enumerate() {
        let own = s![row..=row, ..length * FEATURES];
        let (y, dx, _) = run(&x.slice(own).to_owned());
        assert_eq!((y.view(), dx.view()), (all.0.slice(own), all.1.slice(own)), "{length} steps");
    }
    #[cfg(feature = "parallel")]
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert!(pool.install(|| run(&x)) == all, "{threads} threads");
        let one = x.slice(s![..1, ..]).to_owned();
        assert!(pool.install(|| run(&one)).0.row(0) == all.0.row(0), "one sample on {threads} threads");
    }
}

/// What is not seen does not matter, in any block.
#[test]
fn nan_is_seen_from_its_step_on() {
    let layer = layer(11).causal();
    let network = Sequential::new([300, FEATURES]).with(layer).unwrap();
    let x = numbers(1, 300, 12);
    let want = network.predict(&x).unwrap();
    let mut with_nan = x.clone();
    with_nan[[0, 200 * FEATURES]] = f64::NAN;
    let y = network.predict(&with_nan).unwrap();
    let (before, after) = y.view().split_at(Axis(1), 200 * FEATURES);
    assert_eq!(assert_close("y", before.to_owned(), want.slice(s![.., ..200 * FEATURES]).to_owned(), CLOSE), 800);
    assert!(after.iter().all(|y| y.is_nan()));
}

/// The derivative along a direction against a difference, with the same draws.
#[test]
fn dropped_weights_are_the_same_in_the_backward_pass() {
    let layer = layer(13).causal().rotary(100.0).dropout(0.3);
    let (x, direction, dy) = (numbers(2, 300, 14), numbers(2, 300, 15), numbers(2, 300, 16));
    let mut tape = Tape::for_layer(&layer, [300, FEATURES], 0);
    let mut value = |h: f64| {
        tape.reseed(1);
        (tape.forward(&layer, &(&x + &(&direction * h))).unwrap() * &dy).sum()
    };
    let difference = (value(1e-5) - value(-1e-5)) / 2e-5;
    let first = value(0.0);
    let derivative = (tape.backward_from(&layer, &dy).unwrap().input * &direction).sum();
    assert!((derivative - difference).abs() < 1e-7 * difference.abs(), "{derivative} {difference}");
    let other = Tape::for_layer(&layer, [300, FEATURES], 2).forward(&layer, &x).unwrap() * &dy;
    assert_ne!(other.sum(), first);
}
