//! Sizes and settings at the ends of their ranges: errors, not panics, endless loops or all the memory there is.

use std::time::{Duration, Instant};

use neuropil::data::{self, Samples, Split};
use neuropil::layer::Role;
use neuropil::metrics::{Average, LogLoss, Metric, RocAuc};
use neuropil::ndarray::{Array2, ArrayD, IxDyn, array};
use neuropil::prelude::*;
use neuropil::rand::Rng;
use neuropil::schedules::{
    Constant, Cosine, CosineRestarts, Cyclic, Exponential, Linear, MultiStep, OneCycle, Plateau, Polynomial, Sequence,
    StepDecay,
};

use crate::{calls, zoo};

const HUGE: usize = 1 << 40;

fn is_memory(error: &Error) -> bool {
    match error {
        Error::Layer { error, .. } => is_memory(error),
        error => matches!(error, Error::Memory { .. }),
    }
}

#[test]
fn a_layer_whose_sample_is_too_large_is_refused() {
    fn refused(shape: impl Into<Shape>, layer: impl Layer<f32>) {
        let text = format!("{layer:?}");
        let error = Sequential::new(shape).with(layer).expect_err(&text);
        assert!(is_memory(&error), "{text}: {error}");
        assert!(error.to_string().starts_with(&format!("layer 0, {text}, needs ")), "{error}");
    }
    let r = &mut rng(1);
    let conv = || Conv2d::new(1, 1, [3, 3], &mut rng(1));
    refused([1, 1, 1], Upsample::nearest([1 << 32, 1 << 32]));
    refused([1, 1, 1], Upsample::bilinear([1 << 20, 1 << 20]));
    refused([1, 2, 2], Pad2d::zero([[HUGE, 0], [0, 0]]));
    refused([1, 4, 4], AdaptiveAvgPool2d::new([HUGE, HUGE]));
    refused([1, 4, 4], conv().padding(HUGE));
    // A single result, from an image that is almost only padding.
    refused([1, 4, 4], conv().padding(HUGE).stride([2 * HUGE, 2 * HUGE]));
    refused([1, 4, 4], conv().dilation([HUGE, 1]).padding([[HUGE, HUGE], [1, 1]]));
    refused([1, 4, 4], ConvTranspose2d::new(1, 1, [3, 3], r).stride([HUGE, 1]));
    refused([HUGE, 2], Gru::new(2, 3, r).last_state());
    // The output is small, the weights of some queries for all keys are not.
    refused([1 << 26, 4], MultiHeadAttention::new(4, 2, r));
    refused(1 << 33, Tanh);
    for shape in [[3, 1 << 63, 8], [3, usize::MAX, usize::MAX], [usize::MAX, 1, 2]] {
        refused(shape, BatchNorm::new(3));
        refused(shape, PRelu::new());
        refused(shape, PixelShuffle::new(2));
    }
    let mut g = Network::<f32>::new();
    let (query, key) = (g.input("query", [1 << 26, 4]), g.input("key", [1 << 26, 4]));
    let error = g.join(MultiHeadAttention::new(4, 2, r), [query, key]).unwrap_err();
    assert!(is_memory(&error), "{error}");
}

#[test]
fn a_batch_that_is_too_large_is_refused_and_a_smaller_one_is_not() -> Result<()> {
    let mut network = Sequential::<f32>::mlp(&[8, 100, 8], Tanh, &mut rng(1))?.with(Residual::new(Tanh))?;
    network.set_memory_limit(1 << 20);
    assert_eq!(network.memory_limit(), 1 << 20);
    let (small, large) = (Array2::zeros((20, 8)), Array2::zeros((5000, 8)));
    let mut tape = Tape::new(&network, 1);
    for x in [&small, &large, &small] {
        let fits = x.nrows() == 20;
        for result in [
            network.predict(x).map(|_| ()),
            tape.forward(&network, x).map(|_| ()),
            network.layer_outputs(x).map(|_| ()),
        ] {
            match result {
                Ok(()) => assert!(fits),
                Err(error) => assert!(!fits && is_memory(&error), "{error}"),
            }
        }
        assert_eq!(tape.backward_from(&network, x).is_ok(), fits);
    }
    let error = network.predict(&large).unwrap_err().to_string();
    assert!(
        error.starts_with("a prediction of 5000 samples needs 18.3 MiB") && error.contains("the limit of 1 MiB"),
        "{error}"
    );
    // A network in it has its limit.
    let mut outer = Sequential::<f32>::new(8).with(network.clone())?;
    assert!(outer.predict(&large).is_ok());
    outer.set_memory_limit(1000);
    assert!(is_memory(&outer.predict(&small).unwrap_err()));
    assert!(is_memory(&outer.push(Dense::new(8, 100, &mut rng(2))).unwrap_err()));
    Ok(())
}

