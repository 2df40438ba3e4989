//! Sums, differences, products, quotients, powers and extremes: of values, and with constants.

use super::view::{Axis, merged};
use super::{Data, Found, Node, Read, Reader};
use crate::joins::{Add, Divide, Maximum, Minimum, Multiply, Subtract};
use crate::layer::Join;
use crate::spec::Spec;
use crate::{Scalar, Shape};

impl<'g, A: Scalar> Reader<'g, A> {
    pub(super) fn arithmetic(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let (a, b) = (node.needs(0)?, node.needs(1)?);
        // Before opset 7; without an `axis`, it broadcasts as later operators do.
        node.int("broadcast", 0)?;
        node.expect("broadcast", node.attribute("broadcast").is_none() || self.opset < 7)?;
        match (self.index.is_constant(a), self.index.is_constant(b)) {
            (false, false) => self.of_values(node),
            (constant, _) => self.with_constant(node, usize::from(constant)),
        }
    }

    fn of_values(&mut self, node: &'g Node<'g>) -> Read<Data> {
        if let Some(found) = self.gated(node)? {
            return Ok(found);
        }
        if let Some(normal) = self.rms_norm(node, None, None)? {
            return Ok(normal);
        }
        if node.op == "Div"
            && let Some(mean) = self.mean_within(node)?
        {
            return Ok(mean);
        }
        let values = self.all(node)?;
        match &*node.op {
            "Add" => self.combined(&values, Add),
            "Sub" => self.combined(&values, Subtract),
            "Mul" => self.combined(&values, Multiply),
            _ => self.combined(&values, Divide),
        }
    }

    /// A join of values, broadcast along axes of size 1.
    pub(super) fn combined(&mut self, values: &[Data], join: impl Join<A>) -> Read<Data> {
        let sizes = common(values)?;
        let mut values = values.iter().map(|data| self.broadcast(data, &sizes)).collect::<Read<Vec<_>>>()?;
        let first = &values[0];
        if values.iter().any(|data| (&data.view, data.shape) != (&first.view, first.shape)) {
            values = values.iter().map(|data| self.canonical(data)).collect::<Read<Vec<_>>>()?;
        }
        let inputs: Vec<_> = values.iter().map(|data| (data.value, data.shape)).collect();
        Ok(Data { view: values[0].view.clone(), ..self.joined(join, &inputs)? })
    }

    /// The sum or the mean of any number of values and constants.
    pub(super) fn sum(&mut self, node: &Node<'_>) -> Read<Data> {
        let (constants, names): (Vec<_>, Vec<_>) =
            node.inputs.iter().enumerate().partition(|(_, name)| self.index.is_constant(name));
        let inputs = names.into_iter().map(|(_, name)| name.clone()).collect();
        let values = self.all(&Node { inputs, ..Node::default() })?;
        let mut sum = if let [one] = &*values { one.clone() } else { self.combined(&values, Add)? };
        for (input, _) in constants {
            let (spread, numbers) = self.spread_over(&sum, node, input)?;
            sum = self.rescale(&spread, numbers.into_iter().map(|x| -x).collect(), vec![1.0])?;
        }
        if node.op == "Sum" { Ok(sum) } else { self.scaled_by(&sum, 1.0 / node.inputs.len() as f64) }
    }

    /// The elementwise maximum or minimum of any number of values and constant numbers.
    pub(super) fn extreme(&mut self, node: &Node<'_>) -> Read<Data> {
        let max = node.op == "Max";
        let (mut low, mut high, mut names) = (f64::NEG_INFINITY, f64::INFINITY, Vec::new());
        for (input, name) in node.inputs.iter().enumerate() {
            if !self.index.is_constant(name) {
                names.push(name.clone());
            } else if max {
                low = low.max(self.number(node, input)?);
            } else {
                high = high.min(self.number(node, input)?);
            }
        }
        let values = self.all(&Node { inputs: names, ..Node::default() })?;
        let [first, rest @ ..] = &*values else { return Err("it has no values".into()) };
        let mut data = first.clone();
        for other in rest {
            let pair = [data, other.clone()];
            data = if max { self.combined(&pair, Maximum)? } else { self.combined(&pair, Minimum)? };
        }
        if node.inputs.len() == values.len() {
            return Ok(data);
        }
        self.elementwise(&data, &Found::new(Spec::new("hard_tanh").set("min", low).set("max", high)))
    }

