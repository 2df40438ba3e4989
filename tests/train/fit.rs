//! A fit does what the loop over a tape does.

use std::sync::{Arc, Mutex};

use neuropil::data::{self, Dataset, Samples};
use neuropil::losses::{Sum, class_targets};
use neuropil::metrics::Accuracy;
use neuropil::ndarray::{Array2, s};
use neuropil::prelude::*;
use neuropil::schedules::{Constant, Plateau, Sequence, StepDecay};

use super::{classifier, moons, numbers, trainer};
use crate::common::{F32, F64, assert_close};

#[test]
fn a_fit_without_shuffling_is_the_bare_loop() {
    let data = moons(50);
    let (mut by_hand, mut fitted) = (classifier(), classifier());
    let (mut tape, mut adam) = (Tape::new(&by_hand, 0), Adam::new(0.02));
    let mut losses = Vec::new();
    for _ in 0..3 {
        let mut total = 0.0;
        for from in (0..50).step_by(16) {
            let rows = s![from..50.min(from + 16), ..];
            let (x, target) = (data.x.slice(rows), data.target.slice(rows));
            let loss = tape.train(&mut by_hand, &x, &target, &CrossEntropy::new(), &mut adam).unwrap();
            total += f64::from(loss) * x.nrows() as f64;
        }
        losses.push(total / 50.0);
    }
    let history = trainer().epochs(3).in_order().fit(&mut fitted, &data).unwrap();
    assert_eq!(numbers(&fitted), numbers(&by_hand));
    assert_eq!(history.column("loss"), losses);
    let numbers: Vec<usize> = history.epochs().iter().map(|epoch| epoch.number).collect();
    assert_eq!(numbers, [1, 2, 3]);

    // Views, and a stream of the same batches, are the same samples.
    let mut viewed = classifier();
    trainer().epochs(3).in_order().fit(&mut viewed, &(&data.x, data.target.view())).unwrap();
    assert_eq!(self::numbers(&viewed), self::numbers(&by_hand));
    let mut streamed = classifier();
    let batch = |from: usize| {
        let rows = s![from..50.min(from + 16), ..];
        Samples::new(data.x.slice(rows).to_owned(), data.target.slice(rows).to_owned())
    };
    let history = trainer().epochs(3).fit_stream(&mut streamed, |_| (0..50).step_by(16).map(batch)).unwrap();
    assert_eq!(self::numbers(&streamed), self::numbers(&by_hand));
    assert_eq!(history.column("loss"), losses);

    let mut one_by_one = classifier();
    let mut single = trainer();
    for _ in 0..3 {
        for from in (0..50).step_by(16) {
            let batch = batch(from).unwrap();
            single.train_batch(&mut one_by_one, &batch.x, &batch.target).unwrap();
        }
    }
    assert_eq!(self::numbers(&one_by_one), self::numbers(&by_hand));
}

/// Takes down which samples it is asked for; sample i is the number i.
struct Recorder(std::sync::Mutex<Vec<usize>>, usize);

impl Dataset<f32> for Recorder {
    fn len(&self) -> usize {
        self.1
    }
    fn input_width(&self) -> usize {
        1
    }
    fn target_width(&self) -> usize {
        1
    }
    fn gather(&self, samples: &[usize], x: &mut Matrix<f32>, target: &mut Matrix<f32>) -> Result<()> {
        self.0.lock().unwrap().extend(samples);
        for (row, &sample) in samples.iter().enumerate() {
            x[[row, 0]] = sample as f32 / self.1 as f32;
            target[[row, 0]] = x[[row, 0]];
        }
        Ok(())
    }
}

#[test]
fn every_epoch_has_every_sample_once_in_a_new_order() {
    let order = |seed, epochs, drop: bool| {
        let data = Recorder(std::sync::Mutex::new(Vec::new()), 10);
        let mut network = Sequential::mlp(&[1, 1], Tanh, &mut rng(1)).unwrap();
        let trainer = Trainer::new(Mse, Sgd::new(0.1)).epochs(epochs).batch_size(4).seed(seed);
        let mut trainer = if drop { trainer.drop_last() } else { trainer };
        trainer.fit(&mut network, &data).unwrap();
        let asked = data.0.into_inner().unwrap();
        assert_eq!(asked[..10], (0..10).collect::<Vec<_>>()); // The check before the training.
        asked[10..].to_vec()
    };
    let asked = order(1, 2, false);
    assert_eq!(asked.len(), 20);
    for epoch in asked.chunks(10) {
        let mut sorted = epoch.to_vec();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..10).collect::<Vec<_>>());
    }
    assert_ne!(asked[..10], asked[10..]);
    assert_eq!(order(1, 2, false), asked);
    assert_ne!(order(2, 2, false), asked);
    assert_eq!(order(1, 1, true), asked[..8]);
}

