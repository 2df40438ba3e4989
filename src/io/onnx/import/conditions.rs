//! Comparisons, whose results are 0 or 1 here, and selections by them.

use super::activations::softplus;
use super::{Data, Found, Node, Read, Reader};
use crate::Scalar;
use crate::joins::{Maximum, Multiply, Select, Subtract};
use crate::spec::Spec;

impl<'g, A: Scalar> Reader<'g, A> {
    /// A comparison with a number, or of two values by their difference.
    pub(super) fn comparison(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let constant = [node.needs(0)?, node.needs(1)?].map(|name| self.index.is_constant(name));
        let (data, threshold, swapped) = match constant {
            [false, true] => (self.data(node.needs(0)?)?, self.number(node, 1)?, false),
            [true, _] => (self.data(node.needs(1)?)?, self.number(node, 0)?, true),
            [false, false] => {
                let values = self.all(node)?;
                (self.combined(&values, Subtract)?, 0.0, false)
            }
        };
        node.expect("B", threshold.is_finite())?;
        let above = |reader: &mut Self| reader.step(&data, threshold);
        let below = |reader: &mut Self| {
            let negative = reader.scaled_by(&data, -1.0)?;
            reader.step(&negative, -threshold)
        };
        let result = match (&*node.op, swapped) {
            ("GreaterOrEqual", false) | ("LessOrEqual", true) => above(self)?,
            ("LessOrEqual", false) | ("GreaterOrEqual", true) => below(self)?,
            ("Less", false) | ("Greater", true) => above(self).and_then(|data| self.not(&data))?,
            ("Greater", false) | ("Less", true) => below(self).and_then(|data| self.not(&data))?,
            _ => {
                let both = [above(self)?, below(self)?];
                self.combined(&both, Multiply)?
            }
        };
        Ok(Data { integer: true, ..result })
    }

    /// 1 at or above a threshold, else 0.
    fn step(&mut self, data: &Data, threshold: f64) -> Read<Data> {
        self.elementwise(data, &Found::new(Spec::new("step").set("threshold", threshold)))
    }

    fn not(&mut self, data: &Data) -> Read<Data> {
        self.rescale(data, vec![1.0], vec![-1.0])
    }

    /// `Not`, `And` and `Or` of comparisons.
    pub(super) fn logic(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let mut values = Vec::new();
        for name in &node.inputs {
            node.expect("inputs", self.is_condition(name))?;
            values.push(self.any(name)?);
        }
        let result = match (&*node.op, &*values) {
            ("Not", [data]) => self.not(data)?,
            ("And", both) => self.combined(both, Multiply)?,
            (_, both) => self.combined(both, Maximum)?,
        };
        Ok(Data { integer: true, ..result })
    }

    /// Whether a value is 0 or 1.
    fn is_condition(&self, name: &str) -> bool {
        const MAKERS: [&str; 8] = ["And", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not", "Or"];
        self.index.maker(name).is_some_and(|(maker, _)| MAKERS.contains(&&*maker.op))
    }

    /// Selects one of two values by a condition.
    pub(super) fn choice(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let condition = node.needs(0)?;
        if let Some(indices) = self.counted_from_the_end(node)? {
            return self.any(indices);
        }
        if let Some(found) = self.bent(node)? {
            return Ok(found);
        }
        if let Some(found) = self.within_lengths(node)? {
            return Ok(found);
        }
        if let Some(missing) = self.index.sole(node.input(0), "IsNaN") {
            if self.keeps_missing(node, missing) {
                return self.data(node.needs(2)?);
            }
            node.expect("condition", missing.input(0) == node.input(2))?;
            let data = self.data(node.needs(2)?)?;
            let (data, values) = self.spread_over(&data, node, 1)?;
            let values = self.spread(&data, values)?;
            let spec = Spec::new("impute").set("features", values.len());
            return self.elementwise(&data, &Found::new(spec).with("value", values));
        }
        if self.index.is_constant(condition) {
            return self.masked(node);
        }
        if self.index.maker(condition).is_some_and(|(maker, _)| maker.op == "Less") {
            match self.where_seen(node) {
                Err(super::Stop::Problem(_)) => {}
                found => return found,
            }
        }
        node.expect("condition", self.is_condition(condition))?;
        let condition = self.any(condition)?;
        let mut values = vec![condition.clone()];
        for input in [1, 2] {
            values.push(if self.index.is_constant(node.needs(input)?) {
                // A condition is finite: times 0, it leaves the constant.
                let zero = self.scaled_by(&condition, 0.0)?;
                let (zero, numbers) = self.spread_over(&zero, node, input)?;
                self.rescale(&zero, numbers.into_iter().map(|x| -x).collect(), vec![1.0])?
            } else {
                self.data(node.needs(input)?)?
            });
        }
        let result = self.combined(&values, Select)?;
        Ok(Data { integer: false, ..result })
    }

    /// Whether a condition that is NaN is taken instead of what it selects, as joins here do themselves.
    fn keeps_missing(&self, node: &'g Node<'g>, missing: &'g Node<'g>) -> bool {
        let condition = node.input(1);
        let equal =
            self.index.sole(node.input(2), "Where").and_then(|choice| self.index.sole(choice.input(0), "Equal"));
        missing.input(0) == condition && equal.is_some_and(|equal| equal.input(0) == condition)
    }

    /// Indices with negative ones counted from the end, which an embedding here rejects.
    fn counted_from_the_end(&mut self, node: &'g Node<'g>) -> Read<Option<&'g str>> {
        let negative = self.index.sole(node.input(0), "Less");
        let wrapped = self.index.sole(node.input(1), "Add");
        let (Some(negative), Some(wrapped), Some(indices)) = (negative, wrapped, node.input(2)) else {
            return Ok(None);
        };
        let constant = |node: &Node<'_>| node.input(1).is_some_and(|name| self.index.is_constant(name));
        if negative.input(0) != Some(indices) || wrapped.input(0) != Some(indices) || !self.only_indices(node) {
            return Ok(None);
        }
        if !constant(negative) || !constant(wrapped) {
            return Ok(None);
        }
        let zero = self.constant(negative.needs(1)?)?.ints().is_ok_and(|n| n == [Some(0)]);
        let more = self.constant(wrapped.needs(1)?)?.ints().is_ok_and(|n| matches!(*n, [Some(n)] if n > 0));
        Ok((zero && more).then_some(indices))
    }

