//! Cross-attention, as from a decoder to an encoder.

use ndarray::{Array2, ArrayRef2, ArrayView4};

use super::{Memory, MultiHeadAttention};
use crate::kernels::flat;
use crate::layer::Layer;
use crate::{Error, Matrix, Result, Scalar};

/// What [`MultiHeadAttention::attend`] keeps for [`attend_backward`](MultiHeadAttention::attend_backward), with the
/// attention [weights](Self::weights).
#[derive(Debug, Clone, Default)]
pub struct Attention<A: Scalar>(Memory<A>);

impl<A: Scalar> Attention<A> {
    /// The attention weights P, (samples, heads, queries, keys); (0, 0, 0, 0) before the first call.
    ///
    /// # Panics
    /// Never.
    pub fn weights(&self) -> ArrayView4<'_, A> {
        let Memory { p, samples, queries, keys, .. } = &self.0;
        let heads = p.nrows() / (samples * queries).max(1);
        ArrayView4::from_shape((*samples, heads, *queries, *keys), flat(p)).expect("as many numbers as the shape has")
    }
}

/// The gradients from [`MultiHeadAttention::attend_backward`].
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionGradients<A: Scalar> {
    /// dL/d(query).
    pub query: Array2<A>,
    /// dL/d(key).
    pub key: Array2<A>,
    /// dL/d(value).
    pub value: Array2<A>,
    /// dL/dw of each parameter, in the order of [`Layer::visit`](crate::layer::Layer::visit).
    pub weights: Vec<Array2<A>>,
}

impl<A: Scalar> MultiHeadAttention<A> {
    /// Attends from the steps of `query`, (samples, queries·features), to those of `key` and `value`, (samples,
    /// keys·features); returns (samples, queries·features). `hidden`, (samples, keys), is true for masked keys; where
    /// all are masked, the weighted sum is 0.
    ///
    /// ```
    /// use neuropil::layers::Attention;
    /// use neuropil::prelude::*;
    /// use ndarray::array;
    ///
    /// let layer = MultiHeadAttention::<f64>::new(2, 1, &mut rng(1));
    /// let (query, memory) = (array![[1.0, 2.0]], array![[0.5, 0.5, -1.0, 0.0, 9.0, 9.0]]);
    /// let mut attention = Attention::default();
    /// let y = layer.attend(&query, &memory, &memory, Some(&array![[false, false, true]]), &mut attention)?;
    /// assert_eq!(y.dim(), (1, 2));
    /// assert_eq!(attention.weights().dim(), (1, 1, 1, 3));
    /// assert_eq!(attention.weights()[[0, 0, 0, 2]], 0.0);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Dimensions`] for rows that do not hold whole steps, and for matrices whose sizes do not match;
    /// [`Error::Setting`] for settings outside their ranges.
    pub fn attend(
        &self,
        query: &Matrix<A>,
        key: &Matrix<A>,
        value: &Matrix<A>,
        hidden: Option<&ArrayRef2<bool>>,
        attention: &mut Attention<A>,
    ) -> Result<Array2<A>> {
        self.check_settings()?;
        let features = self.features();
        let (samples, queries) = (query.nrows(), query.ncols().div_ceil(features).max(1));
        let keys = key.ncols().div_ceil(features).max(1);
        let sizes = [("query", query, queries), ("key", key, keys), ("value", value, keys)];
        for (name, matrix, steps) in sizes {
            self.check(name, matrix.dim(), [samples, steps * features])?;
        }
        if let Some(allowed) =
            self.allowed.as_ref().filter(|allowed| allowed.nrows() < queries || allowed.ncols() < keys)
        {
            self.check("attention mask", allowed.dim(), [queries, keys])?;
        }
        if let Some(hidden) = hidden {
            self.check("hidden keys", hidden.dim(), [samples, keys])?;
        }
        let memory = &mut attention.0;
        (memory.exposed, memory.dropout) = (true, None);
        memory.padding.clear();
        memory.hidden.clear();
        memory.hidden.extend(hidden.into_iter().flatten());
        let inputs = [query, key, value].map(|matrix| matrix.as_standard_layout());
        let mut y = Array2::from_elem(query.dim(), A::ZERO);
        self.cross(inputs.each_ref().map(|input| &**input), memory, &mut y)?;
        Ok(y)
    }

    /// Computes the gradients of the last [`attend`](Self::attend), from its inputs and `dy`, the gradient with respect
    /// to its output.
    ///
    /// # Errors
    /// [`Error::Order`] if `attention` is not from such a call; [`Error::Dimensions`] for matrices of the wrong size;
    /// [`Error::Setting`] for settings outside their ranges.
    pub fn attend_backward(
        &self,
        dy: &Matrix<A>,
        [query, key, value]: [&Matrix<A>; 3],
        attention: &mut Attention<A>,
    ) -> Result<AttentionGradients<A>> {
        self.check_settings()?;
        let (features, memory) = (self.features(), &mut attention.0);
        if memory.projected[0].ncols() != features || memory.p.nrows() != memory.samples * memory.queries * self.heads {
            return Err(Error::Order { call: "attend_backward", needs: "`attend` of the same layer" });
        }
        let (samples, queries, keys) = (memory.samples, memory.queries, memory.keys);
        let sizes = [("query", query, queries), ("key", key, keys), ("value", value, keys)];
        for (name, matrix, steps) in [("gradient", dy, queries)].into_iter().chain(sizes) {
            self.check(name, matrix.dim(), [samples, steps * features])?;
        }
        let inputs = [query, key, value].map(|matrix| matrix.as_standard_layout());
        let mut dx = inputs.each_ref().map(|input| Array2::from_elem(input.dim(), A::ZERO));
        let mut weights = Vec::new();
        Layer::visit(self, &mut |_, w| weights.push(Array2::from_elem(w.dim(), A::ZERO)));
        let inputs = inputs.each_ref().map(|input| &**input);
        self.cross_backward(&dy.as_standard_layout(), inputs, &mut dx, &mut weights, memory)?;
        let [query, key, value] = dx;
        Ok(AttentionGradients { query, key, value, weights })
    }

    fn check(&self, name: &str, got: (usize, usize), wants: [usize; 2]) -> Result<()> {
        let got = [got.0, got.1];
        if got == wants {
            Ok(())
        } else {
            Err(Error::Dimensions { what: format!("the {name} of {self:?}"), wants, got })
        }
    }
}
