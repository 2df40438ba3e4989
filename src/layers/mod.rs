//! The [`Layer`] trait and the layers, one file each.
//!
//! # A new layer
//! One new file here with the type and its `impl Layer`, and a line in each of the three lists below; in another crate
//! it is one file. A function that acts on each number alone is an [`Activation`](crate::activations::Activation)
//! instead. See `examples/own_layer.rs`.

use std::any::{Any, TypeId};
use std::fmt::{self, Debug, Display};

use ndarray::Array2;
use rand::rngs::Xoshiro256PlusPlus;

use crate::spec::{Registry, Spec};
use crate::{Matrix, Result, Scalar, Sequential, Shape};

#[macro_use]
mod windows;

mod adaptive_avg_pool2d;
mod avg_pool1d;
mod avg_pool2d;
mod batch_norm;
mod conv1d;
mod conv2d;
mod conv_transpose2d;
mod dense;
mod dropout;
mod embedding;
mod flatten;
mod gaussian_noise;
mod global_avg_pool;
mod global_max_pool;
mod group_norm;
mod gru;
mod instance_norm;
mod last_step;
mod layer_norm;
mod learned_positions;
mod log_softmax;
mod lstm;
mod max_pool1d;
mod max_pool2d;
mod multi_head_attention;
mod pad2d;
mod parallel;
mod permute;
mod pixel_shuffle;
mod prelu;
mod recurrent;
mod rescale;
mod reshape;
mod residual;
mod rms_norm;
mod rnn;
mod rrelu;
mod sinusoidal_positions;
mod softmax;
mod spatial_dropout;
mod upsample;

pub use crate::kernels::window::Padding;
pub use adaptive_avg_pool2d::AdaptiveAvgPool2d;
pub use avg_pool1d::AvgPool1d;
pub use avg_pool2d::AvgPool2d;
pub use batch_norm::BatchNorm;
pub use conv_transpose2d::ConvTranspose2d;
pub use conv1d::Conv1d;
pub use conv2d::Conv2d;
pub use dense::Dense;
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use flatten::Flatten;
pub use gaussian_noise::GaussianNoise;
pub use global_avg_pool::GlobalAvgPool;
pub use global_max_pool::GlobalMaxPool;
pub use group_norm::GroupNorm;
pub use gru::{Gru, GruCell};
pub use instance_norm::InstanceNorm;
pub use last_step::LastStep;
pub use layer_norm::LayerNorm;
pub use learned_positions::LearnedPositions;
pub use log_softmax::LogSoftmax;
pub use lstm::{Lstm, LstmCell};
pub use max_pool1d::MaxPool1d;
pub use max_pool2d::MaxPool2d;
pub use multi_head_attention::{Attention, AttentionGradients, MultiHeadAttention};
pub use pad2d::Pad2d;
pub use parallel::Parallel;
pub use permute::Permute;
pub use pixel_shuffle::PixelShuffle;
pub use prelu::PRelu;
pub use recurrent::{Cell, Recurrent, RecurrentGradients, RecurrentState};
pub use rescale::Rescale;
pub use reshape::Reshape;
pub use residual::Residual;
pub use rms_norm::RmsNorm;
pub use rnn::{Rnn, RnnCell};
pub use rrelu::RRelu;
pub use sinusoidal_positions::SinusoidalPositions;
pub use softmax::Softmax;
pub use spatial_dropout::SpatialDropout;
pub use upsample::Upsample;

