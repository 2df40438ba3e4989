//! [`View`]: how the axes of an ONNX value are stored in the row of a sample.

use crate::Shape;
use crate::kernels::channels_of;
use crate::spec::onnx::dims;

/// The largest number of axes.
const MOST_AXES: usize = 16;

/// The axes of an ONNX value: each is the batch, or values of a sample with certain strides in its row.
///
/// A `Transpose` or `Reshape` only changes the view; values are reordered when a layer needs it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct View(pub(super) Vec<Axis>);

/// An axis of a view.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Axis {
    Batch,
    /// Sizes and strides, outermost first; empty for an axis of size 1. Adjacent factors that can be merged are merged.
    Of(Vec<[usize; 2]>),
}

impl Axis {
    /// An axis of one size and stride.
    pub(super) fn new(size: usize, stride: usize) -> Self {
        Self::Of(merged([[size, stride]]))
    }

    /// The size; `None` for the batch.
    pub(super) fn size(&self) -> Option<usize> {
        match self {
            Self::Batch => None,
            Self::Of(factors) => Some(factors.iter().map(|[size, _]| size).product()),
        }
    }
}

/// Merges factors, without sizes of 1, where neighbors are contiguous in memory.
pub(super) fn merged(factors: impl IntoIterator<Item = [usize; 2]>) -> Vec<[usize; 2]> {
    let mut merged: Vec<[usize; 2]> = Vec::new();
    for [size, stride] in factors.into_iter().filter(|[size, _]| *size != 1) {
        match merged.last_mut() {
            Some([outer, outer_stride]) if *outer_stride == size * stride => {
                (*outer, *outer_stride) = (*outer * size, stride);
            }
            _ => merged.push([size, stride]),
        }
    }
    merged
}

impl View {
    /// The view of samples of this shape, after the batch.
    pub(super) fn of(shape: Shape) -> Self {
        let sizes: Vec<Option<usize>> = std::iter::once(None).chain(dims(shape).into_iter().map(Some)).collect();
        Self::contiguous(&sizes)
    }

    /// The view of values that lie in the order of these sizes; `None` is the batch.
    pub(super) fn contiguous(sizes: &[Option<usize>]) -> Self {
        let mut stride = 1;
        let axis = |size: &Option<usize>| {
            let Some(size) = *size else { return Axis::Batch };
            let axis = Axis::new(size, stride);
            stride *= size;
            axis
        };
        let mut axes: Vec<Axis> = sizes.iter().rev().map(axis).collect();
        axes.reverse();
        Self(axes)
    }

    /// The indices of all axes but the batch.
    pub(super) fn of_samples(&self) -> Vec<usize> {
        (0..self.0.len()).filter(|&axis| self.0[axis] != Axis::Batch).collect()
    }

    /// The axis of channels or features of samples of this shape.
    pub(super) fn channels(shape: Shape) -> Axis {
        let (count, stride) = channels_of(shape);
        Axis::new(count, stride)
    }

    /// The sizes; `None` is the batch.
    pub(super) fn sizes(&self) -> Vec<Option<usize>> {
        self.0.iter().map(Axis::size).collect()
    }

    /// The stride of an axis of a contiguous view.
    pub(super) fn stride(&self, axis: usize) -> usize {
        self.0[axis + 1..].iter().filter_map(Axis::size).product()
    }

    /// The index of an axis that may be counted from the end.
    pub(super) fn axis(&self, axis: i64) -> Result<usize, String> {
        position(axis, self.0.len())
    }

    /// The number of values of a sample.
    fn len(&self) -> usize {
        self.sizes().into_iter().flatten().product()
    }

