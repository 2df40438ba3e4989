//! [`Parallel`]: branches that take the same input, and whose outputs are joined.

use std::any::TypeId;
use std::fmt;

use ndarray::Array2;

use crate::error::check_size;
use crate::kernels::{flat, flat_mut, resize};
use crate::layers::{Backward, Cache, Info, Layer, Pass};
use crate::network::fork::{Fork, add};
use crate::network::nodes::Nodes;
use crate::spec::{Parts, Spec};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Branches side by side, whose outputs are added up or stand next to each other as channels: the block of an inception
/// network (Szegedy and others, 2015).
///
/// y = Σ fᵢ(x) for [`sum`](Self::sum), where the fᵢ give one shape; for [`concat`](Self::concat), y has the features of
/// f₀(x), then those of f₁(x) and so on, in each step of a sequence, or their channels if they are images. dx is the sum
/// of what comes back through the branches. A branch is any layer, most often a [`Sequential`](crate::Sequential); its
/// parameters are named `branch0.…`, `branch1.…`. [`Identity`](crate::activations::Identity) passes the input on.
///
/// # Errors
/// In a network: [`Error::Input`] for branches whose outputs do not fit each other; [`Error::Setting`] without branches;
/// and the errors of the branches.
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
    join: Join,
    nodes: Nodes<A>,
}

/// What becomes of the branches' outputs.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Join {
    Sum,
    Concat,
}

impl<A: Scalar> Parallel<A> {
    /// Branches whose outputs are added up; none yet.
    pub fn sum() -> Self {
        Self { join: Join::Sum, nodes: Nodes::new() }
    }

    /// Branches whose outputs stand next to each other, as features or channels; none yet.
    pub fn concat() -> Self {
        Self { join: Join::Concat, nodes: Nodes::new() }
    }

    /// The same with one more branch.
    pub fn branch(self, layer: impl Layer<A>) -> Self {
        self.push(Box::new(layer))
    }

    fn push(mut self, layer: Box<dyn Layer<A>>) -> Self {
        self.nodes.push(format!("branch{}", self.nodes.len()), layer);
        self
    }

    /// The branches.
    #[cfg(feature = "files")]
    pub(crate) fn nodes(&self) -> &Nodes<A> {
        &self.nodes
    }

    /// Whether the outputs are added up.
    #[cfg(feature = "files")]
    pub(crate) fn adds(&self) -> bool {
        self.join == Join::Sum
    }

    pub(super) fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let mut parallel = match spec.text("join")? {
            "sum" => Self::sum(),
            "concat" => Self::concat(),
            other => return Err(spec.problem(format!("`join` is {other}; give it as sum or concat"))),
        };
        for (i, branch) in spec.layers("branches")?.into_iter().enumerate() {
            parallel = parallel.push(parts.layer(&format!("branch{i}"), branch).map_err(|error| error.at(i))?);
        }
        Ok(parallel)
    }

    /// The shape after the branches from 0 to `index`, whose own is `one`, when `all` is that before it.
    fn joined(&self, index: usize, all: Shape, one: Shape) -> Result<Shape> {
        use Shape::{Flat, Image, Sequence};
        match (self.join, all, one) {
            (Join::Sum, ..) if all == one => return Ok(all),
            (Join::Concat, Flat(a), Flat(b)) => return Ok(Flat(a.saturating_add(b))),
            (Join::Concat, Sequence { steps, features }, Sequence { steps: same, features: more }) if steps == same => {
                return Ok(Sequence { steps, features: features.saturating_add(more) });
            }
            (Join::Concat, Image { channels, height, width }, Image { channels: more, height: h, width: w })
                if (height, width) == (h, w) =>
            {
                return Ok(Image { channels: channels.saturating_add(more), height, width });
            }
            _ => {}
        }
        let kind = match self.join {
            Join::Sum => "the same output",
            Join::Concat => "the same output but for its features or channels",
        };
        let wants = format!("{kind} from branch {index} as from those before it, {all}");
        Err(Error::Input { layer: format!("{self:?}"), wants, got: one })
    }
}

impl<A: Scalar> Layer<A> for Parallel<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let mut all = None;
        for (i, node) in self.nodes.iter().enumerate() {
            let one = node.layer.output_shape(input).map_err(|error| error.at(i))?;
            all = Some(all.map_or(Ok(one), |all| self.joined(i, all, one))?);
        }
        let none = || Error::Setting { what: "the branches of Parallel".into(), wants: "at least 1", got: 0.0 };
        check_size(self, input, all.ok_or_else(none)?)
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let lines = lines(self.output_shape(pass.input)?);
        let outputs = self.nodes.fork(x, pass)?;
        match self.join {
            Join::Sum => {
                y.assign(&outputs[0]);
                outputs[1..].iter().for_each(|output| add(y, output));
            }
            Join::Concat => {
                let (total, mut offset) = (y.ncols() / lines, 0);
                for output in outputs {
                    let width = output.ncols() / lines;
                    let parts =
                        flat_mut(y).chunks_exact_mut(total.max(1)).map(|line| &mut line[offset..offset + width]);
                    parts
                        .zip(flat(output).chunks_exact(width.max(1)))
                        .for_each(|(y, output)| y.copy_from_slice(output));
                    offset += width;
                }
            }
        }
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) {
        if let (Join::Concat, Ok(shape)) = (self.join, self.output_shape(pass.input)) {
            let Fork { outputs, gradients, .. } = pass.cache.get::<Fork<A>>();
            gradients.resize_with(outputs.len(), || Array2::default((0, 0)));
            let (total, mut offset) = (at.dy.ncols() / lines(shape), 0);
            for (output, gradient) in outputs.iter().zip(gradients) {
                let width = output.ncols() / lines(shape);
                resize(gradient, output.nrows(), output.ncols());
                let parts = flat(at.dy).chunks_exact(total.max(1)).map(|line| &line[offset..offset + width]);
                parts
                    .zip(flat_mut(gradient).chunks_exact_mut(width.max(1)))
                    .for_each(|(dy, one)| one.copy_from_slice(dy));
                offset += width;
            }
        }
        self.nodes.join_gradients(at, pass);
    }

    fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        self.nodes.visit(f);
    }

    fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        self.nodes.visit_mut(f);
    }

    fn update_statistics(&mut self, cache: &mut Cache) {
        self.nodes.update_statistics(&mut cache.get::<Fork<A>>().caches);
    }

    fn scale_rates(&self, rates: &mut [f64]) {
        self.nodes.scale_rates(rates);
    }

    fn multiply_adds(&self, input: Shape) -> u64 {
        self.nodes.iter().map(|node| node.layer.multiply_adds(input)).sum()
    }

    fn differentiable(&self) -> bool {
        self.nodes.iter().any(|node| node.layer.differentiable())
    }

    fn spec(&self) -> Option<Spec> {
        let join = if self.join == Join::Sum { "sum" } else { "concat" };
        Some(Spec::new("parallel").set("join", join).set("branches", self.nodes.specs()?))
    }

    fn identity(&self) -> (TypeId, usize) {
        (TypeId::of::<Self>(), self.nodes.id())
    }
}

/// How many lines of features a row has: the steps of a sequence, one line otherwise.
fn lines(shape: Shape) -> usize {
    if let Shape::Sequence { steps, .. } = shape { steps.max(1) } else { 1 }
}

impl<A: Scalar> fmt::Debug for Parallel<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let branches: Vec<_> = self.nodes.iter().map(|node| &node.layer).collect();
        let join = if self.join == Join::Sum { "sum" } else { "concatenation" };
        write!(f, "Parallel({join} of {branches:?})")
    }
}
