//! [`Cause`]: why a derivative is wrong, found by trying corrections.

use std::fmt;

use ndarray::{Array2, s};

use super::{Check, Gradients, Place, at_place, loss_differences, loss_gradient, name_of};
use crate::Result;
use crate::layer::Cache;
use crate::losses::{self, Loss};

/// The most likely cause of a wrong derivative: the correction that makes it right.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Cause {
    /// The matrix, or a part of it, is not written.
    NotWritten,
    /// It is added to the old contents of the matrix.
    Added,
    /// It is written only if the gradient with respect to the input is requested.
    OnlyWithInput,
    /// A NaN is computed.
    Nan,
    /// It comes from the cache of an earlier batch.
    StaleCache,
    /// `backward` draws random numbers other than those of `forward`.
    OtherRandomNumbers,
    /// It has the wrong sign.
    Sign,
    /// Rows and columns are exchanged.
    Transposed,
    /// It is this many times too large.
    Factor(f64),
    /// It is too large by the number of samples, or of outputs per sample.
    TimesCount(usize),
    /// It is divided by the number of samples or of outputs, although the outputs are not.
    OverCount(usize),
    /// It is right for single samples, but not summed over the batch.
    NotSummed,
    /// It is the gradient with respect to another parameter.
    Other(String),
    /// It is computed from y instead of dL/dy.
    FromOutputs,
    /// It does not depend on the target.
    WithoutTarget,
    /// All rows are like the first.
    FirstRow,
    /// The outputs do not depend on this parameter.
    NoDependence,
    /// A mask of the forward pass is missing.
    Mask,
    /// An elementwise factor is missing: the derivative of an inner function (chain rule).
    InnerDerivative,
    /// A single element is wrong.
    OneElement,
    /// `forward` does not write all outputs.
    OutputNotWritten,
    /// `forward` adds to the old outputs.
    OutputAdded,
    /// `forward` depends on the cache of an earlier batch.
    OutputFromCache,
    /// `visit` and `visit_mut` have different orders.
    VisitOrder,
    /// The value is added to an old value.
    ValueAdded,
    /// The value differs if the gradient is requested.
    ValueWithGradient,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotWritten => "it is not written everywhere: old contents remain",
            Self::Added => "it is added to the old contents instead of overwriting them",
            Self::OnlyWithInput => "it is only written if the gradient with respect to the input is requested",
            Self::Nan => "a NaN is computed",
            Self::StaleCache => "it comes from the cache of an earlier batch; fill the cache in each forward pass",
            Self::OtherRandomNumbers => "`backward` draws new random numbers; keep those of `forward` in the cache",
            Self::Sign => "the sign is wrong",
            Self::Transposed => "it is transposed",
            Self::Factor(factor) => return write!(f, "it is {factor:.6} times too large"),
            Self::TimesCount(count) => return write!(f, "the factor 1/N is missing, with N = {count}"),
            Self::OverCount(count) => return write!(f, "it has an extra factor 1/N, with N = {count}"),
            Self::NotSummed => "it is right for single samples; sum it over the batch",
            Self::Other(name) => return write!(f, "it is the gradient with respect to {name}; check the order"),
            Self::FromOutputs => "it is computed from y instead of dL/dy",
            Self::WithoutTarget => "it is computed without the target",
            Self::FirstRow => "all rows equal the first; each sample has its own",
            Self::NoDependence => "the outputs do not depend on it; is it a statistic?",
            Self::Mask => "a mask of the forward pass is missing",
            Self::InnerDerivative => "an elementwise factor is missing; apply the chain rule",
            Self::OneElement => "only this element is wrong",
            Self::OutputNotWritten => "`forward` does not write all outputs",
            Self::OutputAdded => "`forward` adds to the old outputs instead of overwriting them",
            Self::OutputFromCache => "`forward` depends on what an earlier batch left in the cache",
            Self::VisitOrder => "`visit` and `visit_mut` have different orders",
            Self::ValueAdded => "the value is added to the old one instead of overwriting it",
            Self::ValueWithGradient => "the value differs if the gradient is requested",
        })
    }
}

/// The error above which a derivative is wrong, not just imprecise.
pub(super) const WRONG: f64 = 1e-6;

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= WRONG * a.abs().max(b.abs()).max(1.0)
}

