//! Normalization operators.

use super::arithmetic::{batch_norm, by_strides, raised};
use super::view::{Axis, View};
use super::{Data, Found, Node, Read, Reader};
use crate::joins::{Multiply, Subtract};
use crate::kernels::channels_of;
use crate::spec::Spec;
use crate::{Scalar, Shape};

/// The shortest decimal that rounds to this `f32`, which is the number that was meant.
fn decimal(x: f64) -> f64 {
    (x as f32).to_string().parse().unwrap_or(x)
}

impl<'g, A: Scalar> Reader<'g, A> {
    pub(super) fn batch_norm(&mut self, node: &Node<'_>) -> Read<Data> {
        let data = self.data(node.needs(0)?)?;
        node.expect("training_mode", node.int("training_mode", 0)? == 0)?;
        node.expect("is_test", (node.int("is_test", 0)? == 1) == (self.opset < 7))?;
        node.expect("spatial", node.int("spatial", 1)? == 1)?;
        // It only matters in training.
        node.float("momentum", 0.9)?;
        let data = self.with_channels(&data, 1)?;
        let mut found = Found::new(batch_norm(Self::channels(&data), node.float("epsilon", 1e-5)?));
        for (i, name) in ["weight", "bias", "running_mean", "running_var"].into_iter().enumerate() {
            found = found.with(name, self.numbers(node, i + 1)?);
        }
        self.elementwise(&data, &found)
    }

    /// Normalizes the last axes of a sample, with or without subtracting the mean; outputs 1 and 2 are the mean and the
    /// reciprocal of the standard deviation.
    pub(super) fn layer_norm(&mut self, node: &Node<'_>, output: usize) -> Read<Data> {
        let data = self.data(node.needs(0)?)?;
        node.expect("stash_type", node.int("stash_type", 1)? == 1)?;
        let axis = data.view.axis(node.int("axis", -1)?)?;
        let eps = node.float("epsilon", 1e-5)?;
        if output > 0 {
            return self.statistics(&data, axis, eps, output);
        }
        let sizes: Option<Vec<usize>> = data.view.sizes()[axis..].iter().copied().collect();
        let sizes = sizes.ok_or("it combines samples of the batch")?;
        let features: usize = sizes.iter().product();
        let kind = if node.op == "LayerNormalization" { "layer_norm" } else { "rms_norm" };
        let spec = Spec::new(kind).set("shape", Shape::Flat(features)).set("eps", eps).set("affine", true);
        let bias = node.input(2).is_some();
        let mut found = Found::new(if kind == "layer_norm" { spec.set("bias", bias) } else { spec });
        for (input, name) in [(1, "weight"), (2, "bias")].into_iter().take(if bias { 2 } else { 1 }) {
            found = found.with(name, self.repeated(node, input, &sizes)?);
        }
        let rows = self.with_rest(&data, axis)?;
        self.elementwise(&rows, &found)
    }

    /// A constant, broadcast to these sizes.
    fn repeated(&mut self, node: &Node<'_>, input: usize, sizes: &[usize]) -> Read<Vec<f64>> {
        let own = self.sizes(node, input)?;
        let first = sizes.len().checked_sub(own.len()).ok_or("its scale has more axes than it goes over")?;
        let numbers = self.numbers(node, input)?;
        let (mut axes, mut stride) = (Vec::new(), 1);
        for axis in (0..sizes.len()).rev() {
            let size = axis.checked_sub(first).map_or(1, |axis| own[axis]);
            node.expect("scale or B", size == 1 || size == sizes[axis])?;
            axes.push([sizes[axis], if size == 1 { 0 } else { stride }]);
            stride *= size;
        }
        axes.reverse();
        self.take(sizes.iter().product())?;
        Ok(by_strides(&axes, &numbers))
    }

    /// The mean over the axes from this one on, or 1/√(variance + ε).
    fn statistics(&mut self, data: &Data, axis: usize, eps: f64, output: usize) -> Read<Data> {
        let axes: Vec<usize> = (axis..data.view.0.len()).collect();
        if axes.iter().any(|&axis| data.view.0[axis] == Axis::Batch) {
            return Err("it combines samples of the batch".into());
        }
        let mean = self.reduced("ReduceMean", data, &axes)?;
        if output == 1 {
            return Ok(mean);
        }
        let centered = self.combined(&[data.clone(), mean], Subtract)?;
        let squares = self.combined(&[centered.clone(), centered], Multiply)?;
        let variance = self.reduced("ReduceMean", &squares, &axes)?;
        let sum = self.rescale(&variance, vec![-eps], vec![1.0])?;
        self.elementwise(&sum, &Found::new(raised(-0.5)))
    }

