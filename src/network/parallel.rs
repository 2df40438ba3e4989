//! [`Parallel`]: branches with a common input whose outputs are joined.

use std::any::TypeId;
use std::fmt;

use ndarray::Array2;

use super::{Network, Value};
use crate::joins::{Add, Concat};
use crate::layer::boxed::delegate_layer;
use crate::layer::{Backward, Cache, Info, Layer, Needs, Parts, Pass, Restore, Steps};
use crate::spec::Spec;
use crate::{Matrix, Result, Scalar, Shape};

/// Applies branches to one input and adds or concatenates their outputs: the block of an Inception network (Szegedy et
/// al., 2015).
///
/// y = Σ fᵢ(x) for [`sum`](Self::sum), where all fᵢ have the same output shape. For [`concat`](Self::concat), y has the
/// features of f₀(x), then those of f₁(x) and so on, in each step of a sequence, or their channels for images. dx is
/// the sum of the branches' gradients. A branch is any layer, often a [`Sequential`](crate::Sequential); its parameters
/// are named `branch0.…`, `branch1.…`. [`Identity`](crate::activations::Identity) is a branch that passes the input on.
///
/// It is a small [`Network`] that accepts samples of any shape.
///
/// # Errors
/// In a network: [`Error::Input`](crate::Error::Input) for branches whose outputs do not fit each other;
/// [`Error::Empty`](crate::Error::Empty) without branches; errors of the branches.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let (half, double) = (Dense::from_parameters(array![[0.5]], array![0.0])?, Dense::from_parameters(array![[2.0]], array![0.0])?);
/// let sum = Parallel::sum().branch(half.clone()).branch(double.clone());
/// let both = Parallel::concat().branch(half).branch(double).branch(sum);
/// let network = Sequential::new(1).with(both)?;
/// assert_eq!(network.predict(&array![[4.0]])?, array![[2.0, 8.0, 10.0]]);
/// assert_eq!(network.parameter("0.branch2.branch0.weight").unwrap(), array![[0.5]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Parallel<A: Scalar> {
    join: Kind,
    network: Network<A>,
}

/// How the outputs are joined.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Sum,
    Concat,
}

impl<A: Scalar> Parallel<A> {
    /// Creates an empty block that adds the outputs of its branches.
    pub fn sum() -> Self {
        Self { join: Kind::Sum, network: Network::new() }
    }

    /// Creates an empty block that concatenates the outputs of its branches along features or channels.
    pub fn concat() -> Self {
        Self { join: Kind::Concat, network: Network::new() }
    }

    /// Adds a branch.
    #[must_use]
    pub fn branch(self, layer: impl Layer<A>) -> Self {
        let mut branches = self.network.into_layers();
        branches.push(Box::new(layer));
        Self::of(self.join, branches)
    }

    fn of(join: Kind, branches: Vec<Box<dyn Layer<A>>>) -> Self {
        let (mut g, x) = Network::open();
        let branches = branches.into_iter().enumerate();
        let ends: Vec<Value> = branches.map(|(i, branch)| g.grow(&format!("branch{i}"), branch, x)).collect();
        let joined = match join {
            Kind::Sum => g.join(Add, ends),
            Kind::Concat => g.join(Concat, ends),
        };
        // Fails only without branches; the network then stays empty, which is an error where it is used.
        if let Ok(joined) = joined {
            g.rename(g.nodes.len() - 1, "joined").expect("a new name");
            g.output("y", joined).expect("its only output");
        }
        Self { join, network: g }
    }

    pub(super) fn network(&self) -> &Network<A> {
        &self.network
    }
}

impl<A: Scalar> Layer<A> for Parallel<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        self.network.output_shape(input).map_err(|error| error.of_join("joined", &self))
    }

    delegate_layer!(A, self => self.network);

    fn spec(&self) -> Option<Spec> {
        let join = if self.join == Kind::Sum { "sum" } else { "concat" };
        let branches = self.network.layers().map(Layer::spec).collect::<Option<Vec<_>>>()?;
        Some(Spec::new("parallel").set("join", join).set("branches", branches))
    }
}

impl<A: Scalar> Restore<A> for Parallel<A> {
    const KIND: &'static str = "parallel";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let join = match spec.text("join")? {
            "sum" => Kind::Sum,
            "concat" => Kind::Concat,
            other => return Err(spec.problem(format!("`join` is {other}; give it as sum or concat"))),
        };
        let branches = spec.layers("branches")?.into_iter().enumerate().map(|(i, branch)| {
            let name = format!("branch{i}");
            parts.layer(&name, branch).map_err(|error| error.at(&name))
        });
        Ok(Self::of(join, branches.collect::<Result<_>>()?))
    }
}

impl<A: Scalar> fmt::Debug for Parallel<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let branches: Vec<_> = self.network.layers().collect();
        let join = if self.join == Kind::Sum { "sum" } else { "concatenation" };
        write!(f, "Parallel({join} of {branches:?})")
    }
}
