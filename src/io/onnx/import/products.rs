//! Products with a matrix, and constants for each step.

use super::view::Axis;
use super::{Data, Found, Node, Read, Reader};
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
        let &[rows, columns] = &*sizes else { return Err(format!("its weight has the sizes {sizes:?}").into()) };
        let turned = node.int("transB", 0)? != 0;
        let (inputs, outputs) = if turned { (columns, rows) } else { (rows, columns) };
        let bias = match product.bias {
            Some((node, input)) => {
                let sizes = self.sizes(node, input)?;
                // Along the last axis, or one value for all.
                let [before @ .., last] = &*sizes else { return Err("its bias is one number".into()) };
                node.expect("bias", *last == outputs && before.iter().all(|&n| n == 1))?;
                Some(self.numbers(node, input)?)
            }
            None => None,
        };
        let mut weight = self.numbers(node, 1)?;
        if turned {
            weight = (0..inputs).flat_map(|i| weight.iter().skip(i).step_by(inputs).copied()).collect();
        }
        Ok(Weights { inputs, outputs, weight, bias })
    }

    pub(super) fn gemm(&mut self, node: &'g Node<'g>) -> Read<Data> {
        node.expect("alpha", node.float("alpha", 1.0)? == 1.0)?;
        node.expect("beta", node.float("beta", 1.0)? == 1.0 || node.input(2).is_none())?;
        node.expect("transA", node.int("transA", 0)? == 0)?;
        let product = self.product(node).ok_or("its weight is no constant")?;
        let data = self.data(product.x)?;
        node.expect("A", data.view.0.len() == 2)?;
        self.dense(&product)
    }

    pub(super) fn matmul(&mut self, node: &'g Node<'g>) -> Read<Data> {
        if self.index.is_constant(node.needs(0)?) {
            return self.regions(node);
        }
        let product = self.product(node).ok_or("its weight is no constant")?;
        match self.attention(&product, None)? {
            Some(found) => Ok(found),
            None => self.dense(&product),
        }
    }

    /// A product with a bias.
    pub(super) fn biased(&mut self, node: &'g Node<'g>, at: usize) -> Read<Option<Data>> {
        let Some(product) = self.product(node) else { return Ok(None) };
        let (sizes, columns) = (self.sizes(node, 1 - at)?, self.sizes(product.node, 1)?);
        let outputs = columns.get(usize::from(product.node.int("transB", 0)? == 0));
        if sizes.last() != outputs || sizes.iter().filter(|&&n| n != 1).count() > 1 {
            return Ok(None);
        }
        if product.node.op == "Gemm" {
            let (gemm, x) = (product.node, self.data(product.x)?);
            gemm.expect("alpha", gemm.float("alpha", 1.0)? == 1.0)?;
            gemm.expect("transA or A", gemm.int("transA", 0)? == 0 && x.view.0.len() == 2)?;
        }
        if let Some(found) = self.attention(&product, None)? {
            return Ok(Some(found));
        }
        let data = self.data(product.x)?;
        if sizes.len() > data.view.0.len() { Ok(None) } else { self.dense(&product).map(Some) }
    }

    /// A product over the last axis.
    fn dense(&mut self, product: &Product<'_>) -> Read<Data> {
        let mut data = self.data(product.x)?;
        let mut sizes = data.view.sizes();
        let last = sizes.last().copied().flatten();
        if sizes.len() > 3 {
            // All axes but the last are steps.
            let steps = sizes[1..sizes.len() - 1].iter().copied().try_fold(1, |steps, n| Some(steps * n?));
            data = self.with_sizes(&data, &[None, Some(steps.ok_or("the batch is not its first axis")?), last])?;
        }
        let (value, shape) = self.standard(&data)?;
        let Weights { inputs, outputs, weight, bias } = self.weights(product)?;
        let spec = Spec::new("dense").set("inputs", inputs).set("outputs", outputs).set("bias", bias.is_some());
        let mut found = Found::new(spec).with("weight", weight);
        if let Some(bias) = bias {
            found = found.with("bias", bias);
        }
        let after = self.on((value, shape), &found)?;
        if sizes.len() <= 3 {
            return Ok(after);
        }
        if let Some(last) = sizes.last_mut() {
            *last = Some(outputs);
        }
        self.with_sizes(&after, &sizes)
    }

    /// A product over an image's rows and one over its columns: the means of regions.
    fn regions(&mut self, down: &'g Node<'g>) -> Read<Data> {
        let wrong = "its first input is a constant, as in no layer here";
        let across = self.index.sole(down.input(1), "MatMul").ok_or(wrong)?;
        let image = self.image(across)?;
        let Shape::Image { height, width, .. } = image.1 else { return Err(wrong.into()) };
        let (&[w, columns], &[rows, h]) = (&*self.sizes(across, 1)?, &*self.sizes(down, 0)?) else {
            return Err(wrong.into());
        };
        down.expect("A or B", (w, h) == (width, height))?;
        let numbers = [self.numbers(across, 1)?, self.numbers(down, 0)?];
        let [wide, high] = AdaptiveAvgPool2d::new([rows, columns]).region_weights([height, width]);
        let same = |got: &[f64], want: &[f32]| got.iter().zip(want).all(|(&got, &want)| got == f64::from(want));
        down.expect("A or B", same(&numbers[0], &wide) && same(&numbers[1], &high))?;
        self.on(image, &Found::new(Spec::new("adaptive_avg_pool2d").set("output", [rows, columns])))
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
