//! candle on the CPU.

use candle_core::{Device, Result, Tensor, Var};
use candle_nn::{
    AdamW, BatchNorm, Conv2d, Conv2dConfig, Linear, Module, ModuleT, Optimizer, ParamsAdamW, RNN, SGD, VarBuilder,
    VarMap, loss, ops, rnn,
};
use peers::{Bench, CLASSIFIERS, Random, XOR_X, XOR_Y};

const CPU: &Device = &Device::Cpu;

/// A network: parameters that are trained, and the function of an input.
struct Network {
    parameters: VarMap,
    forward: Box<dyn Fn(&Tensor) -> Result<Tensor>>,
}

impl Network {
    fn new<F: Fn(&Tensor) -> Result<Tensor> + 'static>(build: impl FnOnce(VarBuilder) -> Result<F>) -> Self {
        let parameters = VarMap::new();
        let forward = build(VarBuilder::from_varmap(&parameters, candle_core::DType::F32, CPU)).unwrap();
        Self { parameters, forward: Box::new(forward) }
    }

    fn variables(&self) -> Vec<Var> {
        self.parameters.all_vars()
    }
}

fn layers(sizes: &[usize], vb: &VarBuilder) -> Result<Vec<Linear>> {
    let pairs = sizes.windows(2).enumerate();
    pairs.map(|(index, pair)| candle_nn::linear(pair[0], pair[1], vb.pp(format!("dense{index}")))).collect()
}

/// Dense layers with ReLU between them.
fn relu_chain(layers: &[Linear], x: &Tensor) -> Result<Tensor> {
    let (last, hidden) = layers.split_last().unwrap();
    let mut x = x.clone();
    for layer in hidden {
        x = layer.forward(&x)?.relu()?;
    }
    last.forward(&x)
}

fn mlp(sizes: &[usize]) -> Network {
    Network::new(|vb| {
        let layers = layers(sizes, &vb)?;
        Ok(move |x: &Tensor| relu_chain(&layers, x))
    })
}

fn sgd(network: &Network, rate: f64) -> SGD {
    SGD::new(network.variables(), rate).unwrap()
}

/// candle has AdamW; without weight decay it is Adam.
fn adam(network: &Network) -> AdamW {
    AdamW::new(network.variables(), ParamsAdamW { weight_decay: 0.0, ..Default::default() }).unwrap()
}

/// One step on the next of `batches`: forward, loss, backward, update.
fn train(
    network: Network,
    loss: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
    mut optimizer: impl Optimizer,
    batches: Vec<(Tensor, Tensor)>,
) -> impl FnMut() {
    let mut turn = 0;
    move || {
        let (x, y) = &batches[turn];
        turn = (turn + 1) % batches.len();
        let value = loss(&(network.forward)(x).unwrap(), y).unwrap();
        optimizer.backward_step(&value).unwrap();
    }
}

fn tensor<S: Into<candle_core::Shape>>(values: Vec<f32>, shape: S) -> Tensor {
    Tensor::from_vec(values, shape, CPU).unwrap()
}

fn labeled(x: Tensor, random: &mut Random) -> Vec<(Tensor, Tensor)> {
    let rows = x.dims()[0];
    vec![(x, Tensor::from_vec(random.labels(rows), rows, CPU).unwrap())]
}

fn classifier_batch(sizes: &[usize], batch: usize) -> Vec<(Tensor, Tensor)> {
    let mut random = Random::new(1);
    labeled(tensor(random.uniform(batch * sizes[0]), (batch, sizes[0])), &mut random)
}

fn xor(batch: usize) -> impl FnMut() {
    let network = Network::new(|vb| {
        let layers = layers(&[2, 4, 1], &vb)?;
        Ok(move |x: &Tensor| ops::sigmoid(&layers[1].forward(&ops::sigmoid(&layers[0].forward(x)?)?)?))
    });
    let optimizer = sgd(&network, 0.5);
    let batches = (0..4).step_by(batch).map(|start| {
        let x = XOR_X[start..start + batch].concat();
        (tensor(x, (batch, 2)), tensor(XOR_Y[start..start + batch].concat(), (batch, 1)))
    });
    train(network, loss::mse, optimizer, batches.collect())
}

