//! [`TransformerLayer`]: the encoder and decoder layers of a transformer, as graphs.

use std::fmt;

use ndarray::Array2;
use rand::Rng;

use super::nodes::Op;
use super::{Network, Value};
use crate::activations::Relu;
use crate::joins::Add;
use crate::layer::{Join, Layer};
use crate::layers::{Dense, Dropout, LayerNorm, MultiHeadAttention};
use crate::{Error, Result, Scalar, Shape};

/// The settings of the layers of a transformer (Vaswani et al., 2017): [`encoder`](Self::encoder) and
/// [`decoder`](Self::decoder) create layers with them.
///
/// An encoder layer has two parts, self-attention and a feed-forward part at each step; a decoder layer has
/// cross-attention to the encoder's output between them. Each part is added to its input x, which is normalized after
/// that, or before the part with [`norm_first`](Self::norm_first):
///
/// ```text
/// y = norm(x + part(x))                 y = x + part(norm(x))
/// feed-forward(x) = linear2(activation(linear1(x)))
/// ```
///
/// By default, the feed-forward part has 4·features hidden features and [`Relu`], the norm is [`LayerNorm`], and there
/// is no dropout. A stack of layers with `norm_first` needs one more norm at its end. Add positions before the first
/// layer.
///
/// Each layer is a [`Network`] of layers and joins, which are named as in `PyTorch`, so state dicts of
/// `nn.TransformerEncoderLayer` and `nn.TransformerDecoderLayer` can be read and written:
///
/// | name | layer | in |
/// |---|---|---|
/// | `self_attn` | [`MultiHeadAttention`] | both |
/// | `multihead_attn` | [`MultiHeadAttention`] to the encoder's output | decoder |
/// | `linear1`, `linear2` | [`Dense`] | both |
/// | `norm1`, `norm2` | [`LayerNorm`], one for each part | both |
/// | `norm3` | [`LayerNorm`] of the feed-forward part | decoder |
///
/// Where lengths of sequences are known, padding is masked: see [`Steps`](crate::layer::Steps). With `norm_first` and
/// [`causal`](Self::causal), encoder layers are the blocks of a language model, which can be
/// [streamed](Network::stream).
///
/// ```
/// use neuropil::prelude::*;
///
/// let rng = &mut rng(1);
/// // SwiGLU: half of the 64 hidden features are gates.
/// let block = TransformerLayer::new(16, 4).feed_forward(64).activation(Glu::new(Silu)).norm_first().causal();
/// let network = Sequential::<f32>::new(100)
///     .with(Embedding::new(30, 16, rng))?
///     .with(block.encoder(rng)?)?
///     .with(block.encoder(rng)?)?
///     .with(LayerNorm::new(16))?;
/// assert_eq!(network.output(), Shape::Sequence { steps: 100, features: 16 });
/// assert_eq!(network.parameter("2.linear2.weight").unwrap().dim(), (32, 16));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct TransformerLayer<A: Scalar> {
    features: usize,
    heads: usize,
    hidden: usize,
    activation: Box<dyn Layer<A>>,
    norm: Box<dyn Layer<A>>,
    norm_first: bool,
    causal: bool,
    allowed: Option<Array2<bool>>,
    rotary: Option<f64>,
    dropout: f64,
}

impl<A: Scalar> TransformerLayer<A> {
    /// Creates settings for sequences of `features` per step, and attention of `heads`.
    pub fn new(features: usize, heads: usize) -> Self {
        Self {
            features,
            heads,
            hidden: features.saturating_mul(4),
            activation: Box::new(Relu),
            norm: Box::new(LayerNorm::new(features)),
            norm_first: false,
            causal: false,
            allowed: None,
            rotary: None,
            dropout: 0.0,
        }
    }

    /// Sets the number of outputs of the first dense layer of the feed-forward part; the default is 4·features.
    pub fn feed_forward(mut self, hidden: usize) -> Self {
        self.hidden = hidden;
        self
    }

