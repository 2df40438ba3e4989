//! [`LossPart`]: a loss on some columns of outputs and target.

use std::fmt;
use std::ops::Range;

use ndarray::{Array2, s};

use super::{Loss, Scratch};
use crate::kernels::resize;
use crate::{Error, Matrix, Result, Scalar};

/// One term of a loss on several outputs: see [`Loss::parts`].
pub struct LossPart<A: Scalar> {
    /// The name of the output.
    pub name: String,
    /// The columns of the outputs.
    pub outputs: Range<usize>,
    /// The columns of the target.
    pub targets: Range<usize>,
    /// The weight of the loss.
    pub weight: f64,
    /// The loss on these columns.
    pub loss: Box<dyn Loss<A>>,
}

impl<A: Scalar> fmt::Debug for LossPart<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, weight, loss, .. } = self;
        write!(f, "{name}: {weight} * {loss:?}")
    }
}

/// The buffers of one part.
#[derive(Debug, Clone)]
pub(super) struct PartScratch<A> {
    y: Array2<A>,
    target: Array2<A>,
    dy: Array2<A>,
    scratch: Scratch<A>,
}

impl<A: Scalar> PartScratch<A> {
    fn new() -> Self {
        let empty = || Array2::default((0, 0));
        Self { y: empty(), target: empty(), dy: empty(), scratch: Scratch::default() }
    }
}

/// L = Σ weight·loss over the parts, each on its columns, and dL/dy; columns outside all parts have gradient 0.
pub(super) fn reduce<A: Scalar>(
    memory: &mut Vec<PartScratch<A>>,
    parts: &[LossPart<A>],
    y: &Matrix<A>,
    target: &Matrix<A>,
    weights: Option<&[A]>,
    mut dy: Option<&mut Matrix<A>>,
) -> Result<A> {
    memory.resize_with(parts.len(), PartScratch::new);
    if let Some(dy) = dy.as_deref_mut() {
        dy.fill(A::ZERO);
    }
    let mut sum = A::ZERO;
    for (part, memory) in parts.iter().zip(memory) {
        let weight = A::of(part.weight);
        resize(&mut memory.y, y.nrows(), part.outputs.len())?;
        memory.y.assign(&y.slice(s![.., part.outputs.clone()]));
        resize(&mut memory.target, target.nrows(), part.targets.len())?;
        memory.target.assign(&target.slice(s![.., part.targets.clone()]));
        resize(&mut memory.dy, y.nrows(), part.outputs.len())?;
        let own = if dy.is_some() { Some(&mut *memory.dy) } else { None };
        sum += weight * memory.scratch.reduce(&*part.loss, &memory.y, &memory.target, weights, own)?;
        if let Some(dy) = dy.as_deref_mut() {
            dy.slice_mut(s![.., part.outputs.clone()]).zip_mut_with(&memory.dy, |dy, &own| *dy += weight * own);
        }
    }
    Ok(sum)
}

/// Checks the widths of outputs and target, and the columns of each part.
pub(crate) fn check<A: Scalar>(
    parts: &[LossPart<A>],
    wants: [usize; 2],
    y: &Matrix<A>,
    target: &Matrix<A>,
) -> Result<()> {
    let got = [y.ncols(), target.ncols()];
    if got != wants || y.nrows() != target.nrows() {
        let text = |[outputs, targets]: [usize; 2]| format!("{outputs} columns of outputs and {targets} of targets");
        let rows = if y.nrows() == target.nrows() {
            String::new()
        } else {
            format!(" in {} and {} rows", y.nrows(), target.nrows())
        };
        let loss = format!("the losses {parts:?}");
        return Err(Error::Target { who: loss, wants: text(wants), got: text(got) + &rows, row: None });
    }
    for part in parts {
        part.loss.check(&y.slice(s![.., part.outputs.clone()]), &target.slice(s![.., part.targets.clone()]))?;
    }
    Ok(())
}
