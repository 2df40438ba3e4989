//! The gradient check itself: it accepts correct derivatives, and rejects many kinds of wrong ones, with their place.

use neuropil::gradcheck::{self, Cause, Report};
use neuropil::losses::Sum;
use neuropil::ndarray::{Array2, array, s};
use neuropil::prelude::*;
use neuropil::rand::RngExt;

#[path = "gradcheck/wrong.rs"]
mod wrong;
use wrong::{Affine, Flaw, Gate, GateFlaw, LossFlaw, Squares, TanhWithoutSlope};

/// What the right layers and losses reach, and the wrong ones must miss by far.
const TOLERANCE: f64 = 1e-7;

/// Five different rows.
fn batch() -> Array2<f64> {
    let mut rng = rng(9);
    Array2::from_shape_simple_fn((5, 3), || rng.random_range(-1.5..1.5))
}

/// Asserts that the check names this cause.
fn assert_named(what: &str, cause: &Cause, report: &Report) {
    let same = match (cause, &report.cause) {
        (Cause::Factor(want), Some(Cause::Factor(got))) => (got / want - 1.0).abs() < 1e-6,
        (want, got) => got.as_ref() == Some(want),
    };
    assert!(same, "{what} is named {:?}: {report}", report.cause);
}

/// Asserts that the check fails, by far, at a place whose name starts with `at`.
fn assert_rejected(what: &str, at: &str, report: &Report) {
    assert!(!report.passes(10.0 * TOLERANCE), "{what} was not noticed: {report}");
    assert!(report.at.starts_with(at), "{what} is in {at}: {report}");
    assert!(report.nonzero > 0, "{what}: {report}");
}

#[test]
fn every_wrong_layer_is_rejected_at_the_right_place() {
    let wrong = [
        (Flaw::TransposedWeight, "weight[", Cause::Transposed),
        (Flaw::FirstSampleOnly, "weight[", Cause::NotSummed),
        (Flaw::RightForOneSampleOnly, "weight[", Cause::NotSummed),
        (Flaw::FactorTwo, "weight[", Cause::Factor(2.0)),
        (Flaw::DividedBySamples, "weight[", Cause::OverCount(5)),
        (Flaw::WrongSign, "input[", Cause::Sign),
        (Flaw::StaleCache, "weight[", Cause::StaleCache),
        (Flaw::InputNotWritten, "input[0, 0]", Cause::NotWritten),
        (Flaw::InputNotWrittenInLastRow, "input[4, 0]", Cause::NotWritten),
        (Flaw::AddedToInput, "input[0, 0]", Cause::Added),
        (Flaw::AddedToWeight, "weight[0, 0]", Cause::Added),
        (Flaw::BiasOfFirstSample, "bias[0, ", Cause::NotSummed),
        (Flaw::BiasOfOutputs, "bias[0, ", Cause::FromOutputs),
        (Flaw::OneElement, "weight[2, 1]", Cause::OneElement),
        (Flaw::OneNan, "weight[0, 2]", Cause::Nan),
        (Flaw::OnlyWithInputGradient, "weight[0, 0]", Cause::OnlyWithInput),
        (Flaw::OutputNotWritten, "input[0, 0]", Cause::OutputNotWritten),
        (Flaw::AddedToOutput, "input[0, 0]", Cause::OutputAdded),
        (Flaw::ForwardFromCache, "input[0, 0]", Cause::OutputFromCache),
    ];
    for (flaw, at, cause) in wrong {
        let report = gradcheck::layer(&Affine::new(flaw), 3, &batch(), 1).unwrap();
        assert_rejected(&format!("{flaw:?}"), at, &report);
        assert_named(&format!("{flaw:?}"), &cause, &report);
        assert_eq!(report.compared, 5 * 3 + 3 * 3 + 3);
    }
    let wrong = [
        (GateFlaw::SwappedSlots, "s", None),
        (GateFlaw::SwappedInVisitMut, "s", Some(Cause::VisitOrder)),
        (GateFlaw::ChainFactorDropped, "", Some(Cause::InnerDerivative)),
        (GateFlaw::StatisticTrained, "mean[", Some(Cause::NoDependence)),
        (GateFlaw::NewMaskInBackward, "", Some(Cause::OtherRandomNumbers)),
        (GateFlaw::WithoutMask, "", Some(Cause::Mask)),
    ];
    for (flaw, at, cause) in wrong {
        let report = gradcheck::layer(&Gate::new(flaw), 3, &batch(), 1).unwrap();
        assert_rejected(&format!("{flaw:?}"), at, &report);
        // Of two that are exchanged, the other one is named.
        let other = if report.at.starts_with("scale") { "shift" } else { "scale" };
        assert_named(&format!("{flaw:?}"), &cause.unwrap_or(Cause::Other(other.into())), &report);
    }
    let report = gradcheck::layer(&TanhWithoutSlope, 3, &batch(), 1).unwrap();
    assert_rejected("the slope of an activation", "input[", &report);
    assert_named("the slope of an activation", &Cause::InnerDerivative, &report);
}

