//! [`Cell`]: the arithmetic of one step of a recurrent layer.

use std::fmt::Debug;

use crate::spec::Spec;
use crate::spec::onnx::{Attribute, Operators};
use crate::spec::rust::Function;
use crate::{Error, Result, Scalar};

/// One step of a recurrent layer for one sample: two functions of slices, forward and backward.
///
/// [`Recurrent`](super::Recurrent) does the rest for all cells: products, stacking, directions, padding and state. A
/// custom cell is one `impl` of this trait.
///
/// Each gate is a block of `units` columns of x·Wₓ and h·Wₕ. A step works on a row of blocks: the sums of both products
/// and the biases. By default these are the gates in order; [`FROM_X`](Self::FROM_X) and [`FROM_H`](Self::FROM_H) can
/// lay out more blocks than gates, to keep the two parts of a gate separate.
///
/// A state is `[h, c]`: the hidden state, and the cell state, empty unless [`HAS_C`](Self::HAS_C).
///
/// ```
/// use neuropil::layers::{Cell, Recurrent};
/// use neuropil::prelude::*;
/// use neuropil::spec::Spec;
///
/// /// h = x·Wₓ + bₓ + h·Wₕ + bₕ, without an activation.
/// #[derive(Debug, Clone, PartialEq)]
/// struct LinearCell;
///
/// impl Cell for LinearCell {
///     const NAME: &'static str = "LinearRnn";
///     const KIND: &'static str = "linear_rnn";
///     const GATES: usize = 1;
///     const FROM_X: &'static [(usize, usize, usize)] = &[(0, 1, 0)];
///
///     fn forward<A: Scalar>(&self, gates: &mut [A], _: [&[A]; 2], [h, _]: [&mut [A]; 2]) {
///         h.copy_from_slice(gates);
///     }
///     fn backward<A: Scalar>(&self, _: &[A], _: [&[A]; 2], _: [&[A]; 2], dgates: &mut [A], [dh, _]: [&mut [A]; 2]) {
///         dgates.copy_from_slice(dh);
///         dh.fill(A::ZERO);
///     }
///     fn restore(_: &Spec) -> Result<Self> {
///         Ok(Self)
///     }
/// }
///
/// let layer = Recurrent::<f64, _>::with_cell(LinearCell, 3, 2, &mut rng(1));
/// let x = Init::STANDARD_NORMAL.matrix(2, 12, &mut rng(2));
/// let report = neuropil::gradcheck::layer(&layer, [4, 3], &x, 1)?;
/// assert!(report.passes(1e-7), "{report}");
/// # Ok::<(), Error>(())
/// ```
pub trait Cell: Clone + Debug + PartialEq + Send + Sync + 'static {
    /// The layer's name.
    const NAME: &'static str;
    /// The kind of its [`Spec`].
    const KIND: &'static str;
    /// The number of gates: blocks of columns of Wₓ and Wₕ.
    const GATES: usize;
    /// The number of blocks that a step works on.
    const BLOCKS: usize = Self::GATES;
    /// Where the blocks of x·Wₓ are added: (first block, number of blocks, first block of the step).
    const FROM_X: &'static [(usize, usize, usize)];
    /// The first block of the step to which h·Wₕ is added.
    const FROM_H: usize = 0;
    /// Whether there is a cell state c.
    const HAS_C: bool = false;
    /// Keras' gate order, as indices of the gates here; empty if it is the same.
    const KERAS_GATES: &'static [usize] = &[];
    /// ONNX's gate order, as indices of the gates here; empty if there is no such operator.
    const ONNX_GATES: &'static [usize] = &[];

    /// Computes the state `after` the step from that `before` it. `gates` holds the sums, and is overwritten with what
    /// [`backward`](Self::backward) needs.
    fn forward<A: Scalar>(&self, gates: &mut [A], before: [&[A]; 2], after: [&mut [A]; 2]);

    /// From dL/d(state after the step) in `dstate`: writes dL/d(sums) into `dgates`, and into `dstate` the gradient
    /// with respect to the previous state, except the part through h·Wₕ.
    fn backward<A: Scalar>(
        &self,
        gates: &[A],
        before: [&[A]; 2],
        after: [&[A]; 2],
        dgates: &mut [A],
        dstate: [&mut [A]; 2],
    );

    /// Whether [`reset`](Self::reset) changes what the last gate's columns of Wₕ are multiplied with.
    fn resets(&self) -> bool {
        false
    }

    /// Computes what the last gate's columns of Wₕ are multiplied with in place of `h`, from the sums of the other
    /// gates, which it may overwrite.
    fn reset<A: Scalar>(&self, _gates: &mut [A], _h: &[A], _reset: &mut [A]) {}

    /// The backward pass of [`reset`](Self::reset), after [`backward`](Self::backward): from dL/d(reset), writes the
    /// gradients with respect to the sums that it used into `dgates`, and adds to `dh`, the gradient with respect to
    /// `h`.
    fn reset_backward<A: Scalar>(&self, _gates: &[A], _h: &[A], _dreset: &[A], _dgates: &mut [A], _dh: &mut [A]) {}

    /// Adds the cell's own settings.
    fn describe(&self, spec: Spec) -> Spec {
        spec
    }

    /// Restores the cell from its settings.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) if one is missing or wrong.
    fn restore(spec: &Spec) -> Result<Self>;

    /// Adds the ONNX operator. Its inputs are the current value and `rest` (W, R, B and the lengths); `shared` are
    /// attributes besides its own.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if there is no such operator.
    fn onnx(
        &self,
        _operators: &mut Operators,
        _rest: [&str; 4],
        _shared: [(&str, Attribute<'static>); 2],
    ) -> Result<()> {
        let what = "cannot be written as ONNX; implement `Cell::onnx` for it".to_owned();
        Err(Error::Unsupported { layer: Self::NAME.to_owned(), what })
    }

    /// The step as a Rust function `(x: &mut [Number], from_h: &[Number], h: &mut [Number], c: &mut [Number])`, which
    /// turns h and c into the next state; x is x·Wₓ + bₓ, `from_h` is h·Wₕ + bₕ, each with all gates in order.
    fn rust(&self) -> Option<Function> {
        None
    }

    /// What `Debug` adds to the layer's name, such as `, relu`.
    fn note(&self) -> &'static str {
        ""
    }
}

/// The four blocks of a step.
#[inline(always)]
pub(in crate::layers) fn blocks<A>(gates: &[A]) -> [&[A]; 4] {
    let (one_two, three_four) = gates.split_at(gates.len() / 2);
    let (one, two) = one_two.split_at(gates.len() / 4);
    let (three, four) = three_four.split_at(gates.len() / 4);
    [one, two, three, four]
}

#[inline(always)]
pub(in crate::layers) fn blocks_mut<A>(gates: &mut [A]) -> [&mut [A]; 4] {
    let units = gates.len() / 4;
    let (one_two, three_four) = gates.split_at_mut(2 * units);
    let (one, two) = one_two.split_at_mut(units);
    let (three, four) = three_four.split_at_mut(units);
    [one, two, three, four]
}
