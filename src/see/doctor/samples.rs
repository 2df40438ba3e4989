//! Checks of the data.

use ndarray::{Array2, ArrayView1, Axis};

use super::{Disease, Finding};
use crate::layer::Layer;
use crate::see::plane::class_of;
use crate::{Matrix, Network, Scalar};

/// The largest number of samples whose pairwise distances are computed.
const MOST: usize = 400;
/// The smallest number of samples for which labels are checked.
const FEWEST: usize = 40;

/// Finds NaN and infinity, and where they come from.
pub(super) fn non_finite<A: Scalar>(
    network: &Network<A>,
    x: &Matrix<A>,
    target: &Matrix<A>,
    y: &Matrix<A>,
    findings: &mut Vec<Finding>,
) {
    let mut look = |place: String, matrix: &Matrix<A>, advice| {
        let count = matrix.iter().filter(|number| !number.is_finite()).count();
        if count > 0 {
            findings.push(Finding {
                disease: Disease::NonFinite,
                place,
                number: count as f64,
                rule: "all numbers are finite",
                advice,
                source: "IEEE 754: NaN propagates",
            });
        }
        count > 0
    };
    let data = "find where they come from; impute missing values, or drop those samples";
    let mut found = look("the inputs".into(), x, data);
    found |= look("the targets".into(), target, data);
    network.visit(&mut |info, w| {
        found |= look(
            info.name.to_string(),
            w,
            "training has diverged: start again with a smaller learning rate, and clip the gradients",
        );
    });
    if !found {
        look("the outputs".into(), y, "scale the inputs, or initialize with smaller weights");
    }
}

/// Checks the scale of the inputs.
pub(super) fn inputs<A: Scalar>(x: &Matrix<A>, findings: &mut Vec<Finding>) {
    let size = |column: ArrayView1<'_, A>| {
        (column.iter().map(|x| x.to_f64().powi(2)).sum::<f64>() / column.len().max(1) as f64).sqrt()
    };
    let sizes: Vec<f64> = x.columns().into_iter().map(size).collect();
    let Some(largest) = (0..sizes.len()).max_by(|&a, &b| sizes[a].total_cmp(&sizes[b])) else { return };
    let (place, number) = if sizes[largest] > 10.0 {
        (format!("feature {largest} of the inputs"), sizes[largest])
    } else if sizes[largest] > 0.0 && sizes[largest] < 0.01 {
        ("all features of the inputs".into(), sizes[largest])
    } else {
        return;
    };
    findings.push(Finding {
        disease: Disease::UnscaledInputs,
        place,
        number,
        rule: "the root mean square of each feature is at most 10, and that of some feature at least 0.01",
        advice: "subtract each feature's mean and divide by its standard deviation (pixels: divide by the maximum)",
        source: "LeCun, Bottou, Orr, Müller, Efficient BackProp, 1998",
    });
}

/// Checks whether nearby samples have equal labels: finds contradictions, and labels that look shuffled.
pub(super) fn labels<A: Scalar>(x: &Matrix<A>, target: &Matrix<A>, outputs: usize, findings: &mut Vec<Finding>) {
    let rows = x.nrows().min(MOST);
    if rows < FEWEST {
        return;
    }
    let nearest = nearest(x, rows);
    let target = target.mapv(Scalar::to_f64);
    let Some(classes) = classes(&target, outputs) else {
        return numbers(&target, &nearest, findings);
    };
    let same_input = |&(i, (j, distance)): &(usize, (usize, f64))| distance == 0.0 && classes[i] != classes[j];
    let contradictions = nearest.iter().copied().enumerate().filter(same_input).count();
    if contradictions as f64 > 0.02 * rows as f64 {
        findings.push(Finding {
            disease: Disease::Contradictions,
            place: "the targets".into(),
            number: contradictions as f64 / rows as f64,
            rule: "at most 0.02 of the samples have the same input as a sample of another class",
            advice: "look at these samples: features may be missing, or two tables may have been joined wrongly",
            source: "a function has one value for each input",
        });
    }
    // How often the nearest sample has the same class, and how often it would by chance.
    let mut counts = vec![0.0_f64; classes.iter().max().map_or(0, |last| last + 1)];
    classes[..rows].iter().for_each(|&class| counts[class] += 1.0);
    let n = rows as f64;
    let chance = counts.iter().map(|count| count * (count - 1.0)).sum::<f64>() / (n * (n - 1.0));
    let agreed = nearest.iter().enumerate().filter(|(i, (j, _))| classes[*i] == classes[*j]).count() as f64;
    let deviations = (agreed - n * chance) / (n * chance * (1.0 - chance)).sqrt();
    if deviations < 3.0 {
        findings.push(Finding {
            disease: Disease::ShuffledLabels,
            place: "the targets".into(),
            number: deviations,
            rule: "the nearest sample has the same class more often than by chance: by 3 standard deviations or more",
            advice: "check whether inputs and labels were shuffled or sorted separately; a network can only memorize such \
                     labels",
            source: "Cover, Hart, Nearest neighbor pattern classification, 1967; Zhang et al., Understanding deep \
                     learning requires rethinking generalization, 2017",
        });
    }
}

