//! The outputs of all layers for a batch.

use std::any::Any;

use ndarray::Array2;

use super::plan::Sizes;
use super::{Network, as_network};
use crate::layer::{Cache, Layer, Pass};
use crate::{Matrix, Result, Scalar, rng};

impl<A: Scalar> Network<A> {
    /// The output of each step for a batch, in evaluation mode and in the order of computation.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f64>::mlp(&[2, 4, 1], Tanh, &mut rng(1))?;
    /// let outputs = network.layer_outputs(&ndarray::array![[0.5, -1.0]])?;
    /// assert_eq!(outputs.iter().map(|y| y.ncols()).collect::<Vec<_>>(), [4, 4, 1]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Width`](crate::Error::Width) when a row does not have the network's input shape;
    /// [`Error::Memory`](crate::Error::Memory) when the outputs would exceed the [memory
    /// limit](Self::set_memory_limit); errors of the layers.
    pub fn layer_outputs(&self, x: &Matrix<A>) -> Result<Vec<Array2<A>>> {
        let shape = self.shape_of_rows(x.ncols())?;
        let mut inferred = Sizes::default();
        let needs = self.plan()?.sizes(self, shape, &mut inferred)?.needs;
        needs.afford::<A>(x.nrows(), self.memory_limit(), || format!("the outputs for {} samples", x.nrows()))?;
        let mut y = Array2::from_elem((x.nrows(), self.output_shape(shape)?.len()), A::ZERO);
        let mut cache = Cache::default();
        let mut rng = rng(0);
        let mut pass = Pass::new(shape, [false, true], &mut cache, &mut rng);
        self.forward(&x.as_standard_layout(), &mut y, &mut pass)?;
        Ok(self.recorded(&mut cache, [&y, &y])?.into_iter().map(|[value, _]| value.clone()).collect())
    }

    /// The layer or join of this type and name; for a layer of a nested network, the name is a path such as
    /// `encoder.0`.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f32>::new([5, 3]).with(Lstm::new(3, 8, &mut rng(1)))?.named("encoder")?;
    /// assert_eq!(network.layer::<Lstm<f32>>("encoder").unwrap().units(), 8);
    /// assert!(network.layer::<Dense<f32>>("encoder").is_none());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn layer<L: Any>(&self, name: &str) -> Option<&L> {
        self.nodes.iter().find_map(|node| {
            let rest = name.strip_prefix(&*node.name)?;
            if rest.is_empty() {
                return node.op.as_any().downcast_ref();
            }
            as_network(node.op.as_layer()?)?.layer(rest.strip_prefix('.')?)
        })
    }
}
