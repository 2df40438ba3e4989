//! Sums, differences, products and quotients: of values, with constants, and as parts of layers.

use super::operators::softplus;
use super::{Data, Found, Node, Read, Reader};
use crate::joins::{Add, Distance, Dot, Multiply, Subtract};
use crate::spec::Spec;
use crate::{Scalar, Shape};

impl<'g, A: Scalar> Reader<'g, A> {
    pub(super) fn arithmetic(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let (a, b) = (node.needs(0)?, node.needs(1)?);
        match (self.index.is_constant(a), self.index.is_constant(b)) {
            (false, false) => self.of_values(node, a, b),
            (constant, _) => self.with_constant(node, usize::from(constant)),
        }
    }

    fn of_values(&mut self, node: &'g Node<'g>, a: &str, b: &str) -> Read<Data> {
        // x·f(x) for gates f.
        if node.op == "Mul" {
            for (op, kind) in [("Sigmoid", "silu"), ("HardSigmoid", "hard_swish"), ("Tanh", "mish")] {
                let Some((gate, other)) = self.index.side(node, op) else { continue };
                let bend = self.index.sole(gate.input(0), "Softplus");
                let inner = if op == "Tanh" { bend.and_then(|bend| bend.input(0)) } else { gate.input(0) };
                if inner == node.input(other) {
                    if op == "HardSigmoid" {
                        let (alpha, beta) = (gate.float("alpha", 0.2)?, gate.float("beta", 0.5)?);
                        node.expect("alpha or beta", (alpha - 1.0 / 6.0).abs() < 1e-6 && beta == 0.5)?;
                    }
                    let data = self.data(node.needs(other)?)?;
                    return self.elementwise(&data, &Found::new(Spec::new(kind)));
                }
            }
        }
        if node.op == "Sub" && self.index.sole(Some(b), "Tanh").is_some_and(|tanh| tanh.input(0) == Some(a)) {
            return Ok(self.data(a)?).and_then(|data| self.elementwise(&data, &Found::new(Spec::new("tanh_shrink"))));
        }
        if let Some(normal) = self.rms_norm(node, None, None)? {
            return Ok(normal);
        }
        match &*node.op {
            "Add" => self.alike(node, Add),
            "Sub" => self.alike(node, Subtract),
            "Mul" => self.alike(node, Multiply),
            _ => Err("it divides by a value, as no layer here does".into()),
        }
    }

    /// A join of values of one shape.
    fn alike(&mut self, node: &Node<'_>, join: impl crate::layer::Join<A>) -> Read<Data> {
        let values = self.all(node)?;
        let first = &values[0];
        if values.iter().any(|data| data.view.sizes() != first.view.sizes()) {
            return Err("its values have several shapes, which no layer here makes one".into());
        }
        if values.iter().all(|data| (&data.view, data.shape) == (&first.view, first.shape)) {
            let inputs: Vec<_> = values.iter().map(|data| (data.value, data.shape)).collect();
            return Ok(Data { view: first.view.clone(), ..self.joined(join, &inputs)? });
        }
        let inputs = values.iter().map(|data| self.standard(data)).collect::<Read<Vec<_>>>()?;
        self.joined(join, &inputs)
    }

    pub(super) fn sum(&mut self, node: &Node<'_>) -> Read<Data> {
        if let [one] = &*node.inputs { self.data(one) } else { self.alike(node, Add) }
    }

