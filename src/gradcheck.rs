//! Checks derivatives against finite differences: those of the crate's layers and losses, and your own.
//!
//! Each derivative is compared with the central difference (f(w + h) - f(w - h)) / 2h, in `f64`, with h = 6·10⁻⁶·max(1,
//! |w|), which balances rounding and truncation errors. A layer's outputs are reduced to a scalar with a random
//! upstream gradient, so that every entry of the Jacobian is tested.
//!
//! Use several different rows: with one row, a missing sum over the batch and a stale cache go unnoticed. Avoid kinks,
//! such as 0 for ReLU, where there is no derivative to compare with.
//!
//! ```
//! use neuropil::gradcheck;
//! use neuropil::prelude::*;
//!
//! let mut rng = rng(1);
//! let network = Sequential::mlp(&[3, 5, 2], Tanh, &mut rng)?;
//! let x = Init::STANDARD_NORMAL.matrix(4, 3, &mut rng);
//! let report = gradcheck::layer(&network, 3, &x, 1)?;
//! assert!(report.passes(1e-7), "{report}");
//! assert_eq!(report.compared, 4 * 3 + network.parameter_count());
//! # Ok::<(), Error>(())
//! ```

use std::fmt;

use ndarray::{Array2, Axis, Zip, concatenate, s};

use crate::layer::{Backward, Cache, Layer, Pass};
use crate::losses::{self, Loss};
use crate::{Error, Init, Matrix, Result, Shape, rng};

mod cause;

pub use cause::Cause;
use cause::WRONG;

/// The result of a check: the largest error, and the number of comparisons.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The largest error, |analytic - numeric| / max(1, |analytic|, |numeric|); NaN if anything was NaN.
    pub error: f64,
    /// The position of the largest error, such as `0.weight[3, 1]` or `input[0, 2]`.
    pub at: String,
    /// The derivative computed by `backward` there.
    pub analytic: f64,
    /// The finite difference there.
    pub numeric: f64,
    /// The number of compared derivatives.
    pub compared: usize,
    /// How many of them are nonzero: without any, the check says little.
    pub nonzero: usize,
    /// The most likely cause of a wrong derivative, if a simple correction makes it right.
    pub cause: Option<Cause>,
}

impl Report {
    /// Whether at least one derivative was compared and no error exceeds `tolerance`: 10⁻⁷ for smooth functions.
    pub fn passes(&self, tolerance: f64) -> bool {
        self.compared > 0 && self.error <= tolerance
    }

    fn empty() -> Self {
        Self { error: 0.0, at: "nothing".into(), analytic: 0.0, numeric: 0.0, compared: 0, nonzero: 0, cause: None }
    }

    fn compare(&mut self, analytic: f64, numeric: f64, at: impl FnOnce() -> String) {
        let error = (analytic - numeric).abs() / analytic.abs().max(numeric.abs()).max(1.0);
        // NaN counts as the largest error.
        if self.compared == 0 || error > self.error || (error.is_nan() && !self.error.is_nan()) {
            (self.error, self.at, self.analytic, self.numeric) = (error, at(), analytic, numeric);
        }
        self.compared += 1;
        self.nonzero += usize::from(numeric != 0.0);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { error, at, analytic, numeric, compared, nonzero, cause } = self;
        write!(f, "worst of {compared} derivatives, {nonzero} nonzero: {at} is {analytic:.6e} by backward, ")?;
        write!(f, "{numeric:.6e} by finite differences, error {error:.1e}")?;
        cause.as_ref().map_or(Ok(()), |cause| write!(f, "; most likely {cause}"))
    }
}

/// Checks a layer or a whole network on the batch `x`: the gradients with respect to the input and each trainable
/// parameter.
///
/// The matrices that the layer writes to start as NaN, and its cache comes from a batch of different rows; this reveals
/// missing writes, accumulation into old values, and stale caches. Parameter gradients are also checked in a backward
/// pass that does not request dL/dx. Layers that draw random numbers draw the same ones, from `seed`, in each
/// evaluation.
///
/// # Errors
/// [`Error::Width`] when the rows of `x` do not have the shape `input`; errors of the layer.
pub fn layer(layer: &dyn Layer<f64>, input: impl Into<Shape>, x: &Matrix<f64>, seed: u64) -> Result<Report> {
    Check::new(layer, input.into(), x, seed)?.report(true)
}

