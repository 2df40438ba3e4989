//! The operators of `ai.onnx.ml`, which exporters of scikit-learn use.

use std::collections::HashMap;

use super::arithmetic::raised;
use super::view::Axis;
use super::{Data, Found, Node, Read, Reader};
use crate::Scalar;
use crate::joins::Divide;
use crate::spec::Spec;
use crate::spec::onnx::{Attribute, Graph, INT32, INT64, TEXT};

pub(super) const DOMAIN: &str = "ai.onnx.ml";

impl<'g, A: Scalar> Reader<'g, A> {
    pub(super) fn of_pipelines(&mut self, node: &'g Node<'g>, output: usize) -> Read<Data> {
        if output != usize::from(node.op == "LinearClassifier") {
            return Err(format!("its output {output} is used, which no layer here gives").into());
        }
        let data = self.data(node.needs(0)?)?;
        node.expect("X", data.view.0.len() == 2 && data.view.0[0] == Axis::Batch)?;
        let features = data.shape.len();
        match &*node.op {
            "Scaler" => {
                let (offset, scale) = (floats(node, "offset")?, floats(node, "scale")?);
                node.expect("offset or scale", [offset.len(), scale.len()].iter().all(|&n| n == 1 || n == features))?;
                self.rescale(&data, offset, scale)
            }
            "Imputer" => {
                let missing = node.float("replaced_value_float", 0.0)?;
                node.expect("replaced_value_float", missing.is_nan())?;
                let values = floats(node, "imputed_value_floats")?;
                node.expect("imputed_value_floats", values.len() == 1 || values.len() == features)?;
                let values = self.spread(&data, values)?;
                self.elementwise(
                    &data,
                    &Found::new(Spec::new("impute").set("features", features)).with("value", values),
                )
            }
            "Normalizer" => self.normalizer(node, &data),
            "ZipMap" => Ok(data),
            "LinearClassifier" => {
                let classes = classes_of(node).ok_or("it has no class labels")?.len();
                self.linear(node, &data, classes, "LinearClassifier")
            }
            _ => {
                let targets = node.count("targets", 1)?;
                self.linear(node, &data, targets, "LinearRegressor")
            }
        }
    }

    /// x·Wᵀ + b, possibly with a softmax or a sigmoid.
    fn linear(&mut self, node: &Node<'_>, data: &Data, outputs: usize, op: &str) -> Read<Data> {
        let (inputs, weights, bias) = (data.shape.len(), floats(node, "coefficients")?, floats(node, "intercepts")?);
        // A binary classifier with the weights of one class only is rejected.
        node.expect("coefficients", inputs.checked_mul(outputs) == Some(weights.len()) && outputs > 0)?;
        node.expect("intercepts", bias.is_empty() || bias.len() == outputs)?;
        self.take(weights.len())?;
        let weight = (0..inputs).flat_map(|i| weights.iter().skip(i).step_by(inputs).copied()).collect();
        let spec = Spec::new("dense").set("inputs", inputs).set("outputs", outputs).set("bias", !bias.is_empty());
        let mut found = Found::new(spec).with("weight", weight);
        if !bias.is_empty() {
            found = found.with("bias", bias);
        }
        let (value, shape) = self.standard(data)?;
        let scores = self.on((value, shape), &found)?;
        let after = match node.text("post_transform", "NONE")? {
            "NONE" => return Ok(scores),
            "SOFTMAX" => "softmax",
            "LOGISTIC" if op == "LinearClassifier" => "sigmoid",
            other => return Err(format!("its post_transform is {other}").into()),
        };
        self.elementwise(&scores, &Found::new(Spec::new(after)))
    }

    /// Divides each row by its norm; rows of zeros stay.
    fn normalizer(&mut self, node: &Node<'_>, data: &Data) -> Read<Data> {
        let norm = match node.text("norm", "MAX")? {
            "L1" => self.reduced("ReduceL1", data, &[1])?,
            "L2" => {
                let squares = self.reduced("ReduceSumSquare", data, &[1])?;
                self.elementwise(&squares, &Found::new(raised(0.5)))?
            }
            other => return Err(format!("its norm is {other}").into()),
        };
        let above = Spec::new("hard_tanh").set("min", f64::from(f32::MIN_POSITIVE)).set("max", f64::INFINITY);
        let norm = self.elementwise(&norm, &Found::new(above))?;
        self.combined(&[data.clone(), norm], Divide)
    }
}

/// An attribute that is a list of numbers.
fn floats(node: &Node<'_>, name: &str) -> Read<Vec<f64>> {
    match node.attribute(name) {
        None => Ok(Vec::new()),
        Some(Attribute::Floats(list)) => Ok(list.iter().map(|&x| f64::from(x)).collect()),
        Some(_) => Err(format!("its attribute {name} is of another type").into()),
    }
}

/// The class labels of an operator.
fn classes_of(node: &Node<'_>) -> Option<Vec<String>> {
    const NAMES: [&str; 3] = ["classlabels_ints", "classlabels_int64s", "classlabels_strings"];
    NAMES.iter().find_map(|name| match node.attribute(name)? {
        Attribute::Ints(list) if !list.is_empty() => Some(list.iter().map(i64::to_string).collect()),
        Attribute::Texts(list) if !list.is_empty() => Some(list.clone()),
        _ => None,
    })
}

/// Removes outputs that are labels from the graph, and returns the names of the classes, if any.
pub(super) fn take_labels(graph: &mut Graph<'_>) -> Option<Vec<String>> {
    let (mut classes, mut labels) = (None, Vec::new());
    let makers: HashMap<&str, (&Node<'_>, usize)> = graph
        .nodes
        .iter()
        .flat_map(|node| node.outputs.iter().enumerate().map(move |(i, name)| (&**name, (node, i))))
        .collect();
    for (i, port) in graph.outputs.iter().enumerate() {
        let mut at = makers.get(&*port.name).copied();
        // From the label back to the operator that has the classes.
        for _ in 0..8 {
            let Some((node, output)) = at else { break };
            match (&*node.domain, &*node.op, output) {
                ("", "Cast" | "Reshape" | "Identity" | "Squeeze", 0) if [INT64, INT32, TEXT].contains(&port.kind) => {
                    at = node.input(0).and_then(|name| makers.get(name).copied());
                }
                (DOMAIN, "ArrayFeatureExtractor", 0) => {
                    let chosen = node.input(1).and_then(|name| makers.get(name));
                    let list = graph.constants.iter().find(|(name, _)| node.input(0) == Some(name));
                    let names = list.and_then(|(_, tensor)| tensor.names());
                    if chosen.is_some_and(|(node, _)| node.op == "ArgMax") && names.is_some() {
                        classes = classes.or(names);
                        labels.push(i);
                    }
                    break;
                }
                (DOMAIN, "LinearClassifier", 0) => {
                    classes = classes.or_else(|| classes_of(node));
                    labels.push(i);
                    break;
                }
                (DOMAIN, "ZipMap", 0) => {
                    classes = classes.or_else(|| classes_of(node));
                    break;
                }
                _ => break,
            }
        }
    }
    if labels.len() < graph.outputs.len() {
        let mut i = 0;
        graph.outputs.retain(|_| {
            i += 1;
            !labels.contains(&(i - 1))
        });
    }
    classes
}
