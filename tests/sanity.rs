//! The doctor's measurements find planted problems, and none in healthy networks.

use neuropil::activations::Sign;
use neuropil::data::{self, Samples};
use neuropil::doctor::{self, InitialLoss, Report};
use neuropil::ndarray::{Array2, array};
use neuropil::prelude::*;

fn samples() -> Samples<f64> {
    data::blobs(60, &array![[-2.0, 0.0], [2.0, 1.0], [0.0, 3.0]], 0.5, &mut rng(5))
}

fn network(activation: impl Layer<f64> + Clone) -> Sequential<f64> {
    let mut rng = rng(7);
    Sequential::new(2)
        .with(Dense::new(2, 32, &mut rng))
        .and_then(|network| network.with(activation))
        .and_then(|network| network.with(Dense::new(32, 3, &mut rng)))
        .unwrap()
}

/// Multiplies the parameter of this name.
fn scale(network: &mut Sequential<f64>, name: &str, factor: f64) {
    network.visit_mut(&mut |info, w| {
        if info.name.to_string() == name {
            *w *= factor;
        }
    });
}

fn initial(network: &Sequential<f64>, x: &Array2<f64>, target: &Array2<f64>, loss: &dyn Loss<f64>) -> InitialLoss {
    doctor::initial_loss(network, x, target, loss).unwrap()
}

fn healthy(report: &Report) {
    assert!(report.is_healthy(), "{report}");
    assert!(report.to_string().lines().next().unwrap().ends_with(": healthy"), "{report}");
}

fn sick(report: &Report, advice: &str) {
    assert_eq!(report.advice.len(), 1, "{report}");
    assert!(report.advice[0].contains(advice), "{report}");
    assert!(report.to_string().contains(&format!("  ! {}", report.advice[0])));
}

#[test]
fn the_loss_before_training() {
    let Samples { x, target } = samples();
    let loss = CrossEntropy::new();
    let report = initial(&network(Tanh), &x, &target, &loss);
    healthy(&report.report());
    assert!((report.baseline - 3.0_f64.ln()).abs() < 1e-12);
    assert_eq!(report.ratio(), report.loss / report.baseline);
    // The same with probabilities and their logarithms.
    let with = |last: &dyn Fn(Sequential<f64>) -> Result<Sequential<f64>>| last(network(Tanh)).unwrap();
    let log = with(&|network| network.with(LogSoftmax));
    let report = initial(&log, &x, &target, &Nll::new());
    healthy(&report.report());
    assert!((report.baseline - 3.0_f64.ln()).abs() < 1e-12);
    let yes = Sequential::<f64>::mlp(&[2, 8, 1], Tanh, &mut rng(1)).unwrap();
    let labels = target.mapv(|class| f64::from(class == 1.0));
    for report in [
        initial(&yes, &x, &labels, &BceWithLogits::new()),
        initial(&yes.clone().with(Sigmoid).unwrap(), &x, &labels, &Bce::new()),
    ] {
        healthy(&report.report());
        assert!(report.classes);
        assert!((report.baseline - 2.0_f64.ln()).abs() < 1e-12);
    }
    let squares = array![[3.0], [-1.0], [2.0]];
    let three = x.slice(neuropil::ndarray::s![..3, ..]).to_owned();
    let report = initial(&yes, &three, &squares, &Mse);
    assert_eq!((report.baseline, report.classes), (14.0 / 3.0, false));

    let mut sure = network(Tanh);
    scale(&mut sure, "2.weight", 100.0);
    sick(&initial(&sure, &x, &target, &loss).report(), "confident and wrong");
    let mut trained = network(Tanh);
    Trainer::new(loss, Adam::new(0.05)).epochs(20).fit(&mut trained, &(&x, &target)).unwrap();
    sick(&initial(&trained, &x, &target, &CrossEntropy::new()).report(), "too low for an untrained network");
    sick(&initial(&yes, &three, &(squares * 100.0), &Mse).report(), "scale them");
    let zeros = Array2::from_elem((3, 1), 0.0);
    sick(&initial(&yes, &three, &zeros, &Mse).report(), "check the targets");
    scale(&mut sure, "0.weight", f64::NAN);
    assert!(!initial(&sure, &x, &target, &CrossEntropy::new()).report().is_healthy());
    assert!(doctor::initial_loss(&yes, &x, &target, &CrossEntropy::new()).is_err());
}

#[test]
fn one_batch_by_heart() {
    let Samples { x, target } = samples();
    let overfit = |network: &Sequential<f64>, x: &Array2<f64>| {
        let overfit = doctor::overfit(network, x, &target, &CrossEntropy::new()).unwrap();
        (overfit, overfit.report())
    };
    let before = network(Relu);
    let (found, report) = overfit(&before, &x);
    healthy(&report);
    assert!(found.after < 0.01 * found.before);
    assert_eq!(before.parameter("0.weight"), network(Relu).parameter("0.weight"));

    // All samples alike, with three classes: nothing can tell them apart.
    let (found, report) = overfit(&before, &Array2::from_elem(x.dim(), 0.5));
    sick(&report, "equal samples with different targets");
    assert!(found.after > 1.0);
    let mut frozen = network(Relu);
    frozen.freeze(0).and_then(|()| frozen.freeze(2)).unwrap();
    let (found, report) = overfit(&frozen, &x);
    sick(&report, "frozen");
    assert_eq!(found.steps, 0);
    let mut dead = network(Relu);
    scale(&mut dead, "0.bias", 0.0);
    dead.visit_mut(&mut |info, w| w.mapv_inplace(|w| if info.name.to_string() == "0.bias" { -1e3 } else { w }));
    sick(&overfit(&dead, &x).1, "dead layers");
}

