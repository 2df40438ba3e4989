//! Settings outside their range, and names that a training does not have.

use neuropil::metrics::Accuracy;
use neuropil::prelude::*;
use neuropil::train::EarlyStopping;

use super::{Mistake, network, regression, samples, target, x};

fn fit(trainer: Trainer<'_, f32>) -> Result<()> {
    let mut trainer = trainer;
    trainer.fit(&mut network(1), &samples()).map(drop)
}

fn step(mut optimizer: impl Optimizer<f32>) -> Result<()> {
    let mut network = network(1);
    Tape::new(&network.clone(), 0).train(&mut network, &x(), &target(), &Mse, &mut optimizer).map(drop)
}

fn chain(layer: impl Layer<f32>) -> Result<()> {
    Sequential::<f32>::new(2).with(layer).map(drop)
}

fn classify(trainer: Trainer<'_, f32>) -> Result<()> {
    let mut trainer = trainer;
    trainer.fit(&mut network(2), &samples()).map(drop)
}

fn classifier<'a>() -> Trainer<'a, f32> {
    Trainer::new(CrossEntropy::new(), Sgd::new(0.1)).epochs(1)
}

pub(super) const MISTAKES: &[Mistake] = &[
    (
        "a negative learning rate",
        || step(Sgd::new(-0.1)),
        "Sgd's learning rate must be at least 0 and finite, got -0.1",
    ),
    (
        "a learning rate of NaN",
        || step(Adam::new(f64::NAN)),
        "Adam's learning rate must be at least 0 and finite, got NaN",
    ),
    ("a momentum of 1", || step(Sgd::new(0.1).momentum(1.0)), "Sgd's momentum must be in [0, 1), got 1"),
    (
        "Nesterov's momentum without momentum",
        || step(Sgd::new(0.1).nesterov()),
        "Sgd's momentum for Nesterov must be above 0, without dampening, got 0",
    ),
    ("a beta of 1", || step(Adam::new(0.1).betas(0.9, 1.0)), "Adam's second beta must be in [0, 1), got 1"),
    (
        "a negative weight decay",
        || step(Sgd::new(0.1).decay(Decay::l2(-1e-4))),
        "Sgd's l2 decay must be at least 0 and finite, got -0.0001",
    ),
    (
        "a dropout in per cent",
        || chain(Dropout::new(50.0)),
        "layer 0, Dropout's probability must be from 0 to 1, got 50",
    ),
    (
        "a negative noise",
        || chain(GaussianNoise::new(-1.0)),
        "layer 0, GaussianNoise's deviation must be at least 0 and finite, got -1",
    ),
    (
        "an infinite slope",
        || chain(LeakyRelu::new(f64::INFINITY)),
        "layer 0, LeakyRelu's slope must be finite, got inf",
    ),
    (
        "a momentum of batch norm in per cent",
        || Sequential::new(2).with(BatchNorm::<f32>::new(2).momentum(90.0)).map(drop),
        "layer 0, BatchNorm's momentum must be from 0 to 1, got 90",
    ),
    (
        "an eps of zero",
        || chain(LayerNorm::<f32>::new(2).eps(0.0)),
        "layer 0, the eps of LayerNorm(2) must be positive and finite, got 0",
    ),
    (
        "too much label smoothing",
        || CrossEntropy::new().label_smoothing(1.5).evaluate(&x(), &target()).map(drop),
        "CrossEntropy's label smoothing must be in [0, 1], got 1.5",
    ),
    (
        "a delta of zero",
        || Huber { delta: 0.0 }.evaluate(&target(), &target()).map(drop),
        "Huber's delta must be above 0 and finite, got 0",
    ),
    (
        "a negative rate of a layer",
        || network(1).set_layer_rate(0, -1.0),
        "a layer's learning rate must be at least 0 and finite, got -1",
    ),
    ("a batch size of zero", || fit(regression().batch_size(0)), "the batch size must be at least 1, got 0"),
    (
        "steps of no batch",
        || fit(regression().accumulate(0)),
        "the number of batches to a step must be at least 1, got 0",
    ),
    (
        "a negative norm to clip to",
        || fit(regression().clip_norm(-1.0)),
        "the largest norm of gradients must be at least 0, got -1",
    ),
    ("an average that keeps nothing", || fit(regression().ema(1.5)), "Ema's decay must be in [0, 1), got 1.5"),
    (
        "a validation loss without validation data",
        || fit(regression().monitor("val_loss")),
        "there is no `val_loss` to watch, only `loss`; add a metric or validation data",
    ),
    (
        "a metric to watch that is not measured",
        || fit(regression().callback(EarlyStopping::new(3).monitor("accuracy"))),
        "there is no `accuracy` to watch, only `loss`; add a metric or validation data",
    ),
    (
        "a metric of classes for one output",
        || fit(regression().metric(Accuracy)),
        "the training data: accuracy takes a score for each of two or more classes (for one output use a binary \
         metric), got 4 x 1",
    ),
    (
        "class weights of other classes in a training",
        || classify(classifier().class_weights([1.0])),
        "the training data: the weighting by class takes a target of one column of classes from 0 to 0, got 1",
    ),
    (
        "a negative class weight",
        || classify(classifier().class_weights([1.0, -1.0])),
        "the weight of a class must be at least 0 and finite, got -1",
    ),
    (
        "sample weights of other samples",
        || fit(regression().sample_weights([1.0, 2.0])),
        "the weights of the samples must be 4 x 1, got 2 x 1",
    ),
    (
        "balanced classes of a stream",
        || regression().balanced().fit_stream(&mut network(1), |_| [Ok(samples())]).map(drop),
        "fit_stream cannot balance the classes of samples to come; give `class_weights`",
    ),
    (
        "sample weights of a stream",
        || regression().sample_weights([1.0; 4]).fit_stream(&mut network(1), |_| [Ok(samples())]).map(drop),
        "fit_stream cannot use the weights of the samples of `fit`; set `sample_weights([])`",
    ),
    (
        "learning rates from high to low",
        || regression().find_rate(&network(1), &samples(), 1.0..=0.1, 10).map(drop),
        "the highest learning rate must be above the lowest, got 0.1",
    ),
    (
        "a k of zero",
        || neuropil::metrics::Metric::<f32>::evaluate(&neuropil::metrics::TopK(0), &x(), &target()).map(drop),
        "the k of TopK must be at least 1, got 0",
    ),
];
