//! [`MultiHeadAttention`]: each position of a sequence attends to all positions.

use std::convert::Infallible;
use std::fmt;

use ndarray::Array2;
use rand::Rng;

use crate::error::{NO_FORWARD, check_setting_of};
use crate::init::full;
use crate::kernels::{add_row, column_sums, gemm::gemm, groups, groups_mut, parallel, resize};
use crate::layer::{Backward, Layer, Needs, Parameter, Parts, Pass, Restore, Steps, parameters, product};
use crate::spec::Spec;
use crate::spec::layout::{Piece, System};
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::{Error, Init, Matrix, Result, Scalar, Shape};

mod attend;
mod block;
mod dropout;
mod head;
mod heads;
mod join;
mod mask;
mod memory;
mod onnx;
mod passes;
mod rotary;
mod rust;
mod stream;

pub use attend::{Attention, AttentionGradients};
use memory::Memory;
use passes::stores;

/// Multi-head attention (Vaswani et al., 2017): each position of a sequence attends to all positions. The output at a
/// position is a weighted sum of the values of all positions, with weights computed from its query and their keys, in
/// several heads.
///
/// With weights `W_q`, `W_k`, `W_v` and `Wₒ`, each (features, features), and features split into heads of size d:
///
/// ```text
/// Q = x·W_q + b_q    K = x·W_k + b_k    V = x·W_v + b_v
/// P = softmax(Q·Kᵀ/√d)                     for each head, over the keys
/// y = [P·V of each head]·Wₒ + bₒ
/// ```
///
/// Input and output are sequences of `features` per step. As in `PyTorch`, `[W_q, W_k, W_v]` is one parameter
/// `in_proj_weight`, here stored as (features, 3 features); `Wₒ` is `out_proj.weight`. For sequences of more than 256
/// steps, P is not stored but computed again in the backward pass, so memory grows linearly with the steps.
///
/// The order of the steps has no effect, unless positions are [`rotary`](Self::rotary), or precede the layer:
/// [`SinusoidalPositions`](super::SinusoidalPositions) or [`LearnedPositions`](super::LearnedPositions).
///
/// As a [layer](Layer), it is self-attention: queries, keys and values come from one sequence. As a
/// [join](crate::layer::Join) in a [`Network`](crate::Network), it takes a query, a key and a value, or a query and one
/// sequence as both key and value, as when a decoder attends to an encoder. [`attend`](Self::attend) does so outside a
/// network, and exposes P.
///
/// ```
/// use neuropil::prelude::*;
///
/// let layer = MultiHeadAttention::<f32>::new(64, 4, &mut rng(1)).causal();
/// let network = Sequential::new([10, 64]).with(layer)?;
/// assert_eq!(network.output(), Shape::Sequence { steps: 10, features: 64 });
/// assert_eq!(network.parameter_count(), 4 * (64 * 64 + 64));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct MultiHeadAttention<A: Scalar> {
    heads: usize,
    /// `[W_q, W_k, W_v]`, (features, 3·features)
    in_weight: Parameter<A>,
    /// `[b_q, b_k, b_v]`, (1, 3·features)
    in_bias: Option<Parameter<A>>,
    /// Wₒ, (features, features)
    out_weight: Parameter<A>,
    /// bₒ, (1, features)
    out_bias: Option<Parameter<A>>,
    causal: bool,
    masked: bool,
    /// Whether a query may attend to a key, in standard layout.
    allowed: Option<Array2<bool>>,
    /// The base of rotary positions.
    rotary: Option<f64>,
    /// The probability with which a weight of P is dropped.
    dropout: f64,
}

impl<A: Scalar> MultiHeadAttention<A> {
    /// Creates a layer with `PyTorch`'s default initialization: `[W_q, W_k, W_v]` Glorot uniform, Wₒ uniform in
    /// ±1/√features, biases 0.
    pub fn new(features: usize, heads: usize, rng: &mut impl Rng) -> Self {
        let bound = 1.0 / (features.max(1) as f64).sqrt();
        let Ok(layer) = Self::of(features, heads, true, |name, rows, columns| {
            Ok::<_, Infallible>(match name {
                "in_proj_weight" => Init::XAVIER_UNIFORM.matrix(rows, columns, rng),
                "out_proj.weight" => Init::Uniform { low: -bound, high: bound }.matrix(rows, columns, rng),
                _ => full(rows, columns, A::ZERO),
            })
        });
        layer
    }

