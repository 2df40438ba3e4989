//! [`histograms`]: the distributions of weights, outputs and gradients by layer.

use ndarray::Array2;

use super::Chart;
use crate::{Scalar, Trace};

/// The number of bins.
const BINS: usize = 30;

/// Histograms of the weights, outputs and gradients of each layer of a traced step, one row per layer.
///
/// In a healthy network, outputs and gradients have a similar spread in all layers; in an unhealthy one, they vanish or
/// explode from layer to layer, or pile up at the ends of the range.
///
/// ```
/// use neuropil::prelude::*;
/// use neuropil::{Trace, data, plot};
///
/// let data::Samples { x, target } = data::moons::<f64>(50, 0.1, &mut rng(1));
/// let mut network = Sequential::mlp(&[2, 8, 2], Tanh, &mut rng(1))?;
/// let mut tape = Tape::new(&network, 1);
/// let trace = Trace::step(&mut tape, &mut network, &x, &target, &CrossEntropy::new(), &mut Sgd::new(0.1))?;
/// assert!(plot::histograms(&trace).contains("0 Dense: weights"));
/// # Ok::<(), Error>(())
/// ```
pub fn histograms<A: Scalar>(trace: &Trace<A>) -> String {
    let mut charts = Vec::new();
    for (i, layer) in trace.layers.iter().enumerate() {
        let name = layer.name.split('(').next().unwrap_or_default();
        charts.push(match layer.parameters.first() {
            Some(weight) => histogram(&format!("{i} {name}: weights"), "weight", &numbers(&weight.before)),
            None => Chart::nothing(),
        });
        charts.push(histogram(&format!("{i} {name}: outputs"), &layer.symbol, &numbers(&layer.output)));
        let gradient = format!("dL/d{}", layer.symbol);
        charts.push(histogram(&format!("{i} {name}: gradients"), &gradient, &numbers(&layer.gradient)));
    }
    Chart::grid(&charts, 3)
}

fn numbers<A: Scalar>(x: &Array2<A>) -> Vec<f64> {
    x.iter().map(|x| x.to_f64()).filter(|x| x.is_finite()).collect()
}

/// Counts the numbers in each of 30 bins of equal width.
fn histogram(title: &str, label: &str, numbers: &[f64]) -> Chart {
    let chart = Chart::new(title, label, "count").size(270.0, 190.0);
    let (low, high) = numbers.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
    if low > high {
        return Chart::new(&format!("{title}: none"), label, "count").size(270.0, 190.0);
    }
    let width = if high > low { (high - low) / BINS as f64 } else { 1.0 };
    let mut counts = vec![0_usize; BINS];
    for x in numbers {
        counts[(((x - low) / width) as usize).min(BINS - 1)] += 1;
    }
    let bars = counts.iter().enumerate().map(|(i, &count)| (low + (i as f64 + 0.5) * width, count as f64));
    chart.bars("", bars)
}