#[test]
fn what_the_system_refuses_is_an_error() -> Result<()> {
    let mut network = Sequential::<f32>::new([1, 1, 1]);
    network.set_memory_limit(u64::MAX);
    // More than the addresses of a machine.
    let network = network.with(Upsample::nearest([1 << 30, 1 << 17]))?;
    let error = network.predict(&array![[1.0]]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a matrix of 1 x 140737488355328 numbers needs 512 TiB of memory, which the system refuses; use smaller sizes"
    );
    let mut tape = Tape::new(&network, 1);
    assert!(is_memory(&tape.forward(&network, &array![[1.0]]).unwrap_err()));
    assert!(matches!(tape.backward(&network), Err(Error::Order { .. })));
    Ok(())
}

/// A window of a trillion taps costs what its result costs.
#[test]
fn windows_far_larger_than_their_image_are_quick() -> Result<()> {
    let start = Instant::now();
    let x = array![[1.0_f64, 5.0, -2.0, 4.0]];
    let half = HUGE / 2;
    for (layer, want) in [
        (Box::new(MaxPool2d::new([HUGE, HUGE]).padding(half)) as Box<dyn Layer<f64>>, 5.0),
        (Box::new(AvgPool2d::new([HUGE, HUGE]).padding(half).without_padding()), 2.0),
        (Box::new(MaxPool2d::new([2, 2]).dilation([1, 1])), 5.0),
    ] {
        let text = format!("{layer:?}");
        let network = Sequential::new([1, 2, 2]).with(layer)?;
        let y = network.predict(&x)?;
        assert_eq!(y, array![[want]], "{text}");
        let mut tape = Tape::new(&network, 1);
        tape.forward(&network, &x)?;
        assert!((tape.backward_from(&network, &array![[1.0]])?.input.sum() - 1.0).abs() < 1e-12, "{text}");
    }
    // With a dilation beyond the image, windows see nothing; found without a walk through their taps.
    let far = MaxPool1d::new(2).dilation(HUGE).padding(half);
    assert!(Sequential::<f64>::new([4, 2]).with(far).is_err());
    let far = MaxPool2d::new([2, 2]).dilation([HUGE, HUGE]).padding(half);
    assert!(Sequential::<f64>::new([1, 4, 4]).with(far).is_err());
    // The middle one of three taps sees every pixel in turn.
    let near = Sequential::<f64>::new([4, 1]).with(MaxPool1d::new(3).stride(1).dilation(HUGE).padding(HUGE))?;
    assert_eq!(near.predict(&x)?, x);
    assert!(start.elapsed() < Duration::from_secs(20));
    Ok(())
}

#[test]
fn samples_without_numbers_are_errors() {
    for shape in [[0, 4, 4], [2, 0, 4], [2, 4, 0]] {
        for layer in [
            Box::new(Pad2d::zero([[1, 1], [1, 1]])) as Box<dyn Layer<f64>>,
            Box::new(Upsample::nearest([2, 2])),
            Box::new(Flatten),
            Box::new(Softmax),
        ] {
            let text = format!("{layer:?}");
            let mut tape = Tape::for_layer(&*layer, shape, 1);
            let error = tape.forward(&*layer, &Array2::zeros((2, 0))).expect_err(&text);
            assert!(matches!(error, Error::Input { .. }), "{text}: {error}");
            assert!(Sequential::new(shape).with(layer).is_err(), "{text}");
        }
    }
}