fn predict(rows: usize) -> impl FnMut() -> Tensor {
    // Plain tensors instead of variables: nothing is recorded for a backward pass.
    let trained = VarMap::new();
    let vb = VarBuilder::from_varmap(&trained, candle_core::DType::F32, CPU);
    let detached = |layer: &Linear| Linear::new(layer.weight().detach(), layer.bias().map(|b| b.detach()));
    let layers: Vec<Linear> = layers(&[784, 128, 10], &vb).unwrap().iter().map(detached).collect();
    let x = tensor(Random::new(1).uniform(rows * 784), (rows, 784));
    move || relu_chain(&layers, &x).unwrap()
}

fn elementwise<const N: usize>(
    shape: [usize; N],
    function: impl Fn(&Tensor) -> Result<Tensor>,
) -> impl FnMut() -> Tensor {
    let values = Random::new(1).normal(shape.iter().product()).iter().map(|x| 2.0 * x).collect();
    let x = tensor(values, shape.to_vec());
    move || function(&x).unwrap()
}

fn neuron() -> impl FnMut() -> Tensor {
    let x = tensor(Random::new(1).uniform(15_000_000), (5_000_000, 3));
    let w = tensor(vec![0.7, 0.3, -0.9], (3, 1));
    move || x.matmul(&w).unwrap().gt(0.0).unwrap()
}

fn convolution(inputs: usize, outputs: usize, size: usize, padding: usize, vb: VarBuilder) -> Result<Conv2d> {
    candle_nn::conv2d(inputs, outputs, size, Conv2dConfig { padding, ..Default::default() }, vb)
}

fn images(convolutions: [(usize, usize, usize, usize); 2], sizes: &'static [usize]) -> impl FnMut() {
    let network = Network::new(|vb| {
        let [a, b] = convolutions;
        let first = convolution(a.0, a.1, a.2, a.3, vb.pp("first"))?;
        let second = convolution(b.0, b.1, b.2, b.3, vb.pp("second"))?;
        let layers = layers(sizes, &vb)?;
        Ok(move |x: &Tensor| {
            let x = first.forward(x)?.relu()?.max_pool2d(2)?;
            let x = second.forward(&x)?.relu()?.max_pool2d(2)?;
            relu_chain(&layers, &x.flatten_from(1)?)
        })
    });
    let mut random = Random::new(1);
    let batch = labeled(tensor(random.uniform(64 * 784), (64, 1, 28, 28)), &mut random);
    let optimizer = sgd(&network, 0.01);
    train(network, loss::cross_entropy, optimizer, batch)
}

fn sequences(network: Network) -> impl FnMut() {
    let mut random = Random::new(1);
    let batch = (tensor(random.uniform(32 * 20 * 32), (32, 20, 32)), tensor(random.uniform(32), (32, 1)));
    let optimizer = sgd(&network, 0.01);
    train(network, loss::mse, optimizer, vec![batch])
}

fn lstm() -> impl FnMut() {
    sequences(Network::new(|vb| {
        let layer = rnn::lstm(32, 64, Default::default(), vb.pp("lstm"))?;
        let dense = candle_nn::linear(64, 1, vb.pp("dense"))?;
        Ok(move |x: &Tensor| dense.forward(layer.seq(x)?.last().unwrap().h()))
    }))
}

fn gru() -> impl FnMut() {
    sequences(Network::new(|vb| {
        let layer = rnn::gru(32, 64, Default::default(), vb.pp("gru"))?;
        let dense = candle_nn::linear(64, 1, vb.pp("dense"))?;
        Ok(move |x: &Tensor| dense.forward(layer.seq(x)?.last().unwrap().h()))
    }))
}

