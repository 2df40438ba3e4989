//! rustyml: its `Sequential`, one `train_batch` a step.

use ndarray::{Array, ArrayD};
use peers::{Bench, CLASSIFIERS, Random, XOR_X, XOR_Y};
use rustyml::neural_network::layers::{
    Activation, BatchNormalization, Conv2D, Dense, Exponential, Flatten, GELU, GRU, LSTM, MaxPooling2D, PaddingType, ReLU, Sigmoid,
    Tanh,
};
use rustyml::neural_network::losses::{MeanSquaredError, SparseCategoricalCrossEntropy};
use rustyml::neural_network::optimizers::{Adam, SGD};
use rustyml::neural_network::sequential::{Sequential, SequentialBuilder};
use rustyml::neural_network::Shape;

type Tensor = ArrayD<f32>;

fn tensor(values: Vec<f32>, shape: &[usize]) -> Tensor {
    Array::from_shape_vec(shape, values).unwrap()
}

fn sgd(rate: f32) -> SGD {
    SGD::new(rate, 0.0, false, 0.0).unwrap()
}

fn dense(units: usize, activation: Activation) -> Dense {
    Dense::new(units, activation).unwrap()
}

fn dense_chain(mut builder: SequentialBuilder, units: &[usize]) -> SequentialBuilder {
    let (last, hidden) = units.split_last().unwrap();
    for &units in hidden {
        builder = builder.add(dense(units, Activation::ReLU));
    }
    builder.add(dense(*last, Activation::Linear))
}

fn mlp(sizes: &[usize]) -> Sequential {
    dense_chain(SequentialBuilder::new(), &sizes[1..]).build(&Shape::known(&[1, sizes[0]])).unwrap()
}

/// One step on the next of `batches`: forward, loss, backward, update.
fn train(mut model: Sequential, batches: Vec<(Tensor, Tensor)>) -> impl FnMut() -> f32 {
    let mut turn = 0;
    move || {
        let (x, y) = &batches[turn];
        turn = (turn + 1) % batches.len();
        model.train_batch(x, y).unwrap()
    }
}

fn labeled(x: Tensor, random: &mut Random) -> Vec<(Tensor, Tensor)> {
    let rows = x.shape()[0];
    let labels = random.labels(rows).iter().map(|&label| label as f32).collect();
    vec![(x, tensor(labels, &[rows, 1]))]
}

fn classifier_batch(sizes: &[usize], batch: usize) -> Vec<(Tensor, Tensor)> {
    let mut random = Random::new(1);
    labeled(tensor(random.uniform(batch * sizes[0]), &[batch, sizes[0]]), &mut random)
}

fn xor(batch: usize) -> impl FnMut() -> f32 {
    let builder = SequentialBuilder::new().add(dense(4, Activation::Sigmoid)).add(dense(1, Activation::Sigmoid));
    let mut model = builder.build(&Shape::known(&[1, 2])).unwrap();
    model.compile(sgd(0.5), MeanSquaredError::new());
    let batches = (0..4).step_by(batch).map(|start| {
        let x = XOR_X[start..start + batch].concat();
        (tensor(x, &[batch, 2]), tensor(XOR_Y[start..start + batch].concat(), &[batch, 1]))
    });
    train(model, batches.collect())
}

fn predict(model: Sequential, x: Tensor) -> impl FnMut() -> Tensor {
    move || model.predict(&x).unwrap()
}

/// An activation layer alone.
fn elementwise(layer: impl FnOnce(SequentialBuilder) -> SequentialBuilder, shape: &[usize]) -> impl FnMut() -> Tensor {
    let values = Random::new(1).normal(shape.iter().product()).iter().map(|x| 2.0 * x).collect();
    predict(layer(SequentialBuilder::new()).build(&Shape::known(shape)).unwrap(), tensor(values, shape))
}

fn images(convolutions: [(usize, usize, PaddingType); 2], units: &[usize]) -> impl FnMut() -> f32 {
    let mut builder = SequentialBuilder::new();
    for (filters, size, padding) in convolutions {
        let layer = Conv2D::new(filters, (size, size), (1, 1), Activation::ReLU).unwrap();
        builder = builder.add(layer.with_padding(padding)).add(MaxPooling2D::new((2, 2)));
    }
    let builder = dense_chain(builder.add(Flatten::new()), units);
    let mut model = builder.build(&Shape::known(&[64, 28, 28, 1])).unwrap();
    model.compile(sgd(0.01), SparseCategoricalCrossEntropy::new(true));
    let mut random = Random::new(1);
    train(model, labeled(tensor(random.uniform(64 * 784), &[64, 28, 28, 1]), &mut random))
}

