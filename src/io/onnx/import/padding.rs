//! Layers that ignore padding: the subgraphs that compute the lengths of the samples.

use super::products::learned_positions;
use super::{Data, Node, Read, Reader};
use crate::{Scalar, Shape, Value};

/// A test of which steps are before the padding.
pub(super) enum Seen {
    /// By the lengths of the sequences.
    Known,
    /// By trailing zeros of a value; with the sizes of the result after the batch.
    Zeros { value: (Value, Shape), sizes: Vec<usize> },
}

impl Seen {
    /// Whether the steps are those of this value, and the result has these sizes.
    pub(super) fn is_of(&self, own: (Value, Shape), wanted: &[usize]) -> bool {
        match self {
            Self::Known => true,
            Self::Zeros { value, sizes } => *value == own && sizes == wanted,
        }
    }
}

impl<'g, A: Scalar> Reader<'g, A> {
    /// The value whose lengths are computed: the number of steps before the trailing all-zero ones.
    pub(super) fn lengths(&mut self, name: &str) -> Read<Data> {
        let wrong = "its lengths of samples are not computed as here";
        let made = |reader: &Self, name: Option<&str>, op: &str| {
            name.and_then(|name| reader.index.maker(name))
                .map(|(node, _)| node)
                .filter(|node| node.op == op)
                .ok_or(wrong)
        };
        let last = made(self, Some(name), "ReduceMax")?;
        let counted = made(self, last.input(0), "Where")?;
        let something = made(self, counted.input(0), "Greater")?;
        let largest = made(self, something.input(0), "ReduceMax")?;
        let size = made(self, largest.input(0), "Abs")?;
        let data = self.data(size.needs(0)?)?;
        for node in [largest, last] {
            let along = self.list(node, "axes", 1)?.is_some_and(|axes| axes == [-1]);
            node.expect("axes or keepdims", along && node.int("keepdims", 1)? == 0)?;
        }
        let zeros = [self.number(something, 1)?, self.number(counted, 2)?] == [0.0, 0.0];
        let &[None, Some(steps), Some(_)] = &*data.view.sizes() else { return Err(wrong.into()) };
        let counts = self.numbers(counted, 1)?;
        let counts = counts.len() == steps && counts.iter().zip(1..).all(|(&count, n)| count == f64::from(n));
        counted.expect("counts", zeros && counts && self.sizes(counted, 1)? == [steps])?;
        Ok(data)
    }

    /// The test for the steps before the padding.
    pub(super) fn seen(&mut self, name: &str) -> Read<Seen> {
        let wrong = "its condition is not one of a layer of this crate";
        let made = |reader: &Self, name: &str, op: &str| {
            reader.index.maker(name).map(|(node, _)| node).filter(|node| node.op == op).ok_or(wrong)
        };
        if self.is_of_lengths(name) {
            return Ok(Seen::Known);
        }
        let less = made(self, name, "Less")?;
        let alone = made(self, less.needs(1)?, "Reshape")?;
        let data = self.lengths(alone.needs(0)?)?;
        let value = self.standard(&data)?;
        let Shape::Sequence { steps, .. } = value.1 else { return Err(wrong.into()) };
        let (positions, sizes, ones) = (self.numbers(less, 0)?, self.sizes(less, 0)?, self.ints(alone, 1)?);
        let count =
            positions.len() == steps && positions.iter().zip(0..).all(|(&position, n)| position == f64::from(n));
        let batch = matches!(ones.first(), Some(None | Some(0))) && alone.int("allowzero", 0)? == 0;
        let ones = batch && ones.len() == sizes.len() + 1 && ones[1..].iter().all(|&n| n == Some(1));
        less.expect("positions", count && ones)?;
        Ok(Seen::Zeros { value, sizes })
    }

    /// A selection by whether a step is before the padding.
    pub(super) fn where_seen(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let wrong = "it is not part of a layer of this crate";
        if self.index.is_constant(node.needs(2)?) {
            let queries = self.seen(node.needs(0)?)?;
            node.expect("value", self.number(node, 2)? == 0.0)?;
            let made = ["MatMul", "Add"].iter().find_map(|op| self.index.sole(node.input(1), op));
            let product = made.and_then(|made| self.product(made)).ok_or(wrong)?;
            return self.attention(&product, Some(queries))?.ok_or_else(|| wrong.into());
        }
        let seen = self.seen(node.needs(0)?)?;
        let sum = self.index.sole(node.input(1), "Add").ok_or(wrong)?;
        let codes = (0..2).find(|&i| sum.input(i).is_some_and(|name| self.index.is_constant(name))).ok_or(wrong)?;
        node.expect("values", sum.input(1 - codes) == node.input(2))?;
        let data = self.data(node.needs(2)?)?;
        let value = self.standard(&data)?;
        let Shape::Sequence { steps, features } = value.1 else { return Err(wrong.into()) };
        node.expect("condition", seen.is_of(value, &[steps, 1]))?;
        node.expect("codes", self.sizes(sum, codes)? == [steps, features])?;
        let found = learned_positions([steps, features], self.numbers(sum, codes)?, true);
        self.on(value, &found)
    }
}
