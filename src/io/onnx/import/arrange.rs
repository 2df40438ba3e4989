//! Puts values into the memory order that layers need.

use super::view::{Axis, View, merged};
use super::{Data, Found, Read, Reader, shape_of};
use crate::spec::Spec;
use crate::{Scalar, Shape, Value};

impl<A: Scalar> Reader<'_, A> {
    /// The value with samples of these ONNX axes, in this order; all other axes are the batch or of size 1.
    pub(super) fn arrange(&mut self, data: &Data, axes: &[usize]) -> Read<(Value, Shape)> {
        let axes: Vec<&Axis> = axes.iter().map(|&axis| &data.view.0[axis]).collect();
        let factors = axes.iter().map(|axis| if let Axis::Of(factors) = axis { Some(&**factors) } else { None });
        let factors = factors.collect::<Option<Vec<_>>>().ok_or("the batch is not its first axis")?.concat();
        let shape = shape_of(&axes.iter().filter_map(|axis| axis.size()).collect::<Vec<_>>())?;
        let factors = merged(factors);
        if shape.len() != data.shape.len() {
            return Err(format!("it has other axes than those of {shape}").into());
        }
        let key = (data.value, factors.clone(), shape);
        if let Some(&value) = self.arranged.get(&key) {
            return Ok((value, shape));
        }
        let value = if factors.len() < 2 {
            self.reshape(data.value, data.shape, shape)?
        } else {
            self.permute(data, &axes, factors, shape)?
        };
        self.arranged.insert(key, value);
        Ok((value, shape))
    }

    /// Reshapes the samples of a value, with a layer if the shape changes.
    fn reshape(&mut self, value: Value, from: Shape, to: Shape) -> Read<Value> {
        let spec = match to {
            _ if from == to => return Ok(value),
            Shape::Flat(_) => Spec::new("flatten"),
            shape => Spec::new("reshape").set("shape", shape),
        };
        Ok(self.layer(value, from, &Found::new(spec))?.0)
    }

    fn permute(&mut self, data: &Data, axes: &[&Axis], factors: Vec<[usize; 2]>, to: Shape) -> Read<Value> {
        // Whole axes of the samples are permuted directly; others are split first.
        let whole = |view: &View| -> Option<Vec<usize>> {
            let mut left: Vec<Option<&Axis>> = view.0[1..].iter().map(Some).collect();
            let positions = axes.iter().map(|&axis| {
                let position = left.iter().position(|other| *other == Some(axis))?;
                left[position] = None;
                Some(position)
            });
            positions.collect::<Option<Vec<_>>>().filter(|positions| positions.len() == view.0.len() - 1)
        };
        let (from, positions) = if let Some(positions) = whole(&View::of(data.shape)) {
            (data.shape, positions)
        } else {
            let mut sorted = factors.clone();
            sorted.sort_unstable_by_key(|[_, stride]| std::cmp::Reverse(*stride));
            let problem = "its axes are in an order that no layer here makes";
            let from = shape_of(&sorted.iter().map(|[size, _]| *size).collect::<Vec<_>>()).map_err(|_| problem)?;
            let position = |factor| sorted.iter().position(|other| other == factor);
            (from, factors.iter().map(position).collect::<Option<Vec<_>>>().ok_or(problem)?)
        };
        if from.len() != to.len() {
            return Err("it takes a part of its numbers".into());
        }
        let value = self.reshape(data.value, data.shape, from)?;
        let (value, shape) = self.layer(value, from, &Found::new(Spec::new("permute").set("axes", positions)))?;
        self.reshape(value, shape, to)
    }

    /// The value with samples in ONNX's own order after the batch.
    pub(super) fn standard(&mut self, data: &Data) -> Read<(Value, Shape)> {
        if data.view.0.first() != Some(&Axis::Batch) {
            return Err("the batch is not its first axis".into());
        }
        self.arrange(data, &(1..data.view.0.len()).collect::<Vec<_>>())
    }

    /// The value, in an order in which an ONNX axis is that of channels or features here.
    pub(super) fn with_channels(&mut self, data: &Data, axis: i64) -> Read<Data> {
        let axis = data.view.axis(axis)?;
        if data.view.0[axis] == View::channels(data.shape) {
            return Ok(data.clone());
        }
        let batch_first = data.view.0.first() == Some(&Axis::Batch);
        let (order, back): (&[usize], &[i64]) = match (data.view.0.len(), axis) {
            _ if !batch_first => return Err("the batch is not its first axis".into()),
            (2, 1) => (&[1], &[0, 1]),
            (3, 1) => (&[2, 1], &[0, 2, 1]),
            (3, 2) => (&[1, 2], &[0, 1, 2]),
            (4, 1) => (&[1, 2, 3], &[0, 1, 2, 3]),
            _ => return Err(format!("it works along axis {axis}, which is none of channels here").into()),
        };
        let (value, shape) = self.arrange(data, order)?;
        Ok(Data { value, shape, view: View::of(shape).transposed(back)?, integer: data.integer })
    }

    /// The number of channels or features.
    pub(super) fn channels(data: &Data) -> usize {
        View::channels(data.shape).size().unwrap_or(1)
    }
}
