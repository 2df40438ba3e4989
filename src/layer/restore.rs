//! [`Restore`]: creates a layer from its description and parameters, [`Parts`].

use std::collections::BTreeMap;
use std::fmt;

use ndarray::Array2;

use super::{Join, Layer, Parameter, Role};
use crate::spec::Spec;
use crate::{Error, Result, Scalar};

/// A layer, join or activation that can be restored from its [`Spec`] and parameters.
///
/// Once its type is in the [`Registry`], files that contain it can be loaded. This one has a single setting:
///
/// ```
/// use neuropil::layer::{Parts, Registry, Restore};
/// use neuropil::prelude::*;
/// use neuropil::spec::Spec;
///
/// /// y = max(x, floor).
/// #[derive(Debug, Clone)]
/// struct Floor(f64);
///
/// impl Activation for Floor {
///     fn apply<A: Scalar>(&self, x: A) -> A {
///         x.maximum(A::of(self.0))
///     }
///
///     fn slope<A: Scalar>(&self, x: A, _: A) -> A {
///         if x > A::of(self.0) { A::ONE } else { A::ZERO }
///     }
///
///     fn spec(&self) -> Option<Spec> {
///         Some(Spec::new("floor").set("floor", self.0))
///     }
/// }
///
/// impl<A: Scalar> Restore<A> for Floor {
///     const KIND: &'static str = "floor";
///
///     fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
///         Ok(Self(parts.spec().number("floor")?))
///     }
/// }
///
/// let network = Sequential::<f32>::new(3).with(Floor(-1.0))?;
/// let mut registry = Registry::new();
/// registry.register::<Floor>();
/// # #[cfg(feature = "files")]
/// let loaded = Sequential::<f32>::from_bytes_with(&network.to_bytes()?, &registry)?;
/// # #[cfg(feature = "files")]
/// assert_eq!(loaded.predict_one(&[-2.0, 0.0, 2.0])?, ndarray::array![-1.0, 0.0, 2.0]);
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be restored from a file of `{A}` numbers",
    note = "implement `neuropil::layer::Restore` to load it with a `Registry`"
)]
pub trait Restore<A: Scalar>: Sized {
    /// The kind in its [`Spec`], in snake case.
    const KIND: &'static str;

    /// Restores the value.
    ///
    /// # Errors
    /// For a setting that is missing, of the wrong type or out of range, and those of [`Parts::array`].
    fn restore(parts: &mut Parts<'_, A>) -> Result<Self>;
}

/// A source of parameters, such as a file.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use neuropil::layer::Arrays;
/// use neuropil::ndarray::Array2;
/// use neuropil::{Error, Result};
///
/// /// Parameters in memory, by name.
/// struct InMemory(BTreeMap<String, Array2<f32>>);
///
/// impl Arrays<f32> for InMemory {
///     fn take(&mut self, name: &str, rows: usize, columns: usize) -> Result<Array2<f32>> {
///         let array = self.0.remove(name).filter(|array| array.dim() == (rows, columns));
///         let problem = format!("there is no {name} of {rows} x {columns}");
///         array.ok_or(Error::Format { what: "the parameters".into(), problem })
///     }
/// }
///
/// let mut arrays = InMemory([("0.weight".to_owned(), Array2::zeros((2, 3)))].into());
/// assert_eq!(arrays.take("0.weight", 2, 3)?.dim(), (2, 3));
/// assert!(arrays.take("0.weight", 2, 3).is_err());
/// # Ok::<(), Error>(())
/// ```
///
/// [`Registry::network`] creates a network from a description and such a source.
pub trait Arrays<A: Scalar> {
    /// Takes the array `name` as a row-major matrix of this size.
    ///
    /// # Errors
    /// If there is no such array, or its size is different.
    fn take(&mut self, name: &str, rows: usize, columns: usize) -> Result<Array2<A>>;
}

type MakeLayer<A> = fn(&mut Parts<'_, A>) -> Result<Box<dyn Layer<A>>>;
type MakeJoin<A> = fn(&mut Parts<'_, A>) -> Result<Box<dyn Join<A>>>;

/// The kinds of layers and joins that can be restored: those of this crate, and registered ones.
///
/// ```
/// use neuropil::layer::{Parts, Registry, Restore};
/// use neuropil::prelude::*;
/// use neuropil::spec::Spec;
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
/// impl<A: Scalar> Restore<A> for Square {
///     const KIND: &'static str = "square";
///     fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
///         Ok(Self)
///     }
/// }
///
/// let mut registry = Registry::<f32>::new();
/// registry.register::<Square>();
/// assert!(registry.knows("square") && registry.knows("dense"));
/// ```
#[derive(Clone)]
pub struct Registry<A: Scalar> {
    layers: BTreeMap<String, MakeLayer<A>>,
    joins: BTreeMap<String, MakeJoin<A>>,
}

impl<A: Scalar> Registry<A> {
    /// Creates an empty registry, without the layers of this crate.
    pub fn empty() -> Self {
        Self { layers: BTreeMap::new(), joins: BTreeMap::new() }
    }

    /// Registers a kind of layer, replacing any of the same name.
    pub fn register<L: Restore<A> + Layer<A>>(&mut self) {
        self.layers.insert(L::KIND.to_owned(), |parts| Ok(Box::new(L::restore(parts)?)));
    }

    /// Registers a kind of join, replacing any of the same name.
    pub fn register_join<J: Restore<A> + Join<A>>(&mut self) {
        self.joins.insert(J::KIND.to_owned(), |parts| Ok(Box::new(J::restore(parts)?)));
    }

    /// Whether layers or joins of this kind can be restored.
    pub fn knows(&self, kind: &str) -> bool {
        self.layers.contains_key(kind) || self.joins.contains_key(kind)
    }
}

impl<A: Scalar> fmt::Debug for Registry<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.layers.keys().chain(self.joins.keys())).finish()
    }
}

