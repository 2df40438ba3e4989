//! The metrics against scikit-learn's, and what they refuse.

mod common;

use common::{Case, F32, F64, Tolerance, assert_close, cases};
use neuropil::metrics::{
    Accuracy, Average, BinaryAccuracy, ConfusionMatrix, F1, LogLoss, Matthews, MeanAbsoluteError, MeanSquaredError,
    Metric, Precision, R2, Recall, RocAuc, RocCurve, RootMeanSquaredError, TopK, accuracy, argmax,
};
use neuropil::ndarray::{Array2, array};
use neuropil::prelude::*;

/// The value of a case: its metric on its inputs.
fn value<A: Scalar>(case: &Case) -> Vec<f64> {
    let column = |name: &str| case.matrix("inputs", name, 1).map(|column| column.mapv(A::of));
    let truth = column("y_true").expect("the truth");
    // Answers that are classes become scores: 1 for the class, and 0 for the others.
    let scores = |classes: usize| {
        let answers = column("y_pred").expect("answers");
        Array2::from_shape_fn((answers.nrows(), classes), |(i, class)| {
            A::of(f64::from(u8::from(answers[[i, 0]].to_f64() == class as f64)))
        })
    };
    let largest = |name| column(name).unwrap().iter().map(|class| class.to_f64() as usize).max().unwrap_or(0);
    let classes = case.config("num_classes").as_u64().map_or_else(
        || if case.value["inputs"].get("y_pred").is_some() { 1 + largest("y_true").max(largest("y_pred")) } else { 1 },
        |n| n as usize,
    );
    let y_score = case.matrix("inputs", "y_score", classes).map(|y| y.mapv(A::of));
    let average = match case.config("average").as_str() {
        Some("micro") => vec![Average::Micro],
        Some("weighted") => vec![Average::Weighted],
        Some("binary") => vec![Average::Class(1)],
        Some("none") => (0..classes).map(Average::Class).collect(),
        _ => vec![Average::Macro],
    };
    let numbers = || column("y_pred").expect("numbers");
    let evaluate = |metric: &dyn Metric<A>, y: Array2<A>| vec![metric.evaluate(&y, &truth).unwrap()];
    let each = |metric: &dyn Fn(Average) -> Box<dyn Metric<A>>| {
        let y = scores(classes.max(2));
        average.iter().map(|&average| metric(average).evaluate(&y, &truth).unwrap()).collect()
    };
    match case.op() {
        "accuracy" => evaluate(&Accuracy, scores(classes.max(2))),
        "precision" => each(&|average| Box::new(Precision(average))),
        "recall" => each(&|average| Box::new(Recall(average))),
        "f1" => each(&|average| Box::new(F1(average))),
        "matthews" => evaluate(&Matthews, scores(classes.max(2))),
        "confusion_matrix" => {
            let confusion = ConfusionMatrix::new(&scores(classes.max(2)), &truth).unwrap();
            confusion.counts().iter().map(|&count| count as f64).collect()
        }
        "top_k_accuracy" => evaluate(&TopK(case.number("k") as usize), y_score.unwrap()),
        "roc_auc" => evaluate(&RocAuc(average[0]), y_score.unwrap()),
        "log_loss" => evaluate(&LogLoss, y_score.unwrap()),
        "r2" => evaluate(&R2, numbers()),
        "mae" => evaluate(&MeanAbsoluteError, numbers()),
        "mse" => evaluate(&MeanSquaredError, numbers()),
        "rmse" => evaluate(&RootMeanSquaredError, numbers()),
        op => panic!("{op} is not known"),
    }
}

#[test]
fn all_metrics_agree_with_scikit_learn() {
    fn check<A: Scalar>(tolerance: Tolerance) -> usize {
        let cases = cases("metrics");
        assert_eq!(cases.len(), 72);
        cases
            .iter()
            .map(|case| {
                let want = case.array("outputs", "value").unwrap_or_else(|| panic!("{}: no value", case.name));
                assert_close(&case.name, value::<A>(case), want, tolerance)
            })
            .sum()
    }
    let compared = check::<f64>(F64);
    assert!(compared >= 72, "{compared}");
    assert_eq!(check::<f32>(F32), compared);
}