fn same(a: &Array2<f64>, b: &Array2<f64>) -> bool {
    a.dim() == b.dim() && a.iter().zip(b).all(|(&a, &b)| close(a, b))
}

fn has_nan(a: &Array2<f64>) -> bool {
    a.iter().any(|a| a.is_nan())
}

/// The cause, if it can be told from the two matrices alone. `counts` are the numbers of samples and outputs.
pub(super) fn of_numbers(got: &Array2<f64>, wants: &Array2<f64>, counts: [usize; 2]) -> Option<Cause> {
    if same(&-got, wants) {
        return Some(Cause::Sign);
    }
    if same(&got.t().to_owned(), wants) {
        return Some(Cause::Transposed);
    }
    // The least-squares factor.
    let factor = (got * wants).sum() / (got * got).sum();
    if factor.is_finite() && factor != 0.0 && same(&(got * factor), wants) {
        let is = |n: f64| counts.into_iter().find(|&count| count > 1 && close(n, count as f64));
        let (times, over) = (is(1.0 / factor), is(factor));
        // Factors of 2 and ½ are common mistakes, whatever the counts.
        return Some(match (times, over) {
            _ if close(factor, 2.0) || close(factor, 0.5) => Cause::Factor(1.0 / factor),
            (Some(count), _) => Cause::TimesCount(count),
            (_, Some(count)) => Cause::OverCount(count),
            _ => Cause::Factor(1.0 / factor),
        });
    }
    let wrong = got.iter().zip(wants).filter(|&(&a, &b)| !close(a, b)).count();
    (wrong == 1).then_some(Cause::OneElement)
}

/// The cause of a NaN in a matrix initialized with NaN; `zeroed` is the result when initialized with 0.
pub(super) fn of_nan(zeroed: &Array2<f64>, wants: &Array2<f64>) -> Cause {
    match () {
        () if same(zeroed, wants) => Cause::Added,
        () if has_nan(zeroed) => Cause::Nan,
        () => Cause::NotWritten,
    }
}

/// Searches for the cause of the wrong gradient `got` at `place`.
pub(super) fn of_layer(
    check: &Check<'_>,
    place: Place,
    got: &Array2<f64>,
    wants: &Array2<f64>,
) -> Result<Option<Cause>> {
    if let Some(cause) = of_forward(check)? {
        return Ok(Some(cause));
    }
    let run = |x: &Array2<f64>, dy: &Array2<f64>, with_dx: bool, fill: f64, seed: u64| -> Result<Gradients> {
        check.backward(x, dy, with_dx, fill, &mut Cache::default(), seed)
    };
    let (x, dy, seed) = (&check.x, &check.upstream, !check.seed);
    let fresh = at_place(run(x, dy, true, f64::NAN, seed)?, place);
    if has_nan(got) {
        let only = same(&fresh, wants);
        return Ok(Some(if only {
            Cause::OnlyWithInput
        } else {
            of_nan(&at_place(run(x, dy, true, 0.0, seed)?, place), wants)
        }));
    }
    if same(&fresh, wants) {
        return Ok(Some(Cause::StaleCache));
    }
    if !same(&at_place(run(x, dy, true, f64::NAN, seed ^ 1)?, place), &fresh) {
        return Ok(Some(Cause::OtherRandomNumbers));
    }
    if wants.iter().all(|&wants| wants == 0.0) {
        return Ok(Some(Cause::NoDependence));
    }
    if let Some(cause) = of_numbers(got, wants, [x.nrows(), dy.ncols()]) {
        return Ok(Some(cause));
    }
    if let Place::Parameter(slot) = place {
        for other in (0..check.parameters()).filter(|&other| other != slot) {
            if same(got, &check.numeric(Place::Parameter(other), dy)?) {
                return Ok(Some(Cause::Other(name_of(check.layer, other))));
            }
        }
        // Each sample as a batch of its own.
        let alone = |row: usize| {
            let (x, dy) = (x.slice(s![row..=row, ..]).to_owned(), dy.slice(s![row..=row, ..]).to_owned());
            run(&x, &dy, true, f64::NAN, seed).map(|gradients| at_place(gradients, place))
        };
        let sum = (0..x.nrows()).try_fold(Array2::zeros(wants.dim()), |sum, row| alone(row).map(|dw| sum + dw));
        if sum.is_ok_and(|sum| same(&sum, wants)) {
            return Ok(Some(Cause::NotSummed));
        }
    }
    let y = check.forward(check.layer, x, &mut Cache::default())?;
    if same(got, &check.numeric(place, &y)?) {
        return Ok(Some(Cause::FromOutputs));
    }
    // Elementwise mistakes show in the gradient with respect to the input.
    let (got, wants) = (at_place(run(x, dy, true, f64::NAN, seed)?, Place::Input), check.numeric(Place::Input, dy)?);
    Ok(of_factors(&got, &wants))
}

