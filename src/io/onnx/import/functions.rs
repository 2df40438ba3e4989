//! Activations and joins that exporters spell out as several operators.

use super::activations::{softplus, usual_hard_sigmoid};
use super::{Data, Found, Node, Read, Reader};
use crate::Scalar;
use crate::joins::{Distance, Dot};
use crate::layer::Join;
use crate::spec::Spec;

impl<'g, A: Scalar> Reader<'g, A> {
    /// x·f(x) for gates f, and x - tanh(x).
    pub(super) fn gated(&mut self, node: &'g Node<'g>) -> Read<Option<Data>> {
        let mut found = None;
        for (op, kind) in [("Sigmoid", "silu"), ("HardSigmoid", "hard_swish"), ("Tanh", "mish")] {
            let Some((gate, other)) = self.index.side(node, op).filter(|_| node.op == "Mul") else { continue };
            let bend = self.index.sole(gate.input(0), "Softplus");
            let inner = if op == "Tanh" { bend.and_then(|bend| bend.input(0)) } else { gate.input(0) };
            let usual = op != "HardSigmoid" || usual_hard_sigmoid(gate)?;
            if inner == node.input(other) && usual {
                found = inner.map(|x| (x, kind));
            }
        }
        let shrunk = self.index.sole(node.input(1), "Tanh").filter(|_| node.op == "Sub");
        if let Some(tanh) = shrunk
            && tanh.input(0) == node.input(0)
        {
            found = tanh.input(0).map(|x| (x, "tanh_shrink"));
        }
        let Some((x, kind)) = found else { return Ok(None) };
        let data = self.data(x)?;
        self.elementwise(&data, &Found::new(Spec::new(kind))).map(Some)
    }

    /// x/2·(1 + erf(x/√2)), written out as several operators.
    pub(super) fn gelu(&mut self, node: &'g Node<'g>, at: usize) -> Read<Option<Data>> {
        let Some(product) = self.index.sole(node.input(at), "Mul") else { return Ok(None) };
        let Some((sum, other)) = self.index.side(product, "Add") else { return Ok(None) };
        let Some((erf, one)) = self.index.side(sum, "Erf") else { return Ok(None) };
        let scaled = |op| self.index.sole(erf.input(0), op);
        let Some(scaled) = scaled("Div").or_else(|| scaled("Mul")) else { return Ok(None) };
        let root = if scaled.op == "Div" { 2_f64.sqrt() } else { 0.5_f64.sqrt() };
        let constants = [(scaled, 1, root), (sum, one, 1.0), (node, 1 - at, 0.5)];
        if scaled.input(0) != product.input(other) || !self.are_near(&constants)? {
            return Ok(None);
        }
        let data = self.data(product.needs(other)?)?;
        self.elementwise(&data, &Found::new(Spec::new("gelu"))).map(Some)
    }

    /// Whether inputs of operators are these constant numbers, up to the precision of `f32`.
    fn are_near(&mut self, constants: &[(&Node<'_>, usize, f64)]) -> Read<bool> {
        for &(node, input, want) in constants {
            let name = node.needs(input)?;
            if !self.index.is_constant(name) || self.sizes(node, input)?.iter().any(|&n| n != 1) {
                return Ok(false);
            }
            if (self.number(node, input)? - want).abs() > 1e-6 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// ln(1 + e^βx)/β.
    pub(super) fn scaled_softplus(&mut self, node: &'g Node<'g>) -> Read<Option<Data>> {
        let Some(bend) = self.index.sole(node.input(0), "Softplus") else { return Ok(None) };
        let Some(scale) = self.index.sole(bend.input(0), "Mul") else { return Ok(None) };
        if self.index.is_constant(scale.needs(0)?) || !self.index.is_constant(scale.needs(1)?) {
            return Ok(None);
        }
        if self.sizes(scale, 1)?.iter().chain(&self.sizes(node, 1)?).any(|&n| n != 1) {
            return Ok(None);
        }
        let data = self.data(scale.needs(0)?)?;
        let beta = self.number(scale, 1)?;
        if self.number(node, 1)? != beta || beta <= 0.0 {
            return Ok(None);
        }
        self.elementwise(&data, &Found::new(softplus(beta, 20.0))).map(Some)
    }

    /// -ln(1 + e^-x), in either form.
    pub(super) fn log_sigmoid(&mut self, node: &'g Node<'g>) -> Option<&'g Node<'g>> {
        if node.op == "Log" {
            return self.index.sole(node.input(0), "Sigmoid");
        }
        let bend = self.index.sole(node.input(0), "Softplus");
        bend.and_then(|bend| self.index.sole(bend.input(0), "Neg"))
    }

    /// Σ a·b over the sample, (batch, 1).
    pub(super) fn dot(&mut self, node: &'g Node<'g>) -> Read<Option<Data>> {
        let Some(product) = self.sum_of(node)? else { return Ok(None) };
        let inputs = self.all(product)?;
        self.pair(&inputs, Dot)
    }

    /// √Σ(a - b)².
    pub(super) fn distance(&mut self, node: &'g Node<'g>) -> Read<Option<Data>> {
        let Some(sum) = self.index.sole(node.input(0), "ReduceSum") else { return Ok(None) };
        let Some(square) = self.sum_of(sum)? else { return Ok(None) };
        let difference = self.index.made(square.input(0), "Sub", 2);
        let Some(difference) = difference.filter(|_| square.input(1) == square.input(0)) else { return Ok(None) };
        if difference.inputs.iter().any(|name| self.index.is_constant(name)) {
            return Ok(None);
        }
        let inputs = self.all(difference)?;
        self.pair(&inputs, Distance)
    }

    fn pair(&mut self, values: &[Data], join: impl Join<A>) -> Read<Option<Data>> {
        if values[0].view.sizes() != values[1].view.sizes() {
            return Ok(None);
        }
        let inputs = values.iter().map(|data| self.standard(data)).collect::<Read<Vec<_>>>()?;
        self.joined(join, &inputs).map(Some)
    }

    /// The product of two values that is summed over each sample, to (batch, 1).
    fn sum_of(&mut self, node: &'g Node<'g>) -> Read<Option<&'g Node<'g>>> {
        let flat = self.index.sole(node.input(0), "Flatten");
        let product = flat.unwrap_or(node).input(0);
        let product = self.index.sole(product, "Mul").or_else(|| self.index.made(product, "Mul", 1));
        let Some(product) = product.filter(|_| node.op == "ReduceSum") else { return Ok(None) };
        if product.inputs.iter().any(|name| self.index.is_constant(name)) {
            return Ok(None);
        }
        let whole = self.list(node, "axes", 1)?.is_some_and(|axes| axes == [1] || axes == [-1]);
        let flattened = flat.is_none_or(|flat| matches!(flat.int("axis", 1), Ok(1)));
        if !whole || !flattened || node.int("keepdims", 1)? != 1 {
            return Ok(None);
        }
        let flat_values = flat.is_some() || self.all(product)?.iter().all(|data| data.view.0.len() == 2);
        Ok(flat_values.then_some(product))
    }
}
