//! Attention from one sequence to another, as a decoder has it to an encoder.

use ndarray::{Array2, ArrayRef2, ArrayView4, s};

use super::{Memory, MultiHeadAttention};
use crate::kernels::{add_row, column_sums, flat, gemm::gemm, groups, groups_mut, resize};
use crate::{Error, Matrix, Result, Scalar};

/// What [`MultiHeadAttention::attend`] keeps for [`attend_backward`](MultiHeadAttention::attend_backward), and for those
/// who want to see what it looked at.
#[derive(Debug, Clone, Default)]
pub struct Attention<A: Scalar>(Memory<A>);

impl<A: Scalar> Attention<A> {
    /// P, (samples, heads, queries, keys): how much each query takes of each key's value; (0, 0, 0, 0) at first.
    ///
    /// # Panics
    /// Never.
    pub fn weights(&self) -> ArrayView4<'_, A> {
        let Memory { p, samples, queries, keys, .. } = &self.0;
        let heads = p.nrows() / (samples * queries).max(1);
        ArrayView4::from_shape((*samples, heads, *queries, *keys), flat(p)).expect("as many numbers as the shape has")
    }
}

/// What [`MultiHeadAttention::attend_backward`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionGradients<A: Scalar> {
    /// dL/d(query).
    pub query: Array2<A>,
    /// dL/d(key).
    pub key: Array2<A>,
    /// dL/d(value).
    pub value: Array2<A>,
    /// dL/dw for each parameter, in the order of [`Layer::visit`](crate::layer::Layer::visit).
    pub weights: Vec<Array2<A>>,
}

impl<A: Scalar> MultiHeadAttention<A> {
    /// What the steps of `query`, (samples, queries·features), make of those of `key` and `value`, (samples,
    /// keys·features): (samples, queries·features). Keys that are `hidden`, (samples, keys), are not seen; a query that
    /// sees none takes nothing from the values.
    ///
    /// ```
    /// use neuropil::prelude::*;
    /// use ndarray::array;
    ///
    /// let layer = MultiHeadAttention::<f64>::new(2, 1, &mut rng(1))?;
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
    /// [`Error::Dimensions`] for rows that are not whole steps, and for matrices that do not go together.
    pub fn attend(
        &self,
        query: &Matrix<A>,
        key: &Matrix<A>,
        value: &Matrix<A>,
        hidden: Option<&ArrayRef2<bool>>,
        attention: &mut Attention<A>,
    ) -> Result<Array2<A>> {
        let features = self.features();
        let (samples, queries) = (query.nrows(), query.ncols().div_ceil(features).max(1));
        let keys = key.ncols().div_ceil(features).max(1);
        let sizes = [("query", query, queries), ("key", key, keys), ("value", value, keys)];
        for (name, matrix, steps) in sizes {
            self.check(name, matrix.dim(), [samples, steps * features])?;
        }
        if let Some(hidden) = hidden {
            self.check("hidden keys", hidden.dim(), [samples, keys])?;
        }
        let memory = &mut attention.0;
        (memory.samples, memory.queries, memory.keys) = (samples, queries, keys);
        memory.hidden.clear();
        memory.hidden.extend(hidden.into_iter().flatten());
        for (i, (_, matrix, _)) in sizes.into_iter().enumerate() {
            self.project(i, &matrix.as_standard_layout(), memory);
        }
        let mut y = Array2::from_elem(query.dim(), A::ZERO);
        self.mix(memory, &mut groups_mut(&mut y, features));
        Ok(y)
    }

    /// The gradients of the last [`attend`](Self::attend), which had these inputs, from that of its output.
    ///
    /// # Errors
    /// [`Error::Order`] if `attention` is not that of such a call; [`Error::Dimensions`] for matrices of another size.
    pub fn attend_backward(
        &self,
        dy: &Matrix<A>,
        [query, key, value]: [&Matrix<A>; 3],
        attention: &mut Attention<A>,
    ) -> Result<AttentionGradients<A>> {
        let (features, memory) = (self.features(), &mut attention.0);
        let fits = memory.projected.iter().all(|projected| projected.ncols() == features)
            && memory.p.nrows() == memory.samples * memory.queries * self.heads;
        if !fits {
            return Err(Error::Order { call: "attend_backward", needs: "`attend` of the same layer" });
        }
        let (samples, queries, keys) = (memory.samples, memory.queries, memory.keys);
        let sizes = [("query", query, queries), ("key", key, keys), ("value", value, keys)];
        for (name, matrix, steps) in [("gradient", dy, queries)].into_iter().chain(sizes) {
            self.check(name, matrix.dim(), [samples, steps * features])?;
        }
        let zero = |rows, columns| Array2::from_elem((rows, columns), A::ZERO);
        let (mut dw_in, mut dw_out) = (zero(features, 3 * features), zero(features, features));
        let mut dbiases = self.biases.as_ref().map(|_| [zero(1, 3 * features), zero(1, features)]);
        let dy = dy.as_standard_layout();
        let db_out = dbiases.as_mut().map(|[_, out]| out);
        self.mix_backward(&groups(&dy, features), &mut dw_out, db_out, memory);

        let mut inputs =
            [zero(samples, queries * features), zero(samples, keys * features), zero(samples, keys * features)];
        for (i, dx) in inputs.iter_mut().enumerate() {
            let db_in = dbiases.as_mut().map(|[db_in, _]| db_in);
            self.project_backward(i, &sizes[i].1.as_standard_layout(), memory, &mut dw_in, db_in, dx);
        }
        let [query, key, value] = inputs;
        let weights = match dbiases {
            Some([db_in, db_out]) => vec![dw_in, db_in, dw_out, db_out],
            None => vec![dw_in, dw_out],
        };
        Ok(AttentionGradients { query, key, value, weights })
    }

    /// Q, K or V, by its number, of what it is made of.
    pub(super) fn project(&self, i: usize, x: &Matrix<A>, memory: &mut Memory<A>) {
        let (features, projected) = (self.features(), &mut memory.projected[i]);
        let columns = s![.., i * features..(i + 1) * features];
        resize(projected, x.len() / features, features);
        gemm(A::ONE, &groups(x, features), &self.in_weight.slice(columns), A::ZERO, projected);
        if let Some([bias, _]) = &self.biases {
            add_row(projected, &bias.slice(columns));
        }
    }

    /// From dL/dQ, dL/dK or dL/dV to what it is made of, and to its part of the weights and biases.
    pub(super) fn project_backward(
        &self,
        i: usize,
        x: &Matrix<A>,
        memory: &Memory<A>,
        dw: &mut Array2<A>,
        db: Option<&mut Array2<A>>,
        dx: &mut Matrix<A>,
    ) {
        let (features, dprojected) = (self.features(), &memory.dprojected[i]);
        let columns = s![.., i * features..(i + 1) * features];
        gemm(A::ONE, &groups(x, features).t(), dprojected, A::ZERO, &mut dw.slice_mut(columns));
        if let Some(db) = db {
            column_sums(dprojected, &mut db.slice_mut(columns));
        }
        gemm(A::ONE, dprojected, &self.in_weight.slice(columns).t(), A::ZERO, &mut groups_mut(dx, features));
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
