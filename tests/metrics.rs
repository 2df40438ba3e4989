//! The metrics against scikit-learn's, and their errors.

use crate::common;

use common::{Case, F32, F64, Tolerance, assert_close, cases};
use neuropil::metrics::{
    Accuracy, Average, BinaryAccuracy, ConfusionMatrix, F1, FromLogits, LogLoss, Matthews, MeanAbsoluteError,
    MeanSquaredError, Metric, Precision, R2, Recall, RocAuc, RocCurve, RootMeanSquaredError, TopK, accuracy, argmax,
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
fn logits_are_measured_by_their_probabilities() {
    let mut compared = 0;
    for seed in 0..20 {
        let mut rng = rng(seed);
        let classes = 1 + seed as usize % 4;
        let z: Array2<f32> = Init::STANDARD_NORMAL.matrix(30, classes, &mut rng);
        let target = Array2::from_shape_fn((30, 1), |(i, _)| (i % classes.max(2)) as f32);
        let p = if classes == 1 {
            Sequential::new(1).with(Sigmoid).unwrap().predict(&z).unwrap()
        } else {
            Sequential::new(classes).with(Softmax).unwrap().predict(&z).unwrap()
        };
        let pairs: [(&dyn Metric<f32>, &dyn Metric<f32>); 3] = [
            (&FromLogits(LogLoss), &LogLoss),
            (&FromLogits(RocAuc(Average::Macro)), &RocAuc(Average::Macro)),
            (&FromLogits(RocAuc(Average::Weighted)), &RocAuc(Average::Weighted)),
        ];
        for (of_logits, of_probabilities) in pairs {
            of_logits.check(&z, &target).unwrap();
            let (got, want) =
                (of_logits.evaluate(&z, &target).unwrap(), of_probabilities.evaluate(&p, &target).unwrap());
            compared += assert_close(&format!("{of_logits:?}, seed {seed}"), [got], [want], F32);
            assert_eq!(of_logits.name(), of_probabilities.name());
            assert_eq!(of_logits.higher_is_better(), of_probabilities.higher_is_better());
        }
    }
    assert_eq!(compared, 60);
    // Impossible, and so certain that f32 rounds it to 1.
    let masked = array![[0.0, 0.0, f32::NEG_INFINITY]];
    assert_eq!(FromLogits(LogLoss).evaluate(&masked, &array![[1.0]]).unwrap(), 2.0_f64.ln());
    let far = array![[20.0_f32, 0.0], [25.0, 0.0], [30.0, 0.0]];
    let area = FromLogits(RocAuc(Average::Class(0)));
    assert_eq!(area.evaluate(&far, &array![[1.0], [0.0], [0.0]]).unwrap(), 1.0);
}

#[test]
fn r2_and_errors_never_hide_nan() {
    let of = |metric: &dyn Metric<f64>, y: &Array2<f64>, target: &Array2<f64>| metric.evaluate(y, target).unwrap();
    // A mean of tenths is not quite a tenth.
    let tenths = array![[0.1], [0.1], [0.1]];
    assert_eq!(of(&R2, &tenths, &tenths), 1.0);
    assert_eq!(of(&R2, &array![[0.1], [0.1], [0.2]], &tenths), 0.0);
    let (y, target) = (array![[1.0, 5.0], [2.0, 5.0], [4.0, 5.0]], array![[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]);
    assert_eq!(of(&R2, &y, &target), 0.25); // the mean of 0.5 and 0
    assert!(of(&R2, &array![[1.0]], &array![[1.0]]).is_nan());
    let mut compared = 0;
    for metric in [&R2 as &dyn Metric<f64>, &MeanAbsoluteError, &MeanSquaredError, &RootMeanSquaredError] {
        assert!(of(metric, &Array2::zeros((0, 1)), &Array2::zeros((0, 1))).is_nan(), "{metric:?}");
        for target in [array![[1.0], [2.0]], array![[1.0], [1.0]]] {
            assert!(of(metric, &array![[f64::NAN], [1.0]], &target).is_nan(), "{metric:?}");
            assert!(of(metric, &target, &array![[1.0], [f64::NAN]]).is_nan(), "{metric:?}");
            compared += 2;
        }
    }
    assert_eq!(compared, 16);
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
        LogLoss.evaluate(&array![[0.5, 0.75], [0.5, 0.5]], &target),
        RocAuc::default().evaluate(&one, &array![[1.0], [1.0]]),
        RocAuc(Average::Micro).evaluate(&y, &target),
        RocAuc::default().evaluate(&array![[3.0, 1.0], [0.0, 1.0]], &target),
        RocAuc::default().check(&array![[3.0, 1.0], [0.0, 1.0]], &target).map(|()| 0.0),
        FromLogits(RocAuc::default()).evaluate(&array![[3.0, f64::INFINITY], [0.0, 1.0]], &target),
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
        "TopK takes a score for each of two or more classes (for one output use a binary metric), got 2 x 1",
        "LogLoss takes probabilities (for logits wrap it in FromLogits), got 1.5 in row 1",
        "LogLoss takes probabilities that add up to 1 (for logits wrap it in FromLogits), got a sum of 1.25 in row 0",
        "RocCurve takes samples of both classes, got 2 positive and 0 negative ones",
        "RocAuc takes the average Macro, Weighted or Class, got Micro",
        "RocAuc takes probabilities (for logits wrap it in FromLogits), got 3 in row 0",
        "RocAuc takes probabilities (for logits wrap it in FromLogits), got 3 in row 0",
        "the output of sample 0 is NaN; no parameter was changed; try a smaller learning rate, clip the \
         gradients, or scale the data",
        "RocCurve takes one score a sample, got 2 x 2",
        "a binary metric takes one output a sample, got 2 x 2",
        "a binary metric takes class indices from 0 to 1, got 2 in row 1",
        "R2 takes a target like the outputs, 2 x 1, got 2 x 2",
        "MeanAbsoluteError takes a target like the outputs, 2 x 1, got 2 x 2",
        "the output of sample 0 is NaN; no parameter was changed; try a smaller learning rate, clip the \
         gradients, or scale the data",
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
    assert_eq!(confusion.support(), [1, 3, 2]);
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
        "accuracy takes class indices from 0 to 1, got 2 in row 1",
        "accuracy takes class indices from 0 to 1, got -1 in row 1",
        "accuracy takes class indices from 0 to 1, got 0.5 in row 1",
        "accuracy takes class indices from 0 to 1, got NaN in row 1",
        "accuracy takes a score for each of two or more classes (for one output use a binary metric), got 2 x 1",
        "the output of sample 0 is NaN; no parameter was changed; try a smaller learning rate, clip the \
         gradients, or scale the data",
        "ConfusionMatrix takes class indices from 0 to 1, got 2 in row 1",
    ];
    assert_eq!(errors.map(|error| error.unwrap_err().to_string()), want);
}

/// One sample of each class comes first, and then two with the same score.
#[test]
fn a_curve_has_its_points() {
    let (y, target) = (array![[0.2], [0.9], [0.2], [0.7]], array![[1.0], [1.0], [0.0], [0.0]]);
    let curve = RocCurve::new(&y, &target).unwrap();
    assert_eq!(curve.points(), [[0.0, 0.0], [0.0, 0.5], [0.5, 0.5], [1.0, 1.0]]);
    assert_eq!(curve.area(), 0.5 * 0.5 + 0.5 * 0.75);
}

#[test]
fn large_logits_have_probabilities() {
    let logits = array![[1000.0, 0.0], [-1000.0, 0.0]];
    assert!(FromLogits(LogLoss).evaluate(&logits, &array![[0.0], [1.0]]).unwrap() < 1e-12);
}