#[test]
fn metrics_refuse_what_does_not_fit() {
    let (y, one) = (array![[0.2, 0.8], [0.6, 0.4]], array![[0.2], [0.6]]);
    let (target, wide) = (array![[0.0], [1.0]], array![[0.0, 1.0], [1.0, 0.0]]);
    let errors = [
        Precision(Average::Class(2)).evaluate(&y, &target),
        TopK(0).evaluate(&y, &target),
        TopK(1).evaluate(&one, &target),
        LogLoss.evaluate(&array![[0.5], [1.5]], &target),
        RocAuc::default().evaluate(&one, &array![[1.0], [1.0]]),
        RocAuc(Average::Micro).evaluate(&y, &target),
        RocCurve::new(&y, &target).map(|_| 0.0),
        BinaryAccuracy::LOGITS.evaluate(&y, &target),
        BinaryAccuracy::LOGITS.evaluate(&one, &array![[0.0], [2.0]]),
        R2.evaluate(&one, &wide),
        MeanAbsoluteError.evaluate(&one, &wide),
        Matthews.evaluate(&array![[0.2, f64::NAN]], &array![[0.0]]),
    ];
    let want = [
        "Precision takes outputs with a score for class 2, got 2 classes",
        "the k of TopK must be at least 1, got 0",
        "TopK takes outputs with a score for each of two or more classes, got 2 x 1",
        "LogLoss takes probabilities (put a Softmax or Sigmoid at the network's end), got 1.5",
        "RocCurve takes samples of the class and others, got 2 and 0",
        "RocAuc takes the average Macro, Weighted or Class, got Micro",
        "RocCurve takes one score a sample, got 2 x 2",
        "a binary metric takes one output a sample, got 2 x 2",
        "a binary metric takes class indices from 0 to 1, got 2",
        "R2 takes a target like the outputs, 2 x 1, got 2 x 2",
        "MeanAbsoluteError takes a target like the outputs, 2 x 1, got 2 x 2",
        "the output of sample 0 is NaN; no parameter was changed; try a smaller learning rate, or look for NaN in the data",
    ];
    assert_eq!(errors.map(|error| error.unwrap_err().to_string()), want);
}

#[test]
fn the_first_of_the_largest_wins_and_nan_is_never_hidden() {
    let nan = f64::NAN;
    let y = array![[1.0, 2.0, 2.0], [-1.0, -3.0, -2.0], [0.0, nan, nan], [nan, 9.0, 1.0], [f64::NEG_INFINITY; 3]];
    assert_eq!(argmax(&y), [1, 0, 1, 0, 0]);
    assert_eq!(argmax(&Array2::<f32>::zeros((2, 0))), [0, 0]);
}

#[test]
fn counts_add_up() {
    let y =
        array![[3.0, 1.0, 0.0], [0.0, 1.0, 0.5], [0.0, 1.0, 4.0], [0.2, 0.1, 0.0], [0.0, 0.0, 1.0], [0.0, 2.0, 1.0]];
    let target = array![[0.0], [1.0], [1.0], [2.0], [2.0], [1.0]];
    let confusion = ConfusionMatrix::new(&y, &target).unwrap();
    assert_eq!(confusion.counts(), array![[1, 0, 0], [0, 2, 1], [1, 0, 1]]);
    assert_eq!(accuracy(&y, &target).unwrap(), 4.0 / 6.0);
    let right = confusion.counts().diag().sum();
    assert_eq!(right as f64 / confusion.counts().sum() as f64, 4.0 / 6.0);
    assert_eq!(confusion.to_string(), "truth  0  1  2\n    0  1  .  .\n    1  .  2  1\n    2  1  .  1");
    assert!(accuracy(&Array2::<f32>::zeros((0, 3)), &Array2::zeros((0, 1))).unwrap().is_nan());
}

#[test]
fn wrong_targets_are_refused() {
    let y = array![[3.0, 1.0], [0.0, 1.0]];
    let errors = [
        accuracy(&y, &array![[0.0]]),
        accuracy(&y, &array![[0.0, 1.0], [1.0, 0.0]]),
        accuracy(&y, &array![[0.0], [2.0]]),
        accuracy(&y, &array![[0.0], [-1.0]]),
        accuracy(&y, &array![[0.0], [0.5]]),
        accuracy(&y, &array![[0.0], [f64::NAN]]),
        accuracy(&array![[0.3], [0.9]], &array![[0.0], [1.0]]),
        accuracy(&array![[0.3, f64::NAN]], &array![[0.0]]),
        ConfusionMatrix::new(&y, &array![[0.0], [2.0]]).map(|_| 0.0),
    ];
    let want = [
        "accuracy takes a target of one class index a row, 2 x 1, got 1 x 1",
        "accuracy takes a target of one class index a row, 2 x 1, got 2 x 2",
        "accuracy takes class indices from 0 to 1, got 2",
        "accuracy takes class indices from 0 to 1, got -1",
        "accuracy takes class indices from 0 to 1, got 0.5",
        "accuracy takes class indices from 0 to 1, got NaN",
        "accuracy takes outputs with a score for each of two or more classes, got 2 x 1",
        "the output of sample 0 is NaN; no parameter was changed; try a smaller learning rate, or look for NaN in the data",
        "ConfusionMatrix takes class indices from 0 to 1, got 2",
    ];
    assert_eq!(errors.map(|error| error.unwrap_err().to_string()), want);
}
