//! [`Cell`]: the arithmetic of one step, which is all that recurrent layers differ in.

use std::fmt::Debug;

use crate::spec::Spec;
use crate::spec::onnx::{Attribute, Operators};
use crate::{Error, Result, Scalar};

/// One step of a recurrent layer for one sample: two functions of slices, forward and backward.
///
/// The rest (products, stacking, directions, padding, state) is [`Recurrent`](super::Recurrent), the same for all cells;
/// a cell of your own is one `impl` of this trait.
///
/// A cell has some gates, each as wide as the layer has units: x·Wₓ and h·Wₕ have a block of as many columns for
/// each gate. What a step works on is a row of blocks, to which both products and the biases have been added. Mostly
/// these are the gates in their order; [`FROM_X`](Self::FROM_X) and [`FROM_H`](Self::FROM_H) can lay out more blocks
/// than gates, where the two parts of a gate must stay apart.
///
/// A state is `[h, c]`: the output of the step, and a cell state, which is of length 0 unless
/// [`HAS_C`](Self::HAS_C).
pub trait Cell: Clone + Debug + PartialEq + Send + Sync + 'static {
    /// The layer's name.
    const NAME: &'static str;
    /// The kind of its [`Spec`].
    const KIND: &'static str;
    /// How many blocks of columns Wₓ and Wₕ have.
    const GATES: usize;
    /// How many blocks a step works on.
    const BLOCKS: usize = Self::GATES;
    /// Where the blocks of x·Wₓ are added: (the first block, how many, the block of the step where they begin).
    const FROM_X: &'static [(usize, usize, usize)];
    /// Where the blocks of h·Wₕ are added: the block of the step where they begin.
    const FROM_H: usize = 0;
    /// Whether the state has a `c`.
    const HAS_C: bool = false;
    /// The gates as Keras orders them, each by its number here; empty if it has the same order.
    const KERAS_GATES: &'static [usize] = &[];
    /// The gates as the operator of ONNX orders them, each by its number here; empty if there is no such operator.
    const ONNX_GATES: &'static [usize] = &[];

    /// Computes the state `after` the step from that `before` it. `gates` holds the sums, and then what
    /// [`backward`](Self::backward) needs.
    fn forward<A: Scalar>(&self, gates: &mut [A], before: [&[A]; 2], after: [&mut [A]; 2]);

    /// From dL/d(state after the step) in `dstate`: writes dL/d(sums) into `dgates`, and leaves in `dstate` what reaches
    /// the state before the step on another way than through h·Wₕ.
    fn backward<A: Scalar>(
        &self,
        gates: &[A],
        before: [&[A]; 2],
        after: [&[A]; 2],
        dgates: &mut [A],
        dstate: [&mut [A]; 2],
    );

    /// Adds the cell's own settings.
    fn describe(&self, spec: Spec) -> Spec {
        spec
    }

    /// The cell of these settings.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) if one is missing or wrong.
    fn restore(spec: &Spec) -> Result<Self>;

    /// Adds the operator of ONNX, which takes the current value and these (W, R, B and the lengths) and has these
    /// attributes beside its own.
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