    /// An operation with a constant, where input `at` is the value.
    fn with_constant(&mut self, node: &'g Node<'g>, at: usize) -> Read<Data> {
        let value = node.needs(at)?;
        match &*node.op {
            "Add" => {
                if let Some(found) = self.biased(node, at)? {
                    return Ok(found);
                }
                if let Some(found) = self.affine_norm(node, at)? {
                    return Ok(found);
                }
                let scale = self.index.sole(Some(value), "Mul");
                if let Some((scale, (normal, other))) =
                    scale.and_then(|scale| Some((scale, self.index.side(scale, "Div")?)))
                    && scale.input(other).is_some_and(|name| self.index.is_constant(name))
                    && let Some(found) = self.rms_norm(normal, Some((scale, other)), Some((node, 1 - at)))?
                {
                    return Ok(found);
                }
            }
            "Mul" => {
                if let Some(found) = self.gelu(node, at)? {
                    return Ok(found);
                }
                let normal = self.index.sole(Some(value), "Div").or_else(|| self.index.sole(Some(value), "Mul"));
                if let Some(normal) = normal
                    && let Some(found) = self.rms_norm(normal, Some((node, 1 - at)), None)?
                {
                    return Ok(found);
                }
            }
            "Div" if at == 0 => {
                let bend = self.index.sole(Some(value), "Softplus");
                if let Some(scale) = bend.and_then(|bend| self.index.sole(bend.input(0), "Mul"))
                    && let (false, true) =
                        (self.index.is_constant(scale.needs(0)?), self.index.is_constant(scale.needs(1)?))
                    && self.sizes(scale, 1)?.iter().chain(&self.sizes(node, 1)?).all(|&n| n == 1)
                {
                    let data = self.data(scale.needs(0)?)?;
                    let beta = self.number(scale, 1)?;
                    node.expect("beta", self.number(node, 1)? == beta)?;
                    return self.elementwise(&data, &Found::new(softplus(beta, 20.0)));
                }
            }
            "Div" => return Err("it divides by a value, as no layer here does".into()),
            _ => {}
        }
        // (x - shift)·scale, possibly with the shift in an operator before.
        let before = match &*node.op {
            "Mul" | "Div" => self.index.sole(Some(value), "Sub"),
            // Unless the product is itself the end of a layer.
            "Add" => self.index.sole(Some(value), "Mul").filter(|product| {
                let within = |i| self.index.sole(product.input(i), "Mul").or(self.index.sole(product.input(i), "Div"));
                within(0).or(within(1)).is_none()
            }),
            _ => None,
        };
        if let Some(before) = before
            && let Some(inner) = (0..2).find(|&i| before.input(1 - i).is_some_and(|name| self.index.is_constant(name)))
            && (before.op == "Mul" || inner == 0)
        {
            let data = self.data(before.needs(inner)?)?;
            let (data, first) = self.per_channel(&data, before, 1 - inner)?;
            let position = data.clone();
            let (data, second) = self.per_channel(&data, node, 1 - at)?;
            node.expect("its two constants", (data.value, &data.view) == (position.value, &position.view))?;
            return match &*node.op {
                "Add" => self.scale_and_add(&data, first, second),
                "Div" => self.rescale(&data, first, inverse(second)),
                _ => self.rescale(&data, first, second),
            };
        }
        let data = self.data(value)?;
        if node.op == "Add"
            && let Some(found) = self.positions(&data, node, 1 - at)?
        {
            return Ok(found);
        }
        let (data, numbers) = self.per_channel(&data, node, 1 - at)?;
        let negative = |numbers: Vec<f64>| numbers.into_iter().map(|x| -x).collect();
        match &*node.op {
            "Add" => self.rescale(&data, negative(numbers), vec![1.0]),
            "Sub" if at == 0 => self.rescale(&data, numbers, vec![1.0]),
            "Sub" => self.rescale(&data, numbers, vec![-1.0]),
            "Div" => self.rescale(&data, vec![0.0], inverse(numbers)),
            _ => self.rescale(&data, vec![0.0], numbers),
        }
    }

    /// A constant of one value, or one per channel, and the value with its channels in place.
    pub(super) fn per_channel(&mut self, data: &Data, node: &Node<'_>, input: usize) -> Read<(Data, Vec<f64>)> {
        let (sizes, rank) = (self.sizes(node, input)?, data.view.0.len());
        let wrong = || format!("its input {input} has the sizes {sizes:?}, not one number for each channel");
        let first = rank.checked_sub(sizes.len()).ok_or_else(wrong)?;
        let mut more = (0..sizes.len()).filter(|&i| sizes[i] != 1);
        let data = match (more.next(), more.next()) {
            (None, _) => data.clone(),
            (Some(i), None) if data.view.0[first + i].size() == Some(sizes[i]) => {
                self.with_channels(data, (first + i) as i64)?
            }
            _ => return Err(wrong().into()),
        };
        Ok((data, self.numbers(node, input)?))
    }

