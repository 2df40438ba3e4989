//! Attention as calls to Rust functions.

use ndarray::s;

use super::MultiHeadAttention;
use super::rotary::codes;
use crate::spec::rust::{Channels, Code, Numbers, functions};
use crate::{Result, Scalar};

impl<A: Scalar> MultiHeadAttention<A> {
    /// Softmax(Q·Kᵀ/√d)·V for each head, between the projections. `inputs` are those of Q, K and V.
    pub(super) fn write_rust(&self, code: &mut Code, inputs: [Numbers; 3]) -> Result<()> {
        let (features, [query, key, _]) = (self.features(), inputs);
        let [weight, scale] = code.weight("in_proj_weight", Channels::columns(3 * features))?;
        let bias = code.optional("in_proj_bias");
        let [q, k, v] = [0, 1, 2].map(|i| {
            let columns = format!("[{}, {features}, {}]", i * features, 3 * features);
            code.call(&functions::DENSE_PART, &[inputs[i]], inputs[i].len(), &[&weight, &scale, &bias, &columns])
        });
        let [q, k] = [q, k].map(|part| self.write_rotation(code, part));
        let (keys, inputs) = ([key.len() / features], [q, k, v, key]);
        let allowed = self.allowed.as_ref().map(|allowed| {
            let part = allowed.slice(s![..query.len() / features, ..keys[0]]);
            code.constant("mask", part.iter().map(|&key| f64::from(u8::from(key))).collect())
        });
        let allowed = allowed.unwrap_or_else(|| "&[]".to_owned());
        let arguments: [&dyn std::fmt::Display; 5] = [&allowed, &features, &self.heads, &self.causal, &self.masked];
        let mixed = code.call_with(&functions::ATTENTION, &inputs, query.len(), &keys, &arguments);
        code.set_current(mixed);
        let columns = Channels::columns(features);
        let out = ("out_proj.weight", "out_proj.bias");
        code.linear(&functions::DENSE, query.len(), out, columns, &[&features])?;
        if self.masked {
            code.change(&functions::CLEAR_PADDING, &[query], &[&features]);
        }
        Ok(())
    }

    /// The rotation of Q or K, in place.
    fn write_rotation(&self, code: &mut Code, part: Numbers) -> Numbers {
        let Some(base) = self.rotary else { return part };
        let (features, width) = (self.features(), self.width());
        let codes = codes(base, part.len() / features, width).into_iter().collect();
        let codes = code.constant("angles", codes);
        code.set_current(part);
        code.change(&functions::ROTATE, &[], &[&codes, &features, &width]);
        code.current()
    }
}