    /// The layer whose parameters `values` creates from name, rows and columns.
    fn of<E>(
        features: usize,
        heads: usize,
        with_bias: bool,
        mut values: impl FnMut(&str, usize, usize) -> Result<Array2<A>, E>,
    ) -> Result<Self, E> {
        let three = features.saturating_mul(3);
        let mut weight =
            |name, columns| Ok(Parameter::weight(name, &[features, columns], values(name, features, columns)?));
        let (in_weight, out_weight) = (weight("in_proj_weight", three)?, weight("out_proj.weight", features)?);
        let mut bias = |name, columns| {
            let bias = with_bias.then(|| values(name, 1, columns)).transpose()?;
            Ok(bias.map(|bias| Parameter::bias(name, &[columns], bias)))
        };
        let (in_bias, out_bias) = (bias("in_proj_bias", three)?, bias("out_proj.bias", features)?);
        Ok(Self {
            heads,
            in_weight,
            in_bias,
            out_weight,
            out_bias,
            causal: false,
            masked: false,
            allowed: None,
            rotary: None,
            dropout: 0.0,
        })
    }

    /// Removes the biases.
    pub fn without_bias(mut self) -> Self {
        (self.in_bias, self.out_bias) = (None, None);
        self
    }

    /// Sets a causal mask: each step attends only to itself and earlier steps.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::new([3, 2]).with(MultiHeadAttention::<f64>::new(2, 1, &mut rng(1)).causal())?;
    /// let y = network.predict(&ndarray::array![[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 2.0, 3.0, 4.0, -7.0, 0.0]])?;
    /// assert_eq!(y.slice(ndarray::s![0, ..4]), y.slice(ndarray::s![1, ..4])); // the last step is masked
    /// # Ok::<(), Error>(())
    /// ```
    pub fn causal(mut self) -> Self {
        self.causal = true;
        self
    }

    /// Treats trailing all-zero steps as padding: as keys they are masked, as queries their outputs are 0. The amount
    /// of padding does not affect the result of a sample.
    ///
    /// This is for sequences whose lengths are not known; if they are, it has no effect. See
    /// [`Steps`](crate::layer::Steps).
    ///
    /// Positional layers before this one must keep such steps zero; see `masked` of [`SinusoidalPositions`] and
    /// [`LearnedPositions`].
    ///
    /// [`SinusoidalPositions`]: super::SinusoidalPositions
    /// [`LearnedPositions`]: super::LearnedPositions
    pub fn masked(mut self) -> Self {
        self.masked = true;
        self
    }

    /// Sets rotary position embeddings (`RoPE`; Su et al., 2021) instead of positions that are added to the input: the
    /// queries and keys of step t are rotated, so that their dot products depend on the distance between two steps.
    /// 10,000 is the usual base.
    ///
    /// In each head, features i and i + d/2 are a pair, rotated by the angle t·base^(-2i/d), with t from 0:
    ///
    /// ```text
    /// q'[i]       = q[i]·cos θ - q[i + d/2]·sin θ
    /// q'[i + d/2] = q[i]·sin θ + q[i + d/2]·cos θ
    /// ```
    ///
    /// Each pair has one feature from each half of a head, as in `GPT-NeoX`, and in the Llama, Mistral and Qwen models
    /// of Hugging Face Transformers. `GPT-J`, torchtune and the paper pair the features 2i and 2i + 1; their weights
    /// need the columns of each head reordered.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let layer = MultiHeadAttention::<f64>::new(4, 1, &mut rng(1)).rotary(10_000.0);
    /// let network = Sequential::new([2, 4]).with(layer)?;
    /// let (a, b) = ([1.0, 2.0, 3.0, 4.0], [-1.0, 0.5, 0.0, 2.0]);
    /// let y = network.predict_one(&[a, b].concat())?;
    /// let turned = network.predict_one(&[b, a].concat())?;
    /// assert!((y[0] - turned[4]).abs() > 1e-3); // The order has an effect.
    /// # Ok::<(), Error>(())
    /// ```
    pub fn rotary(mut self, base: f64) -> Self {
        self.rotary = Some(base);
        self
    }

