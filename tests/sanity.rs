//! The sanity tools find what was planted, and nothing in networks that are well.

use neuropil::data::{self, Samples};
use neuropil::ndarray::{Array2, array};
use neuropil::activations::Sign;
use neuropil::prelude::*;
use neuropil::train::sanity::{self, Report};

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

fn healthy(report: &Report) {
    assert!(report.is_healthy(), "{report}");
    assert!(report.to_string().lines().next().unwrap().ends_with(": as it should be"), "{report}");
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
    let report = sanity::initial_loss(&network(Tanh), &x, &target, &loss).unwrap();
    healthy(&report);
    assert!((report.get("knowing nothing").unwrap() - 3.0_f64.ln()).abs() < 1e-12);
    // The same with probabilities and their logarithms.
    let with = |last: &dyn Fn(Sequential<f64>) -> Result<Sequential<f64>>| last(network(Tanh)).unwrap();
    let log = with(&|network| network.with(LogSoftmax));
    let report = sanity::initial_loss(&log, &x, &target, &Nll::new()).unwrap();
    healthy(&report);
    assert!((report.get("knowing nothing").unwrap() - 3.0_f64.ln()).abs() < 1e-12);
    let yes = Sequential::<f64>::mlp(&[2, 8, 1], Tanh, &mut rng(1)).unwrap();
    let labels = target.mapv(|class| f64::from(class == 1.0));
    for report in [
        sanity::initial_loss(&yes, &x, &labels, &BceWithLogits::new()),
        sanity::initial_loss(&yes.clone().with(Sigmoid).unwrap(), &x, &labels, &Bce::new()),
    ] {
        healthy(report.as_ref().unwrap());
        assert!((report.unwrap().get("knowing nothing").unwrap() - 2.0_f64.ln()).abs() < 1e-12);
    }
    let squares = array![[3.0], [-1.0], [2.0]];
    let three = x.slice(neuropil::ndarray::s![..3, ..]).to_owned();
    let report = sanity::initial_loss(&yes, &three, &squares, &Mse).unwrap();
    assert_eq!(report.get("knowing nothing"), Some(14.0 / 3.0));

    let mut sure = network(Tanh);
    scale(&mut sure, "2.weight", 100.0);
    sick(&sanity::initial_loss(&sure, &x, &target, &loss).unwrap(), "sure of wrong answers");
    let mut trained = network(Tanh);
    Trainer::new(loss, Adam::new(0.05)).epochs(20).fit(&mut trained, &(&x, &target)).unwrap();
    sick(&sanity::initial_loss(&trained, &x, &target, &CrossEntropy::new()).unwrap(), "knows the answers already");
    sick(&sanity::initial_loss(&yes, &three, &(squares * 100.0), &Mse).unwrap(), "scale them");
    let zeros = Array2::from_elem((3, 1), 0.0);
    sick(&sanity::initial_loss(&yes, &three, &zeros, &Mse).unwrap(), "look at the targets");
    scale(&mut sure, "0.weight", f64::NAN);
    assert!(!sanity::initial_loss(&sure, &x, &target, &CrossEntropy::new()).unwrap().is_healthy());
    assert!(sanity::initial_loss(&yes, &x, &target, &CrossEntropy::new()).is_err());
}

#[test]
fn one_batch_by_heart() {
    let Samples { x, target } = samples();
    let loss = CrossEntropy::new();
    let before = network(Relu);
    let report = sanity::overfit(&before, &x, &target, &loss).unwrap();
    healthy(&report);
    assert!(report.get("loss after") < Some(0.01 * report.get("loss before").unwrap()));
    assert_eq!(before.parameter("0.weight"), network(Relu).parameter("0.weight"));

    // All samples alike, with three classes: nothing can tell them apart.
    let alike = Array2::from_elem(x.dim(), 0.5);
    let report = sanity::overfit(&before, &alike, &target, &loss).unwrap();
    sick(&report, "alike with targets that are not");
    assert!(report.get("loss after") > Some(1.0));
    let mut frozen = network(Relu);
    frozen.freeze(0).and_then(|()| frozen.freeze(2)).unwrap();
    let report = sanity::overfit(&frozen, &x, &target, &loss).unwrap();
    sick(&report, "frozen");
    assert_eq!(report.get("steps"), Some(0.0));
    let mut dead = network(Relu);
    scale(&mut dead, "0.bias", 0.0);
    dead.visit_mut(&mut |info, w| w.mapv_inplace(|w| if info.name.to_string() == "0.bias" { -1e3 } else { w }));
    sick(&sanity::overfit(&dead, &x, &target, &loss).unwrap(), "dead layers");
}

