//! Products with a matrix, and constants for each step.

use super::arithmetic::broadcast_sizes;
use super::view::{Axis, View};
use super::{Data, Found, Known, Node, Read, Reader};
use crate::joins::{Add, MatMul};
use crate::layers::AdaptiveAvgPool2d;
use crate::spec::Spec;
use crate::{Scalar, Shape};

/// x·W, possibly plus a constant.
pub(super) struct Product<'g> {
    pub(super) x: &'g str,
    /// The operator with W as its second input.
    node: &'g Node<'g>,
    /// The operator that adds the bias, and the index of that input.
    bias: Option<(&'g Node<'g>, usize)>,
}

/// The parameters of a dense layer.
pub(super) struct Weights {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) weight: Vec<f64>,
    pub(super) bias: Option<Vec<f64>>,
}

impl<'g, A: Scalar> Reader<'g, A> {
    /// An operator as a product with a constant, or as the sum of one and a constant.
    pub(super) fn product(&self, node: &'g Node<'g>) -> Option<Product<'g>> {
        let constant = |node: &'g Node<'g>, i: usize| node.input(i).is_some_and(|name| self.index.is_constant(name));
        if node.op == "Add" {
            let (product, other) = self
                .index
                .side(node, "MatMul")
                .or_else(|| self.index.side(node, "Gemm").filter(|(gemm, _)| gemm.input(2).is_none()))?;
            let whole = constant(product, 1) && constant(node, other);
            return whole.then_some(Product { x: product.input(0)?, node: product, bias: Some((node, other)) });
        }
        let bias = node.input(2).map(|_| (node, 2));
        (matches!(&*node.op, "MatMul" | "Gemm") && constant(node, 1)).then_some(Product {
            x: node.input(0)?,
            node,
            bias,
        })
    }

    /// The parameters of a product.
    pub(super) fn weights(&mut self, product: &Product<'_>) -> Read<Weights> {
        let node = product.node;
        let sizes = self.sizes(node, 1)?;
        let &[rows, columns] = &*sizes else { return Err(format!("its weight has the shape {sizes:?}").into()) };
        let transposed = node.int("transB", 0)? != 0;
        let (inputs, outputs) = if transposed { (columns, rows) } else { (rows, columns) };
        let bias = match product.bias {
            Some((node, input)) => {
                let sizes = self.sizes(node, input)?;
                // One value for each output, along the last axis.
                let [before @ .., last] = &*sizes else { return Err("its bias is one number".into()) };
                node.expect("bias", *last == outputs && before.iter().all(|&n| n == 1))?;
                Some(self.numbers(node, input)?)
            }
            None => None,
        };
        let mut weight = self.numbers(node, 1)?;
        if transposed {
            weight = (0..inputs).flat_map(|i| weight.iter().skip(i).step_by(inputs).copied()).collect();
        }
        Ok(Weights { inputs, outputs, weight, bias })
    }

    /// α·A·B + β·C; after the transposition of A, if any, its rows must be the samples.
    pub(super) fn gemm(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let (alpha, beta) = (node.float("alpha", 1.0)?, node.float("beta", 1.0)?);
        node.expect("broadcast", node.attribute("broadcast").is_none() || self.opset < 7)?;
        let plain = alpha == 1.0 && (beta == 1.0 || node.input(2).is_none()) && node.int("transA", 0)? == 0;
        let one_row = match node.input(2) {
            Some(bias) if self.index.is_constant(bias) => {
                let (sizes, columns) = (self.sizes(node, 2)?, self.sizes(node, 1)?);
                let outputs = columns.get(usize::from(node.int("transB", 0)? == 0));
                sizes.last() == outputs && sizes.iter().rev().skip(1).all(|&n| n == 1)
            }
            Some(_) => false,
            None => true,
        };
        if let Some(product) = self.product(node).filter(|_| plain && one_row) {
            node.expect("A", self.data(product.x)?.view.0.len() == 2)?;
            return self.dense(&product);
        }
        let mut sides = Vec::new();
        for (input, name) in [(0, "transA"), (1, "transB")] {
            let data = self.data_or_none(node.needs(input)?)?;
            sides.push((data, node.int(name, 0)? != 0));
        }
        let [(Some(a), transposed), (None, _)] = &*sides else { return Err("its weight is not a constant".into()) };
        node.expect("A", a.view.0.len() == 2)?;
        let a = if *transposed { Data { view: a.view.transposed(&[1, 0])?, ..a.clone() } } else { a.clone() };
        let weights = self.weights(&Product { x: "", node, bias: None })?;
        let product = self.dense_along(&a, 1, weights)?;
        let product = self.scaled_by(&product, alpha)?;
        let Some(bias) = node.input(2) else { return Ok(product) };
        if let Some(bias) = self.data_or_none(bias)? {
            let bias = self.scaled_by(&bias, beta)?;
            let sum = self.combined(&[product.clone(), bias], Add)?;
            node.expect("C", sum.view.sizes() == product.view.sizes())?;
            return Ok(sum);
        }
        let sizes = product.view.sizes();
        let (product, numbers) = self.spread_over(&product, node, 2)?;
        node.expect("C", product.view.sizes() == sizes)?;
        self.rescale(&product, numbers.into_iter().map(|x| -beta * x).collect(), vec![1.0])
    }

    /// A value, or `None` for a constant.
    fn data_or_none(&self, name: &str) -> Read<Option<Data>> {
        if self.index.is_constant(name) { Ok(None) } else { self.data(name).map(Some) }
    }

    pub(super) fn matmul(&mut self, node: &'g Node<'g>) -> Read<Data> {
        match [node.needs(0)?, node.needs(1)?].map(|name| self.index.is_constant(name)) {
            [false, false] => return self.product_of_values(node),
            [true, _] => return self.left_product(node),
            [false, true] => {}
        }
        let product = self.product(node).ok_or("its weight is not a constant")?;
        if self.sizes(node, 1)?.len() != 2 {
            return self.with_stack(node);
        }
        match self.attention(&product, None)? {
            Some(found) => Ok(found),
            None => self.dense(&product),
        }
    }

    /// A product of two values, over the last axis of the first and the second-to-last of the second.
    fn product_of_values(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let values = self.all(node)?;
        let [a, b] = &*values else { return Err("it does not have two inputs".into()) };
        self.product_of(node, a, b)
    }

    pub(super) fn product_of(&mut self, node: &Node<'_>, a: &Data, b: &Data) -> Read<Data> {
        let (ranks, wrong) =
            ([a.view.0.len(), b.view.0.len()], "it multiplies values in an order that is not supported");
        if ranks.iter().any(|&rank| rank < 2) {
            return Err(wrong.into());
        }
        let (of_a, of_b) = (a.view.sizes(), b.view.sizes());
        let ([lead @ .., Some(n), Some(k)], [other @ .., Some(same), Some(m)]) = (&*of_a, &*of_b) else {
            return Err("it multiplies along the batch".into());
        };
        let (n, k, m) = (*n, *k, *m);
        node.expect("sizes", *same == k)?;
        // All axes before the matrices are channels here.
        let sizes = broadcast_sizes(lead, other).ok_or(wrong)?;
        let (a, b) = (
            self.broadcast(a, &[&sizes[..], &[Some(n), Some(k)]].concat())?,
            self.broadcast(b, &[&sizes[..], &[Some(k), Some(m)]].concat())?,
        );
        let channels: usize = sizes.iter().flatten().product();
        let as_matrices = |reader: &mut Self, data: &Data, rows: usize, columns: usize| {
            let order = data.view.of_samples();
            let shape: Shape = if channels == 1 { [rows, columns].into() } else { [channels, rows, columns].into() };
            reader.ordered(data, &order, shape)
        };
        let (a, b) = (as_matrices(self, &a, n, k)?, as_matrices(self, &b, k, m)?);
        let product = self.joined(MatMul, &[(a.value, a.shape), (b.value, b.shape)])?;
        Ok(Data { view: View::contiguous(&[&sizes[..], &[Some(n), Some(m)]].concat()), ..product })
    }

    /// W·X, over the second-to-last axis of a value.
    fn left_product(&mut self, node: &'g Node<'g>) -> Read<Data> {
        if let Some(found) = self.regions(node)? {
            return Ok(found);
        }
        let data = self.data(node.needs(1)?)?;
        let (rank, sizes) = (data.view.0.len(), self.sizes(node, 0)?);
        let &[outputs, inputs] = &*sizes else { return Err(format!("its weight has the shape {sizes:?}").into()) };
        node.expect("B", rank >= 2)?;
        let numbers = self.numbers(node, 0)?;
        let weight = (0..inputs).flat_map(|i| numbers.iter().skip(i).step_by(inputs).copied()).collect();
        self.dense_along(&data, rank - 2, Weights { inputs, outputs, weight, bias: None })
    }

    /// A product with a vector, or with a matrix that has leading axes of size 1.
    fn with_stack(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let data = self.data(node.needs(0)?)?;
        let (rank, sizes) = (data.view.0.len(), self.sizes(node, 1)?);
        let weight = self.numbers(node, 1)?;
        let [lead @ .., inputs, outputs] = &*sizes else {
            // A vector leaves no axis.
            let product =
                self.dense_along(&data, rank - 1, Weights { inputs: weight.len(), outputs: 1, weight, bias: None })?;
            return Ok(Data { view: product.view.squeezed(&[-1])?, ..product });
        };
        node.expect("B", lead.iter().all(|&n| n == 1) && sizes.len() <= rank)?;
        self.dense_along(&data, rank - 1, Weights { inputs: *inputs, outputs: *outputs, weight, bias: None })
    }

    /// A product with a bias.
    pub(super) fn biased(&mut self, node: &'g Node<'g>, at: usize) -> Read<Option<Data>> {
        let Some(product) = self.product(node) else { return Ok(None) };
        if matches!(self.known.get(product.x), Some(Known::Grouped(..))) {
            return Ok(None);
        }
        let (sizes, columns) = (self.sizes(node, 1 - at)?, self.sizes(product.node, 1)?);
        let outputs = columns.get(usize::from(product.node.int("transB", 0)? == 0));
        if columns.len() != 2 || sizes.last() != outputs || sizes.iter().filter(|&&n| n != 1).count() > 1 {
            return Ok(None);
        }
        let gemm = product.node;
        if gemm.op == "Gemm" && (gemm.float("alpha", 1.0)? != 1.0 || gemm.int("transA", 0)? != 0) {
            return Ok(None);
        }
        if let Some(found) = self.attention(&product, None)? {
            return Ok(Some(found));
        }
        let data = self.data(product.x)?;
        if sizes.len() > data.view.0.len() { Ok(None) } else { self.dense(&product).map(Some) }
    }

    /// A product over the last axis.
    fn dense(&mut self, product: &Product<'_>) -> Read<Data> {
        let data = self.data(product.x)?;
        let weights = self.weights(product)?;
        self.dense_along(&data, data.view.0.len() - 1, weights)
    }

    /// A product over an axis.
    pub(super) fn dense_along(&mut self, data: &Data, axis: usize, weights: Weights) -> Read<Data> {
        let Weights { inputs, outputs, weight, bias } = weights;
        let rows = self.with_axis_last(data, axis)?;
        let spec = Spec::new("dense").set("inputs", inputs).set("outputs", outputs).set("bias", bias.is_some());
        let mut found = Found::new(spec).with("weight", weight);
        if let Some(bias) = bias {
            found = found.with("bias", bias);
        }
        let (value, shape) = self.layer(rows.value, rows.shape, &found)?;
        // The features are innermost.
        let mut view = rows.view;
        for axis in &mut view.0 {
            if let Axis::Of(factors) = axis {
                factors.iter_mut().for_each(|[_, stride]| *stride = *stride / inputs * outputs);
            }
        }
        view.0[axis] = Axis::new(outputs, 1);
        Ok(Data { value, shape, view, integer: false })
    }

    /// A product over an image's rows and one over its columns: adaptive average pooling.
    fn regions(&mut self, down: &'g Node<'g>) -> Read<Option<Data>> {
        let Some(across) = self.index.sole(down.input(1), "MatMul") else { return Ok(None) };
        if self.index.is_constant(across.needs(0)?) || !self.index.is_constant(across.needs(1)?) {
            return Ok(None);
        }
        let data = self.data(across.needs(0)?)?;
        let (&[None, Some(_), Some(height), Some(width)], &[w, columns], &[rows, h]) =
            (&*data.view.sizes(), &*self.sizes(across, 1)?, &*self.sizes(down, 0)?)
        else {
            return Ok(None);
        };
        if (w, h) != (width, height) {
            return Ok(None);
        }
        let numbers = [self.numbers(across, 1)?, self.numbers(down, 0)?];
        let [wide, high] = AdaptiveAvgPool2d::new([rows, columns]).region_weights([height, width]);
        let same = |got: &[f64], want: &[f32]| got.iter().zip(want).all(|(&got, &want)| got == f64::from(want));
        if !same(&numbers[0], &wide) || !same(&numbers[1], &high) {
            return Ok(None);
        }
        let image = self.standard(&data)?;
        self.on(image, &Found::new(Spec::new("adaptive_avg_pool2d").set("output", [rows, columns]))).map(Some)
    }

    /// A sum with a constant for each step.
    pub(super) fn positions(&mut self, data: &Data, node: &Node<'_>, input: usize) -> Read<Option<Data>> {
        let sizes = self.sizes(node, input)?;
        let steps = data.view.sizes();
        let (Some(Axis::Batch), &[_, Some(steps), Some(features)]) = (data.view.0.first(), &*steps) else {
            return Ok(None);
        };
        if steps == 1 || features == 1 || ![&[steps, features][..], &[1, steps, features]].contains(&&*sizes) {
            return Ok(None);
        }
        let sequence = self.arrange(data, &[1, 2])?;
        let found = learned_positions([steps, features], self.numbers(node, input)?, false);
        self.on(sequence, &found).map(Some)
    }
}

pub(super) fn learned_positions([steps, features]: [usize; 2], codes: Vec<f64>, masked: bool) -> Found {
    let spec = Spec::new("learned_positions").set("steps", steps).set("features", features).set("masked", masked);
    Found::new(spec).with("weight", codes)
}
