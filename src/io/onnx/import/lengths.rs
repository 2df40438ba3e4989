//! The operators with which this crate writes the lengths of sequences.
//!
//! They are recognized by the operators that compute the lengths, and left out: the layers of the network use the
//! lengths by themselves. Whether the operators are exactly those is checked for the whole network, in `same`.

use super::padding::Seen;
use super::{Data, Found, Node, Read, Reader};
use crate::joins::Lengths;
use crate::spec::Spec;
use crate::{Scalar, Shape, Value};

impl<'g, A: Scalar> Reader<'g, A> {
    /// Notes that a value has the lengths of those it was computed from.
    pub(super) fn pass_lengths_on(&mut self, from: &[Value], to: Value, shape: Shape) {
        if matches!(shape, Shape::Sequence { .. }) && from.iter().any(|value| self.with_lengths.contains(value)) {
            self.with_lengths.insert(to);
        }
    }

    /// The padding index of an embedding, if lengths are computed from it.
    pub(super) fn padding_of(&mut self, indices: &str) -> Read<Option<f64>> {
        let before =
            self.index.maker(indices).filter(|(cast, _)| cast.op == "Cast").and_then(|(cast, _)| cast.input(0));
        let (Some(words), true) = (before, self.finds_lengths) else { return Ok(None) };
        let tests: Vec<_> = self.index.takers(words).filter(|(taker, _)| taker.op == "Equal").collect();
        for (same, _) in tests {
            let next = |node: &Node<'_>, op: &str| {
                self.index.takers(node.outputs.first()?).map(|(taker, _)| taker).find(|taker| taker.op == op)
            };
            let last =
                next(same, "Not").and_then(|word| next(word, "Where")).and_then(|counted| next(counted, "ReduceMax"));
            if last.is_some_and(|last| last.outputs.first().is_some_and(|name| self.are_lengths(name))) {
                return self.number(same, 1).map(Some);
            }
        }
        Ok(None)
    }

    /// Whether a value has the lengths of sequences.
    pub(super) fn are_lengths(&self, name: &str) -> bool {
        let found = self.finds_lengths && self.look_like_lengths(name);
        self.found_lengths.set(self.found_lengths.get() || found);
        found
    }

    /// Whether a value is computed as the number of words before the padding, or is an input that is one number.
    fn look_like_lengths(&self, name: &str) -> bool {
        let made = |name: Option<&str>, op: &str| {
            name.and_then(|name| self.index.maker(name)).map(|(node, _)| node).filter(|node| node.op == op)
        };
        if let Some(flat) = made(Some(name), "Reshape") {
            let flat = flat.input(1).and_then(|sizes| self.index.constants.get(sizes));
            return flat.and_then(|sizes| sizes.integers().ok()).is_some_and(|sizes| sizes == [-1]);
        }
        let counted = made(Some(name), "ReduceMax").and_then(|last| made(last.input(0), "Where"));
        let word = counted.and_then(|counted| made(counted.input(0), "Not"));
        word.and_then(|word| made(word.input(0), "Equal")).is_some()
    }

    /// The lengths that a condition compares with.
    fn compared_lengths(&self, condition: &str) -> Option<&'g str> {
        let (test, _) = self.index.maker(condition)?;
        let side = match &*test.op {
            "Less" | "Equal" => 1,
            "Greater" => 0,
            _ => return None,
        };
        let (alone, _) = self.index.maker(test.input(side)?)?;
        (alone.op == "Reshape").then(|| alone.input(0)).flatten().filter(|lengths| self.are_lengths(lengths))
    }

    /// Whether a condition is a comparison with lengths.
    pub(super) fn is_of_lengths(&self, condition: &str) -> bool {
        self.compared_lengths(condition).is_some()
    }

    /// A selection by lengths: it makes the lengths known, or else does not affect the outputs of the network's layers.
    pub(super) fn within_lengths(&mut self, node: &'g Node<'g>) -> Read<Option<Data>> {
        let Some(lengths) = self.compared_lengths(node.needs(0)?) else { return Ok(None) };
        node.expect("values", self.index.is_constant(node.needs(2)?))?;
        if let Some(made) = ["MatMul", "Add"].iter().find_map(|op| self.index.sole(node.input(1), op))
            && let Some(product) = self.product(made)
            && let Some(found) = self.attention(&product, Some(Seen::Known))?
        {
            return Ok(Some(found));
        }
        let data = self.data(node.needs(1)?)?;
        let given = self.index.maker(lengths).filter(|(flat, _)| flat.op == "Reshape").map(|(flat, _)| flat);
        let unknown = matches!(data.shape, Shape::Sequence { .. }) && !self.with_lengths.contains(&data.value);
        let Some(flat) = given.filter(|_| unknown) else { return Ok(Some(data)) };
        let length = self.data(flat.needs(0)?)?;
        let inputs = [self.standard(&data)?, self.standard(&length)?];
        let joined = self.joined(Lengths, &inputs)?;
        self.with_lengths.insert(joined.value);
        Ok(Some(joined))
    }

    /// The mean of the steps before the padding: their sum, divided by the length or 1.
    pub(super) fn mean_within(&mut self, node: &'g Node<'g>) -> Read<Option<Data>> {
        let Some(sum) = self.index.sole(node.input(0), "ReduceSum") else { return Ok(None) };
        let count = node.input(1).and_then(|count| self.index.maker(count)).map(|(count, _)| count);
        let alone = count.filter(|count| count.op == "Max").and_then(|count| self.index.maker(count.input(0)?));
        let lengths = alone.filter(|(alone, _)| alone.op == "Reshape").and_then(|(alone, _)| alone.input(0));
        if !lengths.is_some_and(|lengths| self.are_lengths(lengths)) {
            return Ok(None);
        }
        self.of_sequence(sum.needs(0)?, "global_avg_pool").map(Some)
    }

    /// The last step before the padding: the sum over all steps, where the others are 0.
    pub(super) fn last_within(&mut self, node: &'g Node<'g>) -> Read<Option<Data>> {
        let Some(last) = self.index.sole(node.input(0), "Where") else { return Ok(None) };
        let condition = last.needs(0)?;
        let is_last = self.index.maker(condition).is_some_and(|(test, _)| test.op == "Equal");
        if !is_last || !self.is_of_lengths(condition) {
            return Ok(None);
        }
        self.of_sequence(last.needs(1)?, "last_step").map(Some)
    }

    fn of_sequence(&mut self, value: &str, kind: &str) -> Read<Data> {
        let data = self.data(value)?;
        let sequence = self.standard(&data)?;
        self.on(sequence, &Found::new(Spec::new(kind)))
    }
}
