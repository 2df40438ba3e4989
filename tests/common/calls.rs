//! Random calls with sizes and settings from the ends of their ranges: whatever they are given, they return. Shared with
//! the fuzz target `calls` in `fuzz/`.

#![allow(dead_code)]

use neuropil::data::{self, Imputer, MinMaxScaler, Split, StandardScaler};
use neuropil::losses::class_targets;
use neuropil::metrics::{
    self, Accuracy, Average, BinaryAccuracy, F1, LogLoss, Matthews, Metric, Precision, R2, Recall, RocAuc, TopK,
};
use neuropil::ndarray::{Array1, Array2, Array4, ArrayD, IxDyn};
use neuropil::optimizers::Optimizer;
use neuropil::prelude::*;
use neuropil::schedules::{
    Cosine, CosineRestarts, Cyclic, CyclicMode, Exponential, Linear, MultiStep, OneCycle, Plateau, Polynomial,
    StepDecay,
};

/// The bytes that decide what is called; 0 when they are used up.
pub(crate) struct Choices<'b>(pub(crate) &'b [u8]);

impl Choices<'_> {
    fn below(&mut self, n: usize) -> usize {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(first) % n.max(1)
    }

    fn yes(&mut self) -> bool {
        self.below(2) == 1
    }

    /// Mostly a small size, sometimes one at the end of the range.
    fn size(&mut self) -> usize {
        const ENDS: [usize; 12] = [
            0,
            1 << 16,
            1 << 20,
            (1 << 31) + 1,
            1 << 32,
            1 << 40,
            1 << 52,
            1 << 62,
            1 << 63,
            usize::MAX / 2,
            usize::MAX - 1,
            usize::MAX,
        ];
        match self.below(24) {
            at if at < 12 => 1 + at % 5,
            at => ENDS[at - 12],
        }
    }

    fn sizes<const N: usize>(&mut self) -> [usize; N] {
        std::array::from_fn(|_| self.size())
    }

    fn number(&mut self) -> f64 {
        const ENDS: [f64; 16] = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.5,
            0.9,
            2.0,
            1e-3,
            1e9,
            -1e300,
            f64::MAX,
            f64::MIN_POSITIVE / 8.0,
            5e-324,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ];
        ENDS[self.below(16)]
    }

    fn shape(&mut self) -> Shape {
        match self.below(3) {
            0 => self.size().into(),
            1 => self.sizes::<2>().into(),
            _ => self.sizes::<3>().into(),
        }
    }

    fn matrix(&mut self, rows: usize, columns: usize) -> Array2<f64> {
        let wild = self.below(4) == 0;
        Array2::from_shape_fn((rows, columns), |(i, j)| {
            if wild { self.number() } else { ((i * 7 + j * 3) % 5) as f64 * 0.25 - 0.4 }
        })
    }
}

/// Makes one sequence of calls.
pub(crate) fn run(bytes: &[u8]) {
    let c = &mut Choices(bytes);
    match c.below(8) {
        0..=3 => networks(c),
        4 => trainers(c),
        5 => losses_and_metrics(c),
        6 => steps(c),
        _ => others(c),
    }
}

