//! Operators that only move values: reshape, slice, concatenation.

use super::arrange::progressions;
use super::constants::whole;
use super::fold::span;
use super::view::{Axis, View, position};
use super::{Data, Found, Node, Read, Reader};
use crate::spec::Spec;
use crate::{Scalar, Shape};

impl<'g, A: Scalar> Reader<'g, A> {
    pub(super) fn concat(&mut self, node: &'g Node<'g>) -> Read<Data> {
        if node.inputs.iter().any(|name| self.index.is_constant(name)) {
            return self.with_tokens(node);
        }
        let values = self.all(node)?;
        let [first, rest @ ..] = &*values else { return Err("it has no inputs".into()) };
        let axis = first.view.axis(node.int("axis", 1)?)?;
        if rest.is_empty() {
            return Ok(first.clone());
        }
        let size = first.view.0[axis].size().ok_or("it concatenates samples of the batch")?;
        let others = |data: &Data| {
            let mut sizes = data.view.sizes();
            sizes.get_mut(axis).and_then(Option::take);
            sizes
        };
        if rest.iter().any(|data| others(data) != others(first)) {
            return Err("its values have several shapes".into());
        }
        // The axis is that of the channels, or becomes that of the features.
        let alike = |data: &Data| data.shape == first.shape && data.view == first.view;
        let as_they_are = first.view.0[axis] == View::channels(first.shape) && size > 1 && rest.iter().all(alike);
        let values = if as_they_are {
            values
        } else {
            values.iter().map(|data| self.features_last(data, axis)).collect::<Read<Vec<_>>>()?
        };
        let inputs: Vec<_> = values.iter().map(|data| (data.value, data.shape)).collect();
        let joined = self.joined(crate::joins::Concat, &inputs)?;
        let total = Self::channels(&joined);
        let mut view = values[0].view.clone();
        let inner = if let Shape::Image { .. } = joined.shape { usize::MAX } else { size };
        for axis in &mut view.0 {
            let Axis::Of(factors) = axis else { continue };
            // Features are innermost: strides beyond them grow.
            factors
                .iter_mut()
                .filter(|[_, stride]| *stride >= inner)
                .for_each(|[_, stride]| *stride = *stride / size * total);
        }
        view.0[axis] = View::channels(joined.shape);
        Ok(Data { view, ..joined })
    }

    /// The value with an axis as channels of images, or else as features.
    fn features_last(&mut self, data: &Data, axis: usize) -> Read<Data> {
        if (data.view.0.len(), axis, &data.view.0[0]) == (4, 1, &Axis::Batch) {
            return self.canonical(data);
        }
        self.with_axis_last(data, axis)
    }

    pub(super) fn flatten(&mut self, node: &Node<'_>) -> Read<Data> {
        let data = self.any(node.needs(0)?)?;
        // An axis of 0 or the rank puts everything on one side.
        let (axis, rank) = (node.int("axis", 1)?, data.view.0.len());
        let axis = if axis == rank as i64 { rank } else { data.view.axis(axis)? };
        let (before, after) = data.view.0.split_at(axis);
        let size = |axes: &[Axis]| axes.iter().try_fold(1, |product, axis| Some(product * axis.size()?));
        let sizes = match (size(before), size(after)) {
            (None, Some(after)) if before.iter().all(|axis| matches!(axis.size(), None | Some(1))) => {
                [None, Some(after)]
            }
            (Some(before), None) if after.iter().all(|axis| matches!(axis.size(), None | Some(1))) => {
                [Some(before), None]
            }
            _ => return Err("it mixes the batch with other axes".into()),
        };
        self.with_sizes(&data, &sizes)
    }

    pub(super) fn reshaped(&mut self, node: &Node<'_>) -> Read<Data> {
        let data = self.any(node.needs(0)?)?;
        let sizes = self.ints(node, 1)?;
        let sizes = data.view.new_sizes(&sizes, node.int("allowzero", 0)? == 0, self.batch)?;
        self.with_sizes(&data, &sizes)
    }