#[test]
fn a_wrong_layer_inside_a_network_is_named_with_its_position() {
    let network = |flaw| {
        let mut rng = rng(3);
        let dense = Dense::new(3, 3, &mut rng);
        Sequential::new(3).with(dense)?.with(Tanh)?.with(Affine::new(flaw))?.with(Dense::new(3, 2, &mut rng))
    };
    let check = |flaw| gradcheck::layer(&network(flaw).unwrap(), 3, &batch(), 1).unwrap();

    let report = check(Flaw::None);
    assert!(report.passes(TOLERANCE), "{report}");
    assert_eq!(report.compared, 5 * 3 + 12 + 12 + 8);
    for flaw in [Flaw::TransposedWeight, Flaw::StaleCache, Flaw::AddedToWeight, Flaw::OneElement] {
        assert_rejected(&format!("{flaw:?}"), "2.weight[", &check(flaw));
    }
    // What it passes on is wrong for everything before it, also where its own buffer is the network's.
    for flaw in [Flaw::WrongSign, Flaw::AddedToInput, Flaw::InputNotWritten, Flaw::InputNotWrittenInLastRow] {
        let report = check(flaw);
        assert_rejected(&format!("{flaw:?}"), "", &report);
        assert!(report.at.starts_with("input[") || report.at.starts_with("0."), "{flaw:?}: {report}");
    }
}

#[test]
fn right_layers_pass() {
    let mut rng = rng(4);
    let x = batch();
    let mut compared = 0;
    let mut check = |layer: &dyn Layer<f64>| {
        let report = gradcheck::layer(layer, 3, &x, 1).unwrap();
        assert!(report.passes(TOLERANCE), "{layer:?}: {report}");
        assert!(report.nonzero > 0, "{layer:?}: {report}");
        compared += report.compared;
    };
    check(&Affine::new(Flaw::None));
    check(&Gate::new(GateFlaw::None));
    check(&Tanh);
    check(&Sigmoid);
    check(&Dense::new(3, 4, &mut rng));
    check(&Dense::new(3, 4, &mut rng).without_bias());
    let inner = Sequential::mlp(&[3, 4, 3], Tanh, &mut rng).unwrap();
    check(&inner);
    check(&Sequential::new(3).with(Gate::new(GateFlaw::None)).unwrap().with(inner).unwrap());
    let parameters = 12 + 6 + 16 + 12 + (16 + 15) + (6 + 16 + 15);
    assert_eq!(compared, 8 * 5 * 3 + parameters);

    // On a sequence, each step goes through the same weights.
    let sequence = Array2::from_shape_simple_fn((4, 6), || rng.random_range(-1.0..1.0));
    let report = gradcheck::layer(&Dense::new(3, 2, &mut rng), [2, 3], &sequence, 1).unwrap();
    assert!(report.passes(TOLERANCE) && report.compared == 4 * 6 + 8, "{report}");
}

#[test]
fn one_sample_hides_a_missing_sum() {
    let one = batch().slice(s![..1, ..]).to_owned();
    for flaw in [Flaw::FirstSampleOnly, Flaw::RightForOneSampleOnly, Flaw::BiasOfFirstSample] {
        let report = gradcheck::layer(&Affine::new(flaw), 3, &one, 1).unwrap();
        assert!(report.passes(TOLERANCE), "{flaw:?}: {report}");
    }
}