    pub(super) fn transposed(&self, perm: &[i64]) -> Result<Self, String> {
        let reverse: Vec<i64> = (0..self.0.len() as i64).rev().collect();
        let perm = if perm.is_empty() { &reverse } else { perm };
        let mut sorted = perm.to_vec();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..self.0.len() as i64) {
            return Err(format!("the order {perm:?} is not a permutation of {} axes", self.0.len()));
        }
        Ok(Self(perm.iter().map(|&axis| self.0[axis as usize].clone()).collect()))
    }

    /// Removes these axes of size 1.
    pub(super) fn squeezed(&self, axes: &[i64]) -> Result<Self, String> {
        let mut axes = axes.iter().map(|&axis| self.axis(axis)).collect::<Result<Vec<_>, _>>()?;
        axes.sort_unstable();
        if let Some(axis) = axes.iter().find(|&&axis| self.0[axis].size() != Some(1)) {
            return Err(format!("axis {axis} is not always of size 1"));
        }
        let kept = self.0.iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
        Ok(Self(kept.map(|(_, axis)| axis.clone()).collect()))
    }

    /// Adds axes of size 1, with these indices in the result.
    pub(super) fn unsqueezed(&self, axes: &[i64]) -> Result<Self, String> {
        let rank = self.0.len().saturating_add(axes.len());
        let mut axes = axes.iter().map(|&axis| position(axis, rank)).collect::<Result<Vec<_>, _>>()?;
        axes.sort_unstable();
        axes.dedup();
        if rank > MOST_AXES || self.0.len() + axes.len() != rank {
            return Err(format!("the axes {axes:?} are not to be added to {} others", self.0.len()));
        }
        let mut old = self.0.iter().cloned();
        let next = |axis| if axes.contains(&axis) { Some(Axis::Of(Vec::new())) } else { old.next() };
        Ok(Self((0..rank).map_while(next).collect()))
    }

    /// The sizes that `Reshape` makes of these: `None` and a fixed batch size are the batch, 0 keeps the size, -1 is
    /// the rest.
    pub(super) fn new_sizes(
        &self,
        sizes: &[Option<i64>],
        zero_keeps: bool,
        batch: Option<usize>,
    ) -> Result<Vec<Option<usize>>, String> {
        let text = || -> Vec<String> {
            sizes.iter().map(|size| size.map_or("batch".into(), |size| size.to_string())).collect()
        };
        let wrong = || {
            let old = self.sizes().into_iter().map(|size| size.map_or("batch".into(), |size| size.to_string()));
            format!("it makes [{}] of [{}]", text().join(", "), old.collect::<Vec<_>>().join(", "))
        };
        if sizes.len() > MOST_AXES {
            return Err(wrong());
        }
        let old = self.sizes();
        let (mut new, mut rest) = (Vec::new(), None);
        for (i, size) in sizes.iter().enumerate() {
            new.push(match *size {
                None => None,
                Some(0) if zero_keeps => *old.get(i).ok_or_else(wrong)?,
                Some(-1) if rest.is_none() => {
                    rest = Some(i);
                    Some(1)
                }
                Some(size) => Some(usize::try_from(size).ok().filter(|&size| size > 0).ok_or_else(wrong)?),
            });
        }
        let product = |sizes: &[Option<usize>]| {
            sizes.iter().flatten().try_fold(1_usize, |product, &size| product.checked_mul(size)).ok_or_else(wrong)
        };
        let (len, position) = (self.len(), old.iter().position(Option::is_none).unwrap_or(0));
        if !new.contains(&None) {
            if batch.is_some() && rest != Some(position) && new.get(position) == Some(&batch) {
                new[position] = None;
            } else if let Some(rest) = rest.take_if(|_| product(&new).is_ok_and(|product| product == len)) {
                new[rest] = None;
            }
        }
        if let Some(rest) = rest {
            new[rest] = len.checked_div(product(&new)?);
        }
        if new.iter().filter(|size| size.is_none()).count() != 1 || product(&new)? != len {
            return Err(wrong());
        }
        Ok(new)
    }

    /// Reshapes the view; `None` if values would have to be moved.
    pub(super) fn reshaped(&self, sizes: &[Option<usize>]) -> Option<Self> {
        let halves = |axes: &[Axis]| axes.iter().position(|axis| *axis == Axis::Batch);
        let (old, new) = (halves(&self.0)?, sizes.iter().position(Option::is_none)?);
        let factors = |axes: &[Axis]| -> Vec<[usize; 2]> {
            merged(axes.iter().flat_map(|axis| if let Axis::Of(factors) = axis { factors.clone() } else { Vec::new() }))
        };
        let mut axes = split(factors(&self.0[..old]), &sizes[..new])?;
        axes.push(Axis::Batch);
        axes.extend(split(factors(&self.0[old + 1..]), &sizes[new + 1..])?);
        Some(Self(axes))
    }
}

