//! [`LinearClassifier`]: one template per class.

use ndarray::Array2;
use rand::Rng;

use crate::data::Samples;
use crate::layer::Layer;
use crate::layers::Dense;
use crate::losses::Loss;
use crate::metrics::argmax;
use crate::optimizers::Optimizer;
use crate::{Init, Matrix, Network, Result, Scalar, Sequential, Tape};

/// A linear classifier: scores = x·W + b, one per class; it predicts the class with the highest score.
///
/// With [`CrossEntropy`](crate::losses::CrossEntropy) it is softmax (multinomial logistic) regression, with
/// [`MultiClassHinge`](crate::losses::MultiClassHinge) a support vector machine. A column of W is a template of its
/// class, and the score measures how well x matches it. One template cannot represent a class with several forms.
///
/// ```
/// use neuropil::prelude::*;
/// use neuropil::{classic::LinearClassifier, data, metrics};
/// use ndarray::array;
///
/// let mut rng = rng(1);
/// let blobs = data::blobs(150, &array![[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]], 0.5, &mut rng);
/// let mut model = LinearClassifier::<f64>::new(2, 3, &mut rng)?;
/// let mut sgd = Sgd::new(0.1);
/// for _ in 0..20 {
///     model.fit_epoch(&blobs, 10, &CrossEntropy::new(), &mut sgd, &mut rng)?;
/// }
/// assert!(metrics::accuracy(&model.scores(&blobs.x)?, &blobs.target)? > 0.95);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct LinearClassifier<A: Scalar> {
    network: Network<A>,
    tape: Tape<A>,
}

impl<A: Scalar> LinearClassifier<A> {
    /// Creates a classifier with weights from a normal distribution with standard deviation 0.0001, and biases of 0.
    ///
    /// # Errors
    /// If there are no features or no classes.
    pub fn new(features: usize, classes: usize, rng: &mut impl Rng) -> Result<Self> {
        let init = Init::Normal { mean: 0.0, std: 1e-4 };
        let network = Sequential::new(features).with(Dense::with_init(features, classes, init, rng))?;
        let tape = Tape::new(&network, 0);
        Ok(Self { network: network.into(), tape })
    }

    /// Trains for one epoch over the samples in random order, with an optimizer step per batch. Returns the mean loss,
    /// computed for each batch before its step.
    ///
    /// # Errors
    /// Those of [`Tape::train`].
    pub fn fit_epoch(
        &mut self,
        samples: &Samples<A>,
        batch_size: usize,
        loss: &dyn Loss<A>,
        optimizer: &mut dyn Optimizer<A>,
        rng: &mut impl Rng,
    ) -> Result<A> {
        let mut mean = 0.0;
        for batch in samples.batches(batch_size, rng) {
            let of_batch = self.tape.train(&mut self.network, &batch.x, &batch.target, loss, optimizer)?;
            mean += of_batch.to_f64() * batch.len() as f64 / samples.len() as f64;
        }
        Ok(A::of(mean))
    }

    /// Computes the scores of the classes, (samples, classes), for `x`, (samples, features).
    ///
    /// # Errors
    /// [`Error::Width`](crate::Error::Width) unless the width of `x` is the number of features.
    pub fn scores(&self, x: &Matrix<A>) -> Result<Array2<A>> {
        self.network.predict(x)
    }

    /// Predicts the class of each row of `x`.
    ///
    /// # Errors
    /// Those of [`scores`](Self::scores).
    pub fn predict(&self, x: &Matrix<A>) -> Result<Vec<usize>> {
        Ok(argmax(&self.scores(x)?))
    }

    /// The network that computes the scores.
    pub fn network(&self) -> &Network<A> {
        &self.network
    }

    /// The weights, (features + 1, classes), with the biases as the last row: the weights of a constant feature 1.
    pub fn weight(&self) -> Array2<A> {
        let mut weight = Array2::from_elem((0, self.network.prediction_shape().len()), A::ZERO);
        self.network.visit(&mut |_, part| {
            for row in part.rows() {
                // Weights and biases have one column per class.
                let _ = weight.push_row(row);
            }
        });
        weight
    }

    /// The weights as brightness, (features, classes): 255·(W - min) / (max - min) over all weights, or 0 if all are
    /// equal. Each column is an image of its class template.
    pub fn templates(&self) -> Array2<A> {
        let weight = self.weight();
        let weight = weight.slice(ndarray::s![..-1, ..]);
        let low = weight.iter().copied().fold(A::INFINITY, A::minimum);
        let span = weight.iter().copied().fold(-A::INFINITY, A::maximum) - low;
        weight.mapv(|w| if span == A::ZERO { A::ZERO } else { A::of(255.0) * (w - low) / span })
    }
}
