//! burn with its own CPU backend, `flex`.

use burn::module::{Module, Param};
use burn::nn::attention::{MhaInput, MultiHeadAttention, MultiHeadAttentionConfig};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::gru::{Gru, GruConfig};
use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig, MseLoss, Reduction};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, Lstm, LstmConfig, PaddingConfig2d};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::activation::{gelu, log_softmax, relu, sigmoid};
use burn::tensor::{Bool, Device, Gradients, Int, Tensor, TensorData};
use peers::{Bench, CLASSIFIERS, Random, XOR_X, XOR_Y};

/// The device on which tensors are recorded for a backward pass.
fn training() -> Device {
    Device::flex().autodiff()
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn labels(random: &mut Random, rows: usize) -> Tensor<1, Int> {
    let labels: Vec<i32> = random.labels(rows).iter().map(|&label| label as i32).collect();
    Tensor::from_data(TensorData::new(labels, [rows]), &training())
}

trait Model<const D: usize>: Module {
    fn forward(&self, x: Tensor<D>) -> Tensor<2>;
}

/// Dense layers with ReLU between them.
#[derive(Module, Debug)]
struct Mlp {
    layers: Vec<Linear>,
}

impl Mlp {
    fn new(sizes: &[usize], device: &Device) -> Self {
        let layer = |pair: &[usize]| LinearConfig::new(pair[0], pair[1]).init(device);
        Self { layers: sizes.windows(2).map(layer).collect() }
    }
}

impl Model<2> for Mlp {
    fn forward(&self, mut x: Tensor<2>) -> Tensor<2> {
        let (last, hidden) = self.layers.split_last().unwrap();
        for layer in hidden {
            x = relu(layer.forward(x));
        }
        last.forward(x)
    }
}

#[derive(Module, Debug)]
struct SigmoidMlp {
    hidden: Linear,
    output: Linear,
}

impl Model<2> for SigmoidMlp {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        sigmoid(self.output.forward(sigmoid(self.hidden.forward(x))))
    }
}

#[derive(Module, Debug)]
struct Cnn {
    convolutions: Vec<Conv2d>,
    pool: MaxPool2d,
    dense: Mlp,
}

impl Model<4> for Cnn {
    fn forward(&self, mut x: Tensor<4>) -> Tensor<2> {
        for convolution in &self.convolutions {
            x = self.pool.forward(relu(convolution.forward(x)));
        }
        self.dense.forward(x.flatten(1, 3))
    }
}

#[derive(Module, Debug)]
struct LstmModel {
    recurrent: Lstm,
    dense: Linear,
}

impl Model<3> for LstmModel {
    fn forward(&self, x: Tensor<3>) -> Tensor<2> {
        self.dense.forward(self.recurrent.forward(x, None).1.hidden)
    }
}

#[derive(Module, Debug)]
struct GruModel {
    recurrent: Gru,
    dense: Linear,
}

impl Model<3> for GruModel {
    fn forward(&self, x: Tensor<3>) -> Tensor<2> {
        let [_, steps, _] = x.dims();
        let states = self.recurrent.forward(x, None);
        self.dense.forward(states.narrow(1, steps - 1, 1).squeeze_dim(1))
    }
}

/// One step on the next of `batches`: forward, loss, backward, update.
fn train<const D: usize, M: Model<D>, Y: Clone>(
    model: M,
    loss: impl Fn(Tensor<2>, Y) -> Tensor<1>,
    (mut optimizer, rate): (ModuleOptimizer, f64),
    batches: Vec<(Tensor<D>, Y)>,
) -> impl FnMut() {
    let (mut held, mut turn) = (Some(model), 0);
    move || {
        let (x, y) = batches[turn].clone();
        turn = (turn + 1) % batches.len();
        let model = held.take().unwrap();
        let gradients = loss(model.forward(x), y).backward();
        let gradients = GradientsParams::from_grads(gradients, &model);
        held = Some(optimizer.step(rate, model, gradients));
    }
}

