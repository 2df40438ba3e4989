//! Quantization of weights to eight bits, with a scale per output channel, and the loss of accuracy.

use std::fmt;

use ndarray::Array2;

use crate::spec::rust::{Channels, Code};
use crate::{Network, Result, Scalar};

/// A sample and the network's prediction for it.
pub(super) type Case<A> = (Vec<A>, Vec<A>);

/// How far the predictions with weights quantized to eight bits are from those of the network itself, on some data.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Int8Loss {
    /// The largest absolute difference of an output.
    pub largest: f64,
    /// The mean absolute difference.
    pub mean: f64,
    /// The number of samples whose largest output is another one: for a classifier, of those whose class changes.
    pub changed: usize,
    /// The number of samples.
    pub samples: usize,
}

impl fmt::Display for Int8Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { largest, mean, changed, samples } = self;
        write!(
            f,
            "weights in eight bits change outputs by {mean:.2e} on average and at most {largest:.2e}, and the largest \
             output of {changed} of {samples} samples"
        )
    }
}

impl Int8Loss {
    pub(super) fn of<A: Scalar>(exact: &Array2<A>, rounded: &Array2<A>) -> Self {
        let differences = || exact.iter().zip(rounded).map(|(x, y)| (x.to_f64() - y.to_f64()).abs());
        let best = |row: &[A]| (0..row.len()).reduce(|best, i| if row[i] > row[best] { i } else { best });
        let classes = |y: &Array2<A>| y.rows().into_iter().map(|row| best(&row.to_vec())).collect::<Vec<_>>();
        Self {
            largest: differences().fold(0.0, |most, x| if x > most || x.is_nan() { x } else { most }),
            mean: differences().sum::<f64>() / exact.len().max(1) as f64,
            changed: classes(exact).iter().zip(classes(rounded)).filter(|(a, b)| *a != b).count(),
            samples: exact.nrows(),
        }
    }
}

/// Each weight as a multiple of the scale of its channel, from -127 to 127, and the scales.
pub(super) fn quantized(numbers: &[f64], channels: Channels) -> (Vec<i8>, Vec<f64>) {
    let mut scales: Vec<f64> = Vec::new();
    for (i, w) in numbers.iter().enumerate() {
        let channel = channels.of(i);
        scales.resize(scales.len().max(channel + 1), 0.0);
        scales[channel] = scales[channel].max(w.abs() / 127.0);
    }
    let small = |(i, w): (usize, &f64)| {
        let scale = scales[channels.of(i)];
        if scale > 0.0 { (w / scale).round() as i8 } else { 0 }
    };
    (numbers.iter().enumerate().map(small).collect(), scales)
}

/// The network with its weights rounded as in the source.
pub(super) fn rounded<A: Scalar>(network: &Network<A>, code: &Code) -> Result<Network<A>> {
    let mut network = network.clone();
    for constant in &code.program.constants {
        let Some((channels, weight)) = constant.channels.zip(network.parameter(&constant.name)) else { continue };
        let numbers: Vec<f64> = weight.iter().map(|w| w.to_f64()).collect();
        let (weights, scales) = quantized(&numbers, channels);
        let back = weights.iter().enumerate().map(|(i, &w)| A::of(f64::from(w) * scales[channels.of(i)]));
        let back = Array2::from_shape_vec(weight.dim(), back.collect()).expect("as many numbers as before");
        network.set_parameter(&constant.name, &back)?;
    }
    Ok(network)
}

/// The first samples, and the network's predictions for them.
pub(super) fn cases<A: Scalar>(x: &Array2<A>, y: &Array2<A>, most: usize) -> Vec<Case<A>> {
    let rows = x.rows().into_iter().zip(y.rows()).take(most);
    rows.map(|(x, y)| (x.to_vec(), y.to_vec())).collect()
}