/// Checks only the gradients with respect to the trainable parameters: for layers whose inputs cannot be varied, such
/// as the indices of an embedding.
///
/// ```
/// use neuropil::gradcheck;
/// use neuropil::prelude::*;
///
/// let layer = Dense::new(2, 3, &mut rng(1));
/// let report = gradcheck::parameters(&layer, 2, &ndarray::array![[1.0, 2.0], [3.0, 5.0]], 1)?;
/// assert!(report.passes(1e-7) && report.compared == 2 * 3 + 3, "{report}");
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// Those of [`layer`].
pub fn parameters(layer: &dyn Layer<f64>, input: impl Into<Shape>, x: &Matrix<f64>, seed: u64) -> Result<Report> {
    Check::new(layer, input.into(), x, seed)?.report(false)
}

/// A layer and the point at which it is checked.
struct Check<'a> {
    layer: &'a dyn Layer<f64>,
    input: Shape,
    x: Array2<f64>,
    upstream: Array2<f64>,
    seed: u64,
}

/// dL/dx and dL/dw of a backward pass; dx keeps its initial values if it is not requested.
struct Gradients {
    dx: Array2<f64>,
    dw: Vec<Array2<f64>>,
}

/// What a gradient is taken with respect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Input,
    Parameter(usize),
}

fn at_place(mut gradients: Gradients, place: Place) -> Array2<f64> {
    match place {
        Place::Input => gradients.dx,
        Place::Parameter(slot) => gradients.dw.swap_remove(slot),
    }
}

impl<'a> Check<'a> {
    fn new(layer: &'a dyn Layer<f64>, input: Shape, x: &Matrix<f64>, seed: u64) -> Result<Self> {
        if x.ncols() != input.len() {
            return Err(Error::Width { wants: input, got: x.ncols() });
        }
        let outputs = layer.output_shape(input)?.len();
        let upstream = Init::STANDARD_NORMAL.matrix(x.nrows(), outputs, &mut rng(seed ^ 0x5eed));
        Ok(Self { layer, input, x: x.as_standard_layout().into_owned(), upstream, seed })
    }

    /// Compares the gradients with respect to all parameters, and to the input if `with_input`.
    fn report(&self, with_input: bool) -> Result<Report> {
        let mut cache = self.used_cache()?;
        let seed = !self.seed;
        let alone = self.backward(&self.x, &self.upstream, false, f64::NAN, &mut cache, seed)?.dw;
        let Gradients { dx, dw } = self.backward(&self.x, &self.upstream, true, f64::NAN, &mut cache, seed)?;
        let mut report = Report::empty();
        let mut worst = None;
        let input = with_input.then_some((Place::Input, dx, None));
        let parameters = dw.into_iter().zip(alone).enumerate();
        let parameters = parameters.map(|(slot, (dw, alone))| (Place::Parameter(slot), dw, Some(alone)));
        for (place, mut got, alone) in input.into_iter().chain(parameters) {
            let wants = self.numeric(place, &self.upstream)?;
            // The worse result of both passes.
            if let Some(alone) = alone.filter(|alone| alone.dim() == got.dim()) {
                Zip::from(&mut got).and(&alone).and(&wants).for_each(|got, &alone, wants| {
                    let off = |got: f64| (got - wants).abs();
                    if alone.is_nan() || off(alone) > off(*got) {
                        *got = alone;
                    }
                });
            }
            let before = (report.compared, report.error.to_bits());
            for (index, &analytic) in got.indexed_iter() {
                report.compare(analytic, wants[index], || match place {
                    Place::Input => format!("input[{}, {}]", index.0, index.1),
                    Place::Parameter(slot) => format!("{}[{}, {}]", name_of(self.layer, slot), index.0, index.1),
                });
            }
            if before.0 == 0 || before.1 != report.error.to_bits() {
                worst = Some((place, got, wants));
            }
        }
        if let Some((place, got, wants)) = worst.filter(|_| !report.passes(WRONG)) {
            // If the search itself fails, no cause is reported.
            report.cause = cause::of_layer(self, place, &got, &wants).ok().flatten();
        }
        Ok(report)
    }