fn cross_entropy() -> impl Fn(Tensor<2>, Tensor<1, Int>) -> Tensor<1> {
    let loss: CrossEntropyLoss = CrossEntropyLossConfig::new().init(&training());
    move |logits, y| loss.forward(logits, y)
}

fn mse(output: Tensor<2>, y: Tensor<2>) -> Tensor<1> {
    MseLoss::new().forward(output, y, Reduction::Mean)
}

fn sgd(rate: f64) -> (ModuleOptimizer, f64) {
    (SgdConfig::new().init(), rate)
}

fn adam() -> (ModuleOptimizer, f64) {
    (AdamConfig::new().with_epsilon(1e-8).init(), 0.001)
}

fn classifier(sizes: &[usize], batch: usize, optimizer: (ModuleOptimizer, f64)) -> impl FnMut() {
    let mut random = Random::new(1);
    let x = tensor(random.uniform(batch * sizes[0]), [batch, sizes[0]], &training());
    let batches = vec![(x, labels(&mut random, batch))];
    train(Mlp::new(sizes, &training()), cross_entropy(), optimizer, batches)
}

fn regression() -> impl FnMut() {
    let (device, mut random) = (training(), Random::new(1));
    let batch = (tensor(random.uniform(320), [32, 10], &device), tensor(random.uniform(32), [32, 1], &device));
    train(Mlp::new(&[10, 32, 16, 1], &device), mse, sgd(0.01), vec![batch])
}

fn xor(batch: usize) -> impl FnMut() {
    let device = training();
    let model = SigmoidMlp {
        hidden: LinearConfig::new(2, 4).init(&device),
        output: LinearConfig::new(4, 1).init(&device),
    };
    let batches = (0..4).step_by(batch).map(|start| {
        let x = tensor(XOR_X[start..start + batch].concat(), [batch, 2], &device);
        (x, tensor(XOR_Y[start..start + batch].concat(), [batch, 1], &device))
    });
    train(model, mse, sgd(0.5), batches.collect())
}

fn predict(rows: usize) -> impl FnMut() -> Tensor<2> {
    let device = Device::flex(); // nothing is recorded for a backward pass
    let x = tensor(Random::new(1).uniform(rows * 784), [rows, 784], &device);
    let model = Mlp::new(&[784, 128, 10], &device);
    move || model.forward(x.clone())
}

fn elementwise<const D: usize>(
    shape: [usize; D],
    function: impl Fn(Tensor<D>) -> Tensor<D>,
) -> impl FnMut() -> Tensor<D> {
    let values = Random::new(1).normal(shape.iter().product()).iter().map(|x| 2.0 * x).collect();
    let x = tensor(values, shape, &Device::flex());
    move || function(x.clone())
}

fn neuron() -> impl FnMut() -> Tensor<2, Bool> {
    let device = Device::flex();
    let x = tensor(Random::new(1).uniform(15_000_000), [5_000_000, 3], &device);
    let w = tensor(vec![0.7, 0.3, -0.9], [3, 1], &device);
    move || x.clone().matmul(w.clone()).greater_scalar(0.0)
}

fn images(convolutions: [(usize, usize, usize, PaddingConfig2d); 2], sizes: &[usize]) -> impl FnMut() {
    let (device, mut random) = (training(), Random::new(1));
    let layer = |(inputs, outputs, size, padding)| {
        Conv2dConfig::new([inputs, outputs], [size, size]).with_padding(padding).init(&device)
    };
    let model = Cnn {
        convolutions: convolutions.into_iter().map(layer).collect(),
        pool: MaxPool2dConfig::new([2, 2]).init(),
        dense: Mlp::new(sizes, &device),
    };
    let batch = (tensor(random.uniform(64 * 784), [64, 1, 28, 28], &device), labels(&mut random, 64));
    train(model, cross_entropy(), sgd(0.01), vec![batch])
}