fn layer(c: &mut Choices<'_>) -> Option<Box<dyn Layer<f64>>> {
    let r = &mut rng(1);
    let small = |c: &mut Choices<'_>| 1 + c.below(3);
    Some(match c.below(34) {
        0 => Box::new(AdaptiveAvgPool2d::new(c.sizes())),
        1 => {
            let pool = AvgPool1d::new(c.size()).stride(c.size()).padding(c.size());
            Box::new(if c.yes() { pool.ceil() } else { pool.without_padding() })
        }
        2 => {
            let pool = AvgPool2d::new(c.sizes()).stride(c.sizes()).padding([c.sizes(), c.sizes()]);
            Box::new(if c.yes() { pool.ceil() } else { pool.without_padding() })
        }
        3 => Box::new(MaxPool1d::new(c.size()).stride(c.size()).padding(c.size()).dilation(c.size())),
        4 => {
            let pool = MaxPool2d::new(c.sizes()).stride(c.sizes()).padding(c.sizes::<2>()).dilation(c.sizes());
            Box::new(if c.yes() { pool.ceil() } else { pool })
        }
        5 => {
            let (inputs, outputs) = (small(c), small(c));
            let weight = Array4::from_elem((outputs, inputs, small(c), small(c)), 0.5);
            let layer = Conv2d::from_parameters(weight, None, 1).ok()?;
            let layer = layer.stride(c.sizes()).dilation(c.sizes());
            Box::new(if c.yes() { layer.padding([c.sizes(), c.sizes()]) } else { layer })
        }
        6 => {
            let weight = Array4::from_elem((small(c), small(c), small(c), small(c)), 0.5);
            let layer = ConvTranspose2d::from_parameters(weight, None, 1).ok()?;
            let layer = layer.stride(c.sizes()).dilation(c.sizes()).output_padding(c.sizes());
            Box::new(if c.yes() { layer.padding([c.sizes(), c.sizes()]) } else { layer })
        }
        7 => {
            let weight = neuropil::ndarray::Array3::from_elem((small(c), small(c), small(c)), 0.5);
            let layer = Conv1d::from_parameters(weight, None, 1).ok()?.stride(c.size()).dilation(c.size());
            Box::new(match c.below(3) {
                0 => layer.padding_same(),
                1 => layer.causal(),
                _ => layer.padding_each(c.sizes()),
            })
        }
        8 => Box::new(BatchNorm::new(small(c))),
        9 => Box::new(Dense::new(small(c), small(c), r)),
        10 => Box::new(Dropout::new(c.number())),
        11 => Box::new(Embedding::new(small(c), small(c), r)),
        12 => Box::new(Flatten),
        13 => Box::new(GaussianNoise::new(c.number())),
        14 => Box::new(GlobalAvgPool),
        15 => Box::new(GlobalMaxPool),
        16 => Box::new(GroupNorm::new(small(c), small(c))),
        17 => Box::new(InstanceNorm::new(small(c))),
        18 => Box::new(LastStep),
        19 => Box::new(LayerNorm::new(small(c))),
        20 => Box::new(LogSoftmax),
        21 => {
            let layer = MultiHeadAttention::new(small(c), 1, r);
            Box::new(if c.yes() { layer.causal() } else { layer.masked() })
        }
        22 => Box::new(PRelu::new()),
        23 => {
            let cells = [c.sizes(), c.sizes()];
            Box::new(match c.below(4) {
                0 => Pad2d::zero(cells),
                3 => Pad2d::constant(cells, c.number()),
                1 => Pad2d::reflect(cells),
                _ => Pad2d::replicate(cells),
            })
        }
        24 => Box::new(PixelShuffle::new(c.size())),
        25 => Box::new(Reshape::new(c.shape())),
        26 => Box::new(RmsNorm::new(small(c))),
        27 => Box::new(SinusoidalPositions::new()),
        28 => Box::new(Softmax),
        29 => Box::new(SpatialDropout::new(c.number())),
        30 => Box::new(if c.yes() { Upsample::nearest(c.sizes()) } else { Upsample::bilinear(c.sizes()) }),
        31 => {
            let gru = Gru::new(small(c), small(c), r);
            Box::new(if c.yes() { gru.last_state() } else { gru.masked() })
        }
        32 => Box::new(Softplus::new(c.number(), c.number())),
        _ => match c.below(6) {
            0 => Box::new(Gelu),
            1 => Box::new(Tanh),
            2 => Box::new(Elu::new(c.number())),
            3 => Box::new(Celu::new(c.number())),
            4 => Box::new(Mish),
            _ => Box::new(Relu),
        },
    })
}

fn networks(c: &mut Choices<'_>) {
    let shape = c.shape();
    if c.below(4) == 0 {
        // A layer by itself.
        let Some(layer) = layer(c) else { return };
        let _ = layer.output_shape(shape);
        let mut tape = Tape::for_layer(&*layer, shape, 1);
        if shape.len() <= 4096 {
            let x = c.matrix(2, shape.len());
            let _ = tape.forward(&*layer, &x).map(|_| ());
        }
        return;
    }
    let mut network = Sequential::<f64>::new(shape);
    network.set_memory_limit(1 << 24);
    for _ in 0..=c.below(4) {
        if let Some(layer) = layer(c) {
            let layer: Box<dyn Layer<f64>> = if c.below(5) == 0 { Box::new(Residual::new(layer)) } else { layer };
            let _ = network.push(layer);
        }
    }
    let _ = (
        network.to_string(),
        neuropil::Summary::new(&network, c.size()).map(|summary| summary.to_string()),
        network.multiply_adds(shape),
    );
    let Some(width) = Some(network.input().len()).filter(|&width| width <= 1 << 16) else { return };
    let x = c.matrix(c.0.len() % 4, width);
    let _ = network.predict(&x);
    let _ = network.layer_outputs(&x);
    let mut tape = Tape::new(&network, 3);
    let mut sgd = Sgd::new(c.number());
    for _ in 0..c.below(8) {
        let network: &mut Network<f64> = &mut network;
        match c.below(7) {
            0 | 1 => _ = tape.forward(network, &x).map(|_| ()),
            2 => {
                let target = tape.output().clone();
                _ = tape.loss(&Mse, &target);
            }
            3 => _ = tape.backward(network).map(|_| ()),
            4 => _ = tape.backward_weights(network).map(|_| ()),
            5 => _ = tape.accumulate(network),
            _ => _ = tape.step(network, &mut sgd),
        }
    }
}