#[test]
fn a_second_fit_goes_on() {
    let data = moons(60);
    let run = |parts: &[usize]| {
        // Layers that draw random numbers, a schedule with memory, an optimizer with memory.
        let mut rng = rng(7);
        let mut network = Sequential::new(2)
            .with(Dense::new(2, 12, &mut rng))
            .and_then(|network| network.with(RRelu::default())?.with(Dropout::new(0.2)))
            .and_then(|network| network.with(Dense::new(12, 2, &mut rng)))
            .unwrap();
        let mut trainer = trainer().schedule(Plateau::new(0.5, 0).threshold(0.2));
        for &epochs in parts {
            trainer = trainer.epochs(epochs);
            trainer.fit(&mut network, &data).unwrap();
        }
        let rates: Vec<f64> = trainer.history().epochs().iter().map(|epoch| epoch.rate).collect();
        (numbers(&network), trainer.history().column("loss"), rates)
    };
    let whole = run(&[6]);
    assert_eq!(whole, run(&[2, 3, 1]));
    assert_eq!(whole.1.len(), 6);
    assert!(whole.2[5] < whole.2[0], "the schedule never acted: {:?}", whole.2);
}

#[test]
fn schedules_go_by_epoch_or_by_step() {
    let data = moons(32);
    let rates = |by_step: bool| {
        let schedule = StepDecay::new(1, 0.5);
        let trainer = Trainer::new(CrossEntropy::new(), Sgd::new(1.0)).epochs(3).batch_size(16);
        let mut trainer = if by_step { trainer.schedule_by_step(schedule) } else { trainer.schedule(schedule) };
        let history = trainer.fit(&mut classifier(), &data).unwrap();
        history.epochs().iter().map(|epoch| epoch.rate).collect::<Vec<_>>()
    };
    assert_eq!(rates(false), [1.0, 0.5, 0.25]);
    assert_eq!(rates(true), [0.5, 0.125, 0.03125]); // Two steps an epoch; the rate is the last one's.
}

/// Notes what it observes.
#[derive(Debug)]
struct Observer(Arc<Mutex<Vec<f64>>>);

impl Schedule for Observer {
    fn kind(&self) -> &'static str {
        "observer"
    }

    fn rate(&self, base: f64, _: u64) -> f64 {
        base
    }

    fn observe(&mut self, _: u64, loss: f64) {
        self.0.lock().unwrap().push(loss);
    }
}

#[test]
fn a_schedule_by_step_observes_the_loss_of_the_last_batch() {
    let (data, observed) = (moons(60), Arc::new(Mutex::new(Vec::new())));
    // At a rate of 0 the network stays as it is. Of three batches, two make a step, and the third one of its own.
    let trainer = Trainer::new(CrossEntropy::new(), Sgd::new(0.0)).batch_size(20).accumulate(2).in_order().epochs(2);
    trainer.schedule_by_step(Observer(observed.clone())).fit(&mut classifier(), &data).unwrap();
    let loss = |from: usize| {
        let rows = s![from..from + 20, ..];
        let y = classifier().predict(&data.x.slice(rows)).unwrap();
        f64::from(CrossEntropy::new().evaluate(&y, &data.target.slice(rows)).unwrap())
    };
    let want = [loss(20), loss(40), loss(20), loss(40)];
    assert_eq!(assert_close("losses", observed.lock().unwrap().clone(), want, F32), 4);
}

