//! Every reference value of the families, in `f64` and in `f32`.

use neuropil::ndarray::{Array2, ArrayD};
use neuropil::prelude::*;

use crate::common::{self, Case, F32, F64, Tolerance, assert_close};

/// The layer's outputs and input gradients for a case; returns how many numbers were compared.
fn check<A: Scalar>(family: &str, case: &Case, layer: &dyn Layer<A>, tolerance: Tolerance) -> usize {
    let what = format!("{family}/{} in {}", case.name, A::NAME);
    let matrix = |array: ArrayD<f64>| {
        let rows = array.shape()[0];
        let columns = array.len() / rows;
        Array2::from_shape_vec((rows, columns), array.into_iter().map(A::of).collect()).unwrap()
    };
    let wide = |array: &Array2<A>| array.iter().map(|x| x.to_f64()).collect::<Vec<_>>();
    let x = case.array("inputs", "input").unwrap();
    let shape: Shape = [x.shape()[1], x.shape()[2], x.shape()[3]].into();
    let mut tape = Tape::for_layer(layer, shape, 0);
    let y = tape.forward(layer, &matrix(x)).unwrap_or_else(|error| panic!("{what}: {error}"));
    let compared = assert_close(&what, wide(y), case.array("outputs", "output").unwrap(), tolerance);
    let dy = matrix(case.array("upstream", "output").unwrap());
    let dx = tape.backward_from(layer, &dy).unwrap().input;
    compared + assert_close(&format!("{what}: dx"), wide(dx), case.array("gradients", "input").unwrap(), tolerance)
}

fn check_all<L: Layer<f64> + Layer<f32>>(family: &str, count: usize, make: impl Fn(&Case) -> L) {
    let cases = common::cases(family);
    assert_eq!(cases.len(), count, "{family}");
    for case in &cases {
        let layer = make(case);
        let numbers = [("inputs", "input"), ("outputs", "output")].map(|(a, b)| case.array(a, b).unwrap().len());
        let compared = check::<f64>(family, case, &layer, F64) + check::<f32>(family, case, &layer, F32);
        assert_eq!(compared, 2 * (numbers[0] + numbers[1]), "{family}/{}", case.name);
    }
}

fn pair(case: &Case, name: &str) -> [usize; 2] {
    match common::numbers(case.config(name))[..] {
        [a, b] => [a as usize, b as usize],
        _ => panic!("{}: {name}", case.name),
    }
}

fn flag(case: &Case, name: &str) -> bool {
    case.config(name).as_bool().unwrap()
}

#[test]
fn max_pool2d() {
    check_all("max_pool2d", 11, |case| {
        let pool = MaxPool2d::new(pair(case, "kernel_size")).stride(pair(case, "stride"));
        let pool = pool.padding(pair(case, "padding")).dilation(pair(case, "dilation"));
        if flag(case, "ceil_mode") { pool.ceil() } else { pool }
    });
}

#[test]
fn avg_pool2d() {
    check_all("avg_pool2d", 10, |case| {
        let pool = AvgPool2d::new(pair(case, "kernel_size")).stride(pair(case, "stride"));
        let pool = pool.padding(pair(case, "padding"));
        let pool = if flag(case, "count_include_pad") { pool } else { pool.without_padding() };
        if flag(case, "ceil_mode") { pool.ceil() } else { pool }
    });
}

#[test]
fn adaptive_avg_pool2d() {
    check_all("adaptive_avg_pool2d", 6, |case| AdaptiveAvgPool2d::new(pair(case, "output_size")));
}

#[test]
fn global_pool2d() {
    let family = "global_pool2d";
    let cases = common::cases(family);
    assert_eq!(cases.len(), 8);
    for case in &cases {
        let compared = if case.op() == "max" {
            check::<f64>(family, case, &GlobalMaxPool, F64) + check::<f32>(family, case, &GlobalMaxPool, F32)
        } else {
            check::<f64>(family, case, &GlobalAvgPool, F64) + check::<f32>(family, case, &GlobalAvgPool, F32)
        };
        assert!(compared > 0, "{}", case.name);
    }
}