fn sequences(builder: SequentialBuilder) -> impl FnMut() -> f32 {
    let mut model = builder.add(dense(1, Activation::Linear)).build(&Shape::known(&[32, 20, 32])).unwrap();
    model.compile(sgd(0.01), MeanSquaredError::new());
    let mut random = Random::new(1);
    let x = tensor(random.uniform(32 * 20 * 32), &[32, 20, 32]);
    train(model, vec![(x, tensor(random.uniform(32), &[32, 1]))])
}

/// A whole step with MSE and SGD, because the model gives no backward pass alone.
fn batch_norm() -> impl FnMut() -> f32 {
    let layer = BatchNormalization::new(0.9, 1e-5).unwrap();
    let mut model = SequentialBuilder::new().add(layer).build(&Shape::known(&[64, 784])).unwrap();
    model.compile(sgd(0.01), MeanSquaredError::new());
    let mut random = Random::new(1);
    let x = tensor(random.normal(64 * 784), &[64, 784]);
    train(model, vec![(x, tensor(random.normal(64 * 784), &[64, 784]))])
}

fn main() {
    let mut bench = Bench::from_arguments();
    for (name, sizes, batch) in CLASSIFIERS {
        bench.run(&format!("{name}-sgd"), || {
            let mut model = mlp(sizes);
            model.compile(sgd(0.01), SparseCategoricalCrossEntropy::new(true));
            train(model, classifier_batch(sizes, batch))
        });
    }
    for (name, sizes, batch) in CLASSIFIERS {
        bench.run(&format!("{name}-adam"), || {
            let mut model = mlp(sizes);
            let optimizer = Adam::new(0.001, 0.9, 0.999, 1e-8, 0.0).unwrap();
            model.compile(optimizer, SparseCategoricalCrossEntropy::new(true));
            train(model, classifier_batch(sizes, batch))
        });
    }
    bench.run("mlp-10-32-16-1-b32-sgd", || {
        let (mut model, mut random) = (mlp(&[10, 32, 16, 1]), Random::new(1));
        model.compile(sgd(0.01), MeanSquaredError::new());
        train(model, vec![(tensor(random.uniform(320), &[32, 10]), tensor(random.uniform(32), &[32, 1]))])
    });
    bench.run("xor-2-4-1-b1-sgd", || xor(1));
    bench.run("xor-2-4-1-b4-sgd", || xor(4));
    for rows in [1, 64, 10_000] {
        bench.run(&format!("predict-784-128-10-b{rows}"), || {
            predict(mlp(&[784, 128, 10]), tensor(Random::new(1).uniform(rows * 784), &[rows, 784]))
        });
    }
    let million = [1000, 1000];
    bench.run("sigmoid-1m", || elementwise(|model| model.add(Sigmoid::new()), &million));
    bench.run("tanh-1m", || elementwise(|model| model.add(Tanh::new()), &million));
    bench.run("gelu-1m", || elementwise(|model| model.add(GELU::new()), &million));
    bench.run("exp-1m", || elementwise(|model| model.add(Exponential::new()), &million));
    bench.run("relu-1m", || elementwise(|model| model.add(ReLU::new()), &million));
    bench.run("cnn-32-64-b64-sgd", || {
        images([(32, 3, PaddingType::Same), (64, 3, PaddingType::Same)], &[128, 10])
    });
    bench.run("lenet-b64-sgd", || images([(6, 5, PaddingType::Same), (16, 5, PaddingType::Valid)], &[120, 84, 10]));
    bench.run("lstm-32-64-t20-b32-sgd", || {
        sequences(SequentialBuilder::new().add(LSTM::new(64, Activation::Tanh).unwrap()))
    });
    bench.run("gru-32-64-t20-b32-sgd", || {
        sequences(SequentialBuilder::new().add(GRU::new(64, Activation::Tanh).unwrap()))
    });
    bench.run("batchnorm-64x784", batch_norm);
}