#[test]
fn trainers_take_any_batch_size_and_accumulation() -> Result<()> {
    let r = &mut rng(1);
    let moons: Samples<f32> = data::moons(40, 0.1, r);
    let network = Sequential::mlp(&[2, 4, 2], Tanh, r)?;
    let trainer = || Trainer::new(CrossEntropy::new(), Sgd::new(0.1)).metric(neuropil::metrics::Accuracy);
    let whole = trainer().batch_size(usize::MAX).evaluate(&network, &moons)?;
    assert_eq!(whole, trainer().batch_size(40).evaluate(&network, &moons)?);
    assert_eq!(trainer().batch_size(usize::MAX).predict(&network, &moons.x)?, network.predict(&moons.x)?);
    let curve = trainer().batch_size(8).accumulate(usize::MAX).find_rate(&network, &moons, 1e-3..=1.0, 3)?;
    assert_eq!(curve, trainer().batch_size(8).accumulate(5).find_rate(&network, &moons, 1e-3..=1.0, 3)?);
    let stop = neuropil::train::EarlyStopping::new(1).min_delta(1e9);
    let history = trainer()
        .batch_size(8)
        .epochs(usize::MAX)
        .accumulate(usize::MAX)
        .callback(stop)
        .fit(&mut network.clone(), &moons)?;
    assert!((1..5).contains(&history.epochs().len()));
    Ok(())
}

#[test]
fn metrics_losses_and_splits_of_nothing_are_errors() {
    let (none, labels) = (Array2::<f64>::zeros((2, 0)), array![[0.0], [1.0]]);
    assert!(LogLoss.evaluate(&none, &labels).is_err());
    for average in [Average::Macro, Average::Weighted, Average::Class(0)] {
        assert!(RocAuc(average).evaluate(&none, &labels).is_err());
    }
    let wide = Array2::<f32>::zeros((1, 1 << 22));
    let confusion = neuropil::metrics::ConfusionMatrix::new(&wide, &array![[3.0]]);
    assert!(confusion.is_err_and(|error| is_memory(&error)));
    assert!(is_memory(&one_hot::<f32>(&[0], usize::MAX).unwrap_err()));
    assert!(is_memory(&Split::random(1 << 62, 0.5, &mut rng(1)).unwrap_err()));
    let error = BceWithLogits::new().pos_weight(vec![]).evaluate(&none, &none).unwrap_err();
    assert_eq!(error.to_string(), "the pos_weight of BceWithLogits must be 1 x 1, got 1 x 0");
}

#[test]
fn bounds_that_no_normal_number_reaches_give_the_bound_next_to_the_mean() {
    let infinity = f64::INFINITY;
    for (mean, std, low, high, want) in [
        (0.0, 1.0, 1e200, infinity, 1e200),
        (0.0, 1.0, infinity, infinity, infinity),
        (0.0, 1.0, -infinity, -1e200, -1e200),
        (3.0, 5e-324, 4.0, 5.0, 4.0),
        (3.0, 5e-324, 1.0, 2.0, 2.0),
        (-1e308, 1.0, 1e308, infinity, 1e308),
    ] {
        let x = Init::TruncatedNormal { mean, std, low, high }.matrix::<f64>(2, 2, &mut rng(1));
        assert!(x.iter().all(|&x| x == want), "{mean} {std} {low} {high}: {x}");
    }
    let x = Init::TruncatedNormal { mean: 0.0, std: 1.0, low: 8.0, high: infinity }.matrix::<f64>(50, 50, &mut rng(1));
    assert!(x.iter().all(|&x| (8.0..10.0).contains(&x)));
}

