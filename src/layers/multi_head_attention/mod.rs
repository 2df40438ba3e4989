//! [`MultiHeadAttention`]: every step of a sequence looks at the others.

use std::fmt;

use ndarray::{Array2, ArrayView2, ArrayView3, ArrayViewMut3, Axis, s};
use rand::Rng;

use crate::error::check_setting;
use crate::kernels::{add_row, column_sums, gemm::gemm, groups, groups_mut, parallel, resize, steps_before_padding};
use crate::layer::{Backward, Info, Layer, Parts, Pass, Restore, Role};
use crate::spec::Spec;
use crate::{Error, Init, Matrix, Result, Scalar, Shape};

mod attend;
mod heads;
mod join;

pub use attend::{Attention, AttentionGradients};
use heads::{Attend, AttendBackward, Sight};

/// Multi-head attention (Vaswani and others, 2017): each step asks all steps, and mixes what they have to say by how well
/// they answer.
///
/// With weights `W_q`, `W_k`, `W_v` and `Wₒ`, each (features, features), and features cut in heads of d each:
///
/// ```text
/// Q = x·W_q + b_q    K = x·W_k + b_k    V = x·W_v + b_v
/// P = softmax(Q·Kᵀ/√d)                     for each head, over the keys
/// y = [P·V of each head]·Wₒ + bₒ
/// ```
///
/// It takes and gives sequences of so many features a step. As in `PyTorch`, `[W_q, W_k, W_v]` is one parameter
/// `in_proj_weight`, here stored as (features, 3 features); `Wₒ` is `out_proj.weight`. There is no dropout of P.
///
/// The order of the steps plays no part: add a [`SinusoidalPositions`](super::SinusoidalPositions) or
/// [`LearnedPositions`](super::LearnedPositions) before. [`attend`](Self::attend) has keys and values from another
/// sequence than the queries.
///
/// ```
/// use neuropil::prelude::*;
///
/// let layer = MultiHeadAttention::<f32>::new(64, 4, &mut rng(1))?.causal();
/// let network = Sequential::new([10, 64]).with(layer)?;
/// assert_eq!(network.output(), Shape::Sequence { steps: 10, features: 64 });
/// assert_eq!(network.parameter_count(), 4 * (64 * 64 + 64));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct MultiHeadAttention<A: Scalar> {
    heads: usize,
    /// `[W_q, W_k, W_v]`, (features, 3·features)
    in_weight: Array2<A>,
    /// Wₒ, (features, features)
    out_weight: Array2<A>,
    /// `[b_q, b_k, b_v]`, (1, 3·features), and bₒ, (1, features)
    biases: Option<[Array2<A>; 2]>,
    causal: bool,
    masked: bool,
}

impl<A: Scalar> MultiHeadAttention<A> {
    /// A layer for so many features, cut in so many heads. It starts as `PyTorch`'s: `W_q`, `W_k`, `W_v` together by Xavier's
    /// rule, Wₒ uniform in ±1/√features, biases 0.
    ///
    /// # Errors
    /// [`Error::Setting`] for sizes of 0 or beyond memory, and heads that do not divide the features.
    pub fn new(features: usize, heads: usize, rng: &mut impl Rng) -> Result<Self> {
        check_sizes(features, heads)?;
        let bound = 1.0 / (features as f64).sqrt();
        let zero = |columns| Array2::from_elem((1, columns), A::ZERO);
        Ok(Self {
            heads,
            in_weight: Init::XAVIER_UNIFORM.matrix(features, 3 * features, rng),
            out_weight: Init::Uniform { low: -bound, high: bound }.matrix(features, features, rng),
            biases: Some([zero(3 * features), zero(features)]),
            causal: false,
            masked: false,
        })
    }

    /// The same layer without biases.
    pub fn without_bias(mut self) -> Self {
        self.biases = None;
        self
    }

    /// Each step sees itself and the steps before it only.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::new([3, 2]).with(MultiHeadAttention::<f64>::new(2, 1, &mut rng(1))?.causal())?;
    /// let y = network.predict(&ndarray::array![[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 2.0, 3.0, 4.0, -7.0, 0.0]])?;
    /// assert_eq!(y.slice(ndarray::s![0, ..4]), y.slice(ndarray::s![1, ..4])); // the last step is yet to come
    /// # Ok::<(), Error>(())
    /// ```
    pub fn causal(mut self) -> Self {
        self.causal = true;
        self
    }

