//! Layers and losses, each with one flaw out of a list.

use neuropil::layer::{Backward, Info, Pass, Role};
use neuropil::ndarray::{Array2, Axis, Zip, array, s};
use neuropil::prelude::*;
use neuropil::rand::RngExt;

/// The ways in which [`Affine`] is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Flaw {
    None,
    TransposedWeight,
    FirstSampleOnly,
    RightForOneSampleOnly,
    FactorTwo,
    DividedBySamples,
    WrongSign,
    StaleCache,
    InputNotWritten,
    InputNotWrittenInLastRow,
    AddedToInput,
    AddedToWeight,
    BiasOfFirstSample,
    BiasOfOutputs,
    OneElement,
    OneNan,
    OnlyWithInputGradient,
    OutputNotWritten,
    AddedToOutput,
    ForwardFromCache,
}

/// y = x·W + b with W 3 x 3, so that a transposed matrix fits everywhere, and with a flaw.
#[derive(Debug, Clone)]
pub(crate) struct Affine {
    weight: Array2<f64>,
    bias: Array2<f64>,
    flaw: Flaw,
}

impl Affine {
    pub(crate) fn new(flaw: Flaw) -> Self {
        let mut rng = rng(5);
        let mut matrix = |rows| Array2::from_shape_simple_fn((rows, 3), || rng.random_range(-1.0..1.0));
        Self { weight: matrix(3), bias: matrix(1), flaw }
    }
}

impl Layer<f64> for Affine {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        Ok(input)
    }

    fn forward(&self, x: &Matrix<f64>, y: &mut Matrix<f64>, pass: &mut Pass<'_>) -> Result<()> {
        let first = pass.cache.get::<Option<Array2<f64>>>().get_or_insert_with(|| x.to_owned());
        let result = x.dot(&self.weight) + &self.bias;
        match self.flaw {
            Flaw::AddedToOutput => *y += &*result,
            Flaw::OutputNotWritten => y.slice_mut(s![.., 1..]).assign(&result.slice(s![.., 1..])),
            Flaw::ForwardFromCache => y.assign(&(result + first[[0, 0]])),
            _ => y.assign(&result),
        }
        Ok(())
    }

    fn backward(&self, at: Backward<'_, f64>, pass: &mut Pass<'_>) -> Result<()> {
        let Backward { x, y, dy, dx, dw } = at;
        let samples = x.nrows() as f64;
        let (first_x, first_dy) = (x.slice(s![..1, ..]), dy.slice(s![..1, ..]));
        let weight = x.t().dot(dy);
        match self.flaw {
            Flaw::TransposedWeight => dw[0].assign(&weight.t()),
            Flaw::FirstSampleOnly => dw[0].assign(&first_x.t().dot(&first_dy)),
            Flaw::RightForOneSampleOnly => {
                let (x, dy) = (x.mean_axis(Axis(0)).unwrap(), dy.sum_axis(Axis(0)));
                dw[0].assign(&x.insert_axis(Axis(1)).dot(&dy.insert_axis(Axis(0))));
            }
            Flaw::FactorTwo => dw[0].assign(&(weight * 2.0)),
            Flaw::DividedBySamples => dw[0].assign(&(weight / samples)),
            Flaw::StaleCache => {
                let stale = pass.cache.get::<Option<Array2<f64>>>().as_ref().unwrap().slice(s![..x.nrows(), ..]);
                dw[0].assign(&stale.t().dot(dy));
            }
            Flaw::AddedToWeight => dw[0] += &weight,
            Flaw::OnlyWithInputGradient if dx.is_none() => {}
            _ => dw[0].assign(&weight),
        }
        match self.flaw {
            Flaw::OneElement => dw[0][[2, 1]] += 1e-5,
            Flaw::OneNan => dw[0][[0, 2]] = f64::NAN,
            _ => {}
        }
        match self.flaw {
            Flaw::BiasOfFirstSample => dw[1].assign(&first_dy),
            Flaw::BiasOfOutputs => dw[1].row_mut(0).assign(&y.sum_axis(Axis(0))),
            _ => dw[1].row_mut(0).assign(&dy.sum_axis(Axis(0))),
        }
        let Some(dx) = dx else { return Ok(()) };
        let input = dy.dot(&self.weight.t());
        match self.flaw {
            Flaw::WrongSign => dx.assign(&-input),
            Flaw::InputNotWritten => {}
            Flaw::InputNotWrittenInLastRow => {
                let rows = s![..x.nrows() - 1, ..];
                dx.slice_mut(rows).assign(&input.slice(rows));
            }
            Flaw::AddedToInput => *dx += &*input,
            _ => dx.assign(&input),
        }
        Ok(())
    }

    fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<f64>)) {
        f(Info { name: &"weight", role: Role::Weight, dims: &[3, 3] }, &self.weight);
        f(Info { name: &"bias", role: Role::Bias, dims: &[3] }, &self.bias);
    }

    fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<f64>)) {
        f(Info { name: &"weight", role: Role::Weight, dims: &[3, 3] }, &mut self.weight);
        f(Info { name: &"bias", role: Role::Bias, dims: &[3] }, &mut self.bias);
    }
}

/// The ways in which [`Gate`] is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum GateFlaw {
    None,
    SwappedSlots,
    SwappedInVisitMut,
    ChainFactorDropped,
    StatisticTrained,
    NewMaskInBackward,
    WithoutMask,
}

/// y = tanh(x ∘ scale + shift) ∘ mask with a random mask; its parameters are all of one size, and one is a statistic.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    parameters: [Array2<f64>; 3],
    flaw: GateFlaw,
}

