//! Learning curves, learning rate curves and ROC curves.

use super::Chart;
use crate::metrics::RocCurve;
use crate::train::{History, RateCurve};

/// The curves of a [`History`]: a chart for the loss and for each metric, with a curve for training and one for
/// validation.
///
/// ```
/// use neuropil::prelude::*;
/// use neuropil::{data, plot};
///
/// let mut network = Sequential::mlp(&[2, 4, 1], Tanh, &mut rng(7))?;
/// let history = Trainer::new(Mse, Sgd::new(0.5)).epochs(3).fit(&mut network, &data::xor::<f64>())?;
/// assert!(plot::learning_curves(&history).contains(">loss<"));
/// # Ok::<(), Error>(())
/// ```
pub fn learning_curves(history: &History) -> String {
    let names: Vec<&str> = history.names();
    let mut charts = Vec::new();
    for &name in names.iter().filter(|name| !name.starts_with("val_") || !names.contains(&&name[4..])) {
        let values = |name: &str| {
            let epochs = history.epochs().iter();
            epochs.map(|e| (e.number as f64, e.get(name).unwrap_or(f64::NAN))).collect::<Vec<_>>()
        };
        let mut chart = Chart::new(name, "epoch", name).line("training", values(name));
        let validation = format!("val_{name}");
        if names.contains(&validation.as_str()) {
            chart = chart.line("validation", values(&validation));
        }
        charts.push(chart);
    }
    Chart::grid(&charts, 2)
}

/// The loss over the learning rate, on a logarithmic axis, and the suggested rate: the result of
/// [`Trainer::find_rate`](crate::train::Trainer::find_rate).
pub fn rate_curve(curve: &RateCurve) -> String {
    let points = || curve.rates.iter().copied().zip(curve.losses.iter().copied());
    let mut chart = Chart::new("Learning rate", "learning rate", "loss").log_x().line("loss", points());
    if let Some(first) = curve.losses.first() {
        // The loss explodes at the end; the interesting part is below.
        let low = curve.losses.iter().copied().fold(f64::INFINITY, f64::min);
        chart = chart.y_range(low - 0.05 * (first - low).abs().max(1e-9), first + 0.5 * (first - low).abs().max(1e-9));
    }
    if let Some(rate) = curve.suggestion() {
        chart = chart.points("suggestion", points().filter(|point| point.0 == rate));
    }
    chart.svg()
}

/// The ROC curve: the true positive rate over the false positive rate, for all thresholds.
///
/// ```
/// use neuropil::metrics::RocCurve;
/// use neuropil::plot;
/// use ndarray::array;
///
/// let curve = RocCurve::new(&array![[0.9], [0.4], [0.6], [0.1]], &array![[1.0], [1.0], [0.0], [0.0]])?;
/// assert!(plot::roc_curve(&curve).contains("area 0.75"));
/// # Ok::<(), neuropil::Error>(())
/// ```
pub fn roc_curve(curve: &RocCurve) -> String {
    let points = curve.points().iter().map(|&[false_positives, true_positives]| (false_positives, true_positives));
    Chart::new(&format!("ROC curve, area {:.4}", curve.area()), "false positive rate", "true positive rate")
        .x_range(0.0, 1.0)
        .y_range(0.0, 1.0)
        .size(380.0, 380.0)
        .line("classifier", points)
        .dashed("chance", [(0.0, 0.0), (1.0, 1.0)])
        .svg()
}