    /// Reshapes a value.
    pub(super) fn with_sizes(&mut self, data: &Data, sizes: &[Option<usize>]) -> Read<Data> {
        if let Some(view) = data.view.reshaped(sizes) {
            return Ok(Data { view, ..data.clone() });
        }
        // The values have to be reordered first.
        let data = self.canonical(data)?;
        let view = data.view.reshaped(sizes).ok_or("it mixes the batch with other axes")?;
        Ok(Data { view, ..data })
    }

    pub(super) fn squeeze(&mut self, node: &Node<'_>) -> Read<Data> {
        let data = self.any(node.needs(0)?)?;
        let axes = self.list(node, "axes", 1)?;
        let view = if node.op == "Unsqueeze" {
            data.view.unsqueezed(&axes.ok_or("it has no axes")?)?
        } else {
            let ones = || {
                let ones = data.view.sizes().into_iter().enumerate().filter(|(_, size)| *size == Some(1));
                ones.map(|(axis, _)| axis as i64).collect()
            };
            node.expect("axes", axes.is_some() || self.batch != Some(1))?;
            data.view.squeezed(&axes.unwrap_or_else(ones))?
        };
        Ok(Data { view, ..data })
    }

    /// Rows of a matrix by indices, or constant indices of an axis.
    pub(super) fn gather(&mut self, node: &'g Node<'g>) -> Read<Data> {
        if self.index.is_constant(node.needs(0)?) {
            return self.embedding(node);
        }
        let data = self.any(node.needs(0)?)?;
        let axis = data.view.axis(node.int("axis", 0)?)?;
        let (indices, sizes) = (whole(&self.ints(node, 1)?)?, self.sizes(node, 1)?);
        let Some(size) = data.view.0[axis].size() else { return Err("it takes some samples of the batch".into()) };
        let indices = indices.into_iter().map(|i| position(i, size)).collect::<Result<Vec<_>, _>>()?;
        let steps = progressions(&indices).ok_or("its indices are in an order that no layer here produces")?;
        let first = *indices.first().ok_or("it has no indices")?;
        let data = self.picked(&data, axis, first, &steps)?;
        let (before, after) = (&data.view.sizes()[..axis], &data.view.sizes()[axis + 1..]);
        let sizes: Vec<Option<usize>> = sizes.into_iter().map(Some).collect();
        self.with_sizes(&data, &[before, &sizes, after].concat())
    }

    /// The value at indices of an axis: from `first` on, by nested progressions.
    fn picked(&mut self, data: &Data, axis: usize, first: usize, steps: &[(usize, isize)]) -> Read<Data> {
        let size = data.view.0[axis].size().ok_or("it takes some samples of the batch")?;
        let count: usize = steps.iter().map(|(count, _)| count).product();
        if (first, steps) == (0, &[(size, 1)]) || (size, count) == (1, 1) {
            return Ok(data.clone());
        }
        if (count, first, axis, data.view.0.len()) == (1, size - 1, 1, 3) && data.view.0[0] == Axis::Batch {
            let sequence = self.arrange(data, &[1, 2])?;
            let last = self.on(sequence, &Found::new(Spec::new("last_step")))?;
            return Ok(Data { view: last.view.unsqueezed(&[1])?, ..last });
        }
        let data = self.canonical(data)?;
        let mut axes = Self::whole(&data);
        let stride = data.view.stride(axis);
        axes[axis] = Some(steps.iter().map(|&(count, step)| (count, step.saturating_mul(stride as isize))).collect());
        self.taken(&data, &axes, first * stride)
    }

    /// The value without the first `start` and the last `end` indices of an axis.
    pub(super) fn cut(&mut self, data: &Data, axis: usize, [start, end]: [usize; 2]) -> Read<Data> {
        let size = data.view.0[axis].size().unwrap_or(0);
        let left = size.checked_sub(start).and_then(|n| n.checked_sub(end)).filter(|&n| n > 0);
        let left = left.ok_or("it leaves nothing")?;
        self.picked(data, axis, start, &[(left, 1)])
    }