#[test]
fn parameters_alone_leave_the_input_out() {
    let check = |flaw| gradcheck::parameters(&Affine::new(flaw), 3, &batch(), 1).unwrap();
    let report = check(Flaw::WrongSign);
    assert!(report.passes(TOLERANCE), "{report}");
    assert_eq!(report.compared, 3 * 3 + 3);
    assert_rejected("a factor of 2", "weight[", &check(Flaw::FactorTwo));
    // Nothing to compare is no success.
    assert!(!gradcheck::parameters(&Tanh, 3, &batch(), 1).unwrap().passes(TOLERANCE));
}

#[test]
fn what_does_not_fit_is_an_error() {
    let error = gradcheck::layer(&Dense::new(3, 2, &mut rng(0)), 3, &array![[1.0, 2.0]], 1).unwrap_err();
    assert_eq!(error, Error::Width { wants: Shape::Flat(3), got: 2 });
    let error = gradcheck::layer(&Dense::new(3, 2, &mut rng(0)), 2, &array![[1.0, 2.0]], 1).unwrap_err();
    assert!(matches!(error, Error::Input { .. }), "{error}");
    assert!(matches!(gradcheck::loss(&Mse, &batch(), &array![[0.0]]), Err(Error::Target { .. })));
}

#[test]
fn every_wrong_loss_is_rejected_and_the_right_ones_pass() {
    let (y, target) = (batch(), batch().mapv(|x| (3.0 * x).sin()));
    let check = |loss: &dyn Loss<f64>| {
        let report = gradcheck::loss(loss, &y, &target).unwrap();
        assert_eq!(report.compared, 15);
        report
    };
    for (flaw, at, cause) in [
        (LossFlaw::WithoutN, "y[", Cause::TimesCount(3)),
        (LossFlaw::FactorTwo, "y[", Cause::Factor(0.5)),
        (LossFlaw::WrongSign, "y[", Cause::Sign),
        (LossFlaw::IgnoresTarget, "y[", Cause::WithoutTarget),
        (LossFlaw::Added, "y[", Cause::Added),
        (LossFlaw::ValueAdded, "y[", Cause::ValueAdded),
        (LossFlaw::ValueOnlyWithoutGradient, "y[", Cause::ValueWithGradient),
        (LossFlaw::LastElementNotWritten, "y[4, 2]", Cause::NotWritten),
        (LossFlaw::OneElement, "y[4, 2]", Cause::OneElement),
        (LossFlaw::AllRowsLikeTheFirst, "y[", Cause::FirstRow),
    ] {
        let report = check(&Squares(flaw));
        assert_rejected(&format!("{flaw:?}"), at, &report);
        assert_named(&format!("{flaw:?}"), &cause, &report);
        let first = report.at.starts_with("y[0");
        assert!(flaw != LossFlaw::AllRowsLikeTheFirst || !first, "{report}");
    }

    for loss in [&Squares(LossFlaw::None) as &dyn Loss<f64>, &Mse, &Sum(Mse)] {
        let report = check(loss);
        assert!(report.passes(TOLERANCE) && report.nonzero == 15, "{loss:?}: {report}");
    }
}

#[test]
fn the_report_reads_well() {
    let report = gradcheck::layer(&Affine::new(Flaw::OneNan), 3, &batch(), 1).unwrap();
    let text = report.to_string();
    let start = "worst of 27 derivatives, 27 nonzero: weight[0, 2] is NaN by backward, ";
    assert!(text.starts_with(start), "{text}");
    assert!(text.ends_with(", error NaN; most likely a NaN is computed"), "{text}");
}

#[test]
fn checking_leaves_the_layer_as_it_was() {
    let layer = Dense::<f64>::new(3, 2, &mut rng(8));
    let before = layer.clone();
    gradcheck::layer(&layer, 3, &batch(), 1).unwrap();
    assert_eq!(layer, before);
}