    /// x^p.
    pub(super) fn power(&mut self, node: &'g Node<'g>) -> Read<Data> {
        node.expect("exponent", self.index.is_constant(node.needs(1)?))?;
        let data = self.data(node.needs(0)?)?;
        let exponent = self.number(node, 1)?;
        self.elementwise(&data, &Found::new(raised(exponent)))
    }

    /// An operation with a constant, where input `at` is the value.
    fn with_constant(&mut self, node: &'g Node<'g>, at: usize) -> Read<Data> {
        let value = node.needs(at)?;
        let found = match &*node.op {
            "Add" => self.end_of_sum(node, at)?,
            "Mul" => self.end_of_product(node, at)?,
            "Div" if at == 0 => self.scaled_softplus(node)?,
            _ => None,
        };
        if let Some(found) = found {
            return Ok(found);
        }
        if let Some(found) = self.shifted_and_scaled(node, at)? {
            return Ok(found);
        }
        let data = self.data(value)?;
        if node.op == "Add"
            && let Some(found) = self.positions(&data, node, 1 - at)?
        {
            return Ok(found);
        }
        let data =
            if (&*node.op, at) == ("Div", 1) { self.elementwise(&data, &Found::new(raised(-1.0)))? } else { data };
        let (data, numbers) = self.spread_over(&data, node, 1 - at)?;
        let negative = |numbers: Vec<f64>| numbers.into_iter().map(|x| -x).collect();
        match &*node.op {
            "Add" => self.rescale(&data, negative(numbers), vec![1.0]),
            "Sub" if at == 0 => self.rescale(&data, numbers, vec![1.0]),
            "Sub" => self.rescale(&data, numbers, vec![-1.0]),
            "Div" if at == 0 => self.rescale(&data, vec![0.0], inverse(numbers)),
            _ => self.rescale(&data, vec![0.0], numbers),
        }
    }

    /// A sum with a constant that ends a layer.
    fn end_of_sum(&mut self, node: &'g Node<'g>, at: usize) -> Read<Option<Data>> {
        if let Some(found) = self.biased(node, at)? {
            return Ok(Some(found));
        }
        if let Some(found) = self.affine_norm(node, at)? {
            return Ok(Some(found));
        }
        let scale = self.index.sole(node.input(at), "Mul");
        match scale.and_then(|scale| Some((scale, self.index.side(scale, "Div")?))) {
            Some((scale, (normal, other))) if scale.input(other).is_some_and(|name| self.index.is_constant(name)) => {
                self.rms_norm(normal, Some((scale, other)), Some((node, 1 - at)))
            }
            _ => Ok(None),
        }
    }

    /// A product with a constant that ends a layer.
    fn end_of_product(&mut self, node: &'g Node<'g>, at: usize) -> Read<Option<Data>> {
        if let Some(found) = self.gelu(node, at)? {
            return Ok(Some(found));
        }
        let value = node.input(at);
        match self.index.sole(value, "Div").or_else(|| self.index.sole(value, "Mul")) {
            Some(normal) => self.rms_norm(normal, Some((node, 1 - at)), None),
            None => Ok(None),
        }
    }