/// The parts of a layer: its [`Spec`] and its parameters.
///
/// Only [`array`](Self::array) allocates memory for parameters, and only for arrays of the size that the source has, so
/// a wrong size in a description cannot exhaust memory.
pub struct Parts<'a, A: Scalar> {
    spec: &'a Spec,
    /// The prefix of names: `2.` for the third layer of a network.
    prefix: String,
    arrays: &'a mut dyn Arrays<A>,
    registry: &'a Registry<A>,
}

impl<'a, A: Scalar> Parts<'a, A> {
    pub(crate) fn new(spec: &'a Spec, arrays: &'a mut dyn Arrays<A>, registry: &'a Registry<A>) -> Self {
        Self { spec, prefix: String::new(), arrays, registry }
    }

    /// The kind and settings.
    pub fn spec(&self) -> &'a Spec {
        self.spec
    }

    /// The parameter or statistic `name` (see [`Layer::visit`]), as a matrix of this size.
    ///
    /// # Errors
    /// If there is no such array, or its size is different.
    pub fn array(&mut self, name: &str, rows: usize, columns: usize) -> Result<Array2<A>> {
        self.arrays.take(&format!("{}{name}", self.prefix), rows, columns)
    }

    /// A weight of shape `dims`, as a matrix of this size.
    ///
    /// # Errors
    /// Those of [`array`](Self::array).
    pub fn weight(&mut self, name: &'static str, dims: &[usize], rows: usize, columns: usize) -> Result<Parameter<A>> {
        Ok(Parameter::new(name, Role::Weight, dims, self.array(name, rows, columns)?))
    }

    /// A bias, offset or scale: one row of `count` elements.
    ///
    /// # Errors
    /// Those of [`array`](Self::array).
    pub fn bias(&mut self, name: &'static str, count: usize) -> Result<Parameter<A>> {
        Ok(Parameter::new(name, Role::Bias, &[count], self.array(name, 1, count)?))
    }

    /// A running statistic: one row of `count` elements.
    ///
    /// # Errors
    /// Those of [`array`](Self::array).
    pub fn statistic(&mut self, name: &'static str, count: usize) -> Result<Parameter<A>> {
        Ok(Parameter::new(name, Role::Statistic, &[count], self.array(name, 1, count)?))
    }

    /// Restores an inner layer; the names of its parameters are prefixed with `name` and a dot.
    ///
    /// # Errors
    /// If the layer cannot be restored.
    pub fn layer(&mut self, name: &str, spec: &Spec) -> Result<Box<dyn Layer<A>>> {
        self.within(name, spec, |parts| {
            let Some(make) = parts.registry.layers.get(parts.spec.kind()) else {
                return Err(parts.unknown("layer", parts.registry.joins.contains_key(parts.spec.kind())));
            };
            let layer = make(parts)?;
            parts.check(layer.spec())?;
            Ok(layer)
        })
    }

    /// Restores an inner join, like [`layer`](Self::layer).
    ///
    /// # Errors
    /// If the join cannot be restored.
    pub fn join(&mut self, name: &str, spec: &Spec) -> Result<Box<dyn Join<A>>> {
        self.within(name, spec, |parts| {
            let Some(make) = parts.registry.joins.get(parts.spec.kind()) else {
                return Err(parts.unknown("join", parts.registry.layers.contains_key(parts.spec.kind())));
            };
            let join = make(parts)?;
            parts.check(join.spec())?;
            Ok(join)
        })
    }

    fn unknown(&self, wanted: &str, is_other: bool) -> Error {
        self.spec.problem(if is_other {
            format!("a {wanted} is needed in its place")
        } else {
            format!("no {wanted} of this kind is known; call `Registry::register` for it")
        })
    }

    /// Rejects settings unknown to the restored layer, so that options of newer versions are not silently ignored.
    pub(crate) fn check(&self, again: Option<Spec>) -> Result<()> {
        let Some(again) = again else { return Ok(()) };
        match self.spec.settings().iter().find(|(name, _)| again.get(name).is_none()) {
            Some((name, _)) => Err(self.spec.problem(format!(
                "`{name}` is not a setting of it in this version; the file may come from a newer one: update neuropil"
            ))),
            None => Ok(()),
        }
    }

    fn within<R>(&mut self, name: &str, spec: &Spec, f: impl FnOnce(&mut Parts<'_, A>) -> Result<R>) -> Result<R> {
        let prefix = format!("{}{name}.", self.prefix);
        f(&mut Parts { spec, prefix, arrays: self.arrays, registry: self.registry })
    }
}

impl<A: Scalar> fmt::Debug for Parts<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parts({}{})", self.prefix, self.spec.kind())
    }
}