    /// Takes steps at the end of a sample, in which all features are exactly 0, for padding: nobody sees them, and their
    /// outputs are 0. A sample gives what it would give without padding.
    ///
    /// Positions that are added before must leave such steps as they are; [`SinusoidalPositions`] and
    /// [`LearnedPositions`] have a `masked` of their own for this.
    ///
    /// [`SinusoidalPositions`]: super::SinusoidalPositions
    /// [`LearnedPositions`]: super::LearnedPositions
    pub fn masked(mut self) -> Self {
        self.masked = true;
        self
    }

    fn features(&self) -> usize {
        self.out_weight.nrows()
    }

    /// From Q, K and V in `memory` to the output, a row a step: mixes, and projects.
    fn mix(&self, memory: &mut Memory<A>, y: &mut Matrix<A>) {
        let Memory { projected, p, mixed, hidden, samples, queries, keys, .. } = memory;
        let (samples, queries, keys, features) = (*samples, *queries, *keys, self.features());
        resize(p, samples * self.heads * queries, keys);
        resize(mixed, samples * queries, features);
        let threads = parallel::threads(p.len());
        Attend {
            sight: Sight { heads: self.heads, causal: self.causal, hidden: hidden_keys(hidden, keys) },
            qkv: parts(projected, samples, features),
            p: by_sample_mut(p, samples),
            mixed: by_sample_mut(mixed, samples),
        }
        .run(threads);
        gemm(A::ONE, mixed, &self.out_weight, A::ZERO, y);
        if let Some([_, bias]) = &self.biases {
            add_row(y, bias);
        }
    }

    /// From dL/dy, a row a step, to dL/dQ, dL/dK and dL/dV in `memory`, and the gradients of Wₒ and bₒ.
    fn mix_backward(&self, dy: &Matrix<A>, dw: &mut Array2<A>, db: Option<&mut Array2<A>>, memory: &mut Memory<A>) {
        let Memory { projected, p, mixed, dprojected, dmixed, dscores, samples, queries, keys, .. } = memory;
        let (samples, features) = (*samples, self.features());
        gemm(A::ONE, &mixed.t(), dy, A::ZERO, dw);
        if let Some(db) = db {
            column_sums(dy, db);
        }
        resize(dmixed, samples * *queries, features);
        gemm(A::ONE, dy, &self.out_weight.t(), A::ZERO, dmixed);
        resize(dscores, samples * *queries, *keys);
        for (dprojected, projected) in dprojected.iter_mut().zip(&*projected) {
            resize(dprojected, projected.nrows(), projected.ncols());
        }
        let threads = parallel::threads(p.len());
        AttendBackward {
            heads: self.heads,
            qkv: parts(projected, samples, features),
            p: by_sample(p, samples),
            dmixed: by_sample(dmixed, samples),
            dscores: by_sample_mut(dscores, samples),
            dqkv: parts_mut(dprojected, samples, features),
        }
        .run(threads);
    }
}

/// The error unless there is at least one of each, heads divide features, and the weights can exist.
fn check_sizes(features: usize, heads: usize) -> Result<()> {
    let (feature_count, head_count) = (features as f64, heads as f64);
    check_setting("the features of MultiHeadAttention", feature_count, "at least 1", features > 0)?;
    let fits = features.checked_mul(features).and_then(|n| n.checked_mul(4 * size_of::<f64>()));
    let fits = fits.is_some_and(|bytes| isize::try_from(bytes).is_ok());
    check_setting(
        "the features of MultiHeadAttention",
        feature_count,
        "few enough for weights that fit in memory",
        fits,
    )?;
    let divides = heads > 0 && features.is_multiple_of(heads);
    check_setting("the heads of MultiHeadAttention", head_count, "at least 1 and a divisor of the features", divides)
}

/// What attention keeps from forward to backward, and from step to step. Matrices have one row a step, sample by sample.
#[derive(Debug, Clone)]
struct Memory<A> {
    /// Q, K and V; all three side by side in the first if they are made of one sequence.
    projected: [Array2<A>; 3],
    /// P, (samples·heads·queries, keys)
    p: Array2<A>,
    /// P·V of all heads
    mixed: Array2<A>,
    /// Keys that are not to be seen, (samples, keys); empty if all are.
    hidden: Vec<bool>,
    dprojected: [Array2<A>; 3],
    dmixed: Array2<A>,
    dscores: Array2<A>,
    /// dL/d(value), where the key is the value, too.
    dvalue: Array2<A>,
    /// dL/dy, but 0 for padding.
    dy: Array2<A>,
    samples: usize,
    queries: usize,
    keys: usize,
}

