//! Historical models without hidden layers, to show what they can and cannot do.
//!
//! [`Perceptron`] is Rosenblatt's neuron of 1958, with its error-correction rule. It learns AND and OR, but not XOR,
//! whose classes are not linearly separable (Minsky and Papert, 1969). [`LinearClassifier`] is a layer of such neurons
//! trained by gradient descent, one template per class. Both lack a nonlinear hidden layer: see the example `xor`.

mod linear_classifier;
mod perceptron;

pub use linear_classifier::LinearClassifier;
pub use perceptron::{Fit, Outcome, Perceptron, Response};