fn trainers(c: &mut Choices<'_>) {
    let r = &mut rng(2);
    let samples = data::moons::<f64>(c.below(9), 0.1, r);
    let mut network = Sequential::mlp(&[2, 3, 2], Tanh, r).expect("sizes that chain");
    let optimizer: Box<dyn Optimizer<f64>> = optimizer(c);
    let mut trainer = Trainer::new(CrossEntropy::new(), optimizer)
        .epochs(c.below(3))
        .batch_size(c.size())
        .accumulate(c.size())
        .seed(c.size() as u64)
        .metric(Accuracy);
    if c.yes() {
        trainer = trainer.clip_norm(c.number());
    }
    if c.yes() {
        trainer = trainer.class_weights([c.number(), c.number()]);
    }
    if c.yes() {
        trainer = trainer.schedule_by_step(schedule(c));
    }
    if c.yes() {
        trainer = trainer.ema(c.number());
    }
    for _ in 0..c.below(4) {
        match c.below(5) {
            0 => _ = trainer.fit(&mut network, &samples),
            1 => _ = trainer.evaluate(&network, &samples),
            2 => _ = trainer.find_rate(&network, &samples, c.number()..=c.number(), c.below(5)),
            3 => _ = trainer.predict(&network, &samples.x),
            _ => _ = trainer.train_batch(&mut network, &samples.x, &samples.target),
        }
    }
}

fn losses_and_metrics(c: &mut Choices<'_>) {
    let (rows, columns) = (c.below(4), c.below(4));
    let y = c.matrix(rows, columns);
    let (target_rows, target_columns) = if c.below(4) == 0 { (c.below(4), c.below(4)) } else { (rows, columns) };
    let target = match c.below(3) {
        0 => class_targets(&(0..rows).map(|row| row % 3).collect::<Vec<_>>()),
        _ => c.matrix(target_rows, target_columns),
    };
    let loss: Box<dyn Loss<f64>> = match c.below(17) {
        0 => Box::new(Bce::new()),
        1 => Box::new(BceWithLogits::new().pos_weight((0..c.below(3)).map(|_| c.number()).collect::<Vec<_>>())),
        2 => Box::new(Contrastive { margin: c.number() }),
        3 => Box::new(CosineEmbedding { margin: c.number() }),
        4 => Box::new(CrossEntropy::new()),
        5 => Box::new(GaussianNll::new()),
        6 => Box::new(HingeEmbedding { margin: c.number() }),
        7 => Box::new(Huber { delta: c.number() }),
        8 => Box::new(KlDivergence::new()),
        9 => Box::new(Mae),
        10 => Box::new(Mse),
        11 => Box::new(MultiClassHinge::new()),
        12 => Box::new(Nll::new()),
        13 => Box::new(PoissonNll::new()),
        14 => Box::new(SmoothL1 { beta: c.number() }),
        15 => Box::new(SoftMargin),
        _ => Box::new(BceWithLogits::new()),
    };
    let _ = (loss.evaluate(&y, &target), loss.gradient(&y, &target), loss.per_sample(&y, &target));
    let average = match c.below(4) {
        0 => Average::Macro,
        1 => Average::Micro,
        2 => Average::Weighted,
        _ => Average::Class(c.size()),
    };
    let metric: Box<dyn Metric<f64>> = match c.below(9) {
        0 => Box::new(Accuracy),
        1 => Box::new(F1(average)),
        2 => Box::new(LogLoss),
        3 => Box::new(Matthews),
        4 => Box::new(Precision(average)),
        5 => Box::new(R2),
        6 => Box::new(Recall(average)),
        7 => Box::new(RocAuc(average)),
        _ => Box::new(TopK(c.size())),
    };
    let _ = (metric.check(&y, &target), metric.evaluate(&y, &target), metrics::argmax(&y));
    let _ = BinaryAccuracy { threshold: c.number() }.evaluate(&y, &target);
}