#[test]
fn dead_and_saturated_units() {
    let x = samples().x;
    for network in [network(Relu), network(Tanh), network(Sigmoid), network(Gelu), network(PRelu::new())] {
        let report = sanity::units(&network, &x).unwrap();
        healthy(&report);
        assert_eq!(report.values.len(), 2, "{report}");
    }
    // Kills 16 of the 32 units, and bends 8 of them to one side.
    let planted = |mut network: Sequential<f64>, units: usize, bias: f64| {
        network.visit_mut(&mut |info, w| {
            if info.name.to_string() == "0.bias" {
                w.iter_mut().take(units).for_each(|w| *w = bias);
            }
        });
        sanity::units(&network, &x).unwrap()
    };
    let report = planted(network(Relu), 16, -1e3);
    sick(&report, "50 % of the units after layer 1 Relu are dead");
    assert_eq!((report.get("1 Relu, dead"), report.get("1 Relu, saturated")), (Some(0.5), Some(0.0)));
    for (bias, units) in [(1e3, 8), (-1e3, 8), (20.0, 8)] {
        let report = planted(network(Tanh), units, bias);
        sick(&report, "25 % of the units after layer 1 Tanh are saturated");
        assert_eq!((report.get("1 Tanh, dead"), report.get("1 Tanh, saturated")), (Some(0.0), Some(0.25)));
    }
    healthy(&planted(network(Tanh), 4, 1e3));
    assert_eq!(planted(network(Relu6), 8, 1e3).get("1 Relu6, saturated"), Some(0.25));
    // Steps have no slope by nature; softmax does not act on each number alone; an output may saturate.
    for last in [sanity::units(&network(Sign), &x), sanity::units(&network(Softmax), &x)] {
        assert_eq!(last.unwrap().values, []);
    }
    let mut output = network(Relu).with(Sigmoid).unwrap();
    scale(&mut output, "2.weight", 50.0);
    let report = sanity::units(&output, &x).unwrap();
    healthy(&report);
    assert!(report.get("3 Sigmoid, saturated") > Some(0.5), "{report}");
    assert!(matches!(sanity::units(&output, &Array2::default((1, 2))), Err(Error::Setting { .. })));
    assert!(matches!(sanity::units(&output, &Array2::default((9, 3))), Err(Error::Width { .. })));
}

#[test]
fn updates_beside_weights() {
    let Samples { x, target } = samples();
    let loss = CrossEntropy::new();
    let report = |network: &Sequential<f64>, rate: f64| {
        sanity::updates(network, &x, &target, &loss, &mut Sgd::new(rate)).unwrap()
    };
    let fine = report(&network(Tanh), 0.01);
    healthy(&fine);
    let names: Vec<&str> = fine.values.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["0.weight", "2.weight"]);
    let twice = report(&network(Tanh), 0.02);
    for (one, two) in fine.values.iter().zip(&twice.values) {
        assert!((two.1 / one.1 - 2.0).abs() < 1e-9, "{fine}{twice}");
    }
    assert_eq!(report(&network(Tanh), 1e-8).advice.len(), 2);
    assert!(report(&network(Tanh), 1e-8).advice[0].starts_with("0.weight hardly moves: use a larger learning rate"));
    assert!(report(&network(Tanh), 100.0).advice[0].starts_with("0.weight jumps: use a smaller learning rate"));

    let mut frozen = network(Tanh);
    frozen.freeze(0).unwrap();
    healthy(&report(&frozen, 0.01));
    assert_eq!(report(&frozen, 0.01).values.len(), 1);
    let mut dead = network(Relu);
    dead.visit_mut(&mut |info, w| w.mapv_inplace(|w| if info.name.to_string() == "0.bias" { -1e3 } else { w }));
    let report = report(&dead, 0.01);
    assert!(report.advice.iter().all(|advice| advice.contains("does not move")), "{report}");
    assert_eq!(report.get("0.weight"), Some(0.0));

    // The optimizer is as before.
    let mut adam = Adam::new(0.01);
    sanity::updates(&network(Tanh), &x, &target, &CrossEntropy::new(), &mut adam).unwrap();
    assert_eq!(Optimizer::<f64>::memory(&adam).step, 0);
}