    /// Drops each weight of P with this probability in training, and scales the others by 1/(1 - p), like the `dropout`
    /// of `PyTorch`'s layer. By default, none is dropped. See [`Dropout`](super::Dropout).
    ///
    /// [`attend`](Self::attend) drops none.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let layer = MultiHeadAttention::<f64>::new(4, 2, &mut rng(1)).dropout(0.5);
    /// let network = Sequential::new([3, 4]).with(layer)?;
    /// let x = Init::STANDARD_NORMAL.matrix(1, 12, &mut rng(2));
    /// assert_eq!(network.predict(&x)?, network.predict(&x)?);
    /// assert_ne!(Tape::new(&network, 3).forward(&network, &x)?, &network.predict(&x)?);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn dropout(mut self, probability: f64) -> Self {
        self.dropout = probability;
        self
    }

    fn features(&self) -> usize {
        self.out_weight.nrows()
    }

    /// The features of a head, d.
    fn width(&self) -> usize {
        self.features() / self.heads
    }

    /// Returns an error for settings outside their ranges.
    fn check_settings(&self) -> Result<()> {
        let (features, heads) = (self.features(), self.heads);
        check_setting_of(self, "features", features as f64, "at least 1", features > 0)?;
        let divides = heads > 0 && features.is_multiple_of(heads);
        check_setting_of(self, "heads", heads as f64, "at least 1 and a divisor of the features", divides)?;
        let is_probability = (0.0..=1.0).contains(&self.dropout);
        check_setting_of(self, "dropout", self.dropout, "from 0 to 1", is_probability)?;
        let Some(base) = self.rotary else { return Ok(()) };
        check_setting_of(self, "rotary base", base, "above 0 and finite", base > 0.0 && base.is_finite())?;
        let (width, pairs) = (self.width(), self.width().is_multiple_of(2));
        check_setting_of(self, "features of a head", width as f64, "even, for rotary positions", pairs)
    }

    /// Per sample, P of all heads if it is stored, its statistics, and Q, K, V and mixed values, each with its
    /// gradient; once, the scratch space of all threads.
    fn needs(&self, queries: usize, keys: usize) -> Needs {
        let columns = if stores(keys) { keys } else { 0 } + 2;
        let weights = product(&[self.heads, queries, columns]);
        let values = product(&[5, queries.saturating_add(keys), self.features()]);
        let scratch = product(&[parallel::parts(usize::MAX, 1), head::scratch(queries, keys)]);
        let angles = if self.rotary.is_some() { product(&[queries.max(keys), self.width()]) } else { 0 };
        Needs::per_sample(weights.saturating_add(values)).and(Needs::once(scratch.saturating_add(angles)))
    }

    /// The multiply-accumulates of the four projections, of the scores and of the weighted sums.
    fn products(&self, queries: u64, keys: u64) -> u64 {
        let features = self.features() as u64;
        let projections = queries.saturating_add(keys).saturating_mul(2 * features).saturating_mul(features);
        projections.saturating_add(queries.saturating_mul(keys).saturating_mul(2 * features))
    }
}