    /// x/√(mean(x²) + ε), possibly of x minus its mean; possibly times a weight and plus a bias, which are inputs of
    /// further operators.
    pub(super) fn rms_norm(
        &mut self,
        node: &'g Node<'g>,
        weight: Option<(&Node<'_>, usize)>,
        bias: Option<(&Node<'_>, usize)>,
    ) -> Read<Option<Data>> {
        let index = &self.index;
        let (x, root) = match &*node.op {
            "Div" => (node.input(0), index.sole(node.input(1), "Sqrt")),
            "Mul" => match index.side(node, "Reciprocal") {
                Some((inverse, other)) => (node.input(other), index.sole(inverse.input(0), "Sqrt")),
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        let sum = root.and_then(|root| index.sole(root.input(0), "Add"));
        let Some((sum, (mean, eps))) = sum.and_then(|sum| Some((sum, index.side(sum, "ReduceMean")?))) else {
            return Ok(None);
        };
        let power = index.sole(mean.input(0), "Pow").filter(|power| power.input(0) == x);
        let square = index.sole(mean.input(0), "Mul").filter(|square| square.input(0) == x && square.input(1) == x);
        let (Some(x), true) = (x, power.or(square).is_some()) else { return Ok(None) };
        let centered = index.made(Some(x), "Sub", if power.is_some() { 2 } else { 3 });
        let centered = centered.and_then(|centered| {
            let middle = index.sole(centered.input(1), "ReduceMean")?;
            (middle.input(0) == centered.input(0)).then_some((centered.input(0)?, middle))
        });
        let x = centered.map_or(x, |(x, _)| x);
        if bias.is_some() && centered.is_none() {
            return Ok(None);
        }
        let data = self.data(x)?;
        if let Some(power) = power {
            let two = match self.constant(power.needs(1)?)? {
                two if two.len() != 1 => false,
                two => two.floats().is_ok_and(|two| two == [2.0]) || two.ints().is_ok_and(|two| two == [Some(2)]),
            };
            if !two {
                return Ok(None);
            }
        }
        let Some(axes) = self.list(mean, "axes", 1)?.filter(|axes| !axes.is_empty()) else { return Ok(None) };
        let mut positions = axes.iter().map(|&axis| data.view.axis(axis)).collect::<Result<Vec<_>, _>>()?;
        positions.sort_unstable();
        // The last axes, in any order, and never the batch.
        let rank = data.view.0.len();
        let last = positions.iter().copied().eq(rank.saturating_sub(axes.len())..rank);
        if !last || mean.int("keepdims", 1)? != 1 {
            return Ok(None);
        }
        let sizes: Option<Vec<usize>> = data.view.sizes()[rank - axes.len()..].iter().copied().collect();
        let Some(sizes) = sizes else { return Ok(None) };
        if let Some((_, middle)) = centered {
            let same = self.list(middle, "axes", 1)?.is_some_and(|other| other == axes);
            if !same || middle.int("keepdims", 1)? != 1 {
                return Ok(None);
            }
        }
        let kind = if centered.is_some() { "layer_norm" } else { "rms_norm" };
        let features: usize = sizes.iter().product();
        let spec = Spec::new(kind).set("shape", Shape::Flat(features)).set("eps", decimal(self.number(sum, eps)?));
        let mut spec = spec.set("affine", weight.is_some());
        if centered.is_some() {
            spec = spec.set("bias", bias.is_some());
        }
        let mut found = Found::new(spec);
        for (name, part) in [("weight", weight), ("bias", bias)] {
            let Some((node, input)) = part else { continue };
            if self.sizes(node, input)? != sizes {
                return Ok(None);
            }
            found = found.with(name, self.numbers(node, input)?);
        }
        let rows = self.with_rest(&data, rank - sizes.len())?;
        self.elementwise(&rows, &found).map(Some)
    }

    pub(super) fn group_normalization(&mut self, node: &Node<'_>) -> Read<Data> {
        node.expect("opset", self.opset >= 21)?;
        node.expect("stash_type", node.int("stash_type", 1)? == 1)?;
        let data = self.data(node.needs(0)?)?;
        let data = self.with_channels(&data, 1)?;
        let spec = group_norm(node.count("num_groups", 0)?, Self::channels(&data), node.float("epsilon", 1e-5)?);
        let found = Found::new(spec.set("affine", true)).with("weight", self.numbers(node, 1)?);
        let found = found.with("bias", self.numbers(node, 2)?);
        self.elementwise(&data, &found)
    }

    /// Normalizes each channel, or each group of channels if the view has groups as channels; `affine` is the scale and
    /// the shift of each channel.
    pub(super) fn instance_norm(&mut self, node: &Node<'_>, affine: Option<[Vec<f64>; 2]>) -> Read<Data> {
        let data = self.data(node.needs(0)?)?;
        let (scale, bias) = (self.numbers(node, 1)?, self.numbers(node, 2)?);
        let plain = scale.iter().all(|&x| x == 1.0) && bias.iter().all(|&x| x == 0.0);
        let eps = node.float("epsilon", 1e-5)?;
        let groups = scale.len();
        if plain && groups_of(&data) == Some(groups) {
            let spec = group_norm(groups, Self::channels(&data), eps).set("affine", affine.is_some());
            let mut found = Found::new(spec);
            if let Some([weight, bias]) = affine {
                found = found.with("weight", weight).with("bias", bias);
            }
            return self.elementwise(&data, &found);
        }
        node.expect("scale", affine.is_none())?;
        if data.view.0.len() < 3 {
            return Err("it has no positions to normalize over".into());
        }
        let data = self.with_channels(&data, 1)?;
        let spec = Spec::new("instance_norm").set("channels", Self::channels(&data)).set("eps", eps);
        self.elementwise(&data, &Found::new(spec.set("affine", true)).with("weight", scale).with("bias", bias))
    }

    /// A group norm, reshaped back, with a scale and a shift for each channel.
    pub(super) fn affine_norm(&mut self, node: &'g Node<'g>, at: usize) -> Read<Option<Data>> {
        let Some(scale) = self.index.sole(node.input(at), "Mul") else { return Ok(None) };
        let Some(side) = (0..2).find(|&i| scale.input(1 - i).is_some_and(|name| self.index.is_constant(name))) else {
            return Ok(None);
        };
        let (mut back, mut value) = (Vec::new(), scale.input(side));
        let norm = loop {
            if let Some(norm) = self.index.sole(value, "InstanceNormalization") {
                break norm;
            }
            let before = self.index.sole(value, "Reshape").or_else(|| self.index.sole(value, "Transpose"));
            match before {
                Some(before) if back.len() < 2 => {
                    back.push(before);
                    value = before.input(0);
                }
                _ => return Ok(None),
            }
        };
        let mut data = self.data(norm.needs(0)?)?;
        if groups_of(&data) != self.sizes(norm, 1)?.first().copied() {
            return Ok(None);
        }
        for node in back.into_iter().rev() {
            data.view = self.seen_through(node, &data.view)?;
        }
        let channels = View::channels(data.shape);
        let mut numbers = |node: &Node<'_>, input: usize| -> Read<Option<Vec<f64>>> {
            // The axis must be that of the channels already.
            let sizes = self.sizes(node, input)?;
            let first = data.view.0.len().checked_sub(sizes.len());
            let axis = sizes.iter().position(|&n| n != 1).zip(first).and_then(|(i, first)| data.view.0.get(first + i));
            let fits = axis.is_none_or(|axis| *axis == channels) && first.is_some();
            if !fits || sizes.iter().filter(|&&n| n != 1).count() > 1 {
                return Ok(None);
            }
            let numbers = self.numbers(node, input)?;
            self.spread(&data, numbers).map(Some)
        };
        let (Some(weight), Some(bias)) = (numbers(scale, 1 - side)?, numbers(node, 1 - at)?) else { return Ok(None) };
        let view = data.view;
        Ok(Some(Data { view, ..self.instance_norm(norm, Some([weight, bias]))? }))
    }
}

fn group_norm(groups: usize, channels: usize, eps: f64) -> Spec {
    Spec::new("group_norm").set("groups", groups).set("channels", channels).set("eps", eps)
}

/// The number of groups of channels that the view has after the batch, each with all its positions.
fn groups_of(data: &Data) -> Option<usize> {
    let ([Axis::Batch, groups, _], (channels, stride)) = (&*data.view.0, channels_of(data.shape)) else { return None };
    let count = groups.size()?;
    let whole = channels.is_multiple_of(count) && *groups == Axis::new(count, channels / count * stride);
    whole.then_some(count)
}
