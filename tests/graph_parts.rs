//! The joins, layers and activations that ONNX files need beside the others, against `PyTorch`: see
//! `fixtures/goldens/graph_parts.py`.

use neuropil::activations::{Abs, Erf, Exp, Log, Power};
use neuropil::joins::{Divide, MatMul, Maximum, Minimum, Select};
use neuropil::layers::{Impute, LearnedTokens, Resize2d, Strided};
use neuropil::ndarray::{Array1, Array2, ArrayD, Axis, concatenate};
use neuropil::prelude::*;

use crate::common::{self, Case, F64, assert_close, cases};

/// A list of numbers among the settings.
fn list<const N: usize>(case: &Case, name: &str) -> [isize; N] {
    let numbers: Vec<isize> = common::numbers(case.config(name)).iter().map(|&x| x as isize).collect();
    numbers.try_into().unwrap()
}

fn resize(case: &Case) -> Resize2d {
    let size = list::<2>(case, "size").map(isize::unsigned_abs);
    let layer = match case.config("mode").as_str().unwrap() {
        "nearest-exact" => Resize2d::nearest(size),
        "bilinear" => Resize2d::bilinear(size),
        _ => Resize2d::bicubic(size),
    };
    if case.config("align") == true { layer.align_corners() } else { layer }
}

fn strided(case: &Case, input: Shape) -> Strided {
    let (shape, strides, offset) = (case.config("shape"), case.config("strides"), case.number("offset") as usize);
    if shape.as_array().unwrap().len() == strides.as_array().unwrap().len() && shape.as_array().unwrap().len() == 2 {
        let shape = list::<2>(case, "shape").map(isize::unsigned_abs);
        return Strided::new(input, shape, list::<2>(case, "strides"), offset);
    }
    Strided::new(input, list::<3>(case, "shape").map(isize::unsigned_abs), list::<3>(case, "strides"), offset)
}

fn tokens(case: &Case) -> LearnedTokens<f64> {
    let weight = case.array("parameters", "weight").unwrap();
    let layer = LearnedTokens::new(weight.shape()[0], weight.shape()[1], &mut rng(0));
    let mut layer = if case.config("last") == true { layer.last() } else { layer };
    case.set_parameters(&mut layer, |case, group, name| {
        let columns = case.array(group, name).unwrap().shape()[1];
        case.matrix(group, name, columns).unwrap()
    });
    layer
}

/// The network of one layer or join that the settings of a case say.
fn network_of(case: &Case, shapes: &[Shape]) -> Result<Network<f64>> {
    let mut g = Network::new();
    let x: Vec<_> = shapes.iter().enumerate().map(|(i, shape)| g.input(&format!("input{i}"), *shape)).collect();
    let y = match case.op() {
        "abs" => g.add(x[0], Abs),
        "erf" => g.add(x[0], Erf),
        "exp" => g.add(x[0], Exp),
        "log" => g.add(x[0], Log),
        "power" => g.add(x[0], Power::new(case.number("exponent"))),
        "divide" => g.join(Divide, &x),
        "maximum" => g.join(Maximum, &x),
        "minimum" => g.join(Minimum, &x),
        "select" => g.join(Select, &x),
        "matmul" => g.join(MatMul, &x),
        "resize" => g.add(x[0], resize(case)),
        "strided" => g.add(x[0], strided(case, shapes[0])),
        "tokens" => g.add(x[0], tokens(case)),
        "impute" => g.add(x[0], Impute::new(Array1::from(common::numbers(case.config("values"))))),
        op => panic!("{}: nothing for {op}", case.name),
    }?;
    g.output("y", y)?;
    Ok(g)
}

fn shape_of(dims: &[usize]) -> Shape {
    match *dims {
        [_, steps, features] => [steps, features].into(),
        [_, channels, height, width] => [channels, height, width].into(),
        _ => dims[1].into(),
    }
}

/// One row a sample.
fn batch(array: ArrayD<f64>) -> Array2<f64> {
    let rows = array.shape()[0];
    Array2::from_shape_vec((rows, array.len() / rows), array.into_iter().collect()).unwrap()
}

#[test]
fn values_and_gradients_are_those_of_pytorch() -> Result<()> {
    let cases = cases("graph_parts");
    let mut compared = 0;
    for case in &cases {
        let inputs = |group: &str| (0..3).map_while(|i| case.array(group, &format!("input{i}"))).collect::<Vec<_>>();
        let side_by_side = |group: &str| {
            let parts: Vec<Array2<f64>> = inputs(group).into_iter().map(batch).collect();
            concatenate(Axis(1), &parts.iter().map(|part| part.view()).collect::<Vec<_>>()).unwrap()
        };
        let shapes: Vec<Shape> = inputs("inputs").iter().map(|array| shape_of(array.shape())).collect();
        let network = network_of(case, &shapes)?;
        let mut tape = Tape::new(&network, 0);
        let y = tape.forward(&network, &side_by_side("inputs"))?;
        let output = case.array("outputs", "output").unwrap();
        compared += assert_close(&case.name, y.iter().copied(), output, F64);
        let dy = batch(case.array("upstream", "output").unwrap());
        let gradients = tape.backward_from(&network, &dy)?;
        let what = format!("{}, gradient", case.name);
        compared += assert_close(&what, gradients.input.iter().copied(), side_by_side("gradients"), F64);
        if let Some(dw) = case.array("gradients", "weight") {
            compared += assert_close(&what, gradients.weights[0].iter().copied(), dw, F64);
        }
    }
    assert_eq!((cases.len(), compared), (35, 3290));
    Ok(())
}

#[test]
fn a_stride_for_each_axis() {
    let add = |layer: Strided| Sequential::<f64>::new([3, 2]).with(layer).is_ok();
    assert!(add(Strided::new([3, 2], [2, 2], [2, 1], 0)));
    // More steps would be ignored.
    let network = Sequential::new([3, 2]).with(Strided::new([3, 2], [2, 2], [2, 1], 0)).unwrap();
    assert!(network.predict(&Array2::<f64>::zeros((1, 6))).is_ok() && network.predict(&Array2::zeros((1, 8))).is_err());
    assert!(!add(Strided::new([3, 2], [2, 2], [1], 0)) && !add(Strided::new([3, 2], [2, 2], [2, 1, 1], 0)));
}