/// Forward and backward from the upstream gradient `dy`, to the parameters and to the input.
fn batch_norm() -> impl FnMut() -> candle_core::backprop::GradStore {
    let parameters = VarMap::new();
    let vb = VarBuilder::from_varmap(&parameters, candle_core::DType::F32, CPU);
    let layer: BatchNorm = candle_nn::batch_norm(784, 1e-5, vb).unwrap();
    let mut random = Random::new(1);
    let x = Var::from_tensor(&tensor(random.normal(64 * 784), (64, 784))).unwrap();
    let dy = tensor(random.normal(64 * 784), (64, 784));
    move || {
        let _held = &parameters;
        let y = layer.forward_t(&x, true).unwrap();
        (y * &dy).unwrap().sum_all().unwrap().backward().unwrap()
    }
}

/// candle has no multi-head attention that trains; this is the one that its models spell out.
fn attention() -> impl FnMut() -> candle_core::backprop::GradStore {
    let network = Network::new(|vb| {
        let project = |name| candle_nn::linear(64, 64, vb.pp(name));
        let (q, k, v, o) = (project("q")?, project("k")?, project("v")?, project("o")?);
        Ok(move |x: &Tensor| {
            let heads = |layer: &Linear| layer.forward(x)?.reshape((8, 64, 4, 16))?.transpose(1, 2)?.contiguous();
            let scores = (heads(&q)?.matmul(&heads(&k)?.t()?)? * 0.25)?;
            let mixed = ops::softmax(&scores, candle_core::D::Minus1)?.matmul(&heads(&v)?)?;
            o.forward(&mixed.transpose(1, 2)?.contiguous()?.reshape((8, 64, 64))?)
        })
    });
    let x = Var::from_tensor(&tensor(Random::new(1).normal(8 * 64 * 64), (8, 64, 64))).unwrap();
    move || (network.forward)(&x).unwrap().sum_all().unwrap().backward().unwrap()
}

fn main() {
    let mut bench = Bench::from_arguments();
    for (name, sizes, batch) in CLASSIFIERS {
        bench.run(&format!("{name}-sgd"), || {
            let network = mlp(sizes);
            let optimizer = sgd(&network, 0.01);
            train(network, loss::cross_entropy, optimizer, classifier_batch(sizes, batch))
        });
    }
    for (name, sizes, batch) in CLASSIFIERS {
        bench.run(&format!("{name}-adam"), || {
            let network = mlp(sizes);
            let optimizer = adam(&network);
            train(network, loss::cross_entropy, optimizer, classifier_batch(sizes, batch))
        });
    }
    bench.run("mlp-10-32-16-1-b32-sgd", || {
        let (network, mut random) = (mlp(&[10, 32, 16, 1]), Random::new(1));
        let optimizer = sgd(&network, 0.01);
        let batch = (tensor(random.uniform(320), (32, 10)), tensor(random.uniform(32), (32, 1)));
        train(network, loss::mse, optimizer, vec![batch])
    });
    bench.run("xor-2-4-1-b1-sgd", || xor(1));
    bench.run("xor-2-4-1-b4-sgd", || xor(4));
    bench.run("predict-784-128-10-b1", || predict(1));
    bench.run("predict-784-128-10-b64", || predict(64));
    bench.run("predict-784-128-10-b10000", || predict(10_000));
    bench.run("sigmoid-1m", || elementwise([1_000_000], ops::sigmoid));
    bench.run("tanh-1m", || elementwise([1_000_000], Tensor::tanh));
    bench.run("gelu-1m", || elementwise([1_000_000], Tensor::gelu_erf));
    bench.run("exp-1m", || elementwise([1_000_000], Tensor::exp));
    bench.run("relu-1m", || elementwise([1_000_000], Tensor::relu));
    bench.run("log_softmax-4096x10", || elementwise([4096, 10], |x| ops::log_softmax(x, 1)));
    bench.run("neuron-5mx3", neuron);
    bench.run("cnn-32-64-b64-sgd", || images([(1, 32, 3, 1), (32, 64, 3, 1)], &[64 * 7 * 7, 128, 10]));
    bench.run("lenet-b64-sgd", || images([(1, 6, 5, 2), (6, 16, 5, 0)], &[400, 120, 84, 10]));
    bench.run("lstm-32-64-t20-b32-sgd", lstm);
    bench.run("gru-32-64-t20-b32-sgd", gru);
    bench.run("batchnorm-64x784", batch_norm);
    bench.run("attention-b8-t64-d64-h4", attention);
}