impl<A: Scalar> Layer<A> for MultiHeadAttention<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        self.check_settings()?;
        if matches!(input, Shape::Sequence { steps: 1.., features } if features == self.features()) {
            return self.check_mask(input, [input; 2]).map(|()| input);
        }
        let wants = format!("sequences [steps, {}]", self.features());
        Err(Error::Input { layer: format!("{self:?}"), wants, got: input })
    }

    fn steps(&self, _: Shape) -> Steps {
        if self.causal && !self.masked && self.allowed.is_none() { Steps::Causal } else { Steps::All }
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        if pass.stream {
            return self.stream(x, y, pass.cache.get());
        }
        let (samples, features) = (x.nrows(), self.features());
        let steps = x.ncols() / features;
        let memory = pass.cache.get::<Memory<A>>();
        self.start(memory, [pass.training, pass.recording], pass.rng);
        (memory.samples, memory.queries, memory.keys) = (samples, steps, steps);
        self.find_padding(x, pass.lengths, &mut memory.padding);
        memory.hidden.clone_from(&memory.padding);
        // Q, K and V in one product.
        let qkv = &mut memory.projected[0];
        resize(qkv, samples * steps, 3 * features)?;
        gemm(A::ONE, &groups(x, features), &self.in_weight, A::ZERO, qkv);
        if let Some(bias) = &self.in_bias {
            add_row(qkv, bias);
        }
        self.mix(memory, &mut groups_mut(y, features))
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let features = self.features();
        let memory = pass.cache.get::<Memory<A>>();
        let [(dw, db), out] = self.slots(at.dw)?;
        if !self.fits(memory, 3, at.dy) {
            return Err(NO_FORWARD);
        }
        self.mix_backward(&groups(at.dy, features), out, memory)?;
        let dqkv = &memory.dprojected[0];
        gemm(A::ONE, &groups(at.x, features).t(), dqkv, A::ZERO, dw);
        if let Some(db) = db {
            column_sums(dqkv, db);
        }
        if let Some(dx) = at.dx {
            gemm(A::ONE, dqkv, &self.in_weight.t(), A::ZERO, &mut groups_mut(dx, features));
        }
        Ok(())
    }

    parameters!(A: in_weight, in_bias, out_weight, out_bias);

    fn needs(&self, input: Shape, _: Shape) -> Needs {
        self.needs(input.positions(), input.positions())
    }

    fn multiply_adds(&self, input: Shape) -> u64 {
        let steps = input.positions() as u64;
        self.products(steps, steps)
    }

    fn spec(&self) -> Option<Spec> {
        let spec = Spec::new("multi_head_attention").set("features", self.features()).set("heads", self.heads);
        let spec = spec.set("bias", self.in_bias.is_some()).set("causal", self.causal).set("masked", self.masked);
        let spec = if let Some(base) = self.rotary { spec.set("rotary", base) } else { spec };
        let spec = if let Some(allowed) = &self.allowed { spec.set("mask", &*mask::text(allowed)) } else { spec };
        Some(if self.dropout == 0.0 { spec } else { spec.set("dropout", self.dropout) })
    }

    /// `PyTorch` stores weights as (outputs, inputs). Keras has kernels (features, heads, width) for query, key and
    /// value, and (heads, width, features) for the output.
    fn layout(&self, system: System, name: &str, dims: &[usize]) -> Vec<Piece> {
        if system == System::PyTorch {
            return vec![Piece::axes(name, dims, &[1, 0])];
        }
        let (features, parts) = (self.features(), [self.heads, self.width()]);
        let what = if name.ends_with("bias") { "bias" } else { "kernel" };
        if name.starts_with("out_proj") {
            let piece = Piece::whole(format!("attention_output.{what}"), dims);
            return vec![if what == "kernel" { piece.shaped(&[parts[0], parts[1], features]) } else { piece }];
        }
        let shape: Vec<usize> = dims[..dims.len() - 1].iter().chain(&parts).copied().collect();
        let block = |(from, part)| Piece::block(&format!("{part}.{what}"), shape.clone(), [from, 3], [0, 1]);
        ["query", "key", "value"].into_iter().enumerate().map(block).collect()
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let x = operators.value();
        let shape = operators.input();
        self.write(operators, [(&x, shape); 3])
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let x = code.current();
        self.write_rust(code, [x; 3])
    }
}

impl<A: Scalar> Restore<A> for MultiHeadAttention<A> {
    const KIND: &'static str = "multi_head_attention";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let (features, heads) = (spec.count("features")?, spec.count("heads")?);
        let layer =
            Self::of(features, heads, spec.flag("bias")?, |name, rows, columns| parts.array(name, rows, columns))?;
        let optional = |name| spec.get(name).map(|_| spec.number(name)).transpose();
        let (rotary, dropout) = (optional("rotary")?, optional("dropout")?.unwrap_or(0.0));
        let allowed =
            spec.get("mask").map(|_| spec.text("mask").and_then(|text| mask::parse(spec, text))).transpose()?;
        Ok(Self { causal: spec.flag("causal")?, masked: spec.flag("masked")?, allowed, rotary, dropout, ..layer })
    }
}

impl<A: Scalar> fmt::Debug for MultiHeadAttention<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MultiHeadAttention({}, {} heads", self.features(), self.heads)?;
        let notes = [(self.in_bias.is_none(), ", no bias"), (self.causal, ", causal"), (self.masked, ", masked")];
        notes.into_iter().filter(|&(on, _)| on).try_for_each(|(_, note)| f.write_str(note))?;
        if let Some(allowed) = &self.allowed {
            write!(f, ", mask {} x {}", allowed.nrows(), allowed.ncols())?;
        }
        if let Some(base) = self.rotary {
            write!(f, ", rotary {base}")?;
        }
        if self.dropout != 0.0 {
            write!(f, ", dropout {}", self.dropout)?;
        }
        f.write_str(")")
    }
}
