//! The recurrent layers against PyTorch, and against themselves: in pieces, padded, on several threads.

use crate::common;

use common::{Case, F32, F64, Tolerance, assert_close, cases};
use ndarray::{Array2, Axis, concatenate, s};
use neuropil::layers::{Cell, GruCell, LstmCell, Recurrent, RecurrentState, RnnCell};
use neuropil::prelude::*;
use neuropil::rand::RngExt;
use neuropil::rand::rngs::Xoshiro256PlusPlus;
use neuropil::{gradcheck, ndarray};

/// The layer of the case, with its parameters; PyTorch stores weights as (gates·units, inputs).
fn layer<A: Scalar, C: Cell>(case: &Case, cell: C) -> Recurrent<A, C> {
    let size = |name| case.number(name) as usize;
    let rng = &mut rng(1);
    let mut layer = Recurrent::with_cell(cell, size("input_size"), size("hidden_size"), rng);
    layer = layer.stacked(size("num_layers"), rng);
    if case.config("bidirectional") == true {
        layer = layer.bidirectional(rng);
    }
    if case.config("bias") == false {
        layer = layer.without_bias();
    }
    case.set_parameters(&mut layer, parameter_of);
    layer
}

/// A parameter or its gradient as the layer stores it.
fn parameter_of(case: &Case, group: &str, name: &str) -> Array2<f64> {
    let columns = if name.starts_with("bias") { 1 } else { case.array(group, name).unwrap().shape()[1] };
    case.matrix(group, name, columns).unwrap().t().as_standard_layout().into_owned()
}

/// An array of the case with one row per sample: `h_n` and `c_n` have the samples on their second axis.
fn samples<A: Scalar>(case: &Case, group: &str, name: &str) -> Option<Array2<A>> {
    let array = case.array(group, name)?.mapv(A::of);
    let array = if name.ends_with("_n") { array.permuted_axes(vec![1, 0, 2]) } else { array };
    let (rows, columns) = (array.shape()[0], array.len() / array.shape()[0]);
    Some(Array2::from_shape_vec((rows, columns), array.iter().copied().collect()).unwrap())
}

/// Forward and backward, with states, and as a layer on a tape where that gives the same.
fn check_case<A: Scalar + Into<f64>, C: Cell>(case: &Case, cell: C, tolerance: Tolerance) -> usize {
    let layer = layer::<A, C>(case, cell);
    let close = |what: &str, got: &Array2<A>, want: Array2<f64>| {
        assert_eq!(got.dim(), want.dim());
        assert_close(&format!("{} {what}", case.name), got.iter().copied(), want, tolerance)
    };
    let want = |group: &str, name: &str| samples::<f64>(case, group, name).unwrap();
    let x: Array2<A> = samples(case, "inputs", "input").unwrap();
    let mut state = RecurrentState::default();
    let y = layer.run(&x, &mut state).unwrap();
    let mut compared = close("output", &y, want("outputs", "output"));
    compared += close("h_n", state.h(), want("outputs", "h_n"));
    if let Some(c) = state.c() {
        compared += close("c_n", c, want("outputs", "c_n"));
    }

    let dy = samples(case, "upstream", "output").unwrap_or_else(|| Array2::from_elem(y.dim(), A::ZERO));
    let [dh, dc] = ["h_n", "c_n"].map(|name| samples::<A>(case, "upstream", name));
    let gradients = layer.run_backward(&dy, dh.as_deref(), dc.as_deref(), &mut state).unwrap();
    let mut check_gradients = |input: &Array2<A>, weights: &[Array2<A>]| {
        compared += close("dx", input, want("gradients", "input"));
        let mut weights = weights.iter();
        layer.visit(&mut |info, _| {
            let name = info.name.to_string();
            compared += close(&name, weights.next().unwrap(), parameter_of(case, "gradients", &name));
        });
        assert!(weights.next().is_none());
    };
    check_gradients(&gradients.input, &gradients.weights);

    let steps = x.ncols() / layer.inputs();
    let mut on_tape = |layer: &Recurrent<A, C>, upstream: &Array2<A>| {
        let mut tape = Tape::for_layer(layer, [steps, layer.inputs()], 0);
        tape.forward(layer, &x).unwrap();
        let gradients = tape.backward_from(layer, upstream).unwrap();
        check_gradients(gradients.input, gradients.weights);
    };
    match (&dh, &dc) {
        (None, None) => on_tape(&layer, &dy),
        (Some(dh), None) if case.array("upstream", "output").is_none() => on_tape(&layer.clone().last_state(), dh),
        _ => {}
    }
    compared
}

