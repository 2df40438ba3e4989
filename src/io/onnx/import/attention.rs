//! Attention: softmax(Q·Kᵀ/√d)·V for each head, between products with weights.

use super::padding::Seen;
use super::products::{Product, Weights};
use super::view::View;
use super::{Data, Found, Node, Numbers, Read, Reader, Stop};
use crate::layer::{Parts, Restore};
use crate::layers::MultiHeadAttention;
use crate::spec::Spec;
use crate::{Scalar, Shape};

impl<'g, A: Scalar> Reader<'g, A> {
    /// The attention that ends with this product, if it is one of this crate; padding may be masked and zeroed.
    pub(super) fn attention(&mut self, out: &Product<'g>, queries: Option<Seen>) -> Read<Option<Data>> {
        match self.whole_attention(out, queries) {
            // Any other is read operator by operator.
            Err(Stop::Problem(_)) => Ok(None),
            found => found,
        }
    }

    fn whole_attention(&mut self, out: &Product<'g>, queries: Option<Seen>) -> Read<Option<Data>> {
        let index = &self.index;
        let merged = index.sole(Some(out.x), "Reshape");
        let transposed = merged.and_then(|merged| index.sole(merged.input(0), "Transpose"));
        let mix = transposed.and_then(|transposed| index.sole(transposed.input(0), "MatMul"));
        // Attention to another sequence gives 0 where that is all padding.
        let weights = mix.and_then(|mix| mix.input(0));
        let nothing = index
            .sole(weights, "Where")
            .filter(|nothing| nothing.input(0).is_some_and(|seen| self.is_of_lengths(seen)));
        let weights = nothing.map_or(weights, |nothing| nothing.input(1));
        // Under a mask, some queries may attend to nothing.
        let sees = index.sole(weights, "Mul");
        let soft = index.sole(sees.map_or(weights, |sees| sees.input(0)), "Softmax");
        let (Some(merged), Some(transposed), Some(mix), Some(soft)) = (merged, transposed, mix, soft) else {
            return Ok(None);
        };
        // Backwards from the softmax: the mask, the scale, the scores.
        let hidden = index.sole(soft.input(0), "Where");
        let scored = match hidden {
            Some(hidden) => hidden.input(1),
            None => soft.input(0),
        };
        let added = index.sole(scored, "Add");
        let scaled = index.sole(added.map_or(scored, |added| added.input(0)), "Mul");
        let scores = scaled.and_then(|scaled| index.sole(scaled.input(0), "MatMul"));
        let (Some(scaled), Some(scores)) = (scaled, scores) else { return Ok(None) };
        let names = [scores.input(0), scores.input(1), mix.input(1)];
        let parts = names.map(|name| self.head_part(name));
        let [Some(query), Some(key), Some(value)] = parts else { return Ok(None) };
        let parts = [query, key, value];
        let mut inputs = Vec::new();
        for part in &parts {
            let data = self.data(part.product.x)?;
            inputs.push(self.standard(&data)?);
        }
        let steps = |i: usize| if let (_, Shape::Sequence { steps, .. }) = inputs[i] { steps } else { 0 };
        // Inputs that may not be known yet are read first: if one is missing, this is done again, and would copy the
        // weights again.
        let cuts = parts.iter().map(|part| self.ints(part.cut, 1)).collect::<Read<Vec<_>>>()?;
        let whole = self.ints(merged, 1)?;
        let weights = parts.iter().map(|part| self.weights(&part.product)).collect::<Read<Vec<_>>>()?;
        let last = self.weights(out)?;
        let features = last.inputs;
        // The number of heads, on which all operators must agree.
        let heads = match cuts[0].get(2).copied().flatten().and_then(|n| usize::try_from(n).ok()) {
            Some(heads) if heads > 0 && features.is_multiple_of(heads) => heads,
            _ => return Err("its attention has no heads of one size".into()),
        };
        let width = features / heads;
        for (i, part) in parts.iter().enumerate() {
            let view = View::of([steps(i), features].into());
            let sizes = view.new_sizes(&cuts[i], part.cut.int("allowzero", 0)? == 0, self.batch)?;
            part.cut.expect("shape", sizes == [None, Some(steps(i)), Some(heads), Some(width)])?;
            let order: [i64; 4] = if i == 1 { [0, 2, 3, 1] } else { [0, 2, 1, 3] };
            part.transpose.expect("perm", part.transpose.ints("perm")? == order)?;
        }
        transposed.expect("perm of its attention", transposed.ints("perm")? == [0, 2, 1, 3])?;
        let view = View::of([steps(0), heads, width].into());
        let sizes = view.new_sizes(&whole, merged.int("allowzero", 0)? == 0, self.batch)?;
        merged.expect("shape of its attention", sizes == [None, Some(steps(0)), Some(features)])?;
        let axis = soft.int("axis", if self.opset < 13 { 1 } else { -1 })?;
        soft.expect("axis of its attention", matches!(axis, -1 | 3))?;
        let scale = self.number(scaled, 1)?;
        scaled.expect("scale of its attention", (scale - 1.0 / (width as f64).sqrt()).abs() < 1e-6)?;
        let (mut is_causal, mut mask) = (false, None);
        if let Some(added) = added {
            let sizes = [steps(0), steps(1)];
            is_causal = sees.is_none() && self.hides_later(added, sizes)?;
            mask = if is_causal { None } else { Some(self.mask(added, sees, sizes)?) };
        } else if let Some(sees) = sees {
            sees.expect("mask", false)?;
        }
        let own = inputs[1] == inputs[0] && inputs[2] == inputs[0];
        let mut masked = false;
        match (hidden, &queries) {
            (Some(hidden), Some(queries)) => {
                let keys = self.seen(hidden.needs(0)?)?;
                let known = matches!(keys, Seen::Known);
                hidden.expect("mask", self.number(hidden, 2)? == f64::NEG_INFINITY && (own || known))?;
                masked = !known;
                let (own, n) = (inputs[0], steps(0));
                hidden.expect("mask", keys.is_of(own, &[1, 1, n]) && queries.is_of(own, &[n, 1]))?;
            }
            (None, None) => {}
            _ => return Err("its attention hides padding on one side only".into()),
        }
        if [weights[0].inputs, weights[0].outputs, last.outputs] != [features; 3]
            || weights.iter().any(|part| [part.inputs, part.outputs] != [features; 2])
        {
            return Err("its attention has weights of other sizes than (features, features)".into());
        }
        let spec = Spec::new("multi_head_attention").set("features", features).set("heads", heads);
        let bias = last.bias.is_some() || weights.iter().any(|part| part.bias.is_some());
        let spec = spec.set("bias", bias).set("causal", is_causal).set("masked", masked);
        let spec = if let Some(mask) = mask { spec.set("mask", &*mask) } else { spec };
        let found = found(spec, features, &weights, last, bias);
        if own {
            return self.on(inputs[0], &found).map(Some);
        }
        let mut numbers = Numbers(&found.parameters);
        let join = MultiHeadAttention::restore(&mut Parts::new(&found.spec, &mut numbers, &self.registry))?;
        self.joined(join, &inputs).map(Some)
    }

