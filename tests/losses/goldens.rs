//! All reference values of the family `losses`.

use neuropil::losses::Sum;
use neuropil::ndarray::{Array2, ArrayD, Axis, concatenate};
use neuropil::prelude::*;

use crate::common::{Case, F32, F64, Tolerance, assert_close, cases};

#[test]
fn reference_values() {
    assert_eq!(agree::<f64>(F64), (135, 2460));
    assert_eq!(agree::<f32>(F32), (135, 2460));
}

/// How many cases and numbers agree: all, or the test fails.
fn agree<A: Scalar + Into<f64>>(tolerance: Tolerance) -> (usize, usize) {
    let mut compared = 0;
    let cases = cases("losses");
    for case in &cases {
        let upstream = case.array("upstream", "output").unwrap();
        let output = case.array("outputs", "output").unwrap();
        let (y, target, gradient) = (outputs(case, "inputs"), target(case), outputs(case, "gradients"));
        compared += if case.config("reduction") != "none" {
            let upstream = upstream.first().unwrap();
            reduced::<A>(case, &y, &target, output, &(gradient / *upstream), tolerance)
        } else if of_rows(case) {
            rows::<A>(case, None, [&y, &target, &gradient], [output, upstream], tolerance)
        } else {
            // A value for each number: every column is a batch of its own.
            let columns = target.ncols();
            let column = |array: &ArrayD<f64>, c: usize| table(array.clone(), columns).column(c).to_owned().into_dyn();
            (0..columns)
                .map(|c| {
                    // Mean and variance of that column, where there are both.
                    let pick = |matrix: &Array2<f64>| {
                        let places: Vec<usize> = (c..matrix.ncols()).step_by(columns).collect();
                        matrix.select(Axis(1), &places)
                    };
                    let matrices = [&pick(&y), &pick(&target), &pick(&gradient)];
                    rows::<A>(case, Some(c), matrices, [column(&output, c), column(&upstream, c)], tolerance)
                })
                .sum()
        };
    }
    (cases.len(), compared)
}

/// Compares a mean or a sum, and its gradient for an upstream of 1.
fn reduced<A: Scalar + Into<f64>>(
    case: &Case,
    y: &Array2<f64>,
    target: &Array2<f64>,
    output: ArrayD<f64>,
    gradient: &Array2<f64>,
    tolerance: Tolerance,
) -> usize {
    let loss = loss::<A>(case, None);
    let (y, target) = (y.mapv(A::of), target.mapv(A::of));
    let got = loss.evaluate(&y, &target).unwrap();
    assert_close(&case.name, [got], output, tolerance)
        + assert_close(&case.name, loss.gradient(&y, &target).unwrap(), gradient.iter().copied(), tolerance)
}

/// Compares the loss of each row, and the gradient for an upstream of each row.
fn rows<A: Scalar + Into<f64>>(
    case: &Case,
    column: Option<usize>,
    [y, target, gradient]: [&Array2<f64>; 3],
    [output, upstream]: [ArrayD<f64>; 2],
    tolerance: Tolerance,
) -> usize {
    let loss = loss::<A>(case, column);
    // Row-major, as `rows` wants it.
    let as_given = |matrix: &Array2<f64>| matrix.as_standard_layout().mapv(A::of);
    let (y, target) = (as_given(y), as_given(target));
    let got = loss.per_sample(&y, &target).unwrap();
    let (mut again, mut dy) = (vec![A::NAN; y.nrows()], Array2::from_elem(y.dim(), A::NAN));
    loss.rows(&y, &target, &mut again, Some(&mut dy));
    assert_eq!(got.to_vec(), again, "{}: the value depends on whether the gradient is wanted", case.name);
    for (mut dy, upstream) in dy.rows_mut().into_iter().zip(upstream) {
        dy *= A::of(upstream);
    }
    assert_close(&case.name, got, output, tolerance) + assert_close(&case.name, dy, gradient.iter().copied(), tolerance)
}

/// Whether the loss has one value a row, not one for each number.
fn of_rows(case: &Case) -> bool {
    matches!(case.op(), "cross_entropy" | "nll" | "multi_margin" | "cosine_embedding")
}

