//! [`Profile`]: the time that each layer takes.

use std::fmt::{self, Display};

use ndarray::Array2;

use super::engine::State;
use super::plan::Sizes;
use super::summary::{Bytes, grouped};
use super::{Network, Summary};
use crate::kernels::resize;
use crate::layer::{Backward, Cache, Layer, Pass, resize_gradients};
use crate::svg::{GRADIENT, INK, Svg, VALUE, text_width};
use crate::text::{figures, table};
use crate::{Matrix, Result, Scalar, rng};

/// The time that each layer of a network takes: in the forward and backward pass of a training step, and in a
/// prediction.
///
/// Each time is the median of several passes on one batch, in seconds. The loss and the optimizer's update are not
/// included; a residual or parallel block, or a network inside a network, counts as one layer. The prediction runs each
/// layer on the whole batch at once; [`Network::predict`] splits large batches into chunks that fit the CPU caches, and
/// may be faster. Without a clock, as in `wasm32-unknown-unknown`, all times are 0.
///
/// It prints as the table of a [`Summary`] with times, and [draws](Self::svg) them as bars.
///
/// ```
/// use neuropil::prelude::*;
/// use neuropil::Profile;
///
/// let network = Sequential::<f32>::mlp(&[20, 16, 2], Relu, &mut rng(0))?;
/// let x = ndarray::Array2::ones((64, 20));
/// let profile = Profile::new(&network, &x, 10)?;
/// assert_eq!(profile.layers.len(), 3);
/// assert!(profile.layers[0].forward > 0.0);
/// println!("{profile}");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The cost of each layer.
    pub summary: Summary,
    /// The times of each layer, in the order of the summary.
    pub layers: Vec<LayerTimes>,
}

/// The times that a layer or join takes for a batch, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LayerTimes {
    /// The time of its forward pass in a training step.
    pub forward: f64,
    /// The time of its backward pass, without the gradient with respect to the network's input; 0 if the step needs no
    /// backward pass.
    pub backward: f64,
    /// The time of its forward pass in a prediction of the whole batch at once.
    pub prediction: f64,
}

impl LayerTimes {
    /// The time of both passes of a training step.
    pub fn step(self) -> f64 {
        self.forward + self.backward
    }
}

impl Profile {
    /// Measures `passes` training steps and predictions on the batch `x`, at least one of each. Neither the network's
    /// parameters nor its running statistics change.
    ///
    /// # Errors
    /// Those of [`Tape::forward`](crate::Tape::forward) and [`Network::predict`].
    pub fn new<A: Scalar>(network: &Network<A>, x: &Matrix<A>, passes: usize) -> Result<Self> {
        let (input, mut inferred) = (network.shape_of_rows(x.ncols())?, Sizes::default());
        let (output, plan) = (network.output_shape(input)?, network.plan()?);
        let needs = plan.sizes(network, input, &mut inferred)?.needs;
        needs.afford_step::<A>(x.nrows(), network.memory_limit(), [input, output])?;
        let x = x.as_standard_layout().into_owned();
        let (mut y, mut dy) = (Array2::default((0, 0)), Array2::default((0, 0)));
        resize(&mut y, x.nrows(), output.len())?;
        resize(&mut dy, x.nrows(), output.len())?;
        let part = A::of(1.0 / dy.len().max(1) as f64);
        dy.fill(part);
        let mut dw = Vec::new();
        resize_gradients(network, &mut dw)?;
        let (mut cache, mut rng) = (Cache::default(), rng(0));
        let (steps, passes) = (plan.steps.len(), passes.max(1));
        let mut all = vec![[const { Vec::new() }; 3]; steps];
        // The passes alternate, as buffers of a pass would otherwise stay in the CPU cache for the next one.
        for _ in 0..=passes {
            for (kind, [training, recording]) in [[true, true], [true, true], [false, false]].into_iter().enumerate() {
                cache.get::<State<A>>().times.seconds = vec![0.0; steps];
                let mut pass = Pass::new(input, [training, recording], &mut cache, &mut rng);
                if kind == 1 {
                    network
                        .run_backward::<true>(Backward { x: &x, y: &y, dy: &dy, dx: None, dw: &mut dw }, &mut pass)?;
                } else {
                    network.run_forward::<true>(&x, &mut y, &mut pass)?;
                }
                let seconds = &cache.get::<State<A>>().times.seconds;
                all.iter_mut().zip(seconds).for_each(|(all, &seconds)| all[kind].push(seconds));
            }
        }
        let layers = all.into_iter().map(|times| {
            // The first pass allocates.
            let [forward, backward, prediction] = times.map(|times| median(times[1..].to_vec()));
            LayerTimes { forward, backward, prediction }
        });
        Ok(Self { layers: layers.collect(), summary: Summary::new(network, x.nrows())? })
    }

