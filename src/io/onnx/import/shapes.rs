//! Operators that only move values: reshaping, slicing, concatenation.

use super::constants::{range, whole};
use super::view::{Axis, View};
use super::{Data, Found, Node, Read, Reader};
use crate::spec::Spec;
use crate::{Scalar, Shape};

impl<'g, A: Scalar> Reader<'g, A> {
    pub(super) fn concat(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let values = self.all(node)?;
        let axis = node.int("axis", 1)?;
        if let [one] = &*values {
            return Ok(one.clone());
        }
        let values = values.iter().map(|data| self.with_channels(data, axis)).collect::<Read<Vec<_>>>()?;
        // Values with equal ONNX sizes may be stored in different orders here.
        let alike =
            |data: &Data| data.view.0.len() == values[0].view.0.len() && positions(data) == positions(&values[0]);
        if values.iter().all(alike) {
            let inputs: Vec<_> = values.iter().map(|data| (data.value, data.shape)).collect();
            let joined = self.joined(crate::joins::Concat, &inputs)?;
            let order = positions(&values[0]).ok_or("its values lie in an order that no layer here has")?;
            let view = joined.view.transposed(&order)?;
            // Among several axes of size 1, it must be the right one that grows.
            let position = view.axis(axis)?;
            let sum = values.iter().map(|data| data.view.sizes()[position]).sum::<Option<usize>>();
            node.expect("axis", view.sizes()[position] == sum)?;
            return Ok(Data { view, ..joined });
        }
        Err("its values lie in several orders".into())
    }

    pub(super) fn flatten(&mut self, node: &Node<'_>) -> Read<Data> {
        let data = self.any(node.needs(0)?)?;
        let rank = data.view.0.len() as i64;
        let axis = node.int("axis", 1)?;
        node.expect("axis", axis == 1 || axis == 1 - rank)?;
        if data.view.0.first() != Some(&Axis::Batch) {
            return Err("the batch is not its first axis".into());
        }
        self.with_sizes(&data, &[None, Some(data.shape.len())])
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
        let (value, shape) = self.standard(data)?;
        let view = View::of(shape).reshaped(sizes).ok_or("it mixes the batch with other axes")?;
        Ok(Data { value, shape, view, integer: data.integer })
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

    /// Rows of a matrix by indices; or one step, or the only index, of an axis.
    pub(super) fn gather(&mut self, node: &'g Node<'g>) -> Read<Data> {
        if self.index.is_constant(node.needs(0)?) {
            return self.embedding(node);
        }
        let data = self.any(node.needs(0)?)?;
        let axis = data.view.axis(node.int("axis", 0)?)?;
        let (position, sizes) = (whole(&self.ints(node, 1)?)?, self.sizes(node, 1)?);
        let (&[position], []) = (&*position, &*sizes) else { return Err("its indices are not one number".into()) };
        let Some(size) = data.view.0[axis].size() else { return Err("it takes one sample of the batch".into()) };
        node.expect("indices", position == -1 || usize::try_from(position).is_ok_and(|position| position + 1 == size))?;
        if size == 1 {
            return Ok(Data { view: data.view.squeezed(&[axis as i64])?, ..data });
        }
        node.expect("axis", axis == 1 && data.view.0.len() == 3 && data.view.0[0] == Axis::Batch)?;
        let sequence = self.arrange(&data, &[1, 2])?;
        self.on(sequence, &Found::new(Spec::new("last_step")))
    }

    /// All of an axis, or its last step.
    pub(super) fn slice(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let mut data = self.any(node.needs(0)?)?;
        let (starts, ends) = (self.list(node, "starts", 1)?, self.list(node, "ends", 2)?);
        let (starts, ends) = (starts.ok_or("it has no starts")?, ends.ok_or("it has no ends")?);
        let axes = self.list(node, "axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = if node.input(4).is_some() { whole(&self.ints(node, 4)?)? } else { vec![1; starts.len()] };
        if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] || starts.len() > data.view.0.len() {
            return Err("its starts, ends, axes and steps are not equally many".into());
        }
        for (i, &axis) in axes.iter().enumerate() {
            let position = data.view.axis(axis)?;
            let size = data.view.0[position].size().ok_or("it takes some samples of the batch")?;
            let positions = range(starts[i], ends[i], steps[i], size)?;
            if positions.iter().copied().eq(0..size) {
                continue;
            }
            let last =
                *positions == [size - 1] && position == 1 && data.view.0.len() == 3 && data.view.0[0] == Axis::Batch;
            node.expect("starts or ends", last)?;
            let sequence = self.arrange(&data, &[1, 2])?;
            data = self.on(sequence, &Found::new(Spec::new("last_step")))?;
            data.view = data.view.unsqueezed(&[1])?;
        }
        Ok(data)
    }

    fn embedding(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let indices = self.any(node.needs(1)?)?;
        node.expect("axis", node.int("axis", 0)? == 0)?;
        node.expect("indices", indices.integer)?;
        let &[count, features] = &*self.sizes(node, 0)? else { return Err("its constant is no matrix".into()) };
        let flat = self.standard(&indices)?;
        node.expect("indices", matches!(flat.1, Shape::Flat(_)))?;
        let spec = Spec::new("embedding").set("count", count).set("features", features);
        let weight = self.numbers(node, 0)?;
        self.on(flat, &Found::new(spec).with("weight", weight))
    }
}

/// The axis here for each ONNX axis, if they are a permutation.
fn positions(data: &Data) -> Option<Vec<i64>> {
    let mut left: Vec<Option<Axis>> = View::of(data.shape).0.into_iter().map(Some).collect();
    let positions = data.view.0.iter().map(|axis| {
        let position = left.iter().position(|other| other.as_ref() == Some(axis))?;
        left[position] = None;
        Some(position as i64)
    });
    positions.collect::<Option<Vec<_>>>().filter(|positions| positions.len() == left.len())
}
