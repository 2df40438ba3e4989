//! What is said to a caller who is wrong.

use neuropil::losses::{Sum, class_targets};
use neuropil::ndarray::{Array2, array};
use neuropil::prelude::*;

/// The words of an error; every method reports the same one.
fn says(loss: &dyn Loss<f64>, y: &Array2<f64>, target: &Array2<f64>) -> String {
    let said = loss.evaluate(y, target).unwrap_err().to_string();
    assert_eq!(loss.gradient(y, target).unwrap_err().to_string(), said);
    assert_eq!(loss.per_sample(y, target).unwrap_err().to_string(), said);
    said
}

#[test]
fn shapes() {
    let zeros = Array2::zeros;
    for (loss, y, target, text) in [
        (&Mse as &dyn Loss<f64>, [4, 3], [4, 2], "Mse takes a target of the outputs' shape, 4 x 3, got 4 x 2"),
        (&Sum(Mae), [4, 3], [3, 3], "Mae takes a target of the outputs' shape, 4 x 3, got 3 x 3"),
        (
            &Huber::default(),
            [1, 1],
            [2, 1],
            "Huber { delta: 1.0 } takes a target of the outputs' shape, 1 x 1, got 2 x 1",
        ),
        (
            &BceWithLogits::new(),
            [2, 2],
            [2, 1],
            "BceWithLogits { pos_weight: None } takes a target of the outputs' shape, 2 x 2, got 2 x 1",
        ),
        (
            &BceWithLogits::new().pos_weight([1.0, 2.0]),
            [2, 3],
            [2, 3],
            "the pos_weight of BceWithLogits must be 1 x 3, got 1 x 2",
        ),
        (&CrossEntropy::new(), [4, 3], [4, 2], "CrossEntropy takes labels, 4 x 1, or probabilities, 4 x 3, got 4 x 2"),
        (&CrossEntropy::new(), [4, 3], [3, 1], "CrossEntropy takes labels, 4 x 1, or probabilities, 4 x 3, got 3 x 1"),
        (
            &CrossEntropy::new().classes(3),
            [4, 6],
            [4, 1],
            "CrossEntropy { classes: 3 } takes labels, 4 x 2, or probabilities, 4 x 6, got 4 x 1",
        ),
        (
            &CrossEntropy::new().classes(4),
            [4, 6],
            [4, 1],
            "CrossEntropy { classes: 4 } takes outputs in groups of 4 columns, one for each class, got 4 x 6",
        ),
        (
            &CrossEntropy::new().classes(0),
            [4, 6],
            [4, 1],
            "CrossEntropy { classes: 0 } takes outputs in groups of 1 columns, one for each class, got 4 x 6",
        ),
        (
            &CrossEntropy::new(),
            [4, 1],
            [4, 1],
            "CrossEntropy takes two classes or more (BceWithLogits is for one logit), got 4 x 1",
        ),
        (
            &CrossEntropy::new().ignore_index(-1),
            [4, 3],
            [4, 3],
            "CrossEntropy { ignore_index: -1 } takes labels, since it ignores -1, got 4 x 3 probabilities",
        ),
        (
            &CrossEntropy::new().class_weights([1.0, 2.0]).label_smoothing(0.5),
            [4, 3],
            [4, 1],
            "the class weights of CrossEntropy { class_weights: [1.0, 2.0], label_smoothing: 0.5 } must be 1 x 3, got 1 x 2",
        ),
        (&Nll::new(), [4, 3], [4, 3], "Nll takes a target of labels, 4 x 1, got 4 x 3"),
        (
            &KlDivergence::new(),
            [1, 3],
            [1, 1],
            "KlDivergence { log_target: false, batch_mean: false } takes a target of the outputs' shape, 1 x 3, got 1 x 1",
        ),
        (
            &GaussianNll::new(),
            [4, 3],
            [4, 3],
            "GaussianNll { full: false, eps: 1e-6 } takes means and variances, 4 x 6, got 4 x 3",
        ),
        (
            &GaussianNll::new(),
            [4, 6],
            [2, 3],
            "GaussianNll { full: false, eps: 1e-6 } takes means and variances, 2 x 6, got 4 x 6",
        ),
        (
            &MultiClassHinge::new(),
            [2, 3],
            [2, 3],
            "MultiClassHinge { margin: 1.0, squared: false, undivided: false } takes a target of labels, 2 x 1, got 2 x 3",
        ),
        (
            &CosineEmbedding::default(),
            [2, 3],
            [2, 1],
            "CosineEmbedding { margin: 0.0 } takes pairs of vectors, an even number of columns, got 2 x 3",
        ),
        (
            &CosineEmbedding::default(),
            [2, 4],
            [2, 4],
            "CosineEmbedding { margin: 0.0 } takes a target of 2 x 1, got 2 x 4",
        ),
    ] {
        assert_eq!(says(loss, &zeros(y), &zeros(target)), text);
    }
}

#[test]
fn labels() {
    let y = Array2::zeros((3, 10));
    let (cross_entropy, hinge) = (CrossEntropy::new(), MultiClassHinge::new());
    for (label, text) in
        [(10.0, "10"), (-1.0, "-1"), (1.5, "1.5"), (f64::NAN, "NaN"), (f64::INFINITY, "inf"), (1e300, "1")]
    {
        let target = array![[0.0], [9.0], [label]];
        for loss in [&cross_entropy as &dyn Loss<f64>, &Nll::new(), &hinge] {
            let wants = format!("{loss:?} takes labels 0 to 9 of 10 classes, got {text}");
            let said = says(loss, &y, &target);
            assert!(said.starts_with(&wants) && said.ends_with(" in row 2"), "{said}");
        }
    }
    let loss = CrossEntropy::new().classes(5).ignore_index(-100);
    assert_eq!(
        says(&loss, &y, &array![[0.0, 4.0], [-100.0, 0.0], [1.0, 5.0]]),
        "CrossEntropy { classes: 5, ignore_index: -100 } takes labels 0 to 4 of 5 classes, or -100 to ignore, \
         got 5 at number 1 in row 2"
    );
    assert_eq!(
        one_hot::<f32>(&[0, 3], 3).unwrap_err().to_string(),
        "one_hot takes labels below 3, the number of classes, got 3 in row 1"
    );
}