/// All cases of a family, in both number types; returns how many there are and how many numbers were compared.
fn check_family<C: Cell>(family: &str, cell: impl Fn(&Case) -> C) -> (usize, usize) {
    let cases = cases(family);
    let compared = cases
        .iter()
        .map(|case| check_case::<f64, C>(case, cell(case), F64) + check_case::<f32, C>(case, cell(case), F32));
    (cases.len(), compared.sum())
}

#[test]
fn lstm_is_that_of_pytorch() {
    assert_eq!(check_family("lstm", |_| LstmCell), (7, 4230));
}

#[test]
fn gru_is_that_of_pytorch() {
    assert_eq!(check_family("gru", |_| GruCell::ResetAfter), (6, 3176));
}

#[test]
fn gru_with_the_reset_gate_before_is_that_of_keras() {
    assert_eq!(check_family("gru_reset_before", |_| GruCell::ResetBefore), (4, 2136));
}

#[test]
fn rnn_is_that_of_pytorch() {
    let cell = |case: &Case| if case.config("nonlinearity") == "relu" { RnnCell::Relu } else { RnnCell::Tanh };
    assert_eq!(check_family("rnn", cell), (7, 2152));
}

/// So many numbers, none of which is 0.
fn batch(rows: usize, columns: usize, rng: &mut Xoshiro256PlusPlus) -> Array2<f64> {
    Init::Uniform { low: 0.125, high: 1.0 }.matrix(rows, columns, rng)
        * Array2::from_shape_simple_fn((rows, columns), || if rng.random() { 1.0 } else { -1.0 })
}

/// A layer with random settings, its number of steps, and a batch for it.
fn random<C: Cell>(cell: C, seed: u64) -> (Recurrent<f64, C>, usize, Array2<f64>) {
    let rng = &mut rng(seed);
    let (inputs, units, steps) = (rng.random_range(1..5), rng.random_range(1..6), rng.random_range(1..6));
    let mut layer = Recurrent::with_cell(cell, inputs, units, rng);
    layer = layer.stacked(rng.random_range(1..4), rng);
    if rng.random() {
        layer = layer.bidirectional(rng);
    }
    if rng.random_range(0..4) == 0 {
        layer = layer.without_bias();
    }
    if rng.random() {
        layer = layer.last_state();
    }
    let rows = rng.random_range(1..6);
    (layer, steps, batch(rows, steps * inputs, rng))
}

/// The first seeds.
const CONFIGURATIONS: u64 = 24;

#[test]
fn derivatives_agree_with_finite_differences() {
    fn check<C: Cell>(cell: &C) {
        for seed in 0..CONFIGURATIONS {
            let (layer, steps, x) = random(cell.clone(), seed);
            let report = gradcheck::layer(&layer, [steps, layer.inputs()], &x, seed).unwrap();
            assert!(report.passes(1e-7), "{layer:?}, {steps} steps: {report}");
            let mut numbers = x.len();
            layer.visit(&mut |_, w| numbers += w.len());
            assert_eq!(report.compared, numbers);
        }
    }
    check(&LstmCell);
    check(&GruCell::ResetAfter);
    check(&GruCell::ResetBefore);
    check(&RnnCell::Tanh);
    check(&RnnCell::Relu);
}

