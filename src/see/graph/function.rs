//! [`GraphLoss`] and [`GraphLayer`]: a loss or a layer defined by a formula, differentiated by the graph.

use std::fmt;
use std::sync::Arc;

use ndarray::{Array2, ArrayView1, Axis};

use super::{Graph, Var};
use crate::error::check_targets;
use crate::layer::{Backward, Layer, Pass};
use crate::losses::Loss;
use crate::{Error, Matrix, Result, Scalar, Shape};

type Two<A> = dyn for<'g> Fn(Var<'g, A>, Var<'g, A>) -> Var<'g, A> + Send + Sync;
type One<A> = dyn for<'g> Fn(Var<'g, A>) -> Var<'g, A> + Send + Sync;

/// A loss defined by a formula of one row of the outputs and one row of the target, for experiments.
///
/// ```
/// use neuropil::graph::GraphLoss;
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let quartic = GraphLoss::<f64>::new("Quartic", |y, target| (y - target).pow(4.0).sum());
/// let (y, target) = (array![[1.0, 2.0]], array![[0.0, 0.0]]);
/// assert_eq!(quartic.evaluate(&y, &target)?, (1.0 + 16.0) / 2.0);
/// assert_eq!(quartic.gradient(&y, &target)?, array![[4.0 / 2.0, 32.0 / 2.0]]);
/// # Ok::<(), Error>(())
/// ```
pub struct GraphLoss<A: Scalar> {
    name: String,
    formula: Box<Two<A>>,
}

impl<A: Scalar> GraphLoss<A> {
    /// Creates a loss from the formula of one row's loss, a scalar: the sum over the row's elements, since the mean is
    /// taken over all elements of the batch.
    pub fn new(
        name: &str,
        formula: impl for<'g> Fn(Var<'g, A>, Var<'g, A>) -> Var<'g, A> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.to_owned(), formula: Box::new(formula) }
    }

    /// The loss of one row, and its gradient if requested.
    #[allow(clippy::needless_pass_by_value)] // A view is a reference.
    fn row(&self, y: ArrayView1<'_, A>, target: ArrayView1<'_, A>, dy: bool) -> Result<(A, Array2<A>)> {
        let graph = Graph::new();
        let y = graph.input("y", y.insert_axis(Axis(0)).to_owned());
        let target = graph.constant("target", target.insert_axis(Axis(0)).to_owned());
        let loss = (self.formula)(y, target);
        let value = loss.item()?;
        if dy {
            loss.backward()?;
        }
        Ok((value, y.gradient().unwrap_or_default()))
    }
}

impl<A: Scalar> Loss<A> for GraphLoss<A> {
    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        check_targets(y.nrows(), target.dim())?;
        // All rows have the same shape, so one row is enough.
        let rows = y.rows().into_iter().zip(target.rows()).next();
        rows.map_or(Ok(()), |(y, target)| self.row(y, target, true).map(|_| ()))
    }

    fn rows(&self, y: &Matrix<A>, target: &Matrix<A>, loss: &mut [A], mut dy: Option<&mut Matrix<A>>) {
        for (i, (y, target)) in y.rows().into_iter().zip(target.rows()).enumerate() {
            let (value, gradient) = self.row(y, target, dy.is_some()).unwrap_or((A::NAN, Array2::default((0, 0))));
            loss[i] = value;
            if let Some(dy) = dy.as_deref_mut() {
                let mut dy = dy.row_mut(i);
                if gradient.len() == dy.len() { dy.assign(&gradient.row(0)) } else { dy.fill(A::NAN) }
            }
        }
    }
}

impl<A: Scalar> fmt::Debug for GraphLoss<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A layer without parameters defined by a formula of the batch, for experiments, such as an activation.
///
/// The formula must treat each row independently.
///
/// ```
/// use neuropil::graph::GraphLayer;
/// use neuropil::prelude::*;
///
/// let swish = GraphLayer::new("Swish", |x| x / (1.0 + (-x).exp()));
/// let network = Sequential::<f64>::new(3).with(swish)?;
/// let silu = Sequential::<f64>::new(3).with(Silu)?;
/// let x = ndarray::array![[-1.0, 0.0, 2.0]];
/// assert!((network.predict(&x)? - silu.predict(&x)?).iter().all(|d| d.abs() < 1e-15));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct GraphLayer<A: Scalar> {
    name: String,
    formula: Arc<One<A>>,
}

impl<A: Scalar> GraphLayer<A> {
    /// Creates a layer that computes `formula` of its input, (samples, features).
    pub fn new(name: &str, formula: impl for<'g> Fn(Var<'g, A>) -> Var<'g, A> + Send + Sync + 'static) -> Self {
        Self { name: name.to_owned(), formula: Arc::new(formula) }
    }
}

impl<A: Scalar> Layer<A> for GraphLayer<A> {
    /// The input's shape if the formula keeps the number of features, otherwise `Flat`.
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let graph = Graph::new();
        let x = graph.constant("x", Array2::from_elem((1, input.len()), A::ONE));
        let y = (self.formula)(x).value()?;
        if y.nrows() != 1 {
            let (wants, got) = ([1, y.ncols()], y.dim().into());
            return Err(Error::Dimensions { what: format!("the output of {} for one sample", self.name), wants, got });
        }
        Ok(if y.ncols() == input.len() { input } else { Shape::Flat(y.ncols()) })
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, _: &mut Pass<'_>) -> Result<()> {
        let graph = Graph::new();
        let value = (self.formula)(graph.constant("x", x.to_owned())).value()?;
        if value.dim() != y.dim() {
            let (wants, got) = (y.dim().into(), value.dim().into());
            return Err(Error::Dimensions { what: format!("the output of {} for the batch", self.name), wants, got });
        }
        y.assign(&value);
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, _: &mut Pass<'_>) -> Result<()> {
        let Some(dx) = at.dx else { return Ok(()) };
        let graph = Graph::new();
        let x = graph.input("x", at.x.to_owned());
        (self.formula)(x).backward_from(&at.dy.to_owned())?;
        match x.gradient() {
            Some(gradient) => dx.assign(&gradient),
            // The formula does not depend on x.
            None => dx.fill(A::ZERO),
        }
        Ok(())
    }
}

impl<A: Scalar> fmt::Debug for GraphLayer<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