    /// Expands one value to all channels.
    pub(super) fn spread(&mut self, data: &Data, numbers: Vec<f64>) -> Read<Vec<f64>> {
        let channels = Self::channels(data);
        self.take(channels)?;
        Ok(if let [one] = *numbers { vec![one; channels] } else { numbers })
    }

    /// (x - shift)·scale.
    fn rescale(&mut self, data: &Data, shift: Vec<f64>, scale: Vec<f64>) -> Read<Data> {
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
        let found = Found::new(super::norms::batch_norm(channels, 1e-30)).with("weight", scale).with("bias", bias);
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

    /// x/2·(1 + erf(x/√2)), written out as several operators.
    fn gelu(&mut self, node: &'g Node<'g>, at: usize) -> Read<Option<Data>> {
        let Some(product) = self.index.sole(node.input(at), "Mul") else { return Ok(None) };
        let Some((sum, other)) = self.index.side(product, "Add") else { return Ok(None) };
        let Some((erf, one)) = self.index.side(sum, "Erf") else { return Ok(None) };
        let scaled = |op| self.index.sole(erf.input(0), op);
        let Some(scaled) = scaled("Div").or_else(|| scaled("Mul")) else { return Ok(None) };
        let root = if scaled.op == "Div" { 2_f64.sqrt() } else { 0.5_f64.sqrt() };
        node.expect("inputs", scaled.input(0) == product.input(other))?;
        let near = |x: f64, y: f64| (x - y).abs() < 1e-6;
        let constants = near(self.number(scaled, 1)?, root) && near(self.number(sum, one)?, 1.0);
        node.expect("factor", constants && near(self.number(node, 1 - at)?, 0.5))?;
        let data = self.data(product.needs(other)?)?;
        self.elementwise(&data, &Found::new(Spec::new("gelu"))).map(Some)
    }

    /// Σ a·b over the sample, (batch, 1).
    pub(super) fn dot(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let product = self.sum_of(node)?;
        let inputs = self.all(product)?;
        self.pair(&inputs, Dot)
    }

    /// √Σ(a - b)².
    pub(super) fn distance(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let wrong = "it is the root of what no layer here has";
        let sum = self.index.sole(node.input(0), "ReduceSum").ok_or(wrong)?;
        let square = self.sum_of(sum)?;
        let difference = self.index.made(square.input(0), "Sub", 2).ok_or(wrong)?;
        node.expect("input", square.input(1) == square.input(0))?;
        let inputs = self.all(difference)?;
        self.pair(&inputs, Distance)
    }

    fn pair(&mut self, values: &[Data], join: impl crate::layer::Join<A>) -> Read<Data> {
        if values[0].view.sizes() != values[1].view.sizes() {
            return Err("its values have several shapes".into());
        }
        let inputs = values.iter().map(|data| self.standard(data)).collect::<Read<Vec<_>>>()?;
        self.joined(join, &inputs)
    }

    /// The product whose values are summed over each sample.
    fn sum_of(&mut self, node: &'g Node<'g>) -> Read<&'g Node<'g>> {
        let wrong = "it is a sum that no layer here has";
        let whole = self.list(node, "axes", 1)?.is_some_and(|axes| axes == [1] || axes == [-1]);
        node.expect("axes or keepdims", whole && node.int("keepdims", 1)? == 1)?;
        let flat = self.index.sole(node.input(0), "Flatten");
        if let Some(flat) = flat {
            node.expect("axis", flat.int("axis", 1)? == 1)?;
        }
        let product = self.index.sole(flat.unwrap_or(node).input(0), "Mul").ok_or(wrong)?;
        if flat.is_none() && self.all(product)?.iter().any(|data| data.view.0.len() != 2) {
            return Err(wrong.into());
        }
        Ok(product)
    }
}

fn inverse(numbers: Vec<f64>) -> Vec<f64> {
    numbers.into_iter().map(|x| 1.0 / x).collect()
}
