//! Sums, means and extremes over axes.

use super::arithmetic::raised;
use super::arrange::positions;
use super::view::{Axis, View};
use super::{Data, Found, Node, Read, Reader, any_shape};
use crate::joins::{Add, Multiply, Subtract};
use crate::spec::Spec;
use crate::{Scalar, Shape};

impl<'g, A: Scalar> Reader<'g, A> {
    /// The mean or the maximum over all axes after the channels.
    pub(super) fn global_pool(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let data = self.data(node.needs(0)?)?;
        let axes: Vec<usize> = (2..data.view.0.len()).collect();
        self.pooled(&data, &axes, node.op == "GlobalAveragePool")
    }

    pub(super) fn reduce(&mut self, node: &'g Node<'g>) -> Read<Data> {
        if let Some(found) = self.dot(node)? {
            return Ok(found);
        }
        if let Some(found) = self.last_within(node)? {
            return Ok(found);
        }
        let data = self.data(node.needs(0)?)?;
        let axes = self.list(node, "axes", 1)?.unwrap_or_default();
        if axes.is_empty() && node.int("noop_with_empty_axes", 0)? != 0 {
            node.expect(
                "noop_with_empty_axes",
                matches!(&*node.op, "ReduceMax" | "ReduceMean" | "ReduceMin" | "ReduceSum"),
            )?;
            return Ok(data);
        }
        let rank = data.view.0.len();
        let axes = if axes.is_empty() { (0..rank).collect() } else { positions(&axes, rank)? };
        if axes.iter().any(|&axis| data.view.0[axis] == Axis::Batch) {
            return Err("it combines samples of the batch".into());
        }
        let reduced = self.reduced(&node.op, &data, &axes)?;
        if node.int("keepdims", 1)? != 0 {
            return Ok(reduced);
        }
        let axes: Vec<i64> = axes.into_iter().map(|axis| axis as i64).collect();
        Ok(Data { view: reduced.view.squeezed(&axes)?, ..reduced })
    }

    /// A reduction that keeps the axes, with size 1.
    pub(super) fn reduced(&mut self, op: &str, data: &Data, axes: &[usize]) -> Read<Data> {
        let count: usize = axes.iter().filter_map(|&axis| data.view.0[axis].size()).product();
        Ok(match op {
            "ReduceMax" => self.pooled(data, axes, false)?,
            "ReduceMean" => self.pooled(data, axes, true)?,
            "ReduceMin" => {
                let negative = self.scaled_by(data, -1.0)?;
                let largest = self.pooled(&negative, axes, false)?;
                self.scaled_by(&largest, -1.0)?
            }
            "ReduceSum" => {
                let mean = self.pooled(data, axes, true)?;
                self.scaled_by(&mean, count as f64)?
            }
            "ReduceL1" => {
                let sizes = self.elementwise(data, &Found::new(Spec::new("abs")))?;
                self.reduced("ReduceSum", &sizes, axes)?
            }
            "ReduceSumSquare" => {
                let squares = self.combined(&[data.clone(), data.clone()], Multiply)?;
                self.reduced("ReduceSum", &squares, axes)?
            }
            "ReduceL2" => {
                let squares = self.reduced("ReduceSumSquare", data, axes)?;
                self.elementwise(&squares, &Found::new(raised(0.5)))?
            }
            "ReduceLogSum" => {
                let sum = self.reduced("ReduceSum", data, axes)?;
                self.elementwise(&sum, &Found::new(Spec::new("log")))?
            }
            // ln Σ e^(x - m) + m, for m the maximum.
            _ => {
                let largest = self.pooled(data, axes, false)?;
                let below = self.combined(&[data.clone(), largest.clone()], Subtract)?;
                let powers = self.elementwise(&below, &Found::new(Spec::new("exp")))?;
                let log = self.reduced("ReduceLogSum", &powers, axes)?;
                self.combined(&[log, largest], Add)?
            }
        })
    }

    /// The mean or the maximum over axes, which are kept with size 1.
    fn pooled(&mut self, data: &Data, axes: &[usize], mean: bool) -> Read<Data> {
        let mut view = data.view.clone();
        axes.iter().for_each(|&axis| view.0[axis] = Axis::Of(Vec::new()));
        let others: Vec<usize> = data.view.of_samples().into_iter().filter(|axis| !axes.contains(axis)).collect();
        let sizes: Vec<usize> = others.iter().filter_map(|&axis| data.view.0[axis].size()).collect();
        let features = any_shape(&sizes)?.len();
        if features == data.shape.len() {
            return Ok(Data { view, ..data.clone() });
        }
        let found = Found::new(Spec::new(if mean { "global_avg_pool" } else { "global_max_pool" }));
        // The channels of an image stay where they are.
        let image = matches!((data.shape, &*others), (Shape::Image { .. }, &[axis]) if data.view.0[axis] == View::channels(data.shape));
        let (value, shape) = if image {
            self.layer(data.value, data.shape, &found)?
        } else {
            let order: Vec<usize> = axes.iter().chain(&others).copied().collect();
            let rows = self.ordered(data, &order, [data.shape.len() / features, features].into())?;
            self.layer(rows.value, rows.shape, &found)?
        };
        Ok(Data { value, shape, view: View::contiguous(&view.sizes()), integer: false })
    }
}