    /// A cache filled by a batch of different rows.
    fn used_cache(&self) -> Result<Cache> {
        // The rows in reverse order, and the first one again: a valid batch that differs from `x`.
        let other = |m: &Array2<f64>| {
            let (backwards, first) = (m.slice(s![..;-1, ..]), m.slice(s![..m.nrows().min(1), ..]));
            concatenate![Axis(0), backwards, first]
        };
        let mut cache = Cache::default();
        self.backward(&other(&self.x), &other(&self.upstream), true, f64::NAN, &mut cache, !self.seed)?;
        Ok(cache)
    }

    /// The outputs for `x`.
    fn forward(&self, layer: &dyn Layer<f64>, x: &Array2<f64>, cache: &mut Cache) -> Result<Array2<f64>> {
        self.forward_into(f64::NAN, layer, x, cache)
    }

    /// The outputs for `x`, written to a matrix initialized with `fill`.
    fn forward_into(
        &self,
        fill: f64,
        layer: &dyn Layer<f64>,
        x: &Array2<f64>,
        cache: &mut Cache,
    ) -> Result<Array2<f64>> {
        let mut y = Array2::from_elem((x.nrows(), self.upstream.ncols()), fill);
        let mut rng = rng(self.seed);
        let mut pass = Pass::new(self.input, [true, true], cache, &mut rng);
        layer.forward(x, &mut y, &mut pass)?;
        Ok(y)
    }

    /// The gradients of Σ dy ∘ y, written to matrices initialized with `fill`. The random numbers of the backward pass,
    /// drawn from `seed`, differ from those of the forward pass, as on a tape.
    fn backward(
        &self,
        x: &Array2<f64>,
        dy: &Array2<f64>,
        with_dx: bool,
        fill: f64,
        cache: &mut Cache,
        seed: u64,
    ) -> Result<Gradients> {
        let y = self.forward(self.layer, x, cache)?;
        let (mut dx, mut dw) = (Array2::from_elem(x.dim(), fill), Vec::new());
        self.layer.visit(&mut |info, w| {
            if info.role.is_trainable() {
                dw.push(Array2::from_elem(w.dim(), fill));
            }
        });
        let mut rng = rng(seed);
        let mut pass = Pass::new(self.input, [true, true], cache, &mut rng);
        let wanted = with_dx.then_some(&mut *dx);
        self.layer.backward(Backward { x, y: &y, dy, dx: wanted, dw: &mut dw }, &mut pass)?;
        Ok(Gradients { dx, dw })
    }

    /// The number of trainable parameter matrices.
    fn parameters(&self) -> usize {
        let mut count = 0;
        self.layer.visit(&mut |info, _| count += usize::from(info.role.is_trainable()));
        count
    }

    /// The gradient of Σ upstream ∘ y by finite differences.
    fn numeric(&self, place: Place, upstream: &Array2<f64>) -> Result<Array2<f64>> {
        let value = |layer: &dyn Layer<f64>, x: &Array2<f64>| -> Result<f64> {
            Ok((self.forward(layer, x, &mut Cache::default())? * upstream).sum())
        };
        let (mut x, mut layer) = (self.x.clone(), self.layer.clone_layer());
        let mut dim = x.dim();
        if let Place::Parameter(slot) = place {
            let mut dims = Vec::new();
            layer.visit(&mut |info, w| dims.extend(info.role.is_trainable().then(|| w.dim())));
            dim = dims[slot];
        }
        let mut gradient = Array2::zeros(dim);
        for (index, slope) in gradient.indexed_iter_mut() {
            *slope = match place {
                Place::Input => difference(x[index], |moved| {
                    x[index] = moved;
                    value(self.layer, &x)
                })?,
                Place::Parameter(slot) => difference(exchange(&mut *layer, slot, index, None), |moved| {
                    exchange(&mut *layer, slot, index, Some(moved));
                    value(&*layer, &x)
                })?,
            };
        }
        Ok(gradient)
    }
}