#[test]
fn numbers() {
    let wants = "probabilities in [0, 1] (put a Sigmoid before it, or use BceWithLogits)";
    let y = array![[0.5, 1.0], [0.0, -0.25]];
    let good = array![[0.5, 1.0], [0.0, 1.0]];
    assert_eq!(
        says(&Bce::new(), &y, &good),
        format!("Bce {{ clip: None }} takes {wants}, got -0.25 at number 1 in row 1")
    );
    let clipped = Bce::clipped(1e-15);
    assert_eq!(says(&clipped, &y, &good), format!("{clipped:?} takes {wants}, got -0.25 at number 1 in row 1"));
    assert_eq!(
        says(&Bce::new(), &good, &y),
        "Bce { clip: None } takes targets in [0, 1], got -0.25 at number 1 in row 1"
    );
    // In any layout.
    let error = Bce::new().evaluate(&y.t(), &good.t()).unwrap_err();
    assert!(error.to_string().ends_with("got -0.25 at number 1 in row 1"), "{error}");
    let label = array![[1.0], [0.0]];
    let signs = "takes targets of 1 or -1, got 0 in row 1";
    let column = array![[0.5], [0.5]];
    assert_eq!(says(&SoftMargin, &column, &label), format!("SoftMargin {signs}"));
    assert_eq!(says(&HingeEmbedding::default(), &column, &label), format!("HingeEmbedding {{ margin: 1.0 }} {signs}"));
    assert_eq!(
        says(&Contrastive::default(), &column, &array![[1.0], [-1.0]]),
        "Contrastive { margin: 1.0 } takes targets of 1 or 0, got -1 in row 1"
    );
    assert_eq!(says(&CosineEmbedding::default(), &y, &label), format!("CosineEmbedding {{ margin: 0.0 }} {signs}"));
    assert_eq!(
        says(&GaussianNll::new(), &y, &label),
        "GaussianNll { full: false, eps: 1e-6 } takes variances that are not negative, got -0.25 in row 1"
    );
}

#[test]
fn settings() {
    let y = Array2::zeros((2, 2));
    let labels = class_targets(&[0, 1]);
    for (loss, target, text) in [
        (&Huber { delta: 0.0 } as &dyn Loss<f64>, &y, "Huber's delta must be above 0 and finite, got 0"),
        (&Huber { delta: f64::NAN }, &y, "Huber's delta must be above 0 and finite, got NaN"),
        (&SmoothL1 { beta: -1.0 }, &y, "SmoothL1's beta must be at least 0 and finite, got -1"),
        (&Bce::clipped(0.5), &y, "Bce's clip must be in [0, 0.5), got 0.5"),
        (&Bce::clipped(-0.1), &y, "Bce's clip must be in [0, 0.5), got -0.1"),
        (
            &BceWithLogits::new().pos_weight([1.0, -2.0]),
            &y,
            "BceWithLogits' pos_weight must be at least 0 and finite, got -2",
        ),
        (
            &CrossEntropy::new().label_smoothing(1.5),
            &labels,
            "CrossEntropy's label smoothing must be in [0, 1], got 1.5",
        ),
        (
            &CrossEntropy::new().class_weights([1.0, -2.0]),
            &labels,
            "a class weight must be at least 0 and finite, got -2",
        ),
        (&PoissonNll::new().eps(-1.0), &y, "PoissonNll's eps must be at least 0 and finite, got -1"),
        (&GaussianNll::new().eps(0.0), &labels, "GaussianNll's eps must be above 0 and finite, got 0"),
        (&MultiClassHinge::new().margin(f64::NAN), &labels, "MultiClassHinge's margin must be finite, got NaN"),
        (&HingeEmbedding { margin: f64::INFINITY }, &y, "HingeEmbedding's margin must be finite, got inf"),
        (&Contrastive { margin: 0.0 }, &y, "Contrastive's margin must be above 0 and finite, got 0"),
        (&CosineEmbedding { margin: 2.0 }, &labels, "CosineEmbedding's margin must be in [-1, 1], got 2"),
    ] {
        assert_eq!(says(loss, &y, target), text);
    }
}

/// After a wrong target the tape goes on, and no parameter has changed.
#[test]
fn a_tape_recovers() {
    let mut network = Sequential::<f64>::mlp(&[2, 3], Tanh, &mut rng(1)).unwrap();
    let before = network.predict(&array![[1.0, 2.0]]).unwrap();
    let mut tape = Tape::new(&network, 1);
    let mut sgd = Sgd::new(0.5);
    let x = array![[1.0, 2.0]];
    let error = tape.train(&mut network, &x, &class_targets(&[3]), &CrossEntropy::new(), &mut sgd).unwrap_err();
    assert_eq!(error.to_string(), "CrossEntropy takes labels 0 to 2 of 3 classes, got 3 in row 0");
    assert!(matches!(tape.step(&mut network, &mut sgd), Err(Error::Order { .. })));
    assert_eq!(network.predict(&x).unwrap(), before);
    tape.train(&mut network, &x, &class_targets(&[2]), &CrossEntropy::new(), &mut sgd).unwrap();
    assert_ne!(network.predict(&x).unwrap(), before);
}