/// The gradients of a piece by the states on both of its sides.
#[test]
fn derivatives_by_the_state_agree_with_finite_differences() {
    fn check<C: Cell>(cell: &C) {
        for seed in 0..CONFIGURATIONS {
            let mut compared = 0;
            let (layer, _, x) = random(cell.clone(), seed);
            let width = layer.layers() * layer.directions() * layer.units();
            let rng = &mut rng(seed);
            let [h, c, dh, dc] = [0; 4].map(|_| batch(x.nrows(), width, rng));
            let [c, dc] = [c, dc].map(|state| C::HAS_C.then_some(state));
            let y = layer.run(&x, &mut RecurrentState::new(h.clone(), c.clone())).unwrap();
            let dy = batch(y.nrows(), y.ncols(), rng);
            let run = |h: &Array2<f64>, c: &Option<Array2<f64>>| {
                let mut state = RecurrentState::new(h.clone(), c.clone());
                let y = layer.run(&x, &mut state).unwrap();
                let of_c = state.c().map_or(0.0, |c| (c * dc.as_ref().unwrap()).sum());
                ((y * &dy).sum() + (state.h() * &dh).sum() + of_c, state)
            };
            let mut state = run(&h, &c).1;
            let gradients = layer.run_backward(&dy, Some(&dh), dc.as_deref(), &mut state).unwrap();
            let step = 6e-6;
            let mut compare = |got: f64, high: f64, low: f64| {
                let numeric = (high - low) / (2.0 * step);
                assert!((got - numeric).abs() <= 1e-7 * numeric.abs().max(1.0), "{layer:?}: {got} {numeric}");
                compared += 1;
            };
            for i in ndarray::indices_of(&h) {
                let moved = |by: f64| {
                    let mut h = h.clone();
                    h[i] += by;
                    run(&h, &c).0
                };
                compare(gradients.h[i], moved(step), moved(-step));
                if let (Some(c), Some(dc)) = (&c, &gradients.c) {
                    let moved = |by: f64| {
                        let mut c = c.clone();
                        c[i] += by;
                        run(&h, &Some(c)).0
                    };
                    compare(dc[i], moved(step), moved(-step));
                }
            }
            assert_eq!(compared, h.len() + c.map_or(0, |c| c.len()));
        }
    }
    check(&LstmCell);
    check(&GruCell::ResetAfter);
    check(&GruCell::ResetBefore);
    check(&RnnCell::Tanh);
}

/// A padded batch has the outputs, states and gradients of its samples alone, without padding.
#[test]
fn padding_changes_nothing() {
    fn check<C: Cell>(cell: &C) -> usize {
        let mut compared = 0;
        let mut close = |what: &str, got: ndarray::ArrayView2<'_, f64>, want: &Array2<f64>| {
            assert_eq!(got.dim(), want.dim());
            compared += assert_close(what, got.iter().copied(), want.iter().copied(), F64);
        };
        for seed in 0..CONFIGURATIONS {
            let (layer, steps, mut x) = random(cell.clone(), seed);
            let masked = layer.clone().masked();
            let rng = &mut rng(seed);
            let (rows, inputs) = (x.nrows(), layer.inputs());
            // One sample may be padding as a whole; it has no counterpart without.
            let lengths: Vec<usize> = (0..rows).map(|_| rng.random_range(0..=steps)).collect();
            for (mut x, &length) in x.rows_mut().into_iter().zip(&lengths) {
                x.slice_mut(s![length * inputs..]).fill(0.0);
            }
            let mut state = RecurrentState::default();
            let y = masked.run(&x, &mut state).unwrap();
            let width = layer.directions() * layer.units();
            let whole =
                y.ncols() == steps * width && layer.output_shape([steps, inputs].into()).unwrap() != width.into();
            let dy = batch(rows, y.ncols(), rng);
            let dh = batch(rows, state.h().ncols(), rng);
            let gradients = masked.run_backward(&dy, Some(&dh), None, &mut state).unwrap();
            let mut weights: Vec<Array2<f64>> = gradients.weights.iter().map(|dw| Array2::zeros(dw.dim())).collect();
            for (row, &length) in lengths.iter().enumerate() {
                let of_row = |matrix: &Array2<f64>, columns: usize| matrix.slice(s![row..=row, ..columns]).to_owned();
                if whole {
                    assert!(y.slice(s![row, length * width..]).iter().all(|&y| y == 0.0));
                }
                assert!(gradients.input.slice(s![row, length * inputs..]).iter().all(|&dx| dx == 0.0));
                if length == 0 {
                    assert!(state.h().row(row).iter().all(|&h| h == 0.0));
                    // It is handed through; what reached the output comes on top where that is the last state.
                    assert!(!whole || gradients.h.row(row) == dh.row(row));
                    continue;
                }
                let columns = if whole { length * width } else { width };
                let mut alone = RecurrentState::default();
                let y_alone = layer.run(&of_row(&x, length * inputs), &mut alone).unwrap();
                close("y", y.slice(s![row..=row, ..columns]), &y_alone);
                close("h", state.h().slice(s![row..=row, ..]), alone.h());
                let (dy, dh) = (of_row(&dy, columns), of_row(&dh, dh.ncols()));
                let alone = layer.run_backward(&dy, Some(&dh), None, &mut alone).unwrap();
                close("dx", gradients.input.slice(s![row..=row, ..length * inputs]), &alone.input);
                close("dh", gradients.h.slice(s![row..=row, ..]), &alone.h);
                weights.iter_mut().zip(&alone.weights).for_each(|(sum, dw)| *sum += dw);
            }
            gradients.weights.iter().zip(&weights).for_each(|(got, want)| close("dw", got.view(), want));
        }
        compared
    }
    let gru = [check(&GruCell::ResetAfter), check(&GruCell::ResetBefore)];
    let compared = [check(&LstmCell), gru[0], gru[1], check(&RnnCell::Tanh), check(&RnnCell::Relu)];
    assert_eq!(compared, [13395, 8007, 8007, 3692, 3692]);
}

