//! [`Registry`]: makes layers out of their descriptions and parameters again.

use std::collections::BTreeMap;
use std::fmt;

use ndarray::Array2;

use super::Spec;
use crate::layers::{self, Layer};
use crate::{Result, Scalar, Sequential, activations};

/// Where the parameters of a layer that is made again come from, such as a file.
pub trait Arrays<A: Scalar> {
    /// Hands out the array of this name as a matrix of this size, row-major.
    ///
    /// # Errors
    /// If there is no such array, or it is of another size.
    fn take(&mut self, name: &str, rows: usize, columns: usize) -> Result<Array2<A>>;
}

/// What a layer is made from: its [`Spec`] and its parameters.
///
/// Memory for parameters is only made by [`array`](Self::array), whose source knows how much there is; so a wrong size
/// in a description cannot make a program run out of memory.
pub struct Parts<'a, A: Scalar> {
    spec: &'a Spec,
    /// The layer's place: `2.` for the third layer of a network.
    prefix: String,
    arrays: &'a mut dyn Arrays<A>,
    registry: &'a Registry<A>,
}

impl<'a, A: Scalar> Parts<'a, A> {
    /// The kind and the settings.
    pub fn spec(&self) -> &'a Spec {
        self.spec
    }

    /// The parameter or statistic that [`Layer::visit`] shows under this name, as a matrix of this size.
    ///
    /// # Errors
    /// If there is no such array, or it is of another size.
    pub fn array(&mut self, name: &str, rows: usize, columns: usize) -> Result<Array2<A>> {
        self.arrays.take(&format!("{}{name}", self.prefix), rows, columns)
    }

    /// A layer in this layer, whose parameters [`Layer::visit`] shows with `name` and a point in front.
    ///
    /// # Errors
    /// If the layer cannot be made.
    pub fn layer(&mut self, name: &str, spec: &Spec) -> Result<Box<dyn Layer<A>>> {
        let prefix = format!("{}{name}.", self.prefix);
        let registry = self.registry;
        registry.make(&mut Parts { spec, prefix, arrays: self.arrays, registry })
    }

    /// A network in this layer: as [`layer`](Self::layer).
    ///
    /// # Errors
    /// If the network cannot be made.
    pub fn network(&mut self, name: &str, spec: &Spec) -> Result<Sequential<A>> {
        let prefix = format!("{}{name}.", self.prefix);
        Sequential::restore(&mut Parts { spec, prefix, arrays: self.arrays, registry: self.registry })
    }
}

impl<A: Scalar> fmt::Debug for Parts<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parts({}{})", self.prefix, self.spec.kind())
    }
}

/// Makes a layer.
type Make<A> = fn(&mut Parts<'_, A>) -> Result<Box<dyn Layer<A>>>;

/// How to make each kind of layer: those of this crate, and those that are registered.
///
/// ```
/// use neuropil::prelude::*;
/// use neuropil::spec::{Registry, Spec};
///
/// #[derive(Debug, Clone)]
/// struct Square;
///
/// impl Activation for Square {
///     fn apply<A: Scalar>(&self, x: A) -> A {
///         x * x
///     }
///     fn slope<A: Scalar>(&self, x: A, _y: A) -> A {
///         x + x
///     }
///     fn spec(&self) -> Option<Spec> {
///         Some(Spec::new("square"))
///     }
/// }
///
/// let mut registry = Registry::<f32>::new();
/// registry.register("square", |_| Ok(Box::new(Square)));
/// assert!(registry.knows("square") && registry.knows("dense"));
/// ```
#[derive(Debug, Clone)]
pub struct Registry<A: Scalar> {
    makers: BTreeMap<String, Make<A>>,
}

impl<A: Scalar> Registry<A> {
    /// The layers of this crate.
    pub fn new() -> Self {
        let mut registry = Self { makers: BTreeMap::new() };
        layers::register(&mut registry);
        activations::register(&mut registry);
        registry
    }

    /// Adds a kind of layer, or replaces one.
    pub fn register(&mut self, kind: &str, make: Make<A>) {
        self.makers.insert(kind.to_owned(), make);
    }

    /// Whether layers of this kind can be made.
    pub fn knows(&self, kind: &str) -> bool {
        self.makers.contains_key(kind)
    }

    /// Makes a network of what [`Layer::spec`] told about it, with parameters from `arrays`.
    ///
    /// ```
    /// use neuropil::prelude::*;
    /// use neuropil::spec::{Arrays, Registry};
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
    /// [`Error::Format`](crate::Error::Format) for kinds that nobody registered and for missing settings, and what the layers' own checks and
    /// `arrays` find.
    pub fn network(&self, spec: &Spec, arrays: &mut dyn Arrays<A>) -> Result<Sequential<A>> {
        Sequential::restore(&mut Parts { spec, prefix: String::new(), arrays, registry: self })
    }

    fn make(&self, parts: &mut Parts<'_, A>) -> Result<Box<dyn Layer<A>>> {
        let Some(make) = self.makers.get(parts.spec.kind()) else {
            return Err(parts.spec.problem("nobody registered this kind; see `Registry::register`".to_owned()));
        };
        make(parts)
    }
}

impl<A: Scalar> Default for Registry<A> {
    fn default() -> Self {
        Self::new()
    }
}
