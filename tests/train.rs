//! The trainer: it does what the bare loop does, measures what it says, and refuses what cannot work.

mod common;

use common::{Case, F32, F64, Tolerance, assert_close, cases};
use neuropil::data::{self, Dataset, Samples};
use neuropil::metrics::{Accuracy, Metric};
use neuropil::ndarray::{Array2, array, s};
use neuropil::prelude::*;
use neuropil::schedules::{Plateau, StepDecay};
use neuropil::train::{Callback, Context, EarlyStopping, Flow};

fn numbers<A: Scalar>(network: &Sequential<A>) -> Vec<A> {
    let mut numbers = Vec::new();
    network.visit(&mut |_, matrix| numbers.extend(matrix));
    numbers
}

fn moons(samples: usize) -> Samples<f32> {
    data::moons(samples, 0.1, &mut rng(5))
}

fn classifier() -> Sequential<f32> {
    Sequential::mlp(&[2, 12, 2], Tanh, &mut rng(7)).unwrap()
}

fn trainer<'a>() -> Trainer<'a, f32> {
    Trainer::new(CrossEntropy::new(), Adam::new(0.02)).batch_size(16).seed(3)
}

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
            .and_then(|network| network.with(RRelu::default()))
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

#[test]
fn gathered_batches_and_weights_make_the_same_steps() {
    let data: Samples<f64> = data::moons(48, 0.1, &mut rng(5));
    let start = || Sequential::<f64>::mlp(&[2, 6, 2], Tanh, &mut rng(7)).unwrap();
    let fit = |trainer: Trainer<'_, f64>, data: &dyn Dataset<f64>| {
        let mut network = start();
        trainer.epochs(2).in_order().clone_fit(&mut network, data);
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

/// `fit` on a trainer that is given away.
trait CloneFit<A: Scalar> {
    fn clone_fit(self, network: &mut Sequential<A>, data: &dyn Dataset<A>);
}

impl<A: Scalar> CloneFit<A> for Trainer<'_, A> {
    fn clone_fit(mut self, network: &mut Sequential<A>, data: &dyn Dataset<A>) {
        self.fit(network, data).unwrap();
    }
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

/// Runs a training with batches in order, step by step, against `PyTorch`.
fn compare<A: Scalar + Into<f64>>(case: &Case, tolerance: Tolerance) -> usize {
    let layers = case.config("layers").as_array().unwrap();
    let array = |group: &str, name: &str, columns: usize| {
        case.matrix(group, name, columns).unwrap_or_else(|| panic!("{}: no {name}", case.name)).mapv(A::of)
    };
    let mut network = Sequential::<A>::new(layers[0]["in_features"].as_u64().unwrap() as usize);
    for (i, layer) in layers.iter().enumerate() {
        match layer["layer"].as_str().unwrap() {
            "linear" => {
                let inputs = layer["in_features"].as_u64().unwrap() as usize;
                let weight = array("parameters", &format!("{i}.weight"), inputs).reversed_axes();
                let bias = array("parameters", &format!("{i}.bias"), 1).into_flat();
                network.push(Dense::from_parameters(weight, bias).unwrap())
            }
            "sigmoid" => network.push(Sigmoid),
            "tanh" => network.push(Tanh),
            other => panic!("no layer {other}"),
        }
        .unwrap();
    }
    let optimizer = case.config("optimizer");
    let rate = optimizer["lr"].as_f64().unwrap();
    let loss: Box<dyn Loss<A>> = match case.config("loss").as_str().unwrap() {
        "mse" => Box::new(Mse),
        _ => Box::new(CrossEntropy::new()),
    };
    let optimizer: Box<dyn Optimizer<A>> = match optimizer["op"].as_str().unwrap() {
        "sgd" => Box::new(Sgd::new(rate)),
        _ => Box::new(Adam::new(rate)),
    };
    let x = array("inputs", "input", network.input().len());
    let target = array("inputs", "target", 1);
    let steps = case.config("steps").as_u64().unwrap() as usize;
    let mut trainer = Trainer::boxed(loss, optimizer).epochs(steps).batch_size(x.nrows()).in_order();
    let history = trainer.fit(&mut network, &(&x, &target)).unwrap();
    let want = case.array("outputs", "losses").unwrap();
    let mut compared = assert_close(&case.name, history.column("loss"), want.iter().copied(), tolerance);
    network.visit(&mut |info, w| {
        let name = info.name.to_string();
        let want = array("outputs", &name, if w.nrows() == 1 { 1 } else { w.nrows() });
        let want: Vec<f64> = want.t().iter().map(|&w| w.into()).collect();
        compared += assert_close(&format!("{} {name}", case.name), w.iter().copied(), want, tolerance);
    });
    compared
}

#[test]
fn trainings_agree_with_pytorch() {
    let mut compared = [0, 0];
    let mut names = Vec::new();
    for case in cases("training").iter().filter(|case| ["xor_2_4_1", "iris_4_8_3"].contains(&&*case.name)) {
        compared[0] += compare::<f64>(case, F64);
        compared[1] += compare::<f32>(case, F32);
        names.push(case.name.clone());
    }
    assert_eq!(names, ["xor_2_4_1", "iris_4_8_3"]);
    assert_eq!(compared, [200 + 17 + 100 + 67; 2]);
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
                .and_then(|network| network.with(RRelu::default()))
                .and_then(|network| network.with(Dense::new(700, 10, &mut rng)))
                .unwrap();
            let trainer = Trainer::new(CrossEntropy::new(), Adam::new(1e-3)).epochs(2).batch_size(128);
            let history = trainer.metric(Accuracy).clip_norm(0.5).fit_column(&mut network, &(&x, &target));
            (numbers(&network), history)
        })
    };
    let one = fit(1);
    assert!(one.0.len() > 200_000);
    for threads in [2, 3, 8] {
        assert_eq!(fit(threads), one, "{threads} threads");
    }
}