    /// The sum of the times over all layers.
    pub fn total(&self) -> LayerTimes {
        self.layers.iter().fold(LayerTimes::default(), |sum, layer| LayerTimes {
            forward: sum.forward + layer.forward,
            backward: sum.backward + layer.backward,
            prediction: sum.prediction + layer.prediction,
        })
    }

    /// A bar chart in SVG: for each layer, the time of its forward pass, followed by that of its backward pass.
    pub fn svg(&self) -> String {
        const ROW: f64 = 24.0;
        const BARS: f64 = 320.0;
        let labels: Vec<String> = self.summary.layers.iter().map(|layer| self.summary.label(layer)).collect();
        let left = labels.iter().map(|label| text_width(label, 13.0)).fold(0.0, f64::max) + 16.0;
        let longest = self.layers.iter().map(|layer| layer.step()).fold(f64::MIN_POSITIVE, f64::max);
        let mut svg = Svg::new(left + BARS + 90.0, ROW * (labels.len() + 1) as f64 + 8.0);
        svg.text((left, 16.0), "forward", format_args!(r#"fill="{VALUE}""#));
        svg.text((left + 70.0, 16.0), "backward", format_args!(r#"fill="{GRADIENT}""#));
        for (i, (label, layer)) in labels.iter().zip(&self.layers).enumerate() {
            let y = ROW * (i + 1) as f64;
            let [forward, backward] = [layer.forward, layer.backward].map(|time| BARS * time / longest);
            svg.text((left - 8.0, y + 16.0), label, format_args!(r#"text-anchor="end" font-size="13" fill="{INK}""#));
            svg.rect((left, y + 4.0), (forward, ROW - 8.0), format_args!(r#"fill="{VALUE}""#));
            svg.rect((left + forward, y + 4.0), (backward, ROW - 8.0), format_args!(r#"fill="{GRADIENT}""#));
            svg.text((left + forward + backward + 6.0, y + 16.0), &time(layer.step()), format_args!(r#"fill="{INK}""#));
        }
        svg.finish()
    }
}

/// Prints a table of the layers: multiply-accumulates and bytes of a batch, times, and the percentage of a training
/// step.
impl Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["layer", "multiply-adds", "bytes", "forward", "backward", "of a step", "", "prediction"];
        let mut rows = vec![heads.map(String::from).to_vec()];
        let (total, batch) = (self.total(), self.summary.batch);
        let row = |name: String, products: u64, bytes: usize, times: LayerTimes| {
            let part = times.step() / total.step().max(f64::MIN_POSITIVE);
            let products = grouped(products.saturating_mul(batch as u64));
            let bar = "█".repeat((part * 20.0).round() as usize);
            let part = format!("{:.0} %", 100.0 * part);
            let [forward, backward, prediction] = [times.forward, times.backward, times.prediction].map(time);
            vec![name, products, Bytes(bytes).to_string(), forward, backward, part, bar, prediction]
        };
        let mut sum = 0_usize;
        for (layer, &times) in self.summary.layers.iter().zip(&self.layers) {
            let numbers = layer.output.len().saturating_mul(batch).saturating_add(layer.parameters + layer.statistics);
            let bytes = numbers.saturating_mul(self.summary.number);
            sum = sum.saturating_add(bytes);
            rows.push(row(self.summary.label(layer), layer.multiply_adds, bytes, times));
        }
        let mut totals = row("total".into(), self.summary.multiply_adds(), sum, total);
        totals[6].clear();
        rows.push(totals);
        f.write_str(&table(&rows, |column| matches!(column, 0 | 6)))?;
        writeln!(f, "a batch of {batch}; bytes of outputs and parameters; times without loss and update")
    }
}

/// The median; 0 without times.
fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(0.0)
}

/// A time with its unit: `12.3 us`.
fn time(seconds: f64) -> String {
    let (scaled, unit) = match seconds {
        ..1e-3 => (seconds * 1e6, "us"),
        1e-3..1.0 => (seconds * 1e3, "ms"),
        _ => (seconds, "s"),
    };
    format!("{} {unit}", figures(scaled, 3))
}
