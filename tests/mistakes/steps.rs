//! Steps of training in the wrong order, with another network, or with numbers that explode.

use neuropil::activations::Step;
use neuropil::ndarray::{Array2, array};
use neuropil::optimizers::Norm;
use neuropil::prelude::*;

use super::{Mistake, dense, network, regression, samples, target, x};

fn tape() -> Tape<f32> {
    Tape::new(&network(1), 0)
}

/// A tape after a forward pass of this network.
fn after_forward(network: &Network<f32>) -> Result<Tape<f32>> {
    let mut tape = Tape::new(network, 0);
    tape.forward(network, &x())?;
    Ok(tape)
}

/// A tape after a forward pass of this network, and a loss.
fn after_loss(network: &Network<f32>) -> Result<Tape<f32>> {
    let mut tape = after_forward(network)?;
    tape.loss(&Mse, &target())?;
    Ok(tape)
}

fn train(x: Array2<f32>, target: Array2<f32>, rate: f64) -> Result<()> {
    let mut network = network(1);
    let mut tape = Tape::new(&network, 0);
    for _ in 0..50 {
        tape.train(&mut network, &x, &target, &Mse, &mut Sgd::new(rate))?;
    }
    Ok(())
}

pub(super) const MISTAKES: &[Mistake] = &[
    ("a loss before a forward pass", || tape().loss(&Mse, &target()).map(drop), "`loss` needs `forward` first"),
    (
        "a backward pass before a forward pass",
        || tape().backward(&network(1)).map(drop),
        "`backward` needs `forward` and `loss` first",
    ),
    (
        "a gradient before a forward pass",
        || tape().backward_from(&network(1), &target()).map(drop),
        "`backward_from` needs `forward` first",
    ),
    (
        "a step before a backward pass",
        || {
            let mut network = network(1);
            after_loss(&network)?.step(&mut network, &mut Sgd::new(0.1))
        },
        "`step` needs `forward`, `loss` and `backward` first",
    ),
    (
        "a second step without a backward pass",
        || {
            let mut network = network(1);
            let mut tape = after_loss(&network)?;
            tape.backward(&network)?;
            tape.step(&mut network, &mut Sgd::new(0.1))?;
            tape.step(&mut network, &mut Sgd::new(0.1))
        },
        "`step` needs `forward`, `loss` and `backward` first",
    ),
    (
        "clipping before a backward pass",
        || tape().clip_norm(Norm::L2, 1.0).map(drop),
        "`clip_norm` needs `forward`, `loss` and `backward` first",
    ),
    (
        "a backward pass through another network",
        || after_loss(&network(1))?.backward(&network(1)).map(drop),
        "`backward` needs `forward` with the same network first",
    ),
    (
        "a step of another network",
        || {
            let mut trained = network(1);
            let mut tape = after_loss(&trained)?;
            tape.backward(&trained)?;
            trained = network(1);
            tape.step(&mut trained, &mut Sgd::new(0.1))
        },
        "`step` needs `forward` with the same network first",
    ),
    (
        "a gradient of another shape",
        || {
            let network = network(1);
            after_forward(&network)?.backward_from(&network, &Array2::zeros((4, 3))).map(drop)
        },
        "the gradient dL/dy must be 4 x 1, got 4 x 3",
    ),
    (
        "a row of gradients",
        || {
            let network = network(1);
            after_forward(&network)?.backward_from(&network, &Array2::zeros((1, 4))).map(drop)
        },
        "the gradient dL/dy must be 4 x 1, got 1 x 4; (1, 4) is one sample of 4 numbers; did you mean (4, 1)?",
    ),
    (
        "too few weights of samples",
        || after_forward(&network(1))?.weighted_loss(&Mse, &target(), &[1.0, 2.0]).map(drop),
        "the weights of these samples must be 4 x 1, got 2 x 1",
    ),
    (
        "a step of an unknown layer",
        || {
            let mut network = network(1);
            let mut tape = after_loss(&network)?;
            tape.backward(&network)?;
            tape.step_layer(&mut network, "1", &mut Sgd::new(0.1))
        },
        "there is no layer with parameters `1`, only 0, 2",
    ),
    (
        "a layer that cannot learn",
        || {
            let network = Sequential::new(2).with(dense(2, 3))?.with(Step::default())?.with(dense(3, 1))?;
            after_forward(&network).map(drop)
        },
        "layer 1, Step { threshold: 0.0 }, has a derivative of zero, so the layers before it cannot learn; use a \
         smooth activation such as Sigmoid or Tanh when training",
    ),
    (
        "batch norm of one sample",
        || {
            let network = Sequential::new(2).with(dense(2, 3))?.with(BatchNorm::new(3))?;
            Tape::new(&network, 0).forward(&network, &array![[1.0, 2.0]]).map(drop)
        },
        "layer 1, BatchNorm(3), takes at least 2 values per channel when training (one has no variance), got a \
         batch of 1 sample",
    ),
    (
        "NaN in the input of a step",
        || train(array![[0.0, f32::NAN]], array![[1.0]], 0.1),
        "the input of sample 0, column 1, is NaN; no parameter was changed; remove or impute such values in the \
         data",
    ),
    (
        "NaN in the target of a step",
        || train(array![[0.0, 1.0]], array![[f32::NAN]], 0.1),
        "the target of sample 0, column 0, is NaN; no parameter was changed; remove or impute such values in the \
         data",
    ),
    (
        "a learning rate that is too high",
        || train(x(), target(), 1e4),
        "the loss is inf; no parameter was changed; try a smaller learning rate, clip the gradients, or scale \
         the data",
    ),
    (
        "a learning rate that is too high for a trainer",
        || Trainer::new(Mse, Sgd::new(1e10)).epochs(50).in_order().fit(&mut network(1), &samples()).map(drop),
        "epoch 3, step 3: the loss is inf; no parameter was changed; try a smaller learning rate, clip the \
         gradients, or scale the data",
    ),
    (
        "NaN in a batch of a stream",
        || {
            let broken = (array![[0.0, f32::NAN]], array![[1.0]]);
            regression().train_batch(&mut network(1), &broken.0, &broken.1).map(drop)
        },
        "epoch 1, step 1: the input of sample 0, column 1, is NaN; no parameter was changed; remove or impute \
         such values in the data",
    ),
    (
        "a stream without batches",
        || regression().fit_stream(&mut network(1), |_| []).map(drop),
        "the number of batches in an epoch must be at least 1, got 0",
    ),
    (
        "a batch of another width",
        || regression().train_batch(&mut network(1), &Array2::zeros((4, 3)), &target()).map(drop),
        "epoch 1, step 1: the network takes rows of 2 features, got 3; one row is one sample",
    ),
    (
        "a saliency of a class beyond the outputs",
        || network(3).saliency(&x(), 3).map(drop),
        "the class must be below the number of outputs, got 3",
    ),
    (
        "a network larger than its limit",
        || {
            let mut network = network(1);
            network.set_memory_limit(1 << 10);
            network.predict(&Array2::zeros((1000, 2))).map(drop)
        },
        "a prediction of 1000 samples needs 133 KiB of memory, more than the limit of 1 KiB; use smaller sizes \
         or batches, or `Network::set_memory_limit`",
    ),
    (
        "an input of NaN to a perceptron",
        || {
            neuropil::classic::Perceptron::new(2, neuropil::classic::Response::Step)
                .fit(&array![[0.0_f32, f32::NAN]], &array![[1.0]], 9)
                .map(drop)
        },
        "the input of sample 0, column 1, is NaN; no parameter was changed; remove or impute such values in the \
         data",
    ),
];