#[test]
fn gathered_batches_and_weights_make_the_same_steps() {
    let data: Samples<f64> = data::moons(48, 0.1, &mut rng(5));
    let start = || Sequential::<f64>::mlp(&[2, 6, 2], Tanh, &mut rng(7)).unwrap();
    let fit = |trainer: Trainer<'_, f64>, data: &dyn Dataset<f64>| {
        let mut network = start();
        trainer.epochs(2).in_order().fit(&mut network, data).unwrap();
        numbers(&network)
    };
    let plain = || Trainer::new(CrossEntropy::new(), Adam::new(0.01));
    let mut compared = 0;
    // The last step of an epoch is over 8 samples, whichever way.
    let want = fit(plain().batch_size(20), &data);
    compared += assert_close("gathered", fit(plain().batch_size(5).accumulate(4), &data), want.iter().copied(), F64);

    // A sample of weight 2 is that sample twice, in one batch.
    let twice: Vec<usize> = (0..48).flat_map(|i| vec![i; 1 + usize::from(i < 10)]).collect();
    let select = |from: &Array2<f64>| from.select(neuropil::ndarray::Axis(0), &twice);
    let want = fit(plain().batch_size(58), &(&select(&data.x), &select(&data.target)));
    let weights: Vec<f64> = (0..48).map(|i| if i < 10 { 2.0 } else { 1.0 }).collect();
    compared += assert_close("twice", fit(plain().batch_size(48).sample_weights(weights), &data), want, F64);

    // A class's weight is that of its samples.
    let weights: Vec<f64> = data.target.iter().map(|&class| if class == 0.0 { 3.0 } else { 0.5 }).collect();
    let want = fit(plain().batch_size(16).sample_weights(weights), &data);
    let got = fit(plain().batch_size(16).class_weights([3.0, 0.5]), &data);
    compared += assert_close("class weights", got, want.iter().copied(), F64);
    let loss = CrossEntropy::new().class_weights([3.0, 0.5]);
    let got = fit(Trainer::new(loss, Adam::new(0.01)).batch_size(16), &data);
    compared += assert_close("the loss's own weights", got, want.iter().copied(), F64);

    // 36 of class 0 and 12 of class 1.
    let few: Vec<usize> = (0..48).filter(|i| i % 4 != 1).collect();
    let few = Samples {
        x: data.x.select(neuropil::ndarray::Axis(0), &few),
        target: data.target.select(neuropil::ndarray::Axis(0), &few),
    };
    let ones = few.target.iter().filter(|&&class| class == 1.0).count() as f64;
    let weights = [36.0 / (2.0 * (36.0 - ones)), 36.0 / (2.0 * ones)];
    assert!(weights[0] < weights[1]);
    let want = fit(plain().batch_size(12).class_weights(weights), &few);
    compared += assert_close("balanced", fit(plain().batch_size(12).balanced(), &few), want, F64);
    assert_eq!(compared, 5 * start().parameter_count());
}

#[test]
fn evaluation_and_prediction_are_those_of_the_whole_set() {
    let data = moons(601);
    let (mut network, validation) = (classifier(), moons(300));
    let mut trainer = trainer().epochs(2).metric(Accuracy).validation(&validation);
    let history = trainer.fit(&mut network, &data).unwrap();
    let y = network.predict(&validation.x).unwrap();
    assert_eq!(trainer.predict(&network, &validation.x).unwrap(), y);
    assert_eq!(trainer.predict(&network, &Array2::default((0, 2))).unwrap().dim(), (0, 2));
    let want: f32 = CrossEntropy::new().evaluate(&y, &validation.target).unwrap();
    let evaluation = trainer.evaluate(&network, &validation).unwrap();
    assert_close("loss", [evaluation.loss], [want], F32);
    assert_eq!(evaluation.get("accuracy"), Some(neuropil::metrics::accuracy(&y, &validation.target).unwrap()));
    let last = history.last().unwrap();
    assert_eq!((last.get("val_loss"), last.get("val_accuracy")), (Some(evaluation.loss), evaluation.get("accuracy")));
    assert_eq!(history.names(), ["loss", "accuracy", "val_loss", "val_accuracy"]);
    assert!(history.column("accuracy").iter().all(|a| (0.3..=1.0).contains(a)));
    let sum = Trainer::new(Sum(Mse), Sgd::new(0.1));
    let pair = (&y, &Array2::from_elem((300, 2), 0.0_f32));
    let identity = Sequential::new(2).with(Identity).unwrap();
    let want: f64 = y.iter().map(|&y| f64::from(y) * f64::from(y)).sum();
    assert_close("sum", [sum.evaluate(&identity, &pair).unwrap().loss], [want], F32);
}

