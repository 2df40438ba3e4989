//! [`Node`]: a layer or join of a network.

use std::any::Any;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::Array2;

use super::{Network, Parallel, Residual, Sequential};
use crate::kernels::make_row_major;
use crate::layer::{Cache, Info, Join, Layer, Needs, Role, Steps, product};
use crate::spec::Spec;
use crate::{Error, Result, Scalar, Shape};

/// A layer or join of a network.
#[derive(Clone)]
pub(super) struct Node<A: Scalar> {
    pub(super) op: Op<A>,
    /// The prefix of its parameters' names, before a dot.
    pub(super) name: String,
    /// The range of its trainable parameters among those of the network.
    pub(super) slots: Range<usize>,
    /// Whether it has running statistics.
    statistics: bool,
    /// Its learning rate, as a multiple of the optimizer's.
    pub(super) rate: f64,
}

/// What a node applies.
#[derive(Clone)]
pub(super) enum Op<A: Scalar> {
    Layer(Box<dyn Layer<A>>),
    Join(Box<dyn Join<A>>),
}

impl<A: Scalar> Node<A> {
    /// `first` is the number of trainable parameters before its own.
    pub(super) fn new(name: String, op: Op<A>, first: usize) -> Self {
        let (mut slots, mut statistics) = (0, false);
        op.visit(&mut |info, _| {
            slots += usize::from(info.role.is_trainable());
            statistics |= info.role == Role::Statistic;
        });
        Self { op, name, slots: first..first + slots, statistics, rate: 1.0 }
    }

    /// Whether training changes it.
    pub(super) fn learns(&self) -> bool {
        !self.slots.is_empty() && self.rate > 0.0
    }

    /// As [`Layer::visit`].
    pub(super) fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        let name = &self.name;
        self.op.visit(&mut |info, matrix| f(Info { name: &format_args!("{name}.{}", info.name), ..info }, matrix));
    }

    /// As [`Layer::visit_mut`].
    pub(super) fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        let name = &self.name;
        let mut visit = |info: Info<'_>, matrix: &mut Array2<A>| {
            let dim = matrix.dim();
            f(Info { name: &format_args!("{name}.{}", info.name), ..info }, matrix);
            keep_form(matrix, dim);
        };
        match &mut self.op {
            Op::Layer(layer) => layer.visit_mut(&mut visit),
            Op::Join(join) => join.visit_mut(&mut visit),
        }
    }

    /// [`Layer::scale_rates`] for this node's parameters.
    pub(super) fn scale_rates(&self, rates: &mut [f64]) {
        if let Op::Layer(layer) = &self.op {
            layer.scale_rates(rates);
        }
        rates.iter_mut().for_each(|rate| *rate *= self.rate);
    }

    /// Whether training updates its running statistics.
    pub(super) fn has_statistics(&self) -> bool {
        self.statistics && self.rate > 0.0
    }

    /// As [`Layer::update_statistics`].
    pub(super) fn update_statistics(&mut self, cache: &mut Cache) {
        if self.has_statistics()
            && let Op::Layer(layer) = &mut self.op
        {
            layer.update_statistics(cache);
        }
    }
}

impl<A: Scalar> Op<A> {
    /// Unwraps a boxed layer.
    pub(super) fn layer(layer: Box<dyn Layer<A>>) -> Self {
        if !(&*layer as &dyn Any).is::<Box<dyn Layer<A>>>() {
            return Self::Layer(layer);
        }
        let any: Box<dyn Any> = layer;
        any.downcast::<Box<dyn Layer<A>>>().map_or_else(|_| unreachable!("it is a box"), |inner| Self::layer(*inner))
    }

    pub(super) fn as_layer(&self) -> Option<&dyn Layer<A>> {
        if let Self::Layer(layer) = self { Some(&**layer) } else { None }
    }

    pub(super) fn as_any(&self) -> &dyn Any {
        match self {
            Self::Layer(layer) => &**layer,
            Self::Join(join) => &**join,
        }
    }

    pub(super) fn output_shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match self {
            Self::Layer(layer) => layer.output_shape(inputs[0]),
            Self::Join(join) => join.output_shape(inputs),
        }
    }

    pub(super) fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        match self {
            Self::Layer(layer) => layer.visit(f),
            Self::Join(join) => join.visit(f),
        }
    }

    /// Returns an error for a parameter that was too large to be created.
    pub(super) fn check_parameters(&self) -> Result<()> {
        let mut refused = None;
        self.visit(&mut |info, matrix| {
            let numbers = product(info.dims);
            if matrix.is_empty() && numbers > 0 && refused.is_none() {
                let what = format!("the parameter {} {:?}", info.name, info.dims);
                refused = Some((what, numbers.saturating_mul(size_of::<A>() as u64)));
            }
        });
        refused.map_or(Ok(()), |(what, bytes)| Err(Error::Memory { what, bytes, limit: None }))
    }

    pub(super) fn multiply_adds(&self, inputs: &[Shape]) -> u64 {
        match self {
            Self::Layer(layer) => layer.multiply_adds(inputs[0]),
            Self::Join(join) => join.multiply_adds(inputs),
        }
    }

    pub(super) fn needs(&self, inputs: &[Shape], output: Shape) -> Needs {
        match self {
            Self::Layer(layer) => layer.needs(inputs[0], output),
            Self::Join(join) => join.needs(inputs, output),
        }
    }

    /// As [`Layer::steps`]; `input` is the shape of the first input.
    pub(super) fn steps(&self, input: Shape) -> Steps {
        match self {
            Self::Layer(layer) => layer.steps(input),
            Self::Join(join) => join.steps(),
        }
    }

    pub(super) fn finds_lengths(&self) -> bool {
        match self {
            Self::Layer(layer) => layer.finds_lengths(),
            Self::Join(join) => join.finds_lengths(),
        }
    }

    pub(super) fn differentiable(&self) -> bool {
        self.as_layer().is_none_or(Layer::differentiable)
    }

    pub(super) fn spec(&self) -> Option<Spec> {
        match self {
            Self::Layer(layer) => layer.spec(),
            Self::Join(join) => join.spec(),
        }
    }

    /// Its `Debug` text.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Layer(layer) => format!("{layer:?}"),
            Self::Join(join) => format!("{join:?}"),
        }
    }
}

/// The layer as a network, if it is one.
pub(crate) fn as_network<A: Scalar>(layer: &dyn Layer<A>) -> Option<&Network<A>> {
    let any: &dyn Any = layer;
    any.downcast_ref::<Network<A>>()
        .or_else(|| any.downcast_ref::<Sequential<A>>().map(|chain| &**chain))
        .or_else(|| any.downcast_ref::<Residual<A>>().map(Residual::network))
        .or_else(|| any.downcast_ref::<Parallel<A>>().map(Parallel::network))
}

/// A number that was not returned before.
pub(super) fn next_id() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Restores a parameter's size and row-major layout if a visitor has changed them.
fn keep_form<A: Scalar>(matrix: &mut Array2<A>, dim: (usize, usize)) {
    if matrix.dim() != dim {
        *matrix = Array2::from_elem(dim, A::NAN);
    }
    make_row_major(matrix);
}
