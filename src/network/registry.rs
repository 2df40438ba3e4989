//! The [`Registry`] of this crate's layers.

use super::{Network, Parallel, Residual, Sequential};
use crate::layer::{Arrays, Parts, Registry, Restore};
use crate::spec::Spec;
use crate::{Result, Scalar, activations, joins, layers};

impl<A: Scalar> Registry<A> {
    /// Creates a registry of the layers, joins and networks of this crate.
    pub fn new() -> Self {
        let mut registry = Self::empty();
        layers::register(&mut registry);
        activations::register(&mut registry);
        joins::register(&mut registry);
        registry.register_join::<layers::MultiHeadAttention<A>>();
        registry.register::<Network<A>>();
        registry.register::<Sequential<A>>();
        registry.register::<Residual<A>>();
        registry.register::<Parallel<A>>();
        registry
    }

    /// Creates a network from its [`Layer::spec`](crate::layer::Layer::spec), with parameters from `arrays`.
    ///
    /// ```
    /// use neuropil::layer::{Arrays, Registry};
    /// use neuropil::prelude::*;
    ///
    /// /// Hands out the parameters of another network.
    /// struct Copies<'a>(&'a Sequential<f32>);
    ///
    /// impl Arrays<f32> for Copies<'_> {
    ///     fn take(&mut self, name: &str, rows: usize, columns: usize) -> Result<ndarray::Array2<f32>> {
    ///         let array = self.0.parameter(name).filter(|array| array.dim() == (rows, columns));
    ///         Ok(array.expect("the same network has the same arrays"))
    ///     }
    /// }
    /// # use neuropil::ndarray;
    ///
    /// let network = Sequential::<f32>::mlp(&[3, 5, 2], Tanh, &mut rng(1))?;
    /// let spec = network.spec().expect("all its layers can be described");
    /// let again = Registry::new().network(&spec, &mut Copies(&network))?;
    /// assert_eq!(again.predict_one(&[1.0, 2.0, 3.0]), network.predict_one(&[1.0, 2.0, 3.0]));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) for unregistered kinds, missing or unknown settings, and a description
    /// that is not of a network; errors of the layers and of `arrays`.
    pub fn network(&self, spec: &Spec, arrays: &mut dyn Arrays<A>) -> Result<Network<A>> {
        let parts = &mut Parts::new(spec, arrays, self);
        let network = match spec.kind() {
            Sequential::<A>::KIND => Sequential::restore(parts)?.into(),
            Network::<A>::KIND => Network::restore(parts)?,
            other => return Err(spec.problem(format!("a {other} is not a network; a network or sequential is needed"))),
        };
        parts.check(network.describe())?;
        Ok(network)
    }
}

impl<A: Scalar> Default for Registry<A> {
    fn default() -> Self {
        Self::new()
    }
}
