//! [`Perceptron`]: Rosenblatt's perceptron.

use std::fmt;

use ndarray::{Array1, Array2, Axis};

use crate::error::check_setting;
use crate::tape::check_finite;
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Rosenblatt's perceptron: a weighted sum, a threshold, and the error-correction rule.
///
/// It outputs a [`Response`] to x·w + b. All weights start at 0. Training visits the samples one by one; after each
/// mistake, w ← w - sign(output - target)·x, with b as the weight of a constant input 1. If a hyperplane separates the
/// classes, this rule finds one after a finite number of mistakes (Rosenblatt, *The perceptron*, 1958 and 1962;
/// Novikoff, 1962).
///
/// ```
/// use neuropil::classic::{Outcome, Perceptron, Response};
/// use ndarray::array;
///
/// let x = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
/// let and = array![[0.0], [0.0], [0.0], [1.0]];
/// let mut neuron = Perceptron::<f64>::new(2, Response::Step);
/// let fit = neuron.fit(&x, &and, 100)?;
/// assert_eq!(fit.outcome, Outcome::Separated);
/// assert_eq!(neuron.predict(&x)?, and);
///
/// let xor = neuropil::data::xor();
/// let fit = Perceptron::<f64>::new(2, Response::Step).fit(&xor.x, &xor.target, 100)?;
/// assert!(fit.to_string().starts_with("stopped after 100 epochs: the classes are not linearly separable"));
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Perceptron<A: Scalar> {
    weight: Array1<A>,
    bias: A,
    response: Response,
}

/// The activation of a perceptron.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    /// 1 if the sum is above 0, else 0: Rosenblatt's S and A elements.
    Step,
    /// 1 if the sum is above 0, -1 if it is below, and 0 if it is 0, which always counts as wrong: Rosenblatt's R
    /// elements.
    Sign,
}

impl Response {
    /// The output for this sum; NaN for NaN.
    pub fn apply<A: Scalar>(self, sum: A) -> A {
        match self {
            _ if sum.is_nan() => sum,
            _ if sum > A::ZERO => A::ONE,
            Self::Sign if sum < A::ZERO => -A::ONE,
            _ => A::ZERO,
        }
    }
}

/// The result of [`Perceptron::fit`]; displays as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    /// The number of mistakes in each epoch.
    pub mistakes: Vec<usize>,
    /// The outcome.
    pub outcome: Outcome,
}

/// The outcome of [`Perceptron::fit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// An epoch passed without mistakes: the weights separate the classes.
    Separated,
    /// The epochs ran out, and the classes are proven not to be linearly separable: the weights of an earlier epoch
    /// recurred, so training cycles. Only reported if all arithmetic was exact, as for integer inputs.
    NotSeparable,
    /// The epochs ran out: the classes are not separable, or more epochs are needed.
    NotSeparated,
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (epochs, mistakes) = (self.mistakes.len(), self.mistakes.iter().sum::<usize>());
        match self.outcome {
            Outcome::Separated => write!(f, "separated the classes after {mistakes} mistakes in {epochs} epochs"),
            Outcome::NotSeparable => write!(
                f,
                "stopped after {epochs} epochs: the classes are not linearly separable ({mistakes} mistakes, and the \
                 weights go round in a cycle)"
            ),
            Outcome::NotSeparated => write!(
                f,
                "stopped after {epochs} epochs: the classes are not linearly separable, or it takes more epochs to find \
                 out how ({mistakes} mistakes)"
            ),
        }
    }
}

impl<A: Scalar> Perceptron<A> {
    /// Creates a neuron with `inputs` inputs; all weights are 0.
    pub fn new(inputs: usize, response: Response) -> Self {
        Self { weight: Array1::from_elem(inputs, A::ZERO), bias: A::ZERO, response }
    }

    /// The weight of each input.
    pub fn weight(&self) -> &Array1<A> {
        &self.weight
    }

    /// The weight of the constant input 1; its negative is Rosenblatt's threshold.
    pub fn bias(&self) -> A {
        self.bias
    }