/// How each layer is made again from its [`Spec`].
pub(crate) fn register<A: Scalar>(registry: &mut Registry<A>) {
    registry.register("adaptive_avg_pool2d", |p| Ok(Box::new(AdaptiveAvgPool2d::new(p.spec().counts("output")?))));
    registry.register("avg_pool1d", |p| Ok(Box::new(AvgPool1d::restore(p)?)));
    registry.register("avg_pool2d", |p| Ok(Box::new(AvgPool2d::restore(p)?)));
    registry.register("batch_norm", |p| Ok(Box::new(BatchNorm::restore(p)?)));
    registry.register("conv1d", |p| Ok(Box::new(Conv1d::restore(p)?)));
    registry.register("conv2d", |p| Ok(Box::new(Conv2d::restore(p)?)));
    registry.register("conv_transpose2d", |p| Ok(Box::new(ConvTranspose2d::restore(p)?)));
    registry.register("dense", |p| Ok(Box::new(Dense::restore(p)?)));
    registry.register("dropout", |p| Ok(Box::new(Dropout::new(p.spec().number("probability")?))));
    registry.register("embedding", |p| Ok(Box::new(Embedding::restore(p)?)));
    registry.register("flatten", |_| Ok(Box::new(Flatten)));
    registry.register("gaussian_noise", |p| Ok(Box::new(GaussianNoise::new(p.spec().number("deviation")?))));
    registry.register("global_avg_pool", |_| Ok(Box::new(GlobalAvgPool)));
    registry.register("global_max_pool", |_| Ok(Box::new(GlobalMaxPool)));
    registry.register("group_norm", |p| {
        let groups = p.spec().count("groups")?;
        Ok(Box::new(GroupNorm::restore(p, groups)?))
    });
    registry.register("gru", |p| Ok(Box::new(Gru::restore(p)?)));
    registry.register("instance_norm", |p| Ok(Box::new(InstanceNorm::restore(p)?)));
    registry.register("last_step", |_| Ok(Box::new(LastStep)));
    registry.register("layer_norm", |p| Ok(Box::new(LayerNorm::restore(p)?)));
    registry.register("learned_positions", |p| Ok(Box::new(LearnedPositions::restore(p)?)));
    registry.register("log_softmax", |_| Ok(Box::new(LogSoftmax)));
    registry.register("lstm", |p| Ok(Box::new(Lstm::restore(p)?)));
    registry.register("max_pool1d", |p| Ok(Box::new(MaxPool1d::restore(p)?)));
    registry.register("max_pool2d", |p| Ok(Box::new(MaxPool2d::restore(p)?)));
    registry.register("multi_head_attention", |p| Ok(Box::new(MultiHeadAttention::restore(p)?)));
    registry.register("p_relu", |p| Ok(Box::new(PRelu::restore(p)?)));
    registry.register("pad2d", |p| Ok(Box::new(Pad2d::restore(p)?)));
    registry.register("parallel", |p| Ok(Box::new(Parallel::restore(p)?)));
    registry.register("permute", |p| Ok(Box::new(Permute::restore(p)?)));
    registry.register("pixel_shuffle", |p| Ok(Box::new(PixelShuffle::new(p.spec().count("factor")?))));
    registry.register("r_relu", |p| Ok(Box::new(RRelu::new(p.spec().number("lower")?, p.spec().number("upper")?))));
    registry.register("rescale", |p| Ok(Box::new(Rescale::restore(p)?)));
    registry.register("reshape", |p| Ok(Box::new(Reshape::new(p.spec().shape("shape")?))));
    registry.register("residual", |p| Ok(Box::new(Residual::restore(p)?)));
    registry.register("rms_norm", |p| Ok(Box::new(RmsNorm::restore(p)?)));
    registry.register("rnn", |p| Ok(Box::new(Rnn::restore(p)?)));
    registry.register("sequential", |p| Ok(Box::new(Sequential::restore(p)?)));
    registry.register("sinusoidal_positions", |p| Ok(Box::new(SinusoidalPositions::restore(p.spec())?)));
    registry.register("softmax", |_| Ok(Box::new(Softmax)));
    registry.register("spatial_dropout", |p| Ok(Box::new(SpatialDropout::new(p.spec().number("probability")?))));
    registry.register("upsample", |p| Ok(Box::new(Upsample::restore(p)?)));
}

/// A step of a network's computation, with its derivative.
///
/// A layer is a plain value: it holds its parameters and settings and does not change while data pass through it. What
/// the forward pass has to keep for the backward pass goes into [`Pass::cache`], which belongs to the
/// [`Tape`](crate::Tape); so one `&layer` can serve many threads.
///
/// Every matrix has one row a sample. Inside the crate, the methods are called with matrices in row-major order whose
/// sizes were checked.
pub trait Layer<A: Scalar>: Any + Debug + Send + Sync + CloneLayer<A> {
    /// The shape of a sample after this layer.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the layer cannot take samples of this shape.
    fn output_shape(&self, input: Shape) -> Result<Shape>;

    /// Writes the outputs for the rows of `x` into `y`, and what [`backward`](Self::backward) will need into the cache.
    ///
    /// `x` is (rows, `pass.input.len()`), `y` is (rows, `output_shape.len()`); `y` holds anything before.
    ///
    /// # Errors
    /// When the values themselves are wrong, such as an index out of range.
    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()>;

