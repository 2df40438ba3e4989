//! Whole trainings beside PyTorch's.

use neuropil::prelude::*;

use crate::common::{Case, F32, F64, Tolerance, assert_close, cases};

/// Runs a training with batches in order, step by step, against PyTorch.
fn compare<A: Scalar + Into<f64>>(case: &Case, tolerance: Tolerance) -> usize {
    let layers = case.config("layers").as_array().unwrap();
    let array = |group: &str, name: &str, columns: usize| {
        case.matrix(group, name, columns).unwrap_or_else(|| panic!("{}: no {name}", case.name)).mapv(A::of)
    };
    let mut network = Sequential::<A>::new(layers[0]["in_features"].as_u64().unwrap() as usize);
    for (i, layer) in layers.iter().enumerate() {
        match layer["layer"].as_str().unwrap() {
            "linear" => {
                let inputs = layer["in_features"].as_u64().unwrap() as usize;
                let weight = array("parameters", &format!("{i}.weight"), inputs).reversed_axes();
                let bias = array("parameters", &format!("{i}.bias"), 1).into_flat();
                network.push(Dense::from_parameters(weight, bias).unwrap())
            }
            "sigmoid" => network.push(Sigmoid),
            "tanh" => network.push(Tanh),
            other => panic!("no layer {other}"),
        }
        .unwrap();
    }
    let optimizer = case.config("optimizer");
    let rate = optimizer["lr"].as_f64().unwrap();
    let loss: Box<dyn Loss<A>> = match case.config("loss").as_str().unwrap() {
        "mse" => Box::new(Mse),
        _ => Box::new(CrossEntropy::new()),
    };
    let optimizer: Box<dyn Optimizer<A>> = match optimizer["op"].as_str().unwrap() {
        "sgd" => Box::new(Sgd::new(rate)),
        _ => Box::new(Adam::new(rate)),
    };
    let x = array("inputs", "input", network.input().len());
    let target = array("inputs", "target", 1);
    let steps = case.config("steps").as_u64().unwrap() as usize;
    let mut trainer = Trainer::new(loss, optimizer).epochs(steps).batch_size(x.nrows()).in_order();
    let history = trainer.fit(&mut network, &(&x, &target)).unwrap();
    let want = case.array("outputs", "losses").unwrap();
    let mut compared = assert_close(&case.name, history.column("loss"), want.iter().copied(), tolerance);
    network.visit(&mut |info, w| {
        let name = info.name.to_string();
        let want = array("outputs", &name, if w.nrows() == 1 { 1 } else { w.nrows() });
        let want: Vec<f64> = want.t().iter().map(|&w| w.into()).collect();
        compared += assert_close(&format!("{} {name}", case.name), w.iter().copied(), want, tolerance);
    });
    compared
}

#[test]
fn trainings_agree_with_pytorch() {
    let mut compared = [0, 0];
    let mut names = Vec::new();
    for case in cases("training").iter().filter(|case| ["xor_2_4_1", "iris_4_8_3"].contains(&&*case.name)) {
        compared[0] += compare::<f64>(case, F64);
        compared[1] += compare::<f32>(case, F32);
        names.push(case.name.clone());
    }
    assert_eq!(names, ["xor_2_4_1", "iris_4_8_3"]);
    assert_eq!(compared, [200 + 17 + 100 + 67; 2]);
}