    pub(super) fn slice(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let mut data = self.any(node.needs(0)?)?;
        let (starts, ends) = (self.list(node, "starts", 1)?, self.list(node, "ends", 2)?);
        let (starts, ends) = (starts.ok_or("it has no starts")?, ends.ok_or("it has no ends")?);
        let axes = self.list(node, "axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = if node.input(4).is_some() { whole(&self.ints(node, 4)?)? } else { vec![1; starts.len()] };
        if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] || starts.len() > data.view.0.len() {
            return Err("its starts, ends, axes and steps differ in length".into());
        }
        for (i, &axis) in axes.iter().enumerate() {
            let axis = data.view.axis(axis)?;
            let Some(size) = data.view.0[axis].size() else {
                let all = (starts[i], steps[i]) == (0, 1)
                    && self.batch.map_or(ends[i] >= i64::from(i32::MAX), |batch| ends[i] >= batch as i64);
                node.expect("starts or ends of the batch", all)?;
                continue;
            };
            let (first, step, count) = span(starts[i], ends[i], steps[i], size)?;
            if count == 0 {
                return Err("it leaves nothing".into());
            }
            data = self.picked(&data, axis, first, &[(count, step)])?;
        }
        Ok(data)
    }

    /// One part of an axis.
    pub(super) fn split(&mut self, node: &'g Node<'g>, output: usize) -> Read<Data> {
        let data = self.any(node.needs(0)?)?;
        let axis = data.view.axis(node.int("axis", 0)?)?;
        let size = data.view.0[axis].size().ok_or("it splits the batch")?;
        let count = node.count("num_outputs", node.outputs.len())?;
        let given = if self.opset < 13 && node.attribute("split").is_some() {
            Some(node.ints("split")?.to_vec())
        } else if node.input(1).is_some() {
            Some(whole(&self.ints(node, 1)?)?)
        } else {
            None
        };
        let parts: Vec<usize> = if let Some(parts) = given {
            parts.iter().map(|&n| usize::try_from(n).ok()).collect::<Option<_>>().unwrap_or_default()
        } else {
            node.expect("num_outputs", count > 0 && count == node.outputs.len())?;
            let part = size.div_ceil(count);
            (0..count).map(|i| size.saturating_sub(i * part).min(part)).collect()
        };
        let fits = parts.iter().try_fold(0_usize, |sum, &n| sum.checked_add(n)) == Some(size);
        node.expect("split", fits && parts.len() == node.outputs.len() && !parts.contains(&0))?;
        let start: usize = parts[..output].iter().sum();
        self.picked(&data, axis, start, &[(parts[output], 1)])
    }

    /// `Expand`: broadcasts along axes of size 1.
    pub(super) fn expand(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let data = self.any(node.needs(0)?)?;
        let wanted = self.ints(node, 1)?;
        let own = data.view.sizes();
        let rank = own.len().max(wanted.len());
        // From the right; 1 keeps what is there.
        let mut sizes = vec![Some(1); rank - own.len()];
        sizes.extend(own);
        let first = rank - wanted.len();
        for (size, want) in sizes[first..].iter_mut().zip(wanted) {
            let want = want.map(|n| usize::try_from(n).map_err(|_| "it makes negative sizes")).transpose()?;
            match (*size, want) {
                (Some(1), Some(_)) => *size = want,
                (None, None) | (_, Some(1)) => {}
                (None, Some(n)) if self.batch == Some(n) => {}
                (Some(n), Some(want)) if n == want => {}
                _ => return Err("it makes sizes that do not fit".into()),
            }
        }
        self.broadcast(&data, &sizes)
    }

