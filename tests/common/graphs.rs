//! The twenty random graphs of `fixtures/graphs`, as networks, with what PyTorch makes of them.

#![allow(dead_code, unreachable_pub)] // Each program uses its own part.

use std::collections::BTreeMap;

use neuropil::Value as Handle;
use neuropil::joins::{Add, Distance, Dot, Multiply, Subtract};
use neuropil::layer::Layer;
use neuropil::ndarray::{Array2, Axis, concatenate};
use neuropil::prelude::*;
use serde_json::Value;

/// A graph of the fixtures, with what PyTorch makes of it.
pub struct Case {
    pub name: String,
    pub network: Network<f64>,
    pub x: Array2<f64>,
    pub y: Array2<f64>,
    pub upstream: Array2<f64>,
    pub dx: Array2<f64>,
    /// By their names in the network.
    pub gradients: BTreeMap<String, Vec<f64>>,
}

pub fn cases() -> Vec<Case> {
    let graphs: Value = serde_json::from_str(include_str!("../fixtures/graphs/graphs.json")).unwrap();
    graphs.as_array().unwrap().iter().map(case).collect()
}

fn case(graph: &Value) -> Case {
    let mut g = Network::<f64>::new();
    let mut values: BTreeMap<&str, Handle> = BTreeMap::new();
    let mut xs = Vec::new();
    for input in list(&graph["inputs"]) {
        values.insert(text(&input["name"]), g.input(text(&input["name"]), shape(&input["shape"])));
        xs.push(matrix(&input["values"]));
    }
    let (mut shared, mut names) = (BTreeMap::new(), BTreeMap::new());
    let mut nodes = 0;
    for step in list(&graph["steps"]) {
        let takes: Vec<Handle> = list(&step["takes"]).iter().map(|name| values[text(name)]).collect();
        let given = if let Some(name) = step["layer"].as_str() {
            if !shared.contains_key(name) {
                shared.insert(name, g.share(layer(&graph["layers"][name])));
                names.insert(name, nodes.to_string());
                nodes += 1;
            }
            g.apply(shared[name], takes[0]).unwrap()
        } else {
            let name = text(&step["join"]);
            names.insert(name, nodes.to_string());
            nodes += 1;
            match name {
                "add" => g.join(Add, takes),
                "subtract" => g.join(Subtract, takes),
                "multiply" => g.join(Multiply, takes),
                "concat" => g.join(Concat, takes),
                "dot" => g.join(Dot, takes),
                "distance" => g.join(Distance, takes),
                _ => {
                    let entry = &graph["layers"][name];
                    let (features, heads) = (count(&entry["features"]), count(&entry["heads"]));
                    g.join(MultiHeadAttention::new(features, heads, &mut rng(0)), takes)
                }
            }
            .unwrap()
        };
        values.insert(text(&step["gives"]), given);
    }
    let (mut ys, mut upstreams) = (Vec::new(), Vec::new());
    for output in list(&graph["outputs"]) {
        g.output(text(&output["name"]), values[text(&output["value"])]).unwrap();
        ys.push(matrix(&output["values"]));
        upstreams.push(matrix(&output["upstream"]));
    }
    let mut gradients = BTreeMap::new();
    for (layer, entry) in graph["layers"].as_object().unwrap() {
        for (name, parameter) in entry["parameters"].as_object().unwrap() {
            let name = format!("{}.{name}", names[&**layer]);
            let size = g.parameter(&name).unwrap_or_else(|| panic!("{name} in {g}")).dim();
            g.set_parameter(&name, &Array2::from_shape_vec(size, numbers(&parameter["values"])).unwrap()).unwrap();
            gradients.insert(name, numbers(&parameter["gradient"]));
        }
    }
    let dx: Vec<_> =
        list(&graph["inputs"]).iter().map(|i| matrix(&graph["input_gradients"][text(&i["name"])])).collect();
    let name = text(&graph["name"]).to_owned();
    let [x, y, upstream, dx] = [xs, ys, upstreams, dx].map(|parts| side_by_side(&parts));
    Case { name, network: g, x, y, upstream, dx, gradients }
}

fn layer(entry: &Value) -> Box<dyn Layer<f64>> {
    let size = |name: &str| count(&entry[name]);
    let rng = &mut rng(0);
    match text(&entry["kind"]) {
        "dense" => Box::new(Dense::new(size("inputs"), size("outputs"), rng)),
        "tanh" => Box::new(Tanh),
        "sigmoid" => Box::new(Sigmoid),
        "silu" => Box::new(Silu),
        "conv2d" => {
            let kernel = [size("kernel"); 2];
            Box::new(Conv2d::new(size("inputs"), size("outputs"), kernel, rng).padding([size("padding"); 2]))
        }
        "layer_norm" => Box::new(LayerNorm::new(size("features"))),
        "gru" => Box::new(Gru::new(size("inputs"), size("units"), rng)),
        "gru_last" => Box::new(Gru::new(size("inputs"), size("units"), rng).last_state()),
        "flatten" => Box::new(Flatten),
        "global_avg_pool" => Box::new(GlobalAvgPool),
        other => panic!("{other}"),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn count(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

/// All numbers of nested lists.
fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().map_or_else(|| vec![value.as_f64().unwrap()], |list| list.iter().flat_map(numbers).collect())
}

fn matrix(value: &Value) -> Array2<f64> {
    let rows = list(value).len();
    let numbers = numbers(value);
    Array2::from_shape_vec((rows, numbers.len() / rows), numbers).unwrap()
}

fn shape(value: &Value) -> Shape {
    match *list(value).iter().map(count).collect::<Vec<_>>() {
        [features] => features.into(),
        [steps, features] => [steps, features].into(),
        [channels, height, width] => [channels, height, width].into(),
        _ => panic!("{value}"),
    }
}

fn side_by_side(parts: &[Array2<f64>]) -> Array2<f64> {
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    concatenate(Axis(1), &views).unwrap().as_standard_layout().into_owned()
}