impl<A: Scalar> Default for Memory<A> {
    fn default() -> Self {
        let empty = || Array2::default((0, 0));
        Self {
            projected: [empty(), empty(), empty()],
            p: empty(),
            mixed: empty(),
            hidden: Vec::new(),
            dprojected: [empty(), empty(), empty()],
            dmixed: empty(),
            dscores: empty(),
            dvalue: empty(),
            dy: empty(),
            samples: 0,
            queries: 0,
            keys: 0,
        }
    }
}

fn hidden_keys(hidden: &[bool], keys: usize) -> Option<ArrayView2<'_, bool>> {
    let samples = hidden.len() / keys;
    (samples > 0).then(|| ArrayView2::from_shape((samples, keys), hidden).expect("one for each key"))
}

/// A matrix as (samples, rows of a sample, columns).
fn by_sample<A>(matrix: &Array2<A>, samples: usize) -> ArrayView3<'_, A> {
    let shape = (samples, matrix.nrows() / samples.max(1), matrix.ncols());
    matrix.view().into_shape_with_order(shape).expect("as many rows for each sample")
}

fn by_sample_mut<A>(matrix: &mut Array2<A>, samples: usize) -> ArrayViewMut3<'_, A> {
    let shape = (samples, matrix.nrows() / samples.max(1), matrix.ncols());
    matrix.view_mut().into_shape_with_order(shape).expect("as many rows for each sample")
}

/// Q, K and V, (samples, steps, features), of three matrices or of the first one.
fn parts<A>(projected: &[Array2<A>; 3], samples: usize, features: usize) -> [ArrayView3<'_, A>; 3] {
    let [first, k, v] = projected;
    if first.ncols() == features {
        return [by_sample(first, samples), by_sample(k, samples), by_sample(v, samples)];
    }
    let all = by_sample(first, samples);
    [0, 1, 2].map(|i| all.slice_move(s![.., .., i * features..(i + 1) * features]))
}

fn parts_mut<A>(projected: &mut [Array2<A>; 3], samples: usize, features: usize) -> [ArrayViewMut3<'_, A>; 3] {
    let [first, k, v] = projected;
    if first.ncols() == features {
        return [by_sample_mut(first, samples), by_sample_mut(k, samples), by_sample_mut(v, samples)];
    }
    let (q, kv) = by_sample_mut(first, samples).split_at(Axis(2), features);
    let (k, v) = kv.split_at(Axis(2), features);
    [q, k, v]
}

