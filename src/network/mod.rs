//! [`Network`]: a graph of layers and joins, checked as it is built.

use std::sync::OnceLock;

use crate::{Result, Scalar, Shape};

// In the order in which the documentation lists the methods of a network.
mod build;
mod include;
mod predict;

mod describe;
mod display;
mod ends;
mod engine;
mod inspect;
mod lengths;
mod nodes;
mod outputs;
mod parallel;
mod parameters;
mod plan;
mod profile;
mod registry;
mod residual;
mod sequential;
mod steps;
mod stream;
mod summary;
mod transformer;
mod unpadded;
mod unpadded_join;
#[cfg(feature = "files")]
mod unused;

pub(crate) use nodes::as_network;
pub use outputs::{OutputLosses, OutputMetric};
pub use parallel::Parallel;
pub use predict::Scratch;
pub use profile::{LayerTimes, Profile};
pub use residual::Residual;
pub use sequential::Sequential;
pub(crate) use steps::{Source, StepView};
pub use stream::Stream;
pub use summary::{LayerSummary, Summary};
pub use transformer::TransformerLayer;

use nodes::Node;
use plan::Plan;

/// A graph of layers and joins. Each step computes a new value from one or more others.
///
/// A [`Layer`](crate::layer::Layer) takes one value, a [`Join`](crate::layer::Join) several. Each step is checked
/// against the sample shapes of its inputs as it is added. A layer that is used several times has one set of
/// parameters; their gradient is the sum over all uses. [`Sequential`] is a simpler way to build a chain of layers.
///
/// A network is itself a layer, so networks nest. The rows of its input matrix hold all inputs side by side, in the
/// order of their declaration; those of its output matrix hold all outputs: see [`input_rows`](Self::input_rows) and
/// [`output_of`](Self::output_of). Prediction takes `&self`: any number of threads may share one network.
///
/// ```
/// use neuropil::prelude::*;
///
/// let mut rng = rng(7);
/// let mut g = Network::<f32>::new();
/// let image = g.input("image", [1, 8, 8]);
/// let text = g.input("text", [20, 8]);
/// let flat = g.add(image, Flatten)?;
/// let seen = g.add(flat, Dense::new(64, 16, &mut rng))?;
/// let read = g.add(text, Gru::new(8, 32, &mut rng).last_state())?;
/// let both = g.join(Concat, [seen, read])?;
/// let class = g.add(both, Dense::new(48, 10, &mut rng))?;
/// let age = g.add(both, Dense::new(48, 1, &mut rng))?;
/// g.output("class", class)?;
/// g.output("age", age)?;
///
/// let (images, texts) = (ndarray::Array2::zeros((3, 64)), ndarray::Array2::zeros((3, 160)));
/// let y = g.predict(&g.input_rows(&[("image", &images), ("text", &texts)])?)?;
/// assert_eq!(g.output_of(&y, "class")?.dim(), (3, 10));
/// println!("{g}"); // a table of the steps
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Network<A: Scalar> {
    /// The layers and joins, each once.
    nodes: Vec<Node<A>>,
    /// The steps, in topological order.
    steps: Vec<Step>,
    /// The origin and the sample shape of each value; no shape in a network that accepts any input.
    values: Vec<(Origin, Option<Shape>)>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    /// The same for all clones of a network; handles with another number are rejected.
    birth: usize,
    /// Shared by clones until one of them changes; 0 without layers.
    id: usize,
    plan: OnceLock<Result<Plan>>,
    memory_limit: u64,
}

/// A value in a [`Network`]: an input, or the output of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Value {
    index: usize,
    network: usize,
}

/// A layer that a [`Network`] can use several times: see [`Network::share`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shared {
    node: usize,
    network: usize,
}

#[derive(Debug, Clone, Copy)]
enum Origin {
    Input,
    Step(usize),
}

/// A use of a layer or join.
#[derive(Debug, Clone)]
struct Step {
    node: usize,
    /// The indices of its input values.
    takes: Vec<usize>,
    /// The index of its output value.
    gives: usize,
}

/// A named input or output.
#[derive(Debug, Clone, PartialEq)]
struct Port {
    name: String,
    value: usize,
}

impl<A: Scalar> Default for Network<A> {
    fn default() -> Self {
        Self::new()
    }
}

/// The shape of a row that holds samples of these shapes side by side.
fn side_by_side(mut shapes: impl ExactSizeIterator<Item = Shape>) -> Shape {
    if shapes.len() == 1 {
        return shapes.next().unwrap_or(Shape::Flat(0));
    }
    Shape::Flat(shapes.fold(0, |sum, shape| sum.saturating_add(shape.len())))
}
