//! The usual mistakes: each a wrong call, and the whole text of its error.

use std::collections::BTreeSet;

use neuropil::data::Samples;
use neuropil::doctor::{self, Disease};
use neuropil::ndarray::{Array2, array};
use neuropil::prelude::*;

mod data;
#[cfg(all(feature = "files", feature = "npz"))]
mod files;
mod graphs;
mod layers;
mod settings;
mod steps;
#[cfg(feature = "csv")]
mod tables;

/// What was done wrong, the call that does it, and the text of its error.
type Mistake = (&'static str, fn() -> Result<()>, &'static str);

fn dense(inputs: usize, outputs: usize) -> Dense<f32> {
    Dense::new(inputs, outputs, &mut rng(1))
}

/// 2 features, 3 hidden units, `outputs` outputs.
fn network(outputs: usize) -> Sequential<f32> {
    Sequential::mlp(&[2, 3, outputs], Tanh, &mut rng(1)).unwrap()
}

/// 4 samples of 2 features.
fn x() -> Array2<f32> {
    array![[0.0, 1.0], [1.0, 0.0], [0.5, 0.5], [2.0, -1.0]]
}

/// A target of one number for each of the 4 samples.
fn target() -> Array2<f32> {
    array![[1.0], [1.0], [0.0], [0.0]]
}

fn samples() -> Samples<f32> {
    Samples::new(x(), target()).unwrap()
}

fn regression<'a>() -> Trainer<'a, f32> {
    Trainer::new(Mse, Sgd::new(0.1)).epochs(1)
}

/// The tables of this set of features.
const TABLES: &[&[Mistake]] = &[
    layers::MISTAKES,
    graphs::MISTAKES,
    data::MISTAKES,
    steps::MISTAKES,
    settings::MISTAKES,
    #[cfg(feature = "csv")]
    tables::MISTAKES,
    #[cfg(all(feature = "files", feature = "npz"))]
    files::MISTAKES,
];

#[test]
fn usual_mistakes_are_refused_in_these_words() {
    let (mut texts, mut wrong) = (BTreeSet::new(), Vec::new());
    for (mistake, call, wants) in TABLES.iter().copied().flatten() {
        let got = call().err().map_or("is no error".to_owned(), |error| error.to_string());
        if got != *wants {
            wrong.push(format!("{mistake}\n  {got}\n"));
        }
        texts.insert(*wants);
    }
    assert!(wrong.is_empty(), "other texts than these:\n{}", wrong.concat());
    assert!(texts.len() >= 150, "{} mistakes", texts.len());
}

#[test]
fn probabilities_before_a_loss_of_logits_are_found() {
    let found = |last: Box<dyn Layer<f32>>, outputs: usize, loss: &dyn Loss<f32>| {
        let network = network(outputs).with(last).unwrap();
        let diagnosis = doctor::examine(&network, &x(), &target(), loss, &mut Sgd::new(0.1)).unwrap();
        diagnosis.findings.iter().find(|finding| finding.disease == Disease::RedundantActivation).unwrap().to_string()
    };
    let (cross_entropy, logits) = (CrossEntropy::new(), BceWithLogits::new());
    let text = |layer: &str, loss: &str, advice: &str| {
        format!(
            "RedundantActivation in layer 3 {layer}, before {loss}: 2\n  \
             rule    softmax or sigmoid is applied once: in the last layer or in the loss\n  \
             do      remove the last layer{advice}\n  \
             source  Goodfellow, Bengio, Courville, Deep Learning, 2016, section 6.2.2\n"
        )
    };
    let entropy = ": CrossEntropy takes logits, and applies softmax itself";
    assert_eq!(found(Box::new(Softmax), 2, &cross_entropy), text("Softmax", "CrossEntropy", entropy));
    assert_eq!(found(Box::new(LogSoftmax), 2, &cross_entropy), text("LogSoftmax", "CrossEntropy", entropy));
    let bce = ", or use Bce: BceWithLogits takes logits";
    let name = format!("{logits:?}");
    assert_eq!(found(Box::new(Sigmoid), 1, &logits), text("Sigmoid", &name, bce));
}
