//! [`units`]: finds dead and saturated units.

use ndarray::{Array2, s};

use super::{Disease, Finding, Report};
use crate::error::check_setting;
use crate::layer::Layer;
use crate::network::Source;
use crate::{Error, Matrix, Network, Result, Scalar, Shape, Tape};

/// The largest slope that counts as flat.
const FLAT: f64 = 0.01;
/// The fraction of samples for which a saturated unit is flat.
const SAMPLES: f64 = 0.95;
/// The largest healthy fraction of dead, and of saturated, units in a layer.
const UNITS: f64 = 0.2;

/// The fractions of dead and of saturated units of each activation, on these samples.
///
/// A unit is dead if its output and slope are 0 for every sample: it contributes nothing and cannot learn. It is
/// saturated if, for nearly all samples (19 of 20), its output is not 0 and the absolute value of its slope is below
/// 0.01, so that hardly any gradient passes. Up to a fifth of a layer's units may be dead, and up to a fifth saturated;
/// the last layer may saturate, as in a trained classifier.
///
/// Every elementwise layer is checked, including those of other crates.
///
/// ```
/// use neuropil::prelude::*;
/// use neuropil::doctor;
///
/// let x = Init::STANDARD_NORMAL.matrix::<f64>(50, 4, &mut rng(1));
/// let network = Sequential::<f64>::mlp(&[4, 16, 2], Tanh, &mut rng(7))?;
/// let units = doctor::units(&network, &x)?;
/// assert_eq!((&*units.layers[0].name, units.layers[0].saturated), ("1", 0.0));
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Setting`] for fewer than two samples; [`Error::Width`] when they do not fit the network; errors of the
/// layers.
pub fn units<A: Scalar>(network: &Network<A>, x: &Matrix<A>) -> Result<Units> {
    check_setting("the number of samples", x.nrows() as f64, "at least 2", x.nrows() >= 2)?;
    if x.ncols() != network.input_shape().len() {
        return Err(Error::Width { wants: network.input_shape(), got: x.ncols() });
    }
    let (steps, outputs) = (network.steps(network.input_shape())?, network.layer_outputs(x)?);
    let mut layers = Vec::new();
    for (i, (step, y)) in steps.iter().zip(&outputs).enumerate() {
        let Some(layer) = step.layer() else { continue };
        let part;
        let x = match step.sources[0] {
            Source::Step(at) => &outputs[at],
            Source::Input(at) => {
                let name = network.inputs().nth(at).map_or("", |(name, _)| name);
                part = x.slice(s![.., network.input_columns(name)?]).as_standard_layout().into_owned();
                &part
            }
        };
        if let Some(slopes) = slopes(layer, x, step.input_shapes[0]).map_err(|error| error.at(step.name))? {
            let last = network.output_sources().any(|(_, source)| source == Source::Step(i));
            let [dead, saturated] = shares(y, &slopes);
            layers.push(UnitShare { name: step.name.to_owned(), layer: step.text.clone(), last, dead, saturated });
        }
    }
    Ok(Units { layers })
}

/// The dead and saturated units of a network.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Units {
    /// The fractions for each activation.
    pub layers: Vec<UnitShare>,
}

/// The fractions of dead and of saturated units of a layer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct UnitShare {
    /// The layer's name; by default its position.
    pub name: String,
    /// The layer's `Debug` text.
    pub layer: String,
    /// Whether it is the last layer, which may saturate.
    pub last: bool,
    /// The fraction of dead units.
    pub dead: f64,
    /// The fraction of saturated units.
    pub saturated: f64,
}

impl Units {
    /// Reports the result.
    pub fn report(&self) -> Report {
        let values = self.layers.iter().flat_map(|UnitShare { name, layer, dead, saturated, .. }| {
            [(format!("{name} {layer}, dead"), *dead), (format!("{name} {layer}, saturated"), *saturated)]
        });
        let advice = self.findings().map(|Finding { disease, place, number, advice, .. }| {
            let how = if disease == Disease::DeadUnits { "dead" } else { "saturated" };
            format!("{:.0} % of the units after {place} are {how}: {advice}", 100.0 * number)
        });
        Report { title: "dead and saturated units", values: values.collect(), advice: advice.collect() }
    }

    pub(super) fn findings(&self) -> impl Iterator<Item = Finding> {
        self.layers.iter().flat_map(|UnitShare { name, layer, last, dead, saturated }| {
            let place = || format!("layer {name} {layer}");
            let dead = (*dead > UNITS).then(|| Finding {
                disease: Disease::DeadUnits,
                place: place(),
                number: *dead,
                rule: "at most 0.2 of a layer's units have output 0 and slope 0 for every sample",
                advice: "use a smaller learning rate, He initialization, or an activation with a slope on both sides, \
                         such as LeakyRelu",
                source: "Lu, Shin, Su, Karniadakis, Dying ReLU and initialization, 2019",
            });
            let saturated = (*saturated > UNITS && !last).then(|| Finding {
                disease: Disease::SaturatedUnits,
                place: place(),
                number: *saturated,
                rule: "at most 0.2 of a hidden layer's units have a slope below 0.01 for nearly all samples",
                advice: "scale the inputs, initialize with smaller weights, or normalize before the activation",
                source: "Glorot, Bengio, Understanding the difficulty of training deep feedforward networks, 2010",
            });
            dead.into_iter().chain(saturated)
        })
    }
}

/// The slopes of an elementwise layer.
fn slopes<A: Scalar>(layer: &dyn Layer<A>, x: &Matrix<A>, shape: Shape) -> Result<Option<Array2<A>>> {
    let mut tape = Tape::for_layer(layer, shape, 0).predicting();
    let size = tape.forward(layer, x)?.dim();
    if !layer.differentiable() || layer.output_shape(shape)?.len() != shape.len() {
        return Ok(None);
    }
    // A probe with dy = 1 at every other column of every other row: an elementwise layer returns gradients only there.
    let here = |(row, column): (usize, usize)| row % 2 == 0 && column % 2 == 0;
    let some = Array2::from_shape_fn(size, |at| if here(at) { A::ONE } else { A::ZERO });
    let back = tape.backward_from(layer, &some)?.input;
    if back.indexed_iter().any(|(at, &dx)| !here(at) && dx != A::ZERO) {
        return Ok(None);
    }
    let all = Array2::from_elem(size, A::ONE);
    Ok(Some(tape.backward_from(layer, &all)?.input.clone()))
}

/// The fractions of dead and of saturated units.
fn shares<A: Scalar>(y: &Array2<A>, slopes: &Array2<A>) -> [f64; 2] {
    let (mut dead, mut saturated) = (0, 0);
    for (y, slopes) in y.columns().into_iter().zip(slopes.columns()) {
        if y.iter().chain(slopes).all(|&number| number == A::ZERO) {
            dead += 1;
        } else {
            // A ReLU at 0 is not saturated.
            let flat = |(y, slope): &(&A, &A)| **y != A::ZERO && slope.to_f64().abs() < FLAT;
            let flat = y.iter().zip(slopes).filter(flat).count();
            saturated += usize::from(flat as f64 >= SAMPLES * y.len() as f64);
        }
    }
    [dead, saturated].map(|units| f64::from(units as u32) / y.ncols().max(1) as f64)
}