/// [`labels`] for numeric targets: the nearest sample should have a similar target.
fn numbers(target: &Array2<f64>, nearest: &[(usize, f64)], findings: &mut Vec<Finding>) {
    let rows = nearest.len();
    let used = target.slice(ndarray::s![..rows, ..]);
    let variance: f64 = used.var_axis(Axis(0), 0.0).sum();
    let difference = |(i, (j, _)): (usize, &(usize, f64))| -> f64 {
        used.row(i).iter().zip(used.row(*j)).map(|(a, b)| (a - b).powi(2)).sum()
    };
    let distance = nearest.iter().enumerate().map(difference).sum::<f64>() / rows as f64 / (2.0 * variance);
    if distance > 0.8 {
        findings.push(Finding {
            disease: Disease::ShuffledLabels,
            place: "the targets".into(),
            number: distance,
            rule: "the mean squared difference of nearest neighbors' targets is at most 0.8 of that of all pairs",
            advice: "check whether inputs and targets were shuffled or sorted separately",
            source: "Cover, Hart, Nearest neighbor pattern classification, 1967",
        });
    }
}

/// Whether the targets are classes rather than numbers.
pub(super) fn are_classes<A: Scalar>(target: &Matrix<A>, outputs: usize) -> bool {
    classes(&target.mapv(Scalar::to_f64), outputs).is_some()
}

/// The class of each sample, if the targets are classes.
fn classes(target: &Array2<f64>, outputs: usize) -> Option<Vec<usize>> {
    let whole = |low: f64, high: f64| target.iter().all(|t| t.fract() == 0.0 && (low..high).contains(t));
    let labels = match target.ncols() {
        1 if outputs == 1 => whole(0.0, 2.0) || target.iter().all(|t| t.abs() == 1.0),
        1 => whole(0.0, outputs as f64),
        _ => whole(0.0, 2.0) && target.rows().into_iter().all(|row| row.sum() == 1.0),
    };
    labels.then(|| target.rows().into_iter().map(class_of).collect())
}

/// The nearest neighbor of each of the first `rows` samples, and its squared distance, with each feature divided by its
/// standard deviation.
fn nearest<A: Scalar>(x: &Matrix<A>, rows: usize) -> Vec<(usize, f64)> {
    let mut x = x.slice(ndarray::s![..rows, ..]).mapv(Scalar::to_f64);
    for mut column in x.columns_mut() {
        let deviation = column.std(0.0);
        if deviation > 0.0 {
            column /= deviation;
        }
    }
    let distance = |i: usize, j: usize| -> f64 { x.row(i).iter().zip(x.row(j)).map(|(a, b)| (a - b).powi(2)).sum() };
    let nearest_to = |i: usize| {
        let others = (0..rows).filter(|&j| j != i).map(|j| (j, distance(i, j)));
        others.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((i, f64::INFINITY))
    };
    (0..rows).map(nearest_to).collect()
}