#[test]
fn schedules_and_optimizers_reach_the_last_step() -> Result<()> {
    let last = u64::MAX;
    assert!((0.0..=1.0).contains(&Cosine::new(last).rate(1.0, last)));
    assert!((0.0..=1.0).contains(&CosineRestarts::new(1, 2).rate(1.0, last)));
    assert!(Cyclic::new(2.0, last, last).rate(1.0, last).is_finite());
    // The peak may be the first step.
    assert_eq!(OneCycle::new(0.5, 10).rise(0.1).rate(1.0, 0), 0.5);
    let mut plateau = Plateau::new(0.999, 0);
    assert!(
        plateau.restore(&[1.0, 0.5, 0.0, 0.0, 4e9]).is_err() && plateau.restore(&[1.0, 0.5, 0.0, 0.0, -1.0]).is_err()
    );
    plateau.restore(&[1.0, 0.5, 2e19, 0.0, 1e6])?;
    plateau.observe(last, 1.0);
    assert!((1e-6..1e-4).contains(&plateau.rate(1.0, last)));
    for (start, step) in [(0, last), (1 << 63, last), (last, last), (last, 0)] {
        let sequence = Sequence::new(Linear::warm_up(last)).then(start, StepDecay::new(last, 0.5));
        let of_all: [Box<dyn Schedule>; 8] = [
            Box::new(sequence),
            Box::new(Exponential::new(0.5)),
            Box::new(Linear::new(0.0, 1.0, last)),
            Box::new(MultiStep::new([0, last], 0.5)),
            Box::new(OneCycle::new(1.0, last)),
            Box::new(Plateau::new(0.5, last).cooldown(last)),
            Box::new(Polynomial::new(last, 2.0)),
            Box::new(Constant),
        ];
        for mut schedule in of_all {
            let rate = schedule.rate(1.0, step);
            assert!((0.0..=1.0).contains(&rate), "{schedule:?} at {step}: {rate}");
            schedule.observe(step, 1.0);
        }
    }
    Ok(())
}

#[test]
fn optimizers_take_any_step_and_any_slot() {
    let mut updates = 0;
    for [mut ends, mut zero] in zoo::optimizers::<f64>().into_iter().zip(zoo::optimizers()).map(|(a, b)| [a, b]) {
        let mut weights = [[1.0, -2.0, 0.5]; 2];
        for optimizer in [&mut ends, &mut zero] {
            optimizer.memory_mut().step = u64::MAX - 1;
        }
        for _ in 0..3 {
            for ((optimizer, slot), weights) in [(&mut ends, usize::MAX), (&mut zero, 0)].into_iter().zip(&mut weights)
            {
                optimizer.begin_step().unwrap();
                optimizer.update(slot, Role::Weight, weights, &[0.5, 1e-300, -3.0]);
                updates += 1;
            }
            assert_eq!(weights[0], weights[1], "{ends:?}");
            assert!(weights[0][0] < 1.0 && weights[0].iter().all(|w| w.is_finite()), "{ends:?}: {weights:?}");
        }
        assert!(ends.memory().step == u64::MAX && ends.memory().slots.len() <= 1);
    }
    assert_eq!(updates, zoo::optimizers::<f64>().len() * 6);
}

#[test]
fn an_array_of_many_axes_can_be_written_and_read() {
    let array = ArrayD::from_elem(IxDyn(&vec![1; 30_000]), 2.5);
    let bytes = neuropil::io::to_npy(&array);
    assert_eq!(bytes[6..8], [2, 0]);
    assert_eq!(neuropil::io::from_npy::<f64>(&bytes).unwrap(), array);
}

/// What `fuzz/` does without end; `NEUROPIL_CALLS` sets the number of sequences.
#[test]
fn random_calls_return() {
    let count = std::env::var("NEUROPIL_CALLS").map_or(20_000, |count| count.parse().unwrap());
    for seed in 0..count {
        let mut bytes = [0; 96];
        rng(seed).fill_bytes(&mut bytes);
        let start = Instant::now();
        if let Err(panic) = std::panic::catch_unwind(|| calls::run(&bytes)) {
            eprintln!("the calls of seed {seed}");
            std::panic::resume_unwind(panic);
        }
        assert!(start.elapsed() < Duration::from_secs(30), "the calls of seed {seed} took {:?}", start.elapsed());
    }
}