/// Padding of one masked layer is that of the next.
#[test]
fn padding_passes_through_a_network() -> Result<()> {
    let rng = &mut rng(3);
    let network = |steps: usize, rng: &mut Xoshiro256PlusPlus| {
        Sequential::<f64>::new([steps, 3])
            .with(Lstm::new(3, 4, rng).bidirectional(rng).masked())?
            .with(LearnedPositions::new(9, 8, rng).masked())?
            .with(MultiHeadAttention::new(8, 2, rng).masked())?
            .with(SinusoidalPositions::new().masked())?
            .with(Gru::new(8, 5, rng).masked().last_state())
    };
    let (short, long) = (network(4, &mut rng.clone())?, network(7, &mut rng.clone())?);
    let x = batch(2, 4 * 3, rng);
    let padded = concatenate![Axis(1), x, Array2::zeros((2, 3 * 3))];
    let compared = assert_close("y", long.predict(&padded)?, short.predict(&x)?, F64);
    assert_eq!(compared, 2 * 5);
    Ok(())
}

/// A sequence in pieces has the outputs of the whole sequence, in both number types and for each sample.
#[test]
fn pieces_give_what_the_whole_gives() -> Result<()> {
    fn check<A: Scalar + Into<f64>, C: Cell>(cell: C, tolerance: Tolerance) -> Result<usize> {
        let rng = &mut rng(7);
        let layer = Recurrent::<A, C>::with_cell(cell, 3, 5, rng).stacked(2, rng);
        let x: Array2<A> = Init::STANDARD_NORMAL.matrix(4, 12 * 3, rng);
        let mut state = RecurrentState::default();
        let whole = layer.run(&x, &mut state)?;
        let mut pieces = RecurrentState::default();
        let mut compared = 0;
        for steps in [0..1, 1..6, 6..8, 8..12] {
            // A column-major piece is as good as any.
            let piece =
                x.slice(s![.., steps.start * 3..steps.end * 3]).reversed_axes().as_standard_layout().into_owned();
            let y = layer.run(&piece.t(), &mut pieces)?;
            compared += assert_close(
                "y",
                y,
                whole.slice(s![.., steps.start * 5..steps.end * 5]).iter().copied().map(A::into),
                tolerance,
            );
        }
        compared += assert_close("h", pieces.h().iter().copied(), state.h().iter().copied(), tolerance);
        assert_eq!(state.c().is_some(), C::HAS_C);
        if let (Some(got), Some(want)) = (pieces.c(), state.c()) {
            compared += assert_close("c", got.iter().copied(), want.iter().copied(), tolerance);
        }
        Ok(compared)
    }
    let (y, state) = (4 * 12 * 5, 4 * 2 * 5);
    assert_eq!(check::<f64, _>(LstmCell, F64)?, y + 2 * state);
    assert_eq!(check::<f64, _>(GruCell::ResetAfter, F64)?, y + state);
    assert_eq!(check::<f64, _>(GruCell::ResetBefore, F64)?, y + state);
    assert_eq!(check::<f32, _>(RnnCell::Tanh, F32)?, y + state);
    Ok(())
}