/// Sets an entry of the trainable parameter `slot` to `to`, if given, and returns the old value.
fn exchange(layer: &mut dyn Layer<f64>, slot: usize, index: (usize, usize), to: Option<f64>) -> f64 {
    let (mut at, mut old) = (0, f64::NAN);
    layer.visit_mut(&mut |info, w| {
        if info.role.is_trainable() {
            // Remains NaN if `visit` and `visit_mut` have different orders.
            if let Some(w) = w.get_mut(index).filter(|_| at == slot) {
                old = *w;
                *w = to.unwrap_or(old);
            }
            at += 1;
        }
    });
    old
}

/// The name of the trainable parameter `slot`.
fn name_of(layer: &dyn Layer<f64>, slot: usize) -> String {
    let mut names = Vec::new();
    layer.visit(&mut |info, _| names.extend(info.role.is_trainable().then(|| info.name.to_string())));
    names.swap_remove(slot)
}

/// Checks the gradient of a loss with respect to the outputs `y`, for this `target`.
///
/// ```
/// use neuropil::prelude::*;
/// use neuropil::gradcheck;
/// use ndarray::array;
///
/// let report = gradcheck::loss(&Mse, &array![[0.5, 2.0]], &array![[1.0, -1.0]])?;
/// assert!(report.passes(1e-7) && report.compared == 2, "{report}");
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// Errors of the loss, when the target does not fit.
pub fn loss(loss: &dyn Loss<f64>, y: &Matrix<f64>, target: &Matrix<f64>) -> Result<Report> {
    let (y, target) = (y.as_standard_layout().into_owned(), target.as_standard_layout().into_owned());
    let got = loss_gradient(loss, &y, &target, f64::NAN)?;
    let wants = loss_differences(loss, &y, &target)?;
    let mut report = Report::empty();
    for (index, &analytic) in got.indexed_iter() {
        report.compare(analytic, wants[index], || format!("y[{}, {}]", index.0, index.1));
    }
    if !report.passes(WRONG) {
        report.cause = cause::of_loss(loss, &y, &target, &got, &wants).ok().flatten();
    }
    Ok(report)
}

/// The gradient of a loss, written to a matrix initialized with `fill`.
fn loss_gradient(loss: &dyn Loss<f64>, y: &Array2<f64>, target: &Array2<f64>, fill: f64) -> Result<Array2<f64>> {
    let mut gradient = Array2::from_elem(y.dim(), fill);
    losses::Scratch::default().reduce(loss, y, target, None, Some(&mut gradient))?;
    Ok(gradient)
}

/// The gradient of a loss by finite differences.
fn loss_differences(loss: &dyn Loss<f64>, y: &Array2<f64>, target: &Array2<f64>) -> Result<Array2<f64>> {
    let (mut scratch, mut y) = (losses::Scratch::default(), y.clone());
    let (mut unused, mut gradient) = (y.clone(), Array2::zeros(y.dim()));
    for (index, slope) in gradient.indexed_iter_mut() {
        let w = y[index];
        *slope = difference(w, |moved| {
            y[index] = moved;
            // The gradient is requested on one side only: the value must not depend on that.
            let dy = if moved > w { Some(&mut *unused) } else { None };
            scratch.reduce(loss, &y, target, None, dy)
        })?;
    }
    Ok(gradient)
}

/// The central difference of `f` at `w`. The last call is `f(w)`, which restores the state.
fn difference(w: f64, mut f: impl FnMut(f64) -> Result<f64>) -> Result<f64> {
    let h = 6e-6 * w.abs().max(1.0);
    // The actual steps after rounding.
    let (up, down) = (w + h, w - h);
    let slope = (f(up)? - f(down)?) / (up - down);
    f(w)?;
    Ok(slope)
}
