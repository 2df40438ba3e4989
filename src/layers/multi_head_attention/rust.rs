//! Attention as calls to Rust functions.

use super::MultiHeadAttention;
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
        let (keys, inputs) = ([key.len() / features], [q, k, v, key]);
        let arguments: [&dyn std::fmt::Display; 4] = [&features, &self.heads, &self.causal, &self.masked];
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
}