impl<A: Scalar> Layer<A> for MultiHeadAttention<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let wrong = |wants: String| Err(Error::Input { layer: format!("{self:?}"), wants, got: input });
        match input {
            Shape::Sequence { steps, features } if steps > 0 && features == self.features() => {
                let scores = steps.checked_mul(steps).and_then(|n| n.checked_mul(self.heads * size_of::<f64>()));
                if scores.is_some_and(|bytes| isize::try_from(bytes).is_ok()) {
                    return Ok(input);
                }
                wrong("fewer steps: a number for each pair of them must fit in memory".to_owned())
            }
            _ => wrong(format!("sequences [steps, {}]", self.features())),
        }
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let (samples, features) = (x.nrows(), self.features());
        let steps = x.ncols() / features;
        let memory = pass.cache.get::<Memory<A>>();
        (memory.samples, memory.queries, memory.keys) = (samples, steps, steps);
        memory.hidden.clear();
        if self.masked {
            for x in x.rows() {
                let length = steps_before_padding(&x, features);
                memory.hidden.extend((0..steps).map(|t| t >= length));
            }
        }
        let mut y = groups_mut(y, features);
        let qkv = &mut memory.projected[0];
        resize(qkv, samples * steps, 3 * features);
        gemm(A::ONE, &groups(x, features), &self.in_weight, A::ZERO, qkv);
        if let Some([bias, _]) = &self.biases {
            add_row(qkv, bias);
        }
        self.mix(memory, &mut y);
        for (mut y, _) in y.rows_mut().into_iter().zip(&memory.hidden).filter(|&(_, &hidden)| hidden) {
            y.fill(A::ZERO);
        }
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let features = self.features();
        let memory = pass.cache.get::<Memory<A>>();
        let (x, dy) = (groups(at.x, features), groups(at.dy, features));
        let (dw_in, dw_out, db_in, db_out) = match at.dw {
            [dw_in, db_in, dw_out, db_out] => (dw_in, dw_out, Some(db_in), Some(db_out)),
            [dw_in, dw_out] => (dw_in, dw_out, None, None),
            _ => unreachable!("two weights, with biases or without"),
        };
        if self.masked {
            let mut masked = std::mem::take(&mut memory.dy);
            resize(&mut masked, dy.nrows(), features);
            masked.assign(&dy);
            for (mut dy, _) in masked.rows_mut().into_iter().zip(&memory.hidden).filter(|&(_, &hidden)| hidden) {
                dy.fill(A::ZERO);
            }
            self.mix_backward(&masked, dw_out, db_out, memory);
            memory.dy = masked;
        } else {
            self.mix_backward(&dy, dw_out, db_out, memory);
        }
        let dqkv = &memory.dprojected[0];
        gemm(A::ONE, &x.t(), dqkv, A::ZERO, dw_in);
        if let Some(db) = db_in {
            column_sums(dqkv, db);
        }
        if let Some(dx) = at.dx {
            gemm(A::ONE, dqkv, &self.in_weight.t(), A::ZERO, &mut groups_mut(dx, features));
        }
        Ok(())
    }

    fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        let n = self.features();
        f(Info { name: &"in_proj_weight", role: Role::Weight, dims: &[n, 3 * n] }, &self.in_weight);
        if let Some([bias, _]) = &self.biases {
            f(Info { name: &"in_proj_bias", role: Role::Bias, dims: &[3 * n] }, bias);
        }
        f(Info { name: &"out_proj.weight", role: Role::Weight, dims: &[n, n] }, &self.out_weight);
        if let Some([_, bias]) = &self.biases {
            f(Info { name: &"out_proj.bias", role: Role::Bias, dims: &[n] }, bias);
        }
    }

    fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        let n = self.features();
        f(Info { name: &"in_proj_weight", role: Role::Weight, dims: &[n, 3 * n] }, &mut self.in_weight);
        if let Some([bias, _]) = &mut self.biases {
            f(Info { name: &"in_proj_bias", role: Role::Bias, dims: &[3 * n] }, bias);
        }
        f(Info { name: &"out_proj.weight", role: Role::Weight, dims: &[n, n] }, &mut self.out_weight);
        if let Some([_, bias]) = &mut self.biases {
            f(Info { name: &"out_proj.bias", role: Role::Bias, dims: &[n] }, bias);
        }
    }

    /// The four projections of each step, and for each pair of steps a score and a share of what the other has to say.
    fn multiply_adds(&self, input: Shape) -> u64 {
        let (steps, features) = (input.positions() as u64, self.features() as u64);
        let [projections, pairs] = [[4 * features, features], [2 * steps, features]];
        let products = |[a, b]: [u64; 2]| a.saturating_mul(b).saturating_mul(steps);
        products(projections).saturating_add(products(pairs))
    }

    fn spec(&self) -> Option<Spec> {
        let spec = Spec::new("multi_head_attention").set("features", self.features()).set("heads", self.heads);
        Some(spec.set("bias", self.biases.is_some()).set("causal", self.causal).set("masked", self.masked))
    }
}

impl<A: Scalar> Restore<A> for MultiHeadAttention<A> {
    const KIND: &'static str = "multi_head_attention";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let (features, heads) = (spec.count("features")?, spec.count("heads")?);
        check_sizes(features, heads)?;
        let biases = if spec.flag("bias")? {
            Some([parts.array("in_proj_bias", 1, 3 * features)?, parts.array("out_proj.bias", 1, features)?])
        } else {
            None
        };
        Ok(Self {
            heads,
            in_weight: parts.array("in_proj_weight", features, 3 * features)?,
            out_weight: parts.array("out_proj.weight", features, features)?,
            biases,
            causal: spec.flag("causal")?,
            masked: spec.flag("masked")?,
        })
    }
}

impl<A: Scalar> fmt::Debug for MultiHeadAttention<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MultiHeadAttention({}, {} heads", self.features(), self.heads)?;
        let notes = [(self.biases.is_none(), ", no bias"), (self.causal, ", causal"), (self.masked, ", masked")];
        notes.into_iter().filter(|&(on, _)| on).try_for_each(|(_, note)| f.write_str(note))?;
        f.write_str(")")
    }
}