/// Splits factors into axes of these sizes; `None` if a size ends within a factor that it does not divide.
fn split(factors: Vec<[usize; 2]>, sizes: &[Option<usize>]) -> Option<Vec<Axis>> {
    let mut factors = factors.into_iter().rev().collect::<Vec<_>>();
    let mut axes = Vec::new();
    for size in sizes {
        let (mut left, mut axis) = ((*size)?, Vec::new());
        while left > 1 {
            let [size, stride] = factors.pop()?;
            if left % size == 0 {
                left /= size;
                axis.push([size, stride]);
            } else if size % left == 0 {
                axis.push([left, stride * (size / left)]);
                factors.push([size / left, stride]);
                left = 1;
            } else {
                return None;
            }
        }
        axes.push(Axis::Of(merged(axis)));
    }
    factors.is_empty().then_some(axes)
}

/// The index of one of `rank` axes that may be counted from the end.
pub(super) fn position(axis: i64, rank: usize) -> Result<usize, String> {
    let counted = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    let position = counted.and_then(|axis| usize::try_from(axis).ok()).filter(|&axis| axis < rank);
    position.ok_or_else(|| format!("there is no axis {axis} among {rank}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Heads are split from features and moved before the steps, and back.
    #[test]
    fn views_follow_transposes_and_reshapes() {
        let whole = View::of([5, 6].into());
        let keep = [Some(0), Some(0), Some(2), Some(3)];
        let sizes = whole.new_sizes(&keep, true, None).unwrap();
        let heads = whole.reshaped(&sizes).unwrap().transposed(&[0, 2, 1, 3]).unwrap();
        assert_eq!(heads.sizes(), [None, Some(2), Some(5), Some(3)]);
        assert_eq!(heads.0[1], Axis::new(2, 3));
        let back = heads.transposed(&[0, 2, 1, 3]).unwrap();
        assert_eq!(back.reshaped(&[None, Some(5), Some(6)]), Some(whole.clone()));
        // Swapped axes do not merge.
        let moved = whole.transposed(&[0, 2, 1]).unwrap();
        assert_eq!(moved.reshaped(&[None, Some(5), Some(6)]), None);
        assert_eq!(moved.reshaped(&[None, Some(30)]).unwrap().sizes(), [None, Some(30)]);
    }

    #[test]
    fn the_batch_is_found_among_the_sizes() {
        let view = View::of([3, 4].into());
        let sizes = |sizes: &[i64], batch| {
            view.new_sizes(&sizes.iter().map(|&size| Some(size)).collect::<Vec<_>>(), true, batch)
        };
        assert_eq!(sizes(&[0, -1], None), Ok(vec![None, Some(12)]));
        assert_eq!(sizes(&[-1, 12], None), Ok(vec![None, Some(12)]));
        assert_eq!(sizes(&[7, -1], Some(7)), Ok(vec![None, Some(12)]));
        for wrong in [&[-1, 4][..], &[1, -1], &[0, 5], &[0, 0, 0, 0], &[2, 12], &[0, -1, -1], &[0, i64::MIN], &[]] {
            assert!(sizes(wrong, None).is_err(), "{wrong:?}");
        }
    }
}
