//! Every reference value of the families, in `f64` and in `f32`.

use neuropil::ndarray::{Array1, Array2, Array4, ArrayD, Ix3, Ix4, IxDyn};
use neuropil::prelude::*;

use crate::common::{self, Case, F32, F64, Tolerance, assert_close};

type Built<A> = (Box<dyn Layer<A>>, Shape);

/// Compares the layer's outputs and gradients with a case; returns the number of compared values.
fn check<A: Scalar>(family: &str, case: &Case, (layer, shape): Built<A>, tolerance: Tolerance) -> usize {
    let what = format!("{family}/{} in {}", case.name, A::NAME);
    // Our sequences are (steps, features), and the weights that go with them (kernel, features in, features out).
    let sequence = matches!(shape, Shape::Sequence { .. });
    let samples = |array: ArrayD<f64>| if sequence { array.permuted_axes(IxDyn(&[0, 2, 1])) } else { array };
    let taps = |array: ArrayD<f64>| if sequence { array.reversed_axes() } else { array };
    let matrix = |array: ArrayD<f64>| {
        let array = samples(array);
        let rows = array.shape()[0];
        let columns = array.len() / rows;
        Array2::from_shape_vec((rows, columns), array.into_iter().map(A::of).collect()).unwrap()
    };
    let x = matrix(case.array("inputs", "input").unwrap());
    let mut tape = Tape::for_layer(&*layer, shape, 0);
    let y = tape.forward(&*layer, &x).unwrap_or_else(|error| panic!("{what}: {error}"));
    let wide = |array: &Array2<A>| array.iter().map(|x| x.to_f64()).collect::<Vec<_>>();
    let mut compared = assert_close(&what, wide(y), samples(case.array("outputs", "output").unwrap()), tolerance);
    let Some(dx) = case.array("gradients", "input") else { return compared };
    let dy = matrix(case.array("upstream", "output").unwrap());
    let gradients = tape.backward_from(&*layer, &dy).unwrap();
    compared += assert_close(&format!("{what}: dx"), wide(gradients.input), samples(dx), tolerance);
    let mut weights = gradients.weights.iter();
    layer.visit(&mut |info, _| {
        if info.role.is_trainable() {
            let name = info.name.to_string();
            let want = case.array("gradients", &name).unwrap_or_else(|| panic!("{what}: no gradient {name}"));
            let want = taps(want);
            assert_eq!(info.dims, want.shape(), "{what}: {name}");
            compared += assert_close(&format!("{what}: {name}"), wide(weights.next().unwrap()), want, tolerance);
        }
    });
    compared
}

fn check_all(family: &str, count: usize, wide: fn(&Case) -> Built<f64>, narrow: fn(&Case) -> Built<f32>) {
    let cases = common::cases(family);
    assert_eq!(cases.len(), count, "{family}");
    for case in &cases {
        let compared = check(family, case, wide(case), F64) + check(family, case, narrow(case), F32);
        assert!(compared > 0, "{family}/{}", case.name);
    }
}

/// [channels, height, width] of an input (N, C, H, W).
fn image(case: &Case) -> Shape {
    let shape = case.array("inputs", "input").unwrap().shape().to_vec();
    [shape[1], shape[2], shape[3]].into()
}

fn setting(case: &Case, name: &str) -> [usize; 2] {
    match common::numbers(case.config(name))[..] {
        [a, b] => [a as usize, b as usize],
        [a] => [a as usize, a as usize],
        _ => panic!("{}: {name}", case.name),
    }
}

fn parameter<A: Scalar>(case: &Case, name: &str) -> Option<Array1<A>> {
    case.array("parameters", name).map(|array| array.into_iter().map(A::of).collect())
}

fn weight4<A: Scalar>(case: &Case) -> Array4<A> {
    case.array("parameters", "weight").unwrap().mapv(A::of).into_dimensionality::<Ix4>().unwrap()
}

fn conv2d<A: Scalar>(case: &Case) -> Built<A> {
    let groups = case.number("groups") as usize;
    let layer = Conv2d::from_parameters(weight4(case), parameter(case, "bias"), groups).unwrap();
    let layer = layer.stride(setting(case, "stride")).padding(setting(case, "padding"));
    (Box::new(layer.dilation(setting(case, "dilation"))), image(case))
}

#[test]
fn conv2d_agrees() {
    check_all("conv2d", 12, conv2d, conv2d);
}

fn conv1d<A: Scalar>(case: &Case) -> Built<A> {
    let weight = case.array("parameters", "weight").unwrap().mapv(A::of).into_dimensionality::<Ix3>().unwrap();
    let (groups, shape) = (case.number("groups") as usize, case.array("inputs", "input").unwrap().shape().to_vec());
    let layer = Conv1d::from_parameters(weight.reversed_axes(), parameter(case, "bias"), groups).unwrap();
    let layer = layer.stride(setting(case, "stride")[0]).padding(setting(case, "padding")[0]);
    (Box::new(layer.dilation(setting(case, "dilation")[0])), [shape[2], shape[1]].into())
}

#[test]
fn conv1d_agrees() {
    check_all("conv1d", 9, conv1d, conv1d);
}

fn conv_transpose2d<A: Scalar>(case: &Case) -> Built<A> {
    let groups = case.number("groups") as usize;
    let layer = ConvTranspose2d::from_parameters(weight4(case), parameter(case, "bias"), groups).unwrap();
    let layer = layer.stride(setting(case, "stride")).padding(setting(case, "padding"));
    let layer = layer.dilation(setting(case, "dilation")).output_padding(setting(case, "output_padding"));
    (Box::new(layer), image(case))
}

#[test]
fn conv_transpose2d_agrees() {
    check_all("conv_transpose2d", 9, conv_transpose2d, conv_transpose2d);
}
