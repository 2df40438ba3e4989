//! Historical models without hidden layers, to show what they can and cannot do.
//!
//! [`Perceptron`] is Rosenblatt's neuron of 1958, with the rule that taught it from its mistakes. It learns AND and OR,
//! but not XOR: no line separates the two classes, as Minsky and Papert told the world in 1969. [`LinearClassifier`] is
//! a row of such neurons trained by gradient descent, one template per class. What both lack is a hidden layer with a
//! bend in it: see the example `xor`.

mod linear_classifier;
mod perceptron;

pub use linear_classifier::LinearClassifier;
pub use perceptron::{Fit, Outcome, Perceptron, Response};