    /// A selection by constants: a mask.
    fn masked(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let sizes = self.sizes(node, 0)?;
        let mask = self.ints(node, 0)?.into_iter().map(|n| n.map(|n| if n == 0 { 0.0 } else { 1.0 }));
        let mask: Vec<f64> = mask.collect::<Option<_>>().ok_or("its condition is the size of the batch")?;
        let other: Vec<f64> = mask.iter().map(|x| 1.0 - x).collect();
        match [node.needs(1)?, node.needs(2)?].map(|name| self.index.is_constant(name)) {
            [false, false] => {
                let [a, b] = [self.data(node.needs(1)?)?, self.data(node.needs(2)?)?];
                let parts = [self.times(&a, &sizes, mask)?, self.times(&b, &sizes, other)?];
                self.combined(&parts, crate::joins::Add)
            }
            [true, true] => Err("it selects among constants".into()),
            [first, _] => {
                let (value, constant) = if first { (2, 1) } else { (1, 2) };
                let (keep, fill) = if first { (other, mask) } else { (mask, other) };
                let data = self.data(node.needs(value)?)?;
                let numbers = self.numbers(node, constant)?;
                let x = *numbers.first().ok_or("it has no values")?;
                node.expect("values", numbers.iter().all(|&other| other == x))?;
                // An infinite constant is added: finite values become infinite.
                let kept = if x.is_finite() { self.times(&data, &sizes, keep)? } else { data };
                let filling = fill.iter().map(|&fill| if fill == 0.0 { 0.0 } else { -x }).collect();
                let (kept, filling) = self.spread_constant(&kept, &sizes, filling)?;
                self.rescale(&kept, filling, vec![1.0])
            }
        }
    }

    fn times(&mut self, data: &Data, sizes: &[usize], numbers: Vec<f64>) -> Read<Data> {
        let (data, numbers) = self.spread_constant(data, sizes, numbers)?;
        self.rescale(&data, vec![0.0], numbers)
    }

    /// A threshold, or a softplus that is x beyond a threshold.
    fn bent(&mut self, node: &'g Node<'g>) -> Read<Option<Data>> {
        let Some(above) = self.index.sole(node.input(0), "Greater") else { return Ok(None) };
        let (scaled, x) = (above.needs(0)?, node.needs(1)?);
        let constant = |name: &str| self.index.is_constant(name);
        if constant(scaled)
            || constant(x)
            || !constant(above.needs(1)?)
            || self.sizes(above, 1)?.iter().any(|&n| n != 1)
        {
            return Ok(None);
        }
        if self.index.is_constant(node.needs(2)?) {
            if scaled != x || self.sizes(node, 2)?.iter().any(|&n| n != 1) {
                return Ok(None);
            }
            let data = self.data(x)?;
            let spec = Spec::new("threshold").set("threshold", self.number(above, 1)?);
            let spec = spec.set("value", self.number(node, 2)?);
            return self.elementwise(&data, &Found::new(spec)).map(Some);
        }
        let (divided, bend) = match self.index.sole(node.input(2), "Div") {
            Some(divided) => (Some(divided), self.index.sole(divided.input(0), "Softplus")),
            None => (None, self.index.sole(node.input(2), "Softplus")),
        };
        let Some(bend) = bend.filter(|bend| bend.input(0) == Some(scaled)) else { return Ok(None) };
        let beta = match (self.index.made(Some(scaled), "Mul", 2), divided) {
            (Some(scale), Some(divided)) if scale.needs(0)? == x => {
                let beta = self.number(scale, 1)?;
                if self.number(divided, 1)? != beta {
                    return Ok(None);
                }
                beta
            }
            (_, None) if scaled == bend.needs(0)? && scaled == x => 1.0,
            _ => return Ok(None),
        };
        let data = self.data(x)?;
        let threshold = self.number(above, 1)?;
        self.elementwise(&data, &Found::new(softplus(beta, threshold))).map(Some)
    }
}