fn optimizer(c: &mut Choices<'_>) -> Box<dyn Optimizer<f64>> {
    let rate = c.number();
    match c.below(9) {
        0 => Box::new(Sgd::new(rate).momentum(c.number())),
        1 => Box::new(Adadelta::new(rate)),
        2 => Box::new(Adagrad::new(rate)),
        3 => Box::new(Adam::new(rate).betas(c.number(), c.number())),
        4 => Box::new(Adamax::new(rate)),
        5 => Box::new(Lion::new(rate)),
        6 => Box::new(NAdam::new(rate)),
        7 => Box::new(RAdam::new(rate)),
        _ => Box::new(RmsProp::new(rate)),
    }
}

fn schedule(c: &mut Choices<'_>) -> Box<dyn Schedule> {
    let count = |c: &mut Choices<'_>| c.size() as u64;
    match c.below(11) {
        0 => Box::new(Cosine::new(count(c)).least(c.number())),
        1 => Box::new(CosineRestarts::new(count(c), count(c))),
        2 => Box::new(Cyclic::new(c.number(), count(c), count(c)).mode(CyclicMode::Halved)),
        3 => Box::new(Exponential::new(c.number())),
        4 => Box::new(Linear::new(c.number(), c.number(), count(c))),
        5 => Box::new(MultiStep::new([count(c), count(c)], c.number())),
        6 => Box::new(OneCycle::new(c.number(), count(c)).rise(c.number())),
        7 => Box::new(Plateau::new(c.number(), count(c)).cooldown(count(c))),
        8 => Box::new(Polynomial::new(count(c), c.number())),
        9 => Box::new(
            neuropil::schedules::Sequence::new(Linear::warm_up(count(c))).then(count(c), Cosine::new(count(c))),
        ),
        _ => Box::new(StepDecay::new(count(c), c.number())),
    }
}

/// Schedules and optimizers at any step, and restored from any state.
fn steps(c: &mut Choices<'_>) {
    let mut schedule = schedule(c);
    for _ in 0..c.below(5) {
        let step = c.size() as u64;
        let _ = schedule.rate(c.number(), step);
        schedule.observe(step, c.number());
        let state: Vec<f64> = (0..c.below(7)).map(|_| c.number() * c.size() as f64).collect();
        let _ = schedule.restore(&state);
    }
    let mut optimizer = optimizer(c);
    optimizer.memory_mut().step = c.size() as u64;
    let (mut weights, gradient) = ([c.number(), 1.0], [c.number(), c.number()]);
    for slot in 0..c.below(3) {
        if optimizer.begin_step().is_ok() {
            optimizer.update(slot, neuropil::layer::Role::Weight, &mut weights, &gradient);
        }
    }
}

fn others(c: &mut Choices<'_>) {
    let r = &mut rng(3);
    let x = c.matrix(c.0.len() % 4, c.0.len() % 3);
    match c.below(8) {
        0 => _ = Split::random(c.size().min(1 << 20), c.number(), r),
        1 => _ = Split::folds(c.size().min(1 << 10), c.size(), r),
        2 => _ = Split::stratified(&x, c.number(), r),
        3 => _ = one_hot::<f64>(&[c.size(), c.size()], c.size()),
        4 => {
            let init = match c.below(5) {
                0 => Init::Uniform { low: c.number(), high: c.number() },
                1 => Init::Normal { mean: c.number(), std: c.number() },
                2 => Init::Orthogonal { gain: c.number() },
                _ => Init::TruncatedNormal { mean: c.number(), std: c.number(), low: c.number(), high: c.number() },
            };
            let _ = init.matrix::<f64>(3, 2, r);
        }
        5 => {
            let shape: Vec<usize> = (0..c.below(5)).map(|_| c.below(3)).collect();
            let array = ArrayD::from_elem(IxDyn(&shape), 1.0);
            let again = neuropil::io::from_npy::<f64>(&neuropil::io::to_npy(&array)).expect("what was written");
            assert_eq!(again, array);
        }
        6 => {
            let scaled = StandardScaler::fit(&x).and_then(|scaler| scaler.transform(&x));
            let _ = (scaled, MinMaxScaler::fit(&x).and_then(|scaler| scaler.transform(&x)));
            let _ = (Imputer::mean(&x), Imputer::median(&x).and_then(|imputer| imputer.transform(&x)));
        }
        _ => {
            let rescale =
                Rescale::new(Array1::from_elem(c.below(3), c.number()), Array1::from_elem(c.below(3), c.number()));
            let _ = rescale.map(|layer| Sequential::<f64>::new(c.shape()).with(layer));
        }
    }
}