    /// (x - shift)·scale, with the shift or scale in an operator before, as one layer.
    fn shifted_and_scaled(&mut self, node: &'g Node<'g>, at: usize) -> Read<Option<Data>> {
        let value = node.input(at);
        let before = match &*node.op {
            "Mul" => self.index.sole(value, "Sub"),
            "Div" if at == 0 => self.index.sole(value, "Sub"),
            // Unless the product itself ends a layer.
            "Add" => self.index.sole(value, "Mul").filter(|product| {
                let within = |i| self.index.sole(product.input(i), "Mul").or(self.index.sole(product.input(i), "Div"));
                within(0).or(within(1)).is_none()
            }),
            _ => None,
        };
        let Some(before) = before else { return Ok(None) };
        let constant = |i: usize| before.input(i).is_some_and(|name| self.index.is_constant(name));
        let Some(inner) = (0..2).find(|&i| constant(1 - i) && !constant(i)) else { return Ok(None) };
        if before.op == "Sub" && inner == 1 {
            return Ok(None);
        }
        let data = self.data(before.needs(inner)?)?;
        // Both constants must be along the same axis, and neither may broadcast the value to a larger shape.
        let [one, two] = [self.sizes(before, 1 - inner)?, self.sizes(node, 1 - at)?];
        let single = |sizes: &[usize]| sizes.iter().product::<usize>() == 1;
        let within = |sizes: &[usize]| sizes.len() <= data.view.0.len();
        if !within(&one) || !within(&two) || !(one == two || single(&one) || single(&two)) {
            return Ok(None);
        }
        let (data, first) = self.spread_over(&data, before, 1 - inner)?;
        let (again, second) = self.spread_over(&data, node, 1 - at)?;
        let (data, first, second) = if again.value == data.value {
            (data, first, second)
        } else {
            // The first was one number, and the second has an axis of its own.
            node.expect("its two constants", first.len() == 1)?;
            (again, first, second)
        };
        match &*node.op {
            "Add" => self.scale_and_add(&data, first, second),
            "Div" => self.rescale(&data, first, inverse(second)),
            _ => self.rescale(&data, first, second),
        }
        .map(Some)
    }

    /// A constant of one number, or of one per channel or feature, and the value arranged accordingly: several axes are
    /// merged into features.
    pub(super) fn spread_over(&mut self, data: &Data, node: &Node<'_>, input: usize) -> Read<(Data, Vec<f64>)> {
        let (sizes, numbers) = (self.sizes(node, input)?, self.numbers(node, input)?);
        self.spread_constant(data, &sizes, numbers)
    }

    /// [`spread_over`](Self::spread_over) for a constant of these sizes.
    pub(super) fn spread_constant(
        &mut self,
        data: &Data,
        sizes: &[usize],
        numbers: Vec<f64>,
    ) -> Read<(Data, Vec<f64>)> {
        if sizes.iter().all(|&n| n == 1) {
            let rank = data.view.0.len().max(sizes.len());
            let ones: Vec<i64> = (0..(rank - data.view.0.len()) as i64).collect();
            return Ok((Data { view: data.view.unsqueezed(&ones)?, ..data.clone() }, numbers));
        }
        let shape: Vec<Option<usize>> = sizes.iter().copied().map(Some).collect();
        let wanted = broadcast_sizes(&data.view.sizes(), &shape).ok_or_else(|| {
            format!("its constant has the shape {sizes:?}, not one number for each channel or feature")
        })?;
        let data = self.broadcast(data, &wanted)?;
        let first = wanted.len() - sizes.len();
        let spread: Vec<usize> = (0..sizes.len()).filter(|&i| sizes[i] != 1).map(|i| first + i).collect();
        if spread.iter().any(|&axis| data.view.0[axis] == Axis::Batch) {
            return Err(format!("its constant has the shape {sizes:?}, with numbers for each sample").into());
        }
        if let [axis] = *spread {
            return Ok((self.with_channels(&data, axis as i64)?, numbers));
        }
        let data = self.with_rest(&data, spread[0])?;
        let mut axes = Vec::new();
        let mut stride = 1;
        for axis in (spread[0]..wanted.len()).rev() {
            let (Some(size), own) = (wanted[axis], sizes[axis - first]) else { continue };
            axes.push([size, if own == 1 { 0 } else { stride }]);
            stride *= own;
        }
        axes.reverse();
        let count = axes.iter().map(|[size, _]| size).product();
        self.take(count)?;
        Ok((data, by_strides(&axes, &numbers)))
    }

    /// Repeats a single number for all channels.
    pub(super) fn spread(&mut self, data: &Data, numbers: Vec<f64>) -> Read<Vec<f64>> {
        let channels = Self::channels(data);
        self.take(channels)?;
        Ok(if let [one] = *numbers { vec![one; channels] } else { numbers })
    }

    /// A product with a number.
    pub(super) fn scaled_by(&mut self, data: &Data, factor: f64) -> Read<Data> {
        if factor == 1.0 { Ok(data.clone()) } else { self.rescale(data, vec![0.0], vec![factor]) }
    }

