//! [`Residual`]: a layer learns what to add to its input.

use std::any::TypeId;
use std::fmt;

use ndarray::Array2;

use crate::kernels::simd::map2;
use crate::kernels::{flat, flat_mut};
use crate::layers::{Backward, Cache, Info, Layer, Pass};
use crate::network::fork::{Fork, add};
use crate::network::nodes::Nodes;
use crate::spec::{Parts, Spec};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// A layer f with a way around it, y = x + f(x), or y = p(x) + f(x) with a projection p (He, Zhang, Ren and Sun, 2016).
///
/// The gradient takes the way around, too: dx = dy + df, where df is what comes back through f; so networks of many such
/// blocks learn. f and p are any layers, most often a [`Sequential`](crate::Sequential); f gives what it takes, or what
/// p gives. Their parameters are named `body.…` and `projection.…`.
///
/// # Errors
/// In a network: [`Error::Input`] when f gives another shape than x or p has, and the errors of f and p.
///
/// ```
/// use neuropil::prelude::*;
///
/// let rng = &mut rng(1);
/// let block = Residual::new(Sequential::mlp(&[8, 16, 8], Relu, rng)?);
/// let wider = Residual::new(Dense::new(8, 12, rng)).projection(Dense::new(8, 12, rng).without_bias());
/// let network = Sequential::<f32>::new(8).with(block)?.with(wider)?;
/// assert_eq!(network.output(), Shape::Flat(12));
/// assert_eq!(network.parameter("0.body.0.weight").unwrap().dim(), (8, 16));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Residual<A: Scalar> {
    /// f, and p if there is one.
    nodes: Nodes<A>,
}

impl<A: Scalar> Residual<A> {
    /// A block that adds its input to what `body` makes of it.
    pub fn new(body: impl Layer<A>) -> Self {
        Self::of(Box::new(body))
    }

    fn of(body: Box<dyn Layer<A>>) -> Self {
        let mut nodes = Nodes::new();
        nodes.push("body".to_owned(), body);
        Self { nodes }
    }

    /// The same block with what `projection` makes of the input in place of the input.
    pub fn projection(self, projection: impl Layer<A>) -> Self {
        self.with_projection(Box::new(projection))
    }

    fn with_projection(self, projection: Box<dyn Layer<A>>) -> Self {
        let mut nodes = Nodes::new();
        nodes.push("body".to_owned(), self.nodes[0].layer.clone());
        nodes.push("projection".to_owned(), projection);
        Self { nodes }
    }

    /// f, and p if there is one.
    #[cfg(feature = "files")]
    pub(crate) fn nodes(&self) -> &Nodes<A> {
        &self.nodes
    }

    pub(super) fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let block = Self::of(parts.layer("body", spec.layer("body")?).map_err(|error| error.at(0))?);
        if spec.get("projection").is_none() {
            return Ok(block);
        }
        let projection = parts.layer("projection", spec.layer("projection")?).map_err(|error| error.at(1))?;
        Ok(block.with_projection(projection))
    }
}

impl<A: Scalar> Layer<A> for Residual<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let body = self.nodes[0].layer.output_shape(input).map_err(|error| error.at(0))?;
        let (around, of) = match self.nodes.get(1) {
            Some(node) => (node.layer.output_shape(input).map_err(|error| error.at(1))?, "the projection"),
            None => (input, "the input (or a projection of it)"),
        };
        if body == around {
            return Ok(body);
        }
        let wants = format!("a body that gives the shape of {of}, {around}");
        Err(Error::Input { layer: format!("{self:?}"), wants, got: body })
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let outputs = self.nodes.fork(x, pass)?;
        let around = outputs.get(1).map_or(x, |projection| projection);
        map2(flat(around), flat(&outputs[0]), flat_mut(y), |around, body| around + body);
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) {
        let Backward { x, y, dy, mut dx, dw } = at;
        self.nodes.join_gradients(Backward { x, y, dy, dx: dx.as_deref_mut(), dw }, pass);
        if let Some(dx) = dx.filter(|_| self.nodes.len() == 1) {
            add(dx, dy);
        }
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
        self.nodes.len() == 1 || self.nodes.iter().any(|node| node.layer.differentiable())
    }

    fn spec(&self) -> Option<Spec> {
        let specs = self.nodes.specs()?;
        Some(
            ["body", "projection"]
                .into_iter()
                .zip(specs)
                .fold(Spec::new("residual"), |all, (name, spec)| all.set(name, spec)),
        )
    }

    fn identity(&self) -> (TypeId, usize) {
        (TypeId::of::<Self>(), self.nodes.id())
    }
}

impl<A: Scalar> fmt::Debug for Residual<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Residual({:?}", self.nodes[0].layer)?;
        self.nodes.get(1).map_or(Ok(()), |node| write!(f, ", projection {:?}", node.layer))?;
        f.write_str(")")
    }
}