/// A cause in the forward pass, which makes the finite differences wrong, too.
fn of_forward(check: &Check<'_>) -> Result<Option<Cause>> {
    let outputs = |fill: f64, cache: &mut Cache| check.forward_into(fill, check.layer, &check.x, cache);
    let (zeros, ones) = (outputs(0.0, &mut Cache::default())?, outputs(1.0, &mut Cache::default())?);
    if !same(&zeros, &ones) {
        let kept = zeros.iter().zip(&ones).filter(|&(&a, &b)| !close(a, b)).all(|(&a, _)| a == 0.0);
        return Ok(Some(if kept { Cause::OutputNotWritten } else { Cause::OutputAdded }));
    }
    if !same(&zeros, &outputs(0.0, &mut check.used_cache()?)?) {
        return Ok(Some(Cause::OutputFromCache));
    }
    let (mut names, mut names_mut) = (Vec::new(), Vec::new());
    check.layer.visit(&mut |info, _| names.push(info.name.to_string()));
    check.layer.clone_layer().visit_mut(&mut |info, _| names_mut.push(info.name.to_string()));
    Ok((names != names_mut).then_some(Cause::VisitOrder))
}

/// The cause if the gradient lacks an elementwise factor.
fn of_factors(got: &Array2<f64>, wants: &Array2<f64>) -> Option<Cause> {
    let pairs: Vec<(f64, f64)> =
        got.iter().copied().zip(wants.iter().copied()).filter(|&(got, _)| got != 0.0).collect();
    let (dropped, kept): (Vec<_>, Vec<_>) = pairs.iter().partition(|&&(_, wants)| wants == 0.0);
    let factors: Vec<f64> = kept.iter().map(|&(got, wants)| wants / got).collect();
    let first = *factors.first()?;
    let constant = kept.iter().all(|&(got, wants)| close(got * first, wants));
    match () {
        () if !dropped.is_empty() && constant => Some(Cause::Mask),
        () if dropped.is_empty() && !constant && factors.iter().all(|&factor| factor > 0.0) => {
            Some(Cause::InnerDerivative)
        }
        () => None,
    }
}

/// Searches for the cause of the wrong gradient `got` of a loss.
pub(super) fn of_loss(
    loss: &dyn Loss<f64>,
    y: &Array2<f64>,
    target: &Array2<f64>,
    got: &Array2<f64>,
    wants: &Array2<f64>,
) -> Result<Option<Cause>> {
    let (mut scratch, mut dy) = (losses::Scratch::default(), y.clone());
    let mut value = |dy: Option<&mut Array2<f64>>| scratch.reduce(loss, y, target, None, dy.map(|dy| &mut **dy));
    let [first, second, with_gradient] = [value(None)?, value(None)?, value(Some(&mut dy))?];
    if !close(first, second) {
        return Ok(Some(Cause::ValueAdded));
    }
    if !close(first, with_gradient) {
        return Ok(Some(Cause::ValueWithGradient));
    }
    if has_nan(got) {
        return Ok(Some(of_nan(&loss_gradient(loss, y, target, 0.0)?, wants)));
    }
    if let Some(cause) = of_numbers(got, wants, [y.nrows(), y.ncols()]) {
        return Ok(Some(cause));
    }
    let first_row = got.slice(s![..1, ..]).broadcast(got.dim()).is_some_and(|first| first == got);
    if first_row && y.nrows() > 1 {
        return Ok(Some(Cause::FirstRow));
    }
    let without = loss_differences(loss, y, &Array2::zeros(target.dim()))?;
    Ok(same(got, &without).then_some(Cause::WithoutTarget))
}