    /// Whether the constant that is added to the scores hides all keys after the query, and no other.
    fn hides_later(&mut self, added: &'g Node<'g>, [queries, keys]: [usize; 2]) -> Read<bool> {
        // The operators that this crate's exporter writes, recognized without computing the whole mask.
        let choice = added.input(1).and_then(|name| self.index.maker(name)).map(|(choice, _)| choice);
        let later = choice.filter(|choice| choice.op == "Where").and_then(|choice| self.index.maker(choice.input(0)?));
        if let (Some(choice), Some((later, _))) = (choice, later.filter(|(later, _)| later.op == "Less")) {
            let counts = |numbers: Vec<f64>, n: usize| {
                numbers.len() == n && numbers.iter().zip(0..).all(|(&x, i)| x == f64::from(i))
            };
            let ends = [self.number(choice, 1)?, self.number(choice, 2)?] == [f64::NEG_INFINITY, 0.0];
            let sizes = [self.sizes(later, 0)?, self.sizes(later, 1)?] == [vec![queries, 1], vec![keys]];
            let (rows, columns) = (self.numbers(later, 0)?, self.numbers(later, 1)?);
            return Ok(ends && sizes && counts(rows, queries) && counts(columns, keys));
        }
        let hide = |at: usize| if at % keys > at / keys { f64::NEG_INFINITY } else { 0.0 };
        Ok(self.sizes(added, 1)? == [queries, keys]
            && self.numbers(added, 1)?.iter().enumerate().all(|(at, &x)| x == hide(at)))
    }

    /// The attention mask, as a setting, of a constant that is added to the scores, 0 or -∞ for hidden keys, and one
    /// that the weights are multiplied by, 0 for queries that attend to nothing.
    fn mask(&mut self, added: &'g Node<'g>, sees: Option<&'g Node<'g>>, [queries, keys]: [usize; 2]) -> Read<String> {
        let numbers = self.numbers(added, 1)?;
        let is_mask = numbers.iter().all(|&x| x == 0.0 || x == f64::NEG_INFINITY);
        added.expect("mask", is_mask && self.sizes(added, 1)? == [queries, keys])?;
        let mut seeing = vec![1.0; queries];
        if let Some(sees) = sees {
            seeing = self.numbers(sees, 1)?;
            let are_flags = seeing.iter().all(|&x| x == 0.0 || x == 1.0);
            sees.expect("mask", are_flags && self.sizes(sees, 1)? == [queries, 1])?;
        }
        let key = |sees: f64, &x: &f64| if sees == 1.0 && x == 0.0 { '1' } else { '0' };
        let words = numbers.chunks(keys.max(1)).zip(seeing);
        let words = words.map(|(row, sees)| row.iter().map(|x| key(sees, x)).collect());
        Ok(words.collect::<Vec<String>>().join(" "))
    }

    /// A product, split into heads, which are moved before the steps.
    fn head_part(&self, name: Option<&str>) -> Option<Part<'g>> {
        let transpose = self.index.sole(name, "Transpose")?;
        let cut = self.index.sole(transpose.input(0), "Reshape")?;
        let made = ["MatMul", "Add"].iter().find_map(|op| self.index.sole(cut.input(0), op))?;
        Some(Part { product: self.product(made)?, cut, transpose })
    }
}

/// The query, key or value.
struct Part<'g> {
    product: Product<'g>,
    cut: &'g Node<'g>,
    transpose: &'g Node<'g>,
}

fn found(spec: Spec, features: usize, parts: &[Weights], last: Weights, bias: bool) -> Found {
    let row = |i: usize| parts.iter().flat_map(move |part| &part.weight[i * features..][..features]);
    let found = Found::new(spec).with("in_proj_weight", (0..features).flat_map(row).copied().collect());
    let found = found.with("out_proj.weight", last.weight);
    if !bias {
        return found;
    }
    // A missing bias is 0.
    let of = |bias: &Option<Vec<f64>>| bias.clone().unwrap_or_else(|| vec![0.0; features]);
    let found = found.with("in_proj_bias", parts.iter().flat_map(|part| of(&part.bias)).collect());
    found.with("out_proj.bias", of(&last.bias))
}