trait FitColumn<A: Scalar> {
    fn fit_column(self, network: &mut Sequential<A>, data: &dyn Dataset<A>) -> [Vec<f64>; 2];
}

impl<A: Scalar> FitColumn<A> for Trainer<'_, A> {
    fn fit_column(mut self, network: &mut Sequential<A>, data: &dyn Dataset<A>) -> [Vec<f64>; 2] {
        let history = self.fit(network, data).unwrap();
        ["loss", "accuracy"].map(|name| history.column(name))
    }
}

/// Sets the network's first weight to the epoch's number, and pretends nothing else.
#[derive(Debug)]
struct Marker;

impl<A: Scalar> Callback<A> for Marker {
    fn on_batch_end(&mut self, at: &mut Context<'_, A>) -> Result<()> {
        let mark = A::of(at.position.epoch as f64);
        at.network.visit_mut(&mut |_, matrix| matrix.fill(mark));
        Ok(())
    }
}

/// A "metric" with a given value for each evaluation.
#[derive(Debug)]
struct Script(std::cell::Cell<usize>, Vec<f64>);

impl<A: Scalar> Metric<A> for Script {
    fn name(&self) -> String {
        "script".into()
    }
    fn evaluate(&self, _: &Matrix<A>, _: &Matrix<A>) -> Result<f64> {
        let i = self.0.get();
        self.0.set(i + 1);
        // Training and validation are evaluated in turn.
        Ok(self.1[(i / 2).min(self.1.len() - 1)])
    }
    fn check(&self, _: &Matrix<A>, _: &Matrix<A>) -> Result<()> {
        Ok(())
    }
}

/// The epochs that were trained, and the one whose weights the network has.
fn stop(values: &[f64], epochs: usize, stopping: EarlyStopping<f64>) -> (usize, f64) {
    let data: Samples<f64> = data::xor();
    let mut network = Sequential::<f64>::mlp(&[2, 1], Tanh, &mut rng(1)).unwrap();
    let mut trainer = Trainer::new(Mse, Sgd::new(0.0))
        .epochs(epochs)
        .batch_size(4)
        .metric(Script(0.into(), values.to_vec()))
        .validation(&data)
        .callback(Marker)
        .callback(stopping.monitor("val_script"));
    let history = trainer.fit(&mut network, &data).unwrap();
    (history.epochs().len(), numbers(&network)[0])
}

#[test]
fn early_stopping_restores_the_best_weights() {
    let patience = EarlyStopping::new;
    assert_eq!(stop(&[0.1, 0.5, 0.4, 0.3, 0.9], 10, patience(2)), (4, 2.0));
    // Also when the last epoch comes before the end of the patience, or is the best.
    assert_eq!(stop(&[0.1, 0.5, 0.4, 0.3], 4, patience(9)), (4, 2.0));
    assert_eq!(stop(&[0.1, 0.2, 0.3, 0.4], 4, patience(9)), (4, 4.0));
    assert_eq!(stop(&[0.1, 0.5, 0.4, 0.6, 0.5, 0.5, 0.5], 10, patience(3)), (7, 4.0));
    // A little better is not better; NaN never is.
    assert_eq!(stop(&[0.5, 0.55, 0.7, 0.75], 10, patience(2).min_delta(0.1)), (5, 3.0));
    assert_eq!(stop(&[f64::NAN, 0.2, f64::NAN, f64::NAN], 10, patience(2)), (4, 2.0));
}