fn loss<A: Scalar>(case: &Case, column: Option<usize>) -> Box<dyn Loss<A>> {
    let weights = |name| case.array("inputs", name).map(|weights| weights.into_iter().collect::<Vec<f64>>());
    let number = |name| case.config(name).as_f64();
    let flag = |name| case.config(name).as_bool().unwrap();
    match case.op() {
        "mse" => reduce(case, Mse),
        "l1" => reduce(case, Mae),
        "smooth_l1" => reduce(case, SmoothL1 { beta: case.number("beta") }),
        "huber" => reduce(case, Huber { delta: case.number("delta") }),
        "bce" => reduce(case, Bce::new()),
        "bce_with_logits" => match (weights("pos_weight"), column) {
            (None, _) => reduce(case, BceWithLogits::new()),
            (Some(weights), None) => reduce(case, BceWithLogits::new().pos_weight(weights)),
            (Some(weights), Some(column)) => reduce(case, BceWithLogits::new().pos_weight([weights[column]])),
        },
        "cross_entropy" => {
            let mut loss = CrossEntropy::new().label_smoothing(number("label_smoothing").unwrap_or(0.0));
            if let Some(weights) = weights("weight") {
                loss = loss.class_weights(weights);
            }
            if let Some(label) = number("ignore_index") {
                loss = loss.ignore_index(label as i64);
            }
            reduce(case, loss)
        }
        "nll" => {
            let mut loss = Nll::new();
            if let Some(weights) = weights("weight") {
                loss = loss.class_weights(weights);
            }
            if let Some(label) = number("ignore_index") {
                loss = loss.ignore_index(label as i64);
            }
            reduce(case, loss)
        }
        "kl_div" => {
            let loss = if flag("log_target") { KlDivergence::new().log_target() } else { KlDivergence::new() };
            let batch_mean = case.config("reduction") == "batchmean";
            reduce(case, if batch_mean { loss.batch_mean() } else { loss })
        }
        "poisson_nll" => {
            let loss = PoissonNll::new().eps(case.number("eps"));
            let loss = if flag("log_input") { loss } else { loss.rate() };
            reduce(case, if flag("full") { loss.full() } else { loss })
        }
        "gaussian_nll" => {
            let loss = GaussianNll::new().eps(case.number("eps"));
            reduce(case, if flag("full") { loss.full() } else { loss })
        }
        "hinge_embedding" => reduce(case, HingeEmbedding { margin: case.number("margin") }),
        "soft_margin" => reduce(case, SoftMargin),
        "multi_margin" => {
            let mut loss = MultiClassHinge::new().margin(case.number("margin"));
            if let Some(weights) = weights("weight") {
                loss = loss.class_weights(weights);
            }
            reduce(case, if case.number("p") == 2.0 { loss.squared() } else { loss })
        }
        "cosine_embedding" => reduce(case, CosineEmbedding { margin: case.number("margin") }),
        other => panic!("no loss {other}"),
    }
}

fn reduce<A: Scalar>(case: &Case, loss: impl Loss<A> + 'static) -> Box<dyn Loss<A>> {
    if case.config("reduction") == "sum" { Box::new(Sum(loss)) } else { Box::new(loss) }
}

/// The network's outputs, or the gradient by them, with one row a prediction.
fn outputs(case: &Case, group: &str) -> Array2<f64> {
    let array = |name| case.array(group, name).unwrap();
    match case.op() {
        // Means and variances; pairs.
        "gaussian_nll" => beside(array("input"), array("var")),
        "cosine_embedding" => beside(array("input1"), array("input2")),
        _ => table(array("input"), 1),
    }
}

fn beside(left: ArrayD<f64>, right: ArrayD<f64>) -> Array2<f64> {
    concatenate![Axis(1), table(left, 1), table(right, 1)]
}

fn target(case: &Case) -> Array2<f64> {
    let target = case.array("inputs", "target").unwrap();
    if of_rows(case) && target.shape() != case.array("inputs", "input").map_or(vec![], |y| y.shape().to_vec()) {
        // Labels, one a prediction.
        let labels: Vec<f64> = target.iter().copied().collect();
        return Array2::from_shape_vec((labels.len(), 1), labels).unwrap();
    }
    table(target, 1)
}

/// One row a prediction: a vector in `columns` columns, a matrix as it is, and of images (N, C, height, width) one row
/// a pixel.
fn table(array: ArrayD<f64>, columns: usize) -> Array2<f64> {
    let (array, columns) = match *array.shape() {
        [_] => (array, columns),
        [_, columns] => (array, columns),
        [_, channels, _, _] => (array.permuted_axes(vec![0, 2, 3, 1]), channels),
        ref shape => panic!("a shape {shape:?}"),
    };
    let numbers: Vec<f64> = array.iter().copied().collect();
    Array2::from_shape_vec((numbers.len() / columns, columns), numbers).unwrap()
}
