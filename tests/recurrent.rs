//! The recurrent layers against `PyTorch`, and against themselves: in pieces, padded, on several threads.

mod common;

use common::{Case, F32, F64, Tolerance, assert_close, cases};
use ndarray::{Array2, Axis, concatenate, s};
use neuropil::ndarray;
use neuropil::prelude::*;

/// The layer of the case, with its parameters; `PyTorch` stores weights as (gates·units, inputs).
fn layer<A: Scalar, C: Cell>(case: &Case, cell: C) -> Recurrent<A, C> {
    let size = |name| case.number(name) as usize;
    let rng = &mut rng(1);
    let mut layer = Recurrent::with_cell(cell, size("input_size"), size("hidden_size"), rng).unwrap();
    layer = layer.stacked(size("num_layers"), rng).unwrap();
    if case.config("bidirectional") == true {
        layer = layer.bidirectional(rng).unwrap();
    }
    if case.config("bias") == false {
        layer = layer.without_bias();
    }
    let mut set = 0;
    layer.visit_mut(&mut |info, parameter| {
        let values = parameter_of(case, "parameters", &info.name.to_string());
        assert_eq!(values.dim(), parameter.dim());
        parameter.assign(&values.mapv(A::of));
        set += 1;
    });
    assert_eq!(set, case.value["parameters"].as_object().unwrap().len(), "{}", case.name);
    layer
}

/// A parameter or its gradient as the layer stores it.
fn parameter_of(case: &Case, group: &str, name: &str) -> Array2<f64> {
    let columns = if name.starts_with("bias") { 1 } else { case.array(group, name).unwrap().shape()[1] };
    case.matrix(group, name, columns).unwrap().t().as_standard_layout().into_owned()
}

/// An array of the case with one row a sample: `h_n` and `c_n` have the samples on their second axis.
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
    assert_eq!(check_family("gru", |_| GruCell), (6, 3176));
}

#[test]
fn rnn_is_that_of_pytorch() {
    let cell = |case: &Case| if case.config("nonlinearity") == "relu" { RnnCell::Relu } else { RnnCell::Tanh };
    assert_eq!(check_family("rnn", cell), (7, 2152));
}
