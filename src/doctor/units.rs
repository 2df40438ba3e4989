//! [`units`]: which units are dead, and which are saturated?

use ndarray::Array2;

use super::{Disease, Finding, Report};
use crate::error::check_setting;
use crate::layers::Layer;
use crate::{Error, Matrix, Result, Scalar, Sequential, Shape, Tape};

/// A slope that lets nothing through.
const FLAT: f64 = 0.01;
/// The share of samples for which a saturated unit is flat.
const SAMPLES: f64 = 0.95;
/// The share of a layer's units that may be so.
const UNITS: f64 = 0.2;

/// The share of dead and of saturated units of each activation, over these samples.
///
/// A unit is dead if it is 0 with a slope of 0 for every sample: it says nothing and learns nothing. It is saturated if,
/// for nearly all samples (19 of 20), it is not 0 and its slope is below 0.01, so that hardly any gradient passes.
/// Up to a fifth of a layer's units may be so; the last layer may saturate, as a trained classifier does.
///
/// Every layer is looked at that acts on each number alone, also one from another crate.
///
/// ```
/// use neuropil::prelude::*;
/// use neuropil::doctor;
///
/// let x = Init::STANDARD_NORMAL.matrix::<f64>(50, 4, &mut rng(1));
/// let network = Sequential::<f64>::mlp(&[4, 16, 2], Tanh, &mut rng(7))?;
/// let units = doctor::units(&network, &x)?;
/// assert_eq!((units.layers[0].index, units.layers[0].saturated), (1, 0.0));
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Setting`] for fewer than two samples; [`Error::Width`] when they do not fit the network; those of its layers.
pub fn units<A: Scalar>(network: &Sequential<A>, x: &Matrix<A>) -> Result<Units> {
    check_setting("the number of samples", x.nrows() as f64, "at least 2", x.nrows() >= 2)?;
    if x.ncols() != network.input().len() {
        return Err(Error::Width { wants: network.input(), got: x.ncols() });
    }
    let mut layers = Vec::new();
    let (mut x, mut shape) = (x.to_owned(), network.input());
    let count = network.layers().len();
    for (i, layer) in network.layers().enumerate() {
        let (y, slopes) = slopes(layer, &x, shape).map_err(|error| error.at(i))?;
        if let Some(slopes) = slopes {
            let [dead, saturated] = shares(&y, &slopes);
            layers.push(UnitShare { index: i, layer: format!("{layer:?}"), last: i + 1 == count, dead, saturated });
        }
        (x, shape) = (y, layer.output_shape(shape)?);
    }
    Ok(Units { layers })
}

/// The dead and saturated units of a network.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Units {
    /// For each activation.
    pub layers: Vec<UnitShare>,
}

/// The shares of a layer's units that are dead, and that are saturated.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct UnitShare {
    /// The layer's position, from 0.
    pub index: usize,
    /// The layer, as its `Debug` prints it.
    pub layer: String,
    /// Whether it is the last one, which may saturate.
    pub last: bool,
    /// The share of dead units.
    pub dead: f64,
    /// The share of saturated units.
    pub saturated: f64,
}

impl Units {
    /// In words.
    pub fn report(&self) -> Report {
        let values = self.layers.iter().flat_map(|UnitShare { index, layer, dead, saturated, .. }| {
            [(format!("{index} {layer}, dead"), *dead), (format!("{index} {layer}, saturated"), *saturated)]
        });
        let advice = self.findings().map(|Finding { disease, place, number, advice, .. }| {
            let how = if disease == Disease::DeadUnits { "dead" } else { "saturated" };
            format!("{:.0} % of the units after {place} are {how}: {advice}", 100.0 * number)
        });
        Report { title: "dead and saturated units", values: values.collect(), advice: advice.collect() }
    }

    pub(super) fn findings(&self) -> impl Iterator<Item = Finding> {
        self.layers.iter().flat_map(|UnitShare { index, layer, last, dead, saturated }| {
            let place = || format!("layer {index} {layer}");
            let dead = (*dead > UNITS).then(|| Finding {
                disease: Disease::DeadUnits,
                place: place(),
                number: *dead,
                rule: "at most 0.2 of a layer's units are 0, with slope 0, for every sample",
                advice: "use a smaller learning rate, He's initialisation, or an activation with a slope on both sides, \
                         such as LeakyRelu",
                source: "Lu, Shin, Su, Karniadakis, Dying ReLU and initialization, 2019",
            });
            let saturated = (*saturated > UNITS && !last).then(|| Finding {
                disease: Disease::SaturatedUnits,
                place: place(),
                number: *saturated,
                rule: "at most 0.2 of a hidden layer's units have a slope below 0.01 for nearly all samples",
                advice: "scale the inputs, begin with smaller weights, or put a normalisation before it",
                source: "Glorot, Bengio, Understanding the difficulty of training deep feedforward networks, 2010",
            });
            dead.into_iter().chain(saturated)
        })
    }
}

/// The layer's outputs, and its slopes if it acts on each number alone.
fn slopes<A: Scalar>(layer: &dyn Layer<A>, x: &Matrix<A>, shape: Shape) -> Result<(Array2<A>, Option<Array2<A>>)> {
    let mut tape = Tape::for_layer(layer, shape, 0);
    let y = tape.forward(layer, x)?.clone();
    if !layer.differentiable() || layer.output_shape(shape)?.len() != shape.len() {
        return Ok((y, None));
    }
    // A gradient at every other number of every other sample must come back there, and nowhere else.
    let here = |(row, column): (usize, usize)| row % 2 == 0 && column % 2 == 0;
    let some = Array2::from_shape_fn(y.dim(), |at| if here(at) { A::ONE } else { A::ZERO });
    let back = tape.backward_from(layer, &some)?.input;
    if back.indexed_iter().any(|(at, &dx)| !here(at) && dx != A::ZERO) {
        return Ok((y, None));
    }
    let all = Array2::from_elem(y.dim(), A::ONE);
    let slopes = tape.backward_from(layer, &all)?.input.clone();
    Ok((y, Some(slopes)))
}

/// The shares of dead and of saturated units.
fn shares<A: Scalar>(y: &Array2<A>, slopes: &Array2<A>) -> [f64; 2] {
    let (mut dead, mut saturated) = (0, 0);
    for (y, slopes) in y.columns().into_iter().zip(slopes.columns()) {
        if y.iter().chain(slopes).all(|&number| number == A::ZERO) {
            dead += 1;
        } else {
            // Where a rectifier is 0, it is not saturated.
            let flat = |(y, slope): &(&A, &A)| **y != A::ZERO && slope.to_f64().abs() < FLAT;
            let flat = y.iter().zip(slopes).filter(flat).count();
            saturated += usize::from(flat as f64 >= SAMPLES * y.len() as f64);
        }
    }
    [dead, saturated].map(|units| f64::from(units as u32) / y.ncols().max(1) as f64)
}