    /// (x - shift)·scale.
    pub(super) fn rescale(&mut self, data: &Data, shift: Vec<f64>, scale: Vec<f64>) -> Read<Data> {
        let (shift, scale) = (self.spread(data, shift)?, self.spread(data, scale)?);
        if let Shape::Image { .. } = data.shape {
            let bias = shift.iter().zip(&scale).map(|(shift, scale)| -shift * scale).collect();
            return self.pixelwise(data, scale, bias);
        }
        let spec = Spec::new("rescale").set("features", shift.len());
        self.elementwise(data, &Found::new(spec).with("shift", shift).with("scale", scale))
    }

    /// scale·x + bias: a batch norm with its statistics folded in.
    fn scale_and_add(&mut self, data: &Data, scale: Vec<f64>, bias: Vec<f64>) -> Read<Data> {
        let (scale, bias) = (self.spread(data, scale)?, self.spread(data, bias)?);
        if let Shape::Image { .. } = data.shape {
            return self.pixelwise(data, scale, bias);
        }
        let channels = scale.len();
        let found = Found::new(batch_norm(channels, 1e-30)).with("weight", scale).with("bias", bias);
        let found = found.with("running_mean", vec![0.0; channels]).with("running_var", vec![1.0; channels]);
        self.elementwise(data, &found)
    }

    /// scale·x + bias for each channel of an image: a 1 x 1 convolution.
    fn pixelwise(&mut self, data: &Data, scale: Vec<f64>, bias: Vec<f64>) -> Read<Data> {
        let channels = scale.len();
        let spec = Spec::new("conv2d").set("inputs", channels).set("outputs", channels).set("groups", channels);
        let spec = spec.set("kernel", [1, 1]).set("stride", [1, 1]).set("dilation", [1, 1]);
        let spec = spec.set("padding", [0, 0, 0, 0]).set("bias", true);
        self.elementwise(data, &Found::new(spec).with("weight", scale).with("bias", bias))
    }
}

pub(super) fn batch_norm(channels: usize, eps: f64) -> Spec {
    Spec::new("batch_norm").set("channels", channels).set("eps", eps).set("momentum", 0.1).set("affine", true)
}

pub(super) fn raised(exponent: f64) -> Spec {
    Spec::new("power").set("exponent", exponent)
}

fn inverse(numbers: Vec<f64>) -> Vec<f64> {
    numbers.into_iter().map(|x| 1.0 / x).collect()
}

/// Gathers numbers by strides: `axes` are sizes and strides.
pub(super) fn by_strides(axes: &[[usize; 2]], numbers: &[f64]) -> Vec<f64> {
    let mut at = vec![0];
    for [size, stride] in merged(axes.iter().copied()) {
        at = at.into_iter().flat_map(|at| (0..size).map(move |i| at + i * stride)).collect();
    }
    at.into_iter().map(|at| numbers[at]).collect()
}

/// The shape to which both shapes broadcast; `None` is the batch.
pub(super) fn broadcast_sizes(a: &[Option<usize>], b: &[Option<usize>]) -> Option<Vec<Option<usize>>> {
    let rank = a.len().max(b.len());
    let size = |sizes: &[Option<usize>], axis: usize| match (axis + sizes.len()).checked_sub(rank) {
        Some(axis) => sizes[axis],
        None => Some(1),
    };
    let common = |axis| match (size(a, axis), size(b, axis)) {
        (a, b) if a == b || b == Some(1) => Some(a),
        (Some(1), b) => Some(b),
        // The batch: a constant with different numbers for each sample is rejected later.
        (None, Some(_)) => Some(None),
        _ => None,
    };
    (0..rank).map(common).collect()
}

/// The shape to which all values broadcast.
fn common(values: &[Data]) -> Read<Vec<Option<usize>>> {
    let mut sizes = values.first().map(|data| data.view.sizes()).ok_or("it has no values")?;
    for data in &values[1..] {
        let own = data.view.sizes();
        let wrong = || format!("its values have the sizes {sizes:?} and {own:?}");
        sizes = broadcast_sizes(&sizes, &own).ok_or_else(wrong)?;
    }
    Ok(sizes)
}