    /// From dL/dy, writes dL/dx and the gradient of each parameter; the matrices hold anything before.
    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>);

    /// Shows each parameter and each statistic, always in the same order.
    fn visit(&self, _f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {}

    /// The same as [`visit`](Self::visit), to change them. Their sizes must stay: in a network, a matrix that was given
    /// another size becomes NaN in its old one.
    fn visit_mut(&mut self, _f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {}

    /// After an optimizer's step: takes over statistics of the batch that `forward` left in the cache.
    fn update_statistics(&mut self, _cache: &mut Cache) {}

    /// Multiplies the learning rate of each trainable parameter, in the order of [`visit`](Self::visit), by the factor
    /// that holds for it here; 0 freezes it. Only networks have such factors.
    fn scale_rates(&self, _rates: &mut [f64]) {}

    /// How many products with a weight a forward pass adds up for one sample; element-wise work is not counted. Each
    /// weight is taken to be used once at every place (step or pixel) of the output: layers for which that is not so
    /// tell their own.
    fn multiply_adds(&self, input: Shape) -> u64 {
        let places = self.output_shape(input).map_or(0, Shape::places) as u64;
        let mut weights = 0;
        self.visit(&mut |info, w| weights += if info.role == Role::Weight { w.len() as u64 } else { 0 });
        weights.saturating_mul(places)
    }

    /// Whether layers before this one can learn through it.
    fn differentiable(&self) -> bool {
        true
    }

    /// The kind and the settings of this layer, from which a [`Registry`] makes it again when a model file is loaded;
    /// `None` if it cannot be saved.
    fn spec(&self) -> Option<Spec> {
        None
    }

    /// What tells this layer from others, so that no layer is handed a cache that it did not fill: its type, and a
    /// number for types such as networks that are not all built alike.
    fn identity(&self) -> (TypeId, usize) {
        (TypeId::of::<Self>(), 0)
    }
}

/// What [`Layer::backward`] is given, all with one row a sample: the input and output of the forward pass, and the
/// gradient of the loss by the output.
#[derive(Debug)]
pub struct Backward<'a, A: Scalar> {
    /// The input of the forward pass.
    pub x: &'a Matrix<A>,
    /// The output of the forward pass.
    pub y: &'a Matrix<A>,
    /// dL/dy.
    pub dy: &'a Matrix<A>,
    /// To write dL/dx to, unless nobody wants it.
    pub dx: Option<&'a mut Matrix<A>>,
    /// To write dL/dw to: one matrix for each trainable parameter, in the order of [`Layer::visit`].
    pub dw: &'a mut [Array2<A>],
}

/// What surrounds a layer while a batch passes through it.
#[derive(Debug)]
pub struct Pass<'a> {
    /// Whether a backward pass will follow (dropout drops, batch norm uses the batch), or the network predicts.
    pub training: bool,
    /// What one row of the input means.
    pub input: Shape,
    /// This layer's memory from forward to backward, and from step to step.
    pub cache: &'a mut Cache,
    /// For layers that draw random numbers when training.
    pub rng: &'a mut Xoshiro256PlusPlus,
}

/// A layer's memory on a tape: empty at first, then a value of the type that the layer asks for.
#[derive(Default)]
pub struct Cache(Option<Box<dyn Any + Send>>);

impl Cache {
    /// The value that the layer keeps here, made by `T::default()` when there is none yet.
    ///
    /// ```
    /// let mut cache = neuropil::layers::Cache::default();
    /// cache.get::<Vec<f32>>().push(1.5);
    /// assert_eq!(cache.get::<Vec<f32>>(), &[1.5]);
    /// ```
    ///
    /// # Panics
    /// Never: a value of another type is replaced.
    pub fn get<T: Any + Send + Default>(&mut self) -> &mut T {
        if !self.0.as_ref().is_some_and(|value| value.is::<T>()) {
            self.0 = Some(Box::<T>::default());
        }
        self.0.as_mut().and_then(|value| value.downcast_mut()).expect("it was just made")
    }
}

impl Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Cache(..)" } else { "Cache" })
    }
}

/// What a parameter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// A trained weight.
    Weight,
    /// A trained bias, offset or scale; weight decay usually leaves it alone.
    Bias,
    /// A running statistic: saved with the network, not trained.
    Statistic,
}

impl Role {
    /// Whether an optimizer changes it.
    pub fn is_trainable(self) -> bool {
        self != Self::Statistic
    }
}

/// What [`Layer::visit`] tells about a parameter.
#[derive(Clone, Copy)]
pub struct Info<'a> {
    /// Its name, such as `weight`; inside a network with the layer's position in front, such as `2.weight`.
    pub name: &'a dyn Display,
    /// What it is for.
    pub role: Role,
    /// Its true shape: (channels out, channels in, height, width) for a convolution's weight, say.
    pub dims: &'a [usize],
}

impl Debug for Info<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?}", self.name, self.role, self.dims)
    }
}

/// How a boxed layer clones itself; every `Layer` that is `Clone` has it.
pub trait CloneLayer<A: Scalar> {
    /// A copy of this layer in a box.
    fn clone_layer(&self) -> Box<dyn Layer<A>>;
}

impl<A: Scalar, L: Layer<A> + Clone + 'static> CloneLayer<A> for L {
    fn clone_layer(&self) -> Box<dyn Layer<A>> {
        Box::new(self.clone())
    }
}

impl<A: Scalar> Clone for Box<dyn Layer<A>> {
    fn clone(&self) -> Self {
        (**self).clone_layer()
    }
}