#[test]
fn what_cannot_be_is_an_error() {
    let rng = &mut rng(1);
    let text = |error: Error| error.to_string();
    let joined = |layer: &dyn Layer<f64>| text(Sequential::new([2, 3]).with(layer.clone_layer()).unwrap_err());
    let of = |layer: &str| format!("layer 0, the {layer} must be");
    assert_eq!(joined(&Lstm::new(0, 3, rng)), format!("{} at least 1, got 0", of("inputs of Lstm(0 -> 3)")));
    assert_eq!(joined(&Gru::new(3, 0, rng)), format!("{} at least 1, got 0", of("units of Gru(3 -> 0)")));
    let huge = Rnn::<f64>::new(3, usize::MAX, rng);
    assert!(joined(&huge).contains("the parameter weight_ih_l0 [3, 18446744073709551615], needs"));
    assert!(text(huge.run(&Array2::zeros((1, 3)), &mut RecurrentState::default()).unwrap_err()).contains("memory"));
    let layer = Lstm::<f64>::new(3, 4, rng);
    let none = layer.clone().stacked(0, rng);
    assert_eq!(joined(&none), format!("{} at least 1, got 0", of("layers of Lstm(3 -> 4)")));
    for many in [1 << 45, usize::MAX] {
        let many = layer.clone().stacked(many, rng).bidirectional(rng);
        assert!(joined(&many).ends_with(", which the system refuses; use smaller sizes"));
    }
    let wrong = |shape: Shape| text(Sequential::new(shape).with(layer.clone()).unwrap_err());
    assert_eq!(wrong(6.into()), "layer 0, Lstm(3 -> 4), takes sequences [steps, 3], got 6");
    assert_eq!(wrong([2, 4].into()), "layer 0, Lstm(3 -> 4), takes sequences [steps, 3], got [2, 4] = 8");
    assert_eq!(wrong([0, 3].into()), "layer 0, Lstm(3 -> 4), takes sequences [steps, 3], got [0, 3] = 0");

    let mut state = RecurrentState::default();
    let zeros = |rows, columns| Array2::<f64>::zeros((rows, columns));
    assert_eq!(
        text(layer.run(&zeros(2, 7), &mut state).unwrap_err()),
        "the input of Lstm(3 -> 4), whole steps, must be 2 x 9, got 2 x 7"
    );
    let error = layer.run_backward(&zeros(2, 8), None, None, &mut state).unwrap_err();
    assert_eq!(text(error), "`run_backward` needs `run` of the same layer first");
    layer.run(&zeros(2, 6), &mut state).unwrap();
    let before = state.h().clone();
    assert_eq!(
        text(layer.run(&zeros(3, 6), &mut state).unwrap_err()),
        "the state h of Lstm(3 -> 4) must be 3 x 4, got 2 x 4"
    );
    assert_eq!(state.h(), before);
    let error = layer.run_backward(&zeros(2, 9), None, None, &mut state).unwrap_err();
    assert_eq!(text(error), "the gradient of the output of Lstm(3 -> 4) must be 2 x 8, got 2 x 9");
    let other = Lstm::<f64>::new(3, 5, rng);
    let error = other.run_backward(&zeros(2, 10), None, None, &mut state).unwrap_err();
    assert_eq!(text(error), "`run_backward` needs `run` of the same layer first");
    let error = layer.run(&zeros(2, 6), &mut RecurrentState::new(zeros(2, 4), None)).unwrap_err();
    assert_eq!(text(error), "the state c of Lstm(3 -> 4) must be 2 x 4, got 2 x 0");
}