    /// Sets the activation of the feed-forward part; the default is [`Relu`]. It may change the number of features, as
    /// [`Glu`](crate::layers::Glu) halves it.
    pub fn activation(mut self, activation: impl Layer<A>) -> Self {
        self.activation = Box::new(activation);
        self
    }

    /// Sets the norm, such as [`RmsNorm`](crate::layers::RmsNorm), of which each part gets a copy; the default is
    /// [`LayerNorm`].
    pub fn norm(mut self, norm: impl Layer<A>) -> Self {
        self.norm = Box::new(norm);
        self
    }

    /// Normalizes the input of each part instead of the sum: training is more stable, and needs no warmup (Xiong et
    /// al., 2020).
    pub fn norm_first(mut self) -> Self {
        self.norm_first = true;
        self
    }

    /// Sets a causal mask in self-attention: each step attends only to itself and earlier steps.
    pub fn causal(mut self) -> Self {
        self.causal = true;
        self
    }

    /// Sets the mask of self-attention, (queries, keys): see [`MultiHeadAttention::attention_mask`].
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let near = ndarray::Array2::from_shape_fn((10, 10), |(i, j): (usize, usize)| i.abs_diff(j) <= 3);
    /// let block = TransformerLayer::<f32>::new(16, 4).attention_mask(near).encoder(&mut rng(1))?;
    /// assert_eq!(Sequential::new([10, 16]).with(block)?.output(), [10, 16].into());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn attention_mask(mut self, allowed: Array2<bool>) -> Self {
        self.allowed = Some(allowed);
        self
    }

    /// Sets rotary positions in self-attention: see [`MultiHeadAttention::rotary`].
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let block = TransformerLayer::<f32>::new(16, 4).norm_first().causal().rotary(10_000.0);
    /// assert!(format!("{block:?}").contains("rotary 10000"));
    /// ```
    pub fn rotary(mut self, base: f64) -> Self {
        self.rotary = Some(base);
        self
    }

    /// Sets the probability of dropout of the attention weights, after each part, and after the activation, as in
    /// `PyTorch`; the default is 0.
    pub fn dropout(mut self, probability: f64) -> Self {
        self.dropout = probability;
        self
    }

    /// Creates an encoder layer: self-attention and the feed-forward part. It maps sequences of
    /// shape `[steps, features]`, for any number of steps, to sequences of the same shape, and is added to a network
    /// like any layer.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let rng = &mut rng(1);
    /// let settings = TransformerLayer::new(8, 2).dropout(0.1);
    /// let network = Sequential::<f64>::new([5, 8]).with(settings.encoder(rng)?)?.with(settings.encoder(rng)?)?;
    /// assert_eq!(network.predict(&ndarray::Array2::ones((3, 5 * 8)))?.dim(), (3, 5 * 8));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Memory`] if the parameters cannot be allocated; errors of the activation. The
    /// settings are checked when the layer is added to a network.
    pub fn encoder(&self, rng: &mut impl Rng) -> Result<Network<A>> {
        let (mut g, x) = Network::open();
        let y = self.self_attention(&mut g, x, rng)?;
        let y = self.feed_forward_part(&mut g, 2, y, rng)?;
        g.output("y", y)?;
        Ok(g)
    }

    /// Creates a decoder layer: self-attention, cross-attention and the feed-forward part. Its inputs are the sequences
    /// to decode, `[steps, features]`, and the encoder's output, `[encoder steps, features]`; the output has the shape
    /// of the first. [`Network::include`] adds it to a network.
    ///
    /// [`causal`](Self::causal) masks only self-attention; each step of the first input attends to all steps of the
    /// second. In training, the first input is the target delayed by one step (teacher forcing).
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let rng = &mut rng(1);
    /// let settings = TransformerLayer::new(8, 2);
    /// let mut g = Network::<f64>::new();
    /// let (source, target) = (g.input("source", [7, 8]), g.input("target", [5, 8]));
    /// let memory = g.add(source, settings.encoder(rng)?)?;
    /// let y = g.include(settings.causal().decoder(rng)?, [target, memory])?;
    /// g.output("y", y)?;
    /// assert_eq!(g.prediction_shape(), Shape::Sequence { steps: 5, features: 8 });
    /// assert_eq!(g.parameter("1.multihead_attn.out_proj.weight").unwrap().dim(), (8, 8));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`encoder`](Self::encoder).
    pub fn decoder(&self, rng: &mut impl Rng) -> Result<Network<A>> {
        let (mut g, x) = Network::open();
        let memory = g.declare("memory", None);
        let y = self.self_attention(&mut g, x, rng)?;
        let y = self.part(&mut g, 2, y, |g, x| {
            let attention = MultiHeadAttention::new(self.features, self.heads, rng).dropout(self.dropout);
            add_join(g, "multihead_attn", attention, [x, memory])
        })?;
        let y = self.feed_forward_part(&mut g, 3, y, rng)?;
        g.output("y", y)?;
        Ok(g)
    }

    fn self_attention(&self, g: &mut Network<A>, x: Value, rng: &mut impl Rng) -> Result<Value> {
        self.part(g, 1, x, |g, x| {
            let attention = MultiHeadAttention::new(self.features, self.heads, rng).dropout(self.dropout);
            let attention = if let Some(base) = self.rotary { attention.rotary(base) } else { attention };
            let attention =
                if let Some(allowed) = &self.allowed { attention.attention_mask(allowed.clone()) } else { attention };
            add(g, "self_attn", if self.causal { attention.causal() } else { attention }, x)
        })
    }

    fn feed_forward_part(&self, g: &mut Network<A>, at: usize, x: Value, rng: &mut impl Rng) -> Result<Value> {
        let hidden = self.activation.output_shape([1, self.hidden].into())?;
        let Shape::Sequence { features: hidden, .. } = hidden else {
            let wants = "an activation that keeps the steps".to_owned();
            return Err(Error::Input { layer: format!("{:?}", self.activation), wants, got: hidden });
        };
        self.part(g, at, x, |g, x| {
            let y = add(g, "linear1", Dense::new(self.features, self.hidden, rng), x)?;
            let y = add(g, "activation", self.activation.clone(), y)?;
            let y = self.add_dropout(g, "dropout", y)?;
            add(g, "linear2", Dense::new(hidden, self.features, rng), y)
        })
    }

    /// Part `at` with its dropout, sum and norm.
    fn part(
        &self,
        g: &mut Network<A>,
        at: usize,
        x: Value,
        part: impl FnOnce(&mut Network<A>, Value) -> Result<Value>,
    ) -> Result<Value> {
        let norm = |g: &mut Network<A>, x| add(g, &format!("norm{at}"), self.norm.clone(), x);
        let input = if self.norm_first { norm(g, x)? } else { x };
        let y = part(g, input)?;
        let y = self.add_dropout(g, &format!("dropout{at}"), y)?;
        let sum = add_join(g, &format!("sum{at}"), Add, [x, y])?;
        if self.norm_first { Ok(sum) } else { norm(g, sum) }
    }

    /// Adds dropout unless its probability is 0.
    fn add_dropout(&self, g: &mut Network<A>, name: &str, x: Value) -> Result<Value> {
        if self.dropout == 0.0 { Ok(x) } else { add(g, name, Dropout::new(self.dropout), x) }
    }
}

fn add<A: Scalar>(g: &mut Network<A>, name: &str, layer: impl Layer<A>, x: Value) -> Result<Value> {
    g.push(name.to_owned(), Op::layer(Box::new(layer)), &[x])
}

fn add_join<A: Scalar>(g: &mut Network<A>, name: &str, join: impl Join<A>, values: [Value; 2]) -> Result<Value> {
    g.push(name.to_owned(), Op::Join(Box::new(join)), &values)
}

impl<A: Scalar> fmt::Debug for TransformerLayer<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { features, heads, hidden, activation, norm, .. } = self;
        write!(f, "TransformerLayer({features}, {heads} heads, {hidden} hidden, {activation:?}, {norm:?}")?;
        let notes = [(self.norm_first, ", norm first"), (self.causal, ", causal")];
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