#[test]
fn dead_and_saturated_units() {
    let x = samples().x;
    for network in [network(Relu), network(Tanh), network(Sigmoid), network(Gelu), network(PRelu::new())] {
        let units = doctor::units(&network, &x).unwrap();
        healthy(&units.report());
        assert_eq!((units.layers.len(), &*units.layers[0].name, units.layers[0].last), (1, "1", false));
    }
    // Kills 16 of the 32 units, and bends 8 of them to one side.
    let planted = |mut network: Sequential<f64>, units: usize, bias: f64| {
        network.visit_mut(&mut |info, w| {
            if info.name.to_string() == "0.bias" {
                w.iter_mut().take(units).for_each(|w| *w = bias);
            }
        });
        let units = doctor::units(&network, &x).unwrap();
        (units.report(), units.layers[0].dead, units.layers[0].saturated)
    };
    let (report, dead, saturated) = planted(network(Relu), 16, -1e3);
    sick(&report, "50 % of the units after layer 1 Relu are dead");
    assert_eq!([dead, saturated], [0.5, 0.0]);
    assert!(report.to_string().contains("1 Relu, dead              0.5"), "{report}");
    for (bias, units) in [(1e3, 8), (-1e3, 8), (20.0, 8)] {
        let (report, dead, saturated) = planted(network(Tanh), units, bias);
        sick(&report, "25 % of the units after layer 1 Tanh are saturated");
        assert_eq!([dead, saturated], [0.0, 0.25]);
    }
    healthy(&planted(network(Tanh), 4, 1e3).0);
    assert_eq!(planted(network(Relu6), 8, 1e3).2, 0.25);
    // Steps have no slope by nature; softmax does not act on each number alone; an output may saturate.
    for last in [doctor::units(&network(Sign), &x), doctor::units(&network(Softmax), &x)] {
        assert_eq!(last.unwrap().layers, []);
    }
    let mut output = network(Relu).with(Sigmoid).unwrap();
    scale(&mut output, "2.weight", 50.0);
    let units = doctor::units(&output, &x).unwrap();
    healthy(&units.report());
    let sigmoid = &units.layers[1];
    assert!(sigmoid.name == "3" && sigmoid.last && sigmoid.saturated > 0.5, "{units:?}");
    assert!(matches!(doctor::units(&output, &Array2::default((1, 2))), Err(Error::Setting { .. })));
    assert!(matches!(doctor::units(&output, &Array2::default((9, 3))), Err(Error::Width { .. })));
}

#[test]
fn updates_beside_weights() {
    let Samples { x, target } = samples();
    let loss = CrossEntropy::new();
    let updates = |network: &Sequential<f64>, rate: f64| {
        doctor::updates(network, &x, &target, &loss, &mut Sgd::new(rate)).unwrap()
    };
    let report = |network: &Sequential<f64>, rate: f64| updates(network, rate).report();
    healthy(&report(&network(Tanh), 0.01));
    let fine = updates(&network(Tanh), 0.01).weights;
    let names: Vec<&str> = fine.iter().map(|update| update.name.as_str()).collect();
    assert_eq!(names, ["0.weight", "2.weight"]);
    let twice = updates(&network(Tanh), 0.02).weights;
    for (one, two) in fine.iter().zip(&twice) {
        assert!((two.ratio / one.ratio - 2.0).abs() < 1e-9, "{one:?} {two:?}");
    }
    assert_eq!(report(&network(Tanh), 1e-8).advice.len(), 2);
    assert!(report(&network(Tanh), 1e-8).advice[0].starts_with("0.weight hardly changes: use a larger learning rate"));
    assert!(
        report(&network(Tanh), 100.0).advice[0].starts_with("0.weight changes too much: use a smaller learning rate")
    );

    let mut frozen = network(Tanh);
    frozen.freeze(0).unwrap();
    healthy(&report(&frozen, 0.01));
    assert_eq!(report(&frozen, 0.01).values.len(), 1);
    let mut dead = network(Relu);
    dead.visit_mut(&mut |info, w| w.mapv_inplace(|w| if info.name.to_string() == "0.bias" { -1e3 } else { w }));
    let report = report(&dead, 0.01);
    assert!(report.advice.iter().all(|advice| advice.contains("does not change")), "{report}");
    assert_eq!(updates(&dead, 0.01).weights[0].ratio, 0.0);
    let mut zeros = network(Tanh);
    scale(&mut zeros, "0.weight", 0.0);
    scale(&mut zeros, "2.weight", 0.0);
    assert_eq!(updates(&zeros, 0.01).weights[0].ratio, 0.0);

    // The optimizer is as before.
    let mut adam = Adam::new(0.01);
    doctor::updates(&network(Tanh), &x, &target, &CrossEntropy::new(), &mut adam).unwrap();
    assert_eq!(Optimizer::<f64>::memory(&adam).step, 0);
}