    /// `Tile`: repeats whole axes.
    pub(super) fn tile(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let data = self.any(node.needs(0)?)?;
        let data = self.canonical(&data)?;
        let (repeats, mut axes) = (whole(&self.ints(node, 1)?)?, Self::whole(&data));
        node.expect("repeats", repeats.len() == axes.len())?;
        for (axis, n) in axes.iter_mut().zip(repeats) {
            match axis {
                None => node.expect("repeats", n == 1)?,
                Some(factors) => {
                    let n = usize::try_from(n).ok().filter(|&n| n > 0).ok_or("it leaves nothing")?;
                    factors.insert(0, (n, 0));
                }
            }
        }
        self.taken(&data, &axes, 0)
    }

    fn embedding(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let indices = self.any(node.needs(1)?)?;
        node.expect("axis", node.int("axis", 0)? == 0)?;
        node.expect("indices", indices.integer)?;
        let &[count, features] = &*self.sizes(node, 0)? else { return Err("its constant is not a matrix".into()) };
        let indices = self.canonical(&indices)?;
        let flat = self.with_rest(&indices, 0)?;
        let mut spec = Spec::new("embedding").set("count", count).set("features", features);
        let padding = self.padding_of(node.needs(1)?)?.filter(|&index| index >= 0.0 && index.fract() == 0.0);
        if let Some(index) = padding {
            spec = spec.set("padding", index as usize);
        }
        let weight = self.numbers(node, 0)?;
        let rows = self.on((flat.value, flat.shape), &Found::new(spec).with("weight", weight))?;
        if padding.is_some() {
            self.with_lengths.insert(rows.value);
        }
        // (batch, all indices, features)
        let mut sizes = indices.view.sizes();
        sizes.push(Some(features));
        node.expect("axes of its indices", indices.view.0[0] == Axis::Batch)?;
        self.with_sizes(&rows, &sizes)
    }

    /// Constants in front of or after a value, the same for each sample.
    fn with_tokens(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let values: Vec<bool> = node.inputs.iter().map(|name| !self.index.is_constant(name)).collect();
        let at = values.iter().position(|&value| value).ok_or("it has no value")?;
        node.expect("inputs", values.iter().filter(|&&value| value).count() == 1)?;
        let mut data = self.data(node.needs(at)?)?;
        let axis = data.view.axis(node.int("axis", 0)?)?;
        node.expect("axis", data.view.0[axis] != Axis::Batch)?;
        // Outwards from the value: first those in front, the nearest first, then those after it.
        for input in (0..at).rev().chain(at + 1..node.inputs.len()) {
            let sizes = self.sizes(node, input)?;
            let own = data.view.sizes();
            let fits = |i: usize| i == axis || own[i] == Some(sizes[i]) || own[i].is_none() && sizes[i] == 1;
            node.expect("sizes", sizes.len() == own.len() && (0..own.len()).all(fits))?;
            let numbers = self.numbers(node, input)?;
            // Both become (axis, others).
            let numbers = axis_first(&numbers, &sizes, axis);
            let order: Vec<usize> =
                std::iter::once(axis).chain(data.view.of_samples().into_iter().filter(|&i| i != axis)).collect();
            let (tokens, size) = (sizes[axis], own[axis].unwrap_or(1));
            let features = data.shape.len() / size;
            let rows = self.ordered(&data, &order, [size, features].into())?;
            let spec = Spec::new("learned_tokens").set("tokens", tokens).set("features", features);
            let spec = spec.set("last", input > at);
            let (value, shape) = self.layer(rows.value, rows.shape, &Found::new(spec).with("weight", numbers))?;
            let mut view = rows.view;
            view.0[axis] = Axis::new(size + tokens, features);
            data = Data { value, shape, view, integer: false };
        }
        Ok(data)
    }
}

/// An array with one axis moved to the front.
fn axis_first(numbers: &[f64], sizes: &[usize], axis: usize) -> Vec<f64> {
    let (size, inner) = (sizes[axis], sizes[axis + 1..].iter().product::<usize>());
    let rows = |i: usize| numbers.chunks(inner).skip(i).step_by(size).flatten().copied();
    (0..size).flat_map(rows).collect()
}