#[test]
fn early_stopping_restores_statistics_too() {
    /// A layer with a statistic that counts the batches.
    #[derive(Debug, Clone)]
    struct Count(Array2<f64>);

    impl Layer<f64> for Count {
        fn output_shape(&self, input: Shape) -> Result<Shape> {
            Ok(input)
        }
        fn forward(&self, x: &Matrix<f64>, y: &mut Matrix<f64>, _: &mut neuropil::layers::Pass<'_>) -> Result<()> {
            y.assign(x);
            Ok(())
        }
        fn backward(&self, at: neuropil::layers::Backward<'_, f64>, _: &mut neuropil::layers::Pass<'_>) {
            if let Some(dx) = at.dx {
                dx.assign(at.dy);
            }
        }
        fn visit(&self, f: &mut dyn FnMut(neuropil::layers::Info<'_>, &Array2<f64>)) {
            f(neuropil::layers::Info { name: &"count", role: Role::Statistic, dims: &[1] }, &self.0);
        }
        fn visit_mut(&mut self, f: &mut dyn FnMut(neuropil::layers::Info<'_>, &mut Array2<f64>)) {
            f(neuropil::layers::Info { name: &"count", role: Role::Statistic, dims: &[1] }, &mut self.0);
        }
        fn update_statistics(&mut self, _: &mut neuropil::layers::Cache) {
            self.0 += 1.0;
        }
    }

    let data: Samples<f64> = data::xor();
    let fit = |stopping: bool, accumulate: usize| {
        let mut network = Sequential::<f64>::mlp(&[2, 1], Tanh, &mut rng(1)).unwrap();
        network.push(Count(array![[0.0]])).unwrap();
        let trainer = Trainer::new(Mse, Sgd::new(0.0)).epochs(6).batch_size(1).accumulate(accumulate);
        let trainer = trainer.metric(Script(0.into(), vec![0.1, 0.5, 0.2])).monitor("script");
        let mut trainer = if stopping { trainer.callback(EarlyStopping::new(9)) } else { trainer };
        trainer.fit(&mut network, &data).unwrap();
        network.parameter("1.count").unwrap()[[0, 0]]
    };
    // Without validation, the values are for two epochs each.
    assert_eq!([fit(false, 1), fit(false, 2), fit(false, 3)], [24.0; 3]);
    assert_eq!(fit(true, 1), 12.0);
}

#[test]
fn the_average_of_the_weights_is_what_is_evaluated_and_kept() {
    let (data, validation) = (moons(64), moons(30));
    let start = || trainer().in_order().ema(0.9).validation(&validation);
    // By hand: 4 batches an epoch.
    let (mut by_hand, loss) = (classifier(), CrossEntropy::new());
    let (mut tape, mut adam) = (Tape::new(&by_hand, 0), Adam::new(0.02));
    let mut average: Vec<f32> = Vec::new();
    for step in 0..12 {
        let rows = s![step % 4 * 16..step % 4 * 16 + 16, ..];
        tape.train(&mut by_hand, &data.x.slice(rows), &data.target.slice(rows), &loss, &mut adam).unwrap();
        let w = numbers(&by_hand);
        match step {
            0 => average = w,
            _ => average.iter_mut().zip(w).for_each(|(a, w)| *a += 0.1_f64 as f32 * (w - *a)),
        }
    }
    let (mut network, mut whole) = (classifier(), start().epochs(3));
    let history = whole.fit(&mut network, &data).unwrap();
    assert_eq!(assert_close("average", numbers(&network), average.iter().copied(), F32), network.parameter_count());
    let far = numbers(&network).iter().zip(numbers(&by_hand)).any(|(a, w)| (a - w).abs() > 1e-3);
    assert!(far, "the average is the last weights");
    let last = history.last().unwrap().get("val_loss");
    assert_eq!(last, Some(whole.evaluate(&network, &validation).unwrap().loss));

    // A second fit learns with the weights themselves, unless the network was changed.
    let (mut parts, mut again) = (classifier(), start().epochs(1));
    again.fit(&mut parts, &data).unwrap();
    again = again.epochs(2);
    assert_eq!(again.fit(&mut parts, &data).unwrap().column("val_loss"), history.column("val_loss"));
    assert_eq!(numbers(&parts), numbers(&network));
    let mut other = classifier();
    again.fit(&mut other, &data).unwrap();
    assert_ne!(numbers(&other), numbers(&parts));
    assert!(start().ema(1.0).fit(&mut classifier(), &data).is_err_and(|error| matches!(error, Error::Setting { .. })));
}

#[test]
fn an_average_is_of_one_network() {
    let (small, mut large) = (classifier(), Sequential::<f32>::mlp(&[2, 13, 2], Tanh, &mut rng(1)).unwrap());
    let mut ema = Ema::new(0.5);
    ema.swap(&mut large).unwrap();
    assert!(!ema.is_swapped(), "there was nothing to swap");
    ema.update(&small).unwrap();
    let before = numbers(&large);
    assert!(matches!(ema.update(&large), Err(Error::Dimensions { .. })));
    assert!(matches!(ema.swap(&mut large), Err(Error::Dimensions { .. })));
    assert_eq!(numbers(&large), before);
    ema.swap(&mut classifier()).unwrap();
    assert!(matches!(ema.update(&small), Err(Error::Order { .. })));
    assert!(matches!(Ema::new(f64::NAN).update(&small), Err(Error::Setting { .. })));
}

#[test]
fn frozen_layers_stay_and_others_learn() {
    let (data, mut network) = (moons(64), classifier());
    network.freeze(0).unwrap();
    network.set_layer_rate(2, 0.5).unwrap();
    let clipped = trainer().epochs(2).clip_norm(0.01).clip_value(0.1);
    clipped.clone_fit(&mut network, &data);
    let start = classifier();
    for name in ["0.weight", "0.bias"] {
        assert_eq!(network.parameter(name), start.parameter(name));
    }
    for name in ["2.weight", "2.bias"] {
        assert_ne!(network.parameter(name), start.parameter(name));
    }
}

/// Stops after an epoch.
#[derive(Debug)]
struct StopAt(usize);

impl<A: Scalar> Callback<A> for StopAt {
    fn on_epoch_end(&mut self, at: &mut Context<'_, A>) -> Result<Flow> {
        assert_eq!((at.position.batch, at.position.batches, at.position.samples), (4, Some(4), 50));
        assert_eq!(at.position.step, 4 * at.position.epoch as u64);
        Ok(if at.position.epoch == self.0 { Flow::Stop } else { Flow::Continue })
    }
}

#[test]
fn a_callback_may_stop_the_training() {
    let history = trainer().epochs(9).callback(StopAt(3)).fit(&mut classifier(), &moons(50)).unwrap();
    assert_eq!(history.epochs().len(), 3);
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_trained() {
    fn refuse(trainer: Trainer<'_, f32>, data: &dyn Dataset<f32>, text: &str) {
        let (mut trainer, mut network) = (trainer, classifier());
        let error = trainer.fit(&mut network, data).expect_err(text);
        assert_eq!(error.to_string(), text);
        assert_eq!(numbers(&network), numbers(&classifier()), "{text}");
        assert_eq!(trainer.history().epochs().len(), 0);
    }
    let good = moons(50);
    let wrong = |x: &dyn Fn(&mut Array2<f32>), target: &dyn Fn(&mut Array2<f32>)| {
        let mut data = good.clone();
        x(&mut data.x);
        target(&mut data.target);
        data
    };
    let (same, nan) = (
        &|_: &mut Array2<f32>| (),
        "no parameter was changed; try a smaller learning rate, or look for NaN in the data",
    );
    let data = wrong(&|x| x[[40, 1]] = f32::NAN, same);
    refuse(trainer(), &data, &format!("the training data: the input of sample 40, number 1, is NaN; {nan}"));
    let validation = wrong(same, &|target| target[[17, 0]] = f32::INFINITY);
    refuse(
        trainer().validation(&validation),
        &good,
        &format!("the validation data: the target of sample 17, number 0, is inf; {nan}"),
    );
    let empty = moons(0);
    refuse(trainer(), &empty, "the training data: the number of samples must be at least 1, got 0");
    refuse(trainer().validation(&empty), &good, "the validation data: the number of samples must be at least 1, got 0");
    refuse(
        trainer().batch_size(51),
        &good,
        "a batch of 51 cannot be taken from 50 samples; use a batch size of at most 50",
    );
    refuse(trainer().batch_size(0), &good, "the batch size must be at least 1, got 0");
    refuse(trainer().accumulate(0), &good, "the number of batches to a step must be at least 1, got 0");
    refuse(trainer().clip_norm(-1.0), &good, "the largest norm of gradients must be at least 0, got -1");
    let labels = wrong(same, &|target| target[[49, 0]] = 2.0);
    refuse(trainer(), &labels, "the training data: CrossEntropy takes labels 0 to 1 of 2 classes, got 2 in row 1");
    let wide = (&Array2::from_elem((50, 3), 0.0_f32), &good.target);
    refuse(trainer(), &wide, "the training data: the network takes rows of 2 features, got 3; one row is one sample");
    refuse(
        trainer().validation(&wide),
        &good,
        "the validation data: the network takes rows of 2 features, got 3; one row is one sample",
    );
    let short = (&good.x, &good.target.slice(s![..49, ..]).to_owned());
    refuse(trainer(), &short, "the training data: the targets of these samples must be 50 x 1, got 49 x 1");
    let distributions = (&good.x, &Array2::from_elem((50, 2), 0.5_f32));
    refuse(
        trainer().metric(Accuracy),
        &distributions,
        "the training data: accuracy takes a target of one class index a row, 16 x 1, got 16 x 2",
    );
    refuse(
        trainer().class_weights([1.0, 2.0]),
        &distributions,
        "the training data: the weighting by class takes a target of one column of classes from 0 to 1, got 2 columns",
    );
    refuse(
        trainer().class_weights([1.0]),
        &good,
        "the training data: the weighting by class takes a target of one column of classes from 0 to 0, got 1",
    );
    refuse(trainer().class_weights([1.0, -2.0]), &good, "the weight of a class must be at least 0 and finite, got -2");
    refuse(trainer().sample_weights([1.0; 3]), &good, "the weights of the samples must be 50 x 1, got 3 x 1");
    refuse(
        trainer().monitor("val_loss"),
        &good,
        "there is no `val_loss` to watch, only `loss`; add a metric or validation data",
    );
    refuse(
        trainer().metric(Accuracy).callback(EarlyStopping::new(3).monitor("f1")),
        &good,
        "there is no `f1` to watch, only `loss`, `accuracy`; add a metric or validation data",
    );
}

#[test]
fn a_training_that_explodes_names_step_and_layer() {
    let data: Samples<f64> = data::xor();
    let start = || Sequential::<f64>::mlp(&[2, 3, 1], Identity, &mut rng(1)).unwrap();
    let run = |clip: bool| {
        let mut network = start();
        let trainer = Trainer::new(Mse, Sgd::new(1e160)).epochs(50).batch_size(2).in_order();
        let mut trainer = if clip { trainer.clip_norm(1e-150) } else { trainer };
        let result = trainer.fit(&mut network, &data);
        (result, numbers(&network))
    };
    let (result, after) = run(false);
    let text = result.unwrap_err().to_string();
    assert!(text.starts_with("epoch 1, step 2: the "), "{text}");
    assert!(text.contains("layer ") || text.contains("gradient of "), "{text}");
    assert!(text.ends_with("; no parameter was changed; try a smaller learning rate, or look for NaN in the data"));
    // The weights are those of the step before.
    let mut once = start();
    Tape::new(&once, 0)
        .train(&mut once, &data.x.slice(s![..2, ..]), &data.target.slice(s![..2, ..]), &Mse, &mut Sgd::new(1e160))
        .unwrap();
    assert_eq!(after, numbers(&once));
    assert!(run(true).1.iter().all(|w| w.is_finite()));

    let (x, target) = (array![[f64::NAN, 0.0]], array![[1.0]]);
    let mut network = start();
    let error = Trainer::new(Mse, Sgd::new(0.1)).train_batch(&mut network, &x, &target).unwrap_err();
    assert!(error.to_string().starts_with("epoch 1, step 1: the input is NaN; "), "{error}");
    let broken = Samples::new(x, target).unwrap();
    let mut stream = Trainer::new(Mse, Sgd::new(0.1));
    let error = stream.fit_stream(&mut network, |_| [Ok(broken.clone())]).unwrap_err();
    assert!(error.to_string().starts_with("epoch 1, step 1: the input is NaN; "), "{error}");
    let error = stream.fit_stream(&mut network, |_| []).unwrap_err();
    assert_eq!(error.to_string(), "the number of batches in an epoch must be at least 1, got 0");
    assert_eq!(numbers(&network), numbers(&start()));
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
