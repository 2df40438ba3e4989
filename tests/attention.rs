//! Attention against `PyTorch`, and what its masks promise.

mod common;

use common::{Case, F32, F64, Tolerance, assert_close, cases};
use neuropil::ndarray::{Array2, ArrayD};
use neuropil::prelude::*;

/// The layer of the case, with its parameters; `PyTorch` stores weights as (outputs, inputs).
fn layer<A: Scalar>(case: &Case) -> MultiHeadAttention<A> {
    let (features, heads) = (case.number("embed_dim") as usize, case.number("num_heads") as usize);
    let mut layer = MultiHeadAttention::new(features, heads, &mut rng(1)).unwrap();
    if case.config("bias") == false {
        layer = layer.without_bias();
    }
    if case.config("causal") == true {
        layer = layer.causal();
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
    let columns = if name.ends_with("bias") { 1 } else { case.array(group, name).unwrap().shape()[1] };
    case.matrix(group, name, columns).unwrap().t().as_standard_layout().into_owned()
}

/// An array with one row a sample.
fn samples<A: Scalar>(array: &ArrayD<f64>) -> Array2<A> {
    let (rows, columns) = (array.shape()[0], array.len() / array.shape()[0]);
    Array2::from_shape_vec((rows, columns), array.iter().map(|&x| A::of(x)).collect()).unwrap()
}

/// Through `attend`, and as a layer on a tape where there is only one input.
fn check_case<A: Scalar + Into<f64>>(case: &Case, tolerance: Tolerance) -> usize {
    let layer = layer::<A>(case);
    let self_attention = case.config("self_attention") == true;
    let names = if self_attention { ["input"; 3] } else { ["query", "key", "value"] };
    let inputs = names.map(|name| samples::<A>(&case.array("inputs", name).unwrap()));
    let [query, key, value] = inputs.each_ref().map(|input| &**input);
    let hidden =
        case.array("inputs", "key_padding_mask").map(|mask| samples::<f64>(&mask).mapv(|hidden| hidden == 1.0));
    let mut attention = Attention::default();
    let y = layer.attend(query, key, value, hidden.as_deref(), &mut attention).unwrap();
    let mut compared = 0;
    let mut close = |what: &str, got: &Array2<A>, want: Array2<f64>| {
        assert_eq!(got.dim(), want.dim());
        compared += assert_close(&format!("{} {what}", case.name), got.iter().copied(), want, tolerance);
    };
    let want = |group: &str, name: &str| samples::<f64>(&case.array(group, name).unwrap());
    close("output", &y, want("outputs", "output"));
    let weights = attention.weights();
    assert_eq!(weights.shape(), case.array("outputs", "attention").unwrap().shape());
    let weights: Vec<A> = weights.iter().copied().collect();
    close(
        "attention",
        &Array2::from_shape_vec((y.nrows(), weights.len() / y.nrows()), weights).unwrap(),
        want("outputs", "attention"),
    );

    let dy = samples::<A>(&case.array("upstream", "output").unwrap());
    let gradients = layer.attend_backward(&dy, [query, key, value], &mut attention).unwrap();
    let mut names = Vec::new();
    layer.visit(&mut |info, _| names.push(info.name.to_string()));
    assert_eq!(names.len(), gradients.weights.len());
    for (name, got) in names.iter().zip(&gradients.weights) {
        close(name, got, parameter_of(case, "gradients", name));
    }
    if !self_attention {
        close("dquery", &gradients.query, want("gradients", "query"));
        close("dkey", &gradients.key, want("gradients", "key"));
        close("dvalue", &gradients.value, want("gradients", "value"));
        return compared;
    }
    close("dx", &(gradients.query + gradients.key + gradients.value), want("gradients", "input"));
    let features = case.number("embed_dim") as usize;
    let mut tape = Tape::for_layer(&layer, [y.ncols() / features, features], 0);
    close("output on a tape", tape.forward(&layer, query).unwrap(), want("outputs", "output"));
    let gradients = tape.backward_from(&layer, &dy).unwrap();
    close("dx on a tape", gradients.input, want("gradients", "input"));
    for (name, got) in names.iter().zip(gradients.weights) {
        close(name, got, parameter_of(case, "gradients", name));
    }
    compared
}

#[test]
fn attention_is_that_of_pytorch() {
    let cases = cases("multihead_attention");
    let compared: usize = cases.iter().map(|case| check_case::<f64>(case, F64) + check_case::<f32>(case, F32)).sum();
    assert_eq!((cases.len(), compared), (7, 4230));
}