impl Gate {
    pub(crate) fn new(flaw: GateFlaw) -> Self {
        Self { parameters: [array![[0.5, -0.7, 1.1]], array![[0.1, 0.2, -0.3]], array![[1.0, 2.0, 3.0]]], flaw }
    }

    /// Name and role of each parameter.
    fn info(&self) -> [(&'static str, Role); 3] {
        let role = if self.flaw == GateFlaw::StatisticTrained { Role::Weight } else { Role::Statistic };
        [("scale", Role::Weight), ("shift", Role::Bias), ("mean", role)]
    }
}

/// Keeps four of five numbers.
fn random_mask(x: &Matrix<f64>, pass: &mut Pass<'_>) -> Array2<f64> {
    Array2::from_shape_simple_fn(x.dim(), || if pass.rng.random_bool(0.8) { 1.25 } else { 0.0 })
}

impl Layer<f64> for Gate {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        Ok(input)
    }

    fn forward(&self, x: &Matrix<f64>, y: &mut Matrix<f64>, pass: &mut Pass<'_>) -> Result<()> {
        let mask = random_mask(x, pass);
        y.assign(&((&x.view() * &self.parameters[0] + &self.parameters[1]).mapv(f64::tanh) * &mask));
        *pass.cache.get() = mask;
        Ok(())
    }

    fn backward(&self, at: Backward<'_, f64>, pass: &mut Pass<'_>) -> Result<()> {
        let mask = match self.flaw {
            GateFlaw::NewMaskInBackward => random_mask(at.x, pass),
            GateFlaw::WithoutMask => Array2::ones(at.x.dim()),
            _ => pass.cache.get::<Array2<f64>>().clone(),
        };
        let tanh = (&at.x.view() * &self.parameters[0] + &self.parameters[1]).mapv(f64::tanh);
        let mut dz = &at.dy.view() * &mask;
        if self.flaw != GateFlaw::ChainFactorDropped {
            Zip::from(&mut dz).and(&tanh).for_each(|dz, t| *dz *= 1.0 - t * t);
        }
        let (scale, shift) = if self.flaw == GateFlaw::SwappedSlots { (1, 0) } else { (0, 1) };
        at.dw[scale].row_mut(0).assign(&(&dz * &at.x.view()).sum_axis(Axis(0)));
        at.dw[shift].row_mut(0).assign(&dz.sum_axis(Axis(0)));
        if self.flaw == GateFlaw::StatisticTrained {
            at.dw[2].row_mut(0).assign(&dz.sum_axis(Axis(0)));
        }
        if let Some(dx) = at.dx {
            dx.assign(&(dz * &self.parameters[0]));
        }
        Ok(())
    }

    fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<f64>)) {
        for ((name, role), matrix) in self.info().iter().zip(&self.parameters) {
            f(Info { name, role: *role, dims: &[3] }, matrix);
        }
    }

    fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<f64>)) {
        let (info, swapped) = (self.info(), self.flaw == GateFlaw::SwappedInVisitMut);
        let order = if swapped { [1, 0, 2] } else { [0, 1, 2] };
        for i in order {
            f(Info { name: &info[i].0, role: info[i].1, dims: &[3] }, &mut self.parameters[i]);
        }
    }
}

/// tanh whose slope forgets the chain rule.
#[derive(Debug, Clone)]
pub(crate) struct TanhWithoutSlope;

impl Activation for TanhWithoutSlope {
    fn apply<A: Scalar>(&self, x: A) -> A {
        x.tanh()
    }
    fn slope<A: Scalar>(&self, _: A, _: A) -> A {
        A::ONE
    }
}

/// The ways in which [`Squares`] is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum LossFlaw {
    None,
    WithoutN,
    FactorTwo,
    WrongSign,
    Added,
    ValueAdded,
    ValueOnlyWithoutGradient,
    LastElementNotWritten,
    OneElement,
    AllRowsLikeTheFirst,
    IgnoresTarget,
}

/// The squares of y - t averaged over a row, with a flaw.
#[derive(Debug)]
pub(crate) struct Squares(pub(crate) LossFlaw);

impl Loss<f64> for Squares {
    fn rows(&self, y: &Matrix<f64>, target: &Matrix<f64>, loss: &mut [f64], dy: Option<&mut Matrix<f64>>) {
        let n = y.ncols() as f64;
        let off = &y.view() - &target.view();
        for (loss, off) in loss.iter_mut().zip(off.rows()) {
            let value = off.dot(&off) / n;
            match self.0 {
                LossFlaw::ValueAdded => *loss += value,
                LossFlaw::ValueOnlyWithoutGradient if dy.is_some() => *loss = 0.0,
                _ => *loss = value,
            }
        }
        let Some(dy) = dy else { return };
        let gradient = 2.0 * &off / n;
        let last = (y.nrows() - 1, y.ncols() - 1);
        match self.0 {
            LossFlaw::WithoutN => dy.assign(&(gradient * n)),
            LossFlaw::FactorTwo => dy.assign(&(gradient / 2.0)),
            LossFlaw::WrongSign => dy.assign(&-gradient),
            LossFlaw::Added => *dy += &*gradient,
            LossFlaw::LastElementNotWritten => {
                let old = dy[last];
                dy.assign(&gradient);
                dy[last] = old;
            }
            LossFlaw::OneElement => {
                dy.assign(&gradient);
                dy[last] += 1e-4;
            }
            LossFlaw::AllRowsLikeTheFirst => dy.assign(&gradient.slice(s![..1, ..])),
            LossFlaw::IgnoresTarget => dy.assign(&(2.0 / n * &y.view())),
            _ => dy.assign(&gradient),
        }
    }

    fn counts(&self, _: &Matrix<f64>, _: &Matrix<f64>, counts: &mut [f64]) {
        counts.fill(1.0);
    }
}