    /// Predicts each row of `x`, (samples, inputs), as (samples, 1).
    ///
    /// # Errors
    /// [`Error::Input`] unless the width of `x` is the number of inputs.
    pub fn predict(&self, x: &Matrix<A>) -> Result<Array2<A>> {
        self.check(x)?;
        let sums = x.dot(&self.weight) + self.bias;
        Ok(sums.mapv_into(|sum| self.response.apply(sum)).insert_axis(Axis(1)))
    }

    /// Trains over the samples in order, until an epoch has no mistakes, or for `max_epochs` epochs.
    ///
    /// `x` is (samples, inputs); `target` is (samples, 1): 0 and 1 for [`Response::Step`], -1 and 1 for
    /// [`Response::Sign`].
    ///
    /// # Errors
    /// For other shapes, other targets, non-finite values in `x`, or 0 epochs; the weights are not changed.
    pub fn fit(&mut self, x: &Matrix<A>, target: &Matrix<A>, max_epochs: usize) -> Result<Fit> {
        self.check(x)?;
        self.check_target(x, target)?;
        check_finite("input", x, 0)?;
        check_setting("the largest number of epochs", max_epochs as f64, "at least 1", max_epochs > 0)?;

        let (start, mut remembered) = (self.clone(), self.clone());
        let (mut mistakes, mut cycled) = (Vec::new(), false);
        for epoch in 1..=max_epochs {
            mistakes.push(self.pass(x, target));
            if mistakes.last() == Some(&0) {
                return Ok(Fit { mistakes, outcome: Outcome::Separated });
            }
            // Brent's cycle detection, with one state remembered at a time.
            cycled |= *self == remembered;
            if epoch.is_power_of_two() {
                remembered = self.clone();
            }
        }
        let proven = cycled && start.stays_exact(x, mistakes.iter().sum());
        Ok(Fit { mistakes, outcome: if proven { Outcome::NotSeparable } else { Outcome::NotSeparated } })
    }

    /// Whether `mistakes` corrections are exact: all values are integers, and no sum of them can reach 1/ε.
    fn stays_exact(&self, x: &Matrix<A>, mistakes: usize) -> bool {
        let weights = || self.weight.iter().chain([&self.bias]).map(|w| w.to_f64());
        let integers = x.iter().map(|x| x.to_f64()).chain(weights()).all(|number| number.fract() == 0.0);
        let largest = x.iter().fold(1.0, |largest, x| f64::max(largest, x.to_f64().abs()));
        let sum = weights().map(f64::abs).sum::<f64>() + (self.weight.len() + 1) as f64 * mistakes as f64 * largest;
        integers && sum * largest < 1.0 / A::EPSILON.to_f64()
    }

    /// Trains for one epoch; returns the number of mistakes.
    fn pass(&mut self, x: &Matrix<A>, target: &Matrix<A>) -> usize {
        let mut mistakes = 0;
        for (x, &target) in x.rows().into_iter().zip(target) {
            let answer = self.response.apply(x.dot(&self.weight) + self.bias);
            if answer != target {
                let unit = if answer > target { -A::ONE } else { A::ONE };
                self.weight.scaled_add(unit, &x);
                self.bias += unit;
                mistakes += 1;
            }
        }
        mistakes
    }

    fn check(&self, x: &Matrix<A>) -> Result<()> {
        let inputs = self.weight.len();
        if x.ncols() == inputs {
            return Ok(());
        }
        let (layer, wants) = (format!("Perceptron({inputs} -> 1)"), format!("{inputs} features per sample"));
        Err(Error::Input { layer, wants, got: Shape::Flat(x.ncols()) })
    }

    fn check_target(&self, x: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        let wrong = |wants: String, got| Err(Error::Target { who: "Perceptron".into(), wants, got, row: None });
        if target.dim() != (x.nrows(), 1) {
            let (rows, columns) = target.dim();
            return wrong(format!("a target of one answer a row, {} x 1", x.nrows()), format!("{rows} x {columns}"));
        }
        let (low, wants) = match self.response {
            Response::Step => (A::ZERO, "targets 0 and 1"),
            Response::Sign => (-A::ONE, "targets -1 and 1"),
        };
        match target.iter().find(|t| **t != low && **t != A::ONE) {
            Some(other) => wrong(wants.into(), other.to_string()),
            None => Ok(()),
        }
    }
}