#[test]
fn one_seed_gives_the_same_bits_on_any_number_of_threads() {
    let mut rng = rng(1);
    let x: Array2<f32> = Init::STANDARD_NORMAL.matrix(300, 300, &mut rng);
    let target = class_targets(&(0..300).map(|i| i * 7 % 10).collect::<Vec<_>>());
    let fit = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut rng = neuropil::rng(2);
            let mut network = Sequential::<f32>::new(300)
                .with(Dense::new(300, 700, &mut rng))
                .and_then(|network| network.with(BatchNorm::new(700))?.with(RRelu::default())?.with(Dropout::new(0.2)))
                .and_then(|network| network.with(Dense::new(700, 10, &mut rng)))
                .unwrap();
            let trainer = Trainer::new(CrossEntropy::new(), Adam::new(1e-3)).epochs(2).batch_size(128).ema(0.9);
            let history = trainer.metric(Accuracy).clip_norm(0.5).fit(&mut network, &(&x, &target)).unwrap();
            (numbers(&network), ["loss", "accuracy"].map(|name| history.column(name)))
        })
    };
    let one = fit(1);
    assert!(one.0.len() > 200_000);
    for threads in [2, 3, 8] {
        assert_eq!(fit(threads), one, "{threads} threads");
    }
}

#[test]
fn frozen_layers_stay_and_others_learn() {
    let (data, mut network) = (moons(64), classifier());
    network.freeze(0).unwrap();
    network.set_layer_rate(2, 0.5).unwrap();
    trainer().epochs(2).clip_norm(0.01).clip_value(0.1).fit(&mut network, &data).unwrap();
    let start = classifier();
    for name in ["0.weight", "0.bias"] {
        assert_eq!(network.parameter(name), start.parameter(name));
    }
    for name in ["2.weight", "2.bias"] {
        assert_ne!(network.parameter(name), start.parameter(name));
    }
}

#[test]
fn the_search_for_a_rate_leaves_everything_as_it_was() {
    let data = moons(200);
    let network = classifier();
    let mut searched = trainer().epochs(2);
    let curve = searched.find_rate(&network, &data, 1e-5..=10.0, 60).unwrap();
    assert_eq!(numbers(&network), numbers(&classifier()));
    assert!(curve.rates.len() > 20 && curve.rates.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(curve.suggestion().is_some_and(|rate| (1e-4..1.0).contains(&rate)), "{curve}");
    assert_eq!(curve.to_csv().lines().count(), curve.rates.len() + 1);
    let (mut a, mut b) = (classifier(), classifier());
    searched.fit(&mut a, &data).unwrap();
    trainer().epochs(2).fit(&mut b, &data).unwrap();
    assert_eq!(numbers(&a), numbers(&b));
    for (range, steps) in [(0.0..=1.0, 10), (1.0..=0.5, 10), (0.1..=1.0, 1)] {
        assert!(matches!(searched.find_rate(&network, &data, range, steps), Err(Error::Setting { .. })));
    }
}

#[test]
fn a_plateau_behind_a_warm_up_observes_nothing_before_its_turn() {
    for by_step in [false, true] {
        // Nothing is better than the first number it observes, so it cuts after each further one.
        let plateau = Plateau::new(0.5, 0).absolute().threshold(1e9);
        let schedule = Sequence::new(Constant).then(3, plateau);
        let trainer = trainer().batch_size(50).epochs(6);
        let mut trainer = if by_step { trainer.schedule_by_step(schedule) } else { trainer.schedule(schedule) };
        let history = trainer.fit(&mut classifier(), &moons(50)).unwrap();
        let rates: Vec<f64> = history.epochs().iter().map(|epoch| epoch.rate / 0.02).collect();
        assert_eq!(rates, [1.0, 1.0, 1.0, 1.0, 1.0, 0.5]);
    }
}

#[test]
fn fewer_samples_than_a_batch_are_one_batch() {
    let data: Samples<f64> = data::xor();
    let start = || Sequential::<f64>::mlp(&[2, 3, 1], Tanh, &mut rng(1)).unwrap();
    let trainer = || Trainer::new(Mse, Sgd::new(0.5)).epochs(3);
    let fit = |mut trainer: Trainer<'_, f64>| {
        let mut network = start();
        trainer.fit(&mut network, &data).unwrap();
        numbers(&network)
    };
    let want = fit(trainer().batch_size(4));
    assert_ne!(want, numbers(&start()));
    assert_eq!(fit(trainer()), want);
    assert_eq!(fit(trainer().drop_last()), want);
    let curve = |mut trainer: Trainer<'_, f64>| trainer.find_rate(&start(), &data, 1e-3..=1.0, 10).unwrap();
    assert_eq!(curve(trainer()), curve(trainer().batch_size(4)));
}