fn sequences(model: impl Model<3>) -> impl FnMut() {
    let (device, mut random) = (training(), Random::new(1));
    let x = tensor(random.uniform(32 * 20 * 32), [32, 20, 32], &device);
    train(model, mse, sgd(0.01), vec![(x, tensor(random.uniform(32), [32, 1], &device))])
}

fn lstm() -> impl FnMut() {
    let device = training();
    let recurrent = LstmConfig::new(32, 64, true).init(&device);
    sequences(LstmModel { recurrent, dense: LinearConfig::new(64, 1).init(&device) })
}

fn gru() -> impl FnMut() {
    let device = training();
    let recurrent = GruConfig::new(32, 64, true).init(&device);
    sequences(GruModel { recurrent, dense: LinearConfig::new(64, 1).init(&device) })
}

/// Forward and backward from the upstream gradient `dy`, to the parameters and to the input.
fn batch_norm() -> impl FnMut() -> Gradients {
    let (device, mut random) = (training(), Random::new(1));
    let layer: BatchNorm = BatchNormConfig::new(784).init(&device);
    let x = Param::from_tensor(tensor(random.normal(64 * 784), [64, 784], &device));
    let dy = tensor(random.normal(64 * 784), [64, 784], &device);
    move || (layer.forward(x.val()) * dy.clone()).sum().backward()
}

fn attention() -> impl FnMut() -> Gradients {
    let device = training();
    let layer: MultiHeadAttention = MultiHeadAttentionConfig::new(64, 4).with_dropout(0.0).init(&device);
    let x = Param::from_tensor(tensor(Random::new(1).normal(8 * 64 * 64), [8, 64, 64], &device));
    move || layer.forward(MhaInput::self_attn(x.val())).context.sum().backward()
}

fn main() {
    let mut bench = Bench::from_arguments();
    for (name, sizes, batch) in CLASSIFIERS {
        bench.run(&format!("{name}-sgd"), || classifier(sizes, batch, sgd(0.01)));
    }
    for (name, sizes, batch) in CLASSIFIERS {
        bench.run(&format!("{name}-adam"), || classifier(sizes, batch, adam()));
    }
    bench.run("mlp-10-32-16-1-b32-sgd", regression);
    bench.run("xor-2-4-1-b1-sgd", || xor(1));
    bench.run("xor-2-4-1-b4-sgd", || xor(4));
    bench.run("predict-784-128-10-b1", || predict(1));
    bench.run("predict-784-128-10-b64", || predict(64));
    bench.run("predict-784-128-10-b10000", || predict(10_000));
    bench.run("sigmoid-1m", || elementwise([1_000_000], sigmoid));
    bench.run("tanh-1m", || elementwise([1_000_000], Tensor::tanh));
    bench.run("gelu-1m", || elementwise([1_000_000], gelu));
    bench.run("exp-1m", || elementwise([1_000_000], Tensor::exp));
    bench.run("relu-1m", || elementwise([1_000_000], relu));
    bench.run("log_softmax-4096x10", || elementwise([4096, 10], |x| log_softmax(x, 1)));
    bench.run("neuron-5mx3", neuron);
    let (same, valid) = (PaddingConfig2d::Same, PaddingConfig2d::Valid);
    bench.run("cnn-32-64-b64-sgd", || {
        images([(1, 32, 3, same.clone()), (32, 64, 3, same.clone())], &[64 * 7 * 7, 128, 10])
    });
    bench.run("lenet-b64-sgd", || images([(1, 6, 5, same.clone()), (6, 16, 5, valid)], &[400, 120, 84, 10]));
    bench.run("lstm-32-64-t20-b32-sgd", lstm);
    bench.run("gru-32-64-t20-b32-sgd", gru);
    bench.run("batchnorm-64x784", batch_norm);
    bench.run("attention-b8-t64-d64-h4", attention);
}
