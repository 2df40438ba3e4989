//! [`Parameter`]: a matrix with a name, a role and a shape.

use std::borrow::Cow;
use std::fmt::{self, Debug, Display};
use std::ops::{Deref, DerefMut};

use ndarray::Array2;

use crate::Scalar;

/// The role of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// A trainable weight.
    Weight,
    /// A trainable bias, offset or scale, usually exempt from weight decay.
    Bias,
    /// A running statistic: saved with the network, not trained.
    Statistic,
}

impl Role {
    /// Whether optimizers update it.
    pub fn is_trainable(self) -> bool {
        self != Self::Statistic
    }
}

/// The description of a parameter in [`Layer::visit`](super::Layer::visit).
#[derive(Clone, Copy)]
pub struct Info<'a> {
    /// Its name, such as `weight`, or `2.weight` in a network.
    pub name: &'a dyn Display,
    /// Its role.
    pub role: Role,
    /// Its shape before flattening to a matrix, such as (output channels, input channels, height, width) for the weight
    /// of a convolution.
    pub dims: &'a [usize],
}

impl Debug for Info<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?}", self.name, self.role, self.dims)
    }
}

/// A parameter or running statistic of a layer: a matrix with a name, a role and its shape before flattening to a
/// matrix.
///
/// It dereferences to its matrix. [`parameters!`](crate::parameters) exposes the parameters of a layer to optimizers,
/// files and checks.
///
/// ```
/// use neuropil::layer::{Parameter, Role};
///
/// let weight = Parameter::weight("weight", &[2, 1], ndarray::array![[0.5], [1.5]]);
/// assert_eq!(weight.info().role, Role::Weight);
/// assert_eq!(weight.sum(), 2.0); // the matrix's own methods
/// ```
#[derive(Clone, PartialEq)]
pub struct Parameter<A> {
    name: Cow<'static, str>,
    role: Role,
    dims: Vec<usize>,
    values: Array2<A>,
}

impl<A> Parameter<A> {
    /// Creates a parameter; the matrix is stored in row-major order.
    pub fn new(name: impl Into<Cow<'static, str>>, role: Role, dims: &[usize], values: Array2<A>) -> Self
    where
        A: Clone,
    {
        let values = if values.is_standard_layout() { values } else { values.as_standard_layout().into_owned() };
        Self { name: name.into(), role, dims: dims.to_vec(), values }
    }

    /// A trainable weight.
    pub fn weight(name: impl Into<Cow<'static, str>>, dims: &[usize], values: Array2<A>) -> Self
    where
        A: Clone,
    {
        Self::new(name, Role::Weight, dims, values)
    }

    /// A trainable bias, offset or scale.
    pub fn bias(name: impl Into<Cow<'static, str>>, dims: &[usize], values: Array2<A>) -> Self
    where
        A: Clone,
    {
        Self::new(name, Role::Bias, dims, values)
    }

    /// A running statistic.
    pub fn statistic(name: impl Into<Cow<'static, str>>, dims: &[usize], values: Array2<A>) -> Self
    where
        A: Clone,
    {
        Self::new(name, Role::Statistic, dims, values)
    }

    /// Its name, role and shape.
    pub fn info(&self) -> Info<'_> {
        Info { name: &self.name, role: self.role, dims: &self.dims }
    }

    /// The matrix.
    pub fn values(&self) -> &Array2<A> {
        &self.values
    }
}

impl<A> Deref for Parameter<A> {
    type Target = Array2<A>;
    fn deref(&self) -> &Array2<A> {
        &self.values
    }
}

impl<A> DerefMut for Parameter<A> {
    fn deref_mut(&mut self) -> &mut Array2<A> {
        &mut self.values
    }
}

impl<A> Debug for Parameter<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.info())
    }
}

/// A field of a layer that holds parameters: one, an optional one, or several. See [`parameters!`](crate::parameters).
pub trait Parameters<A> {
    /// Visits each parameter.
    ///
    /// A group of parameters can be a type of its own:
    ///
    /// ```
    /// use neuropil::layer::{Info, Parameter, Parameters};
    /// use neuropil::ndarray::{Array2, array};
    /// use neuropil::Scalar;
    ///
    /// /// A scale and a shift.
    /// struct Affine<A> {
    ///     scale: Parameter<A>,
    ///     shift: Parameter<A>,
    /// }
    ///
    /// impl<A: Scalar> Parameters<A> for Affine<A> {
    ///     fn show(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
    ///         self.scale.show(f);
    ///         self.shift.show(f);
    ///     }
    ///
    ///     fn show_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
    ///         self.scale.show_mut(f);
    ///         self.shift.show_mut(f);
    ///     }
    /// }
    ///
    /// let affine = Affine {
    ///     scale: Parameter::weight("scale", &[2], array![[1.0, 1.0]]),
    ///     shift: Parameter::bias("shift", &[2], array![[0.0, 0.0]]),
    /// };
    /// let mut names = Vec::new();
    /// affine.show(&mut |info, _| names.push(info.name.to_string()));
    /// assert_eq!(names, ["scale", "shift"]);
    /// ```
    fn show(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>));

    /// Like [`show`](Self::show), with mutable access.
    fn show_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>));
}

impl<A: Scalar> Parameters<A> for Parameter<A> {
    fn show(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        f(self.info(), &self.values);
    }

    fn show_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        f(Info { name: &self.name, role: self.role, dims: &self.dims }, &mut self.values);
    }
}

impl<A, P: Parameters<A>> Parameters<A> for Option<P> {
    fn show(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        if let Some(parameters) = self {
            parameters.show(f);
        }
    }

    fn show_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        if let Some(parameters) = self {
            parameters.show_mut(f);
        }
    }
}

impl<A, P: Parameters<A>> Parameters<A> for [P] {
    fn show(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        self.iter().for_each(|parameters| parameters.show(f));
    }

    fn show_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        self.iter_mut().for_each(|parameters| parameters.show_mut(f));
    }
}

impl<A, P: Parameters<A>> Parameters<A> for Vec<P> {
    fn show(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        (**self).show(f);
    }

    fn show_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        (**self).show_mut(f);
    }
}

/// Declares the parameters of a [`Layer`](crate::layer::Layer) or [`Join`](crate::layer::Join): the scalar type, then
/// the fields that hold them, in order.
///
/// Used inside the `impl`, it defines `visit` and `visit_mut`. A field is a [`Parameter`](crate::layer::Parameter), an
/// `Option` or a `Vec` of them, or another type that implements [`Parameters`](crate::layer::Parameters). See the
/// example at [`Layer`](crate::layer::Layer).
#[macro_export]
macro_rules! parameters {
    ($scalar:ty: $($field:ident),+ $(,)?) => {
        fn visit(&self, f: &mut dyn FnMut($crate::layer::Info<'_>, &$crate::ndarray::Array2<$scalar>)) {
            $($crate::layer::Parameters::show(&self.$field, f);)+
        }

        fn visit_mut(&mut self, f: &mut dyn FnMut($crate::layer::Info<'_>, &mut $crate::ndarray::Array2<$scalar>)) {
            $($crate::layer::Parameters::show_mut(&mut self.$field, f);)+
        }
    };
}
