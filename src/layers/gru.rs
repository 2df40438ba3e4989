//! [`Gru`]: gated recurrent units.

use rand::Rng;

use super::recurrent::{Cell, Recurrent, blocks, blocks_mut};
use crate::kernels::simd::rows::each;
use crate::spec::Spec;
use crate::spec::onnx::{Attribute, Operators};
use crate::spec::rust::Function;
use crate::{Result, Scalar};

/// Gated recurrent units (Cho et al., 2014): a recurrent layer with two gates and no cell state.
///
/// For each step:
///
/// ```text
/// r = σ(x·Wᵣ + bᵣ + h·Uᵣ + aᵣ)
/// z = σ(x·W_z + b_z + h·U_z + a_z)
/// n = tanh(x·Wₙ + bₙ + r ∘ (h·Uₙ + aₙ))
/// h = (1 - z) ∘ n + z ∘ h
/// ```
///
/// `weight_ih` = `[Wᵣ, W_z, Wₙ]` is (inputs, 3 units), `weight_hh` = `[Uᵣ, U_z, Uₙ]` is (units, 3 units), and b and a
/// are the two biases. As in `PyTorch`, the reset gate r is applied after the product with Uₙ, so also to aₙ. With
/// [`reset_before`](Self::reset_before) it is applied to h, as in the paper: n = tanh(x·Wₙ + bₙ + (r ∘ h)·Uₙ + aₙ).
/// See [`Recurrent`] for stacked and bidirectional layers, padding, and state carried between sequences.
///
/// ```
/// use neuropil::prelude::*;
///
/// let network = Sequential::<f32>::new([20, 32]).with(Gru::new(32, 64, &mut rng(1)))?;
/// assert_eq!(network.output(), Shape::Sequence { steps: 20, features: 64 });
/// # Ok::<(), Error>(())
/// ```
pub type Gru<A> = Recurrent<A, GruCell>;

/// One step of a [`Gru`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GruCell {
    /// The reset gate is applied to h·Uₙ + aₙ.
    #[default]
    ResetAfter,
    /// The reset gate is applied to h, before the product with Uₙ.
    ResetBefore,
}

impl<A: Scalar> Gru<A> {
    /// Creates a layer with weights and biases uniform in ±1/√units, `PyTorch`'s default.
    pub fn new(inputs: usize, units: usize, rng: &mut impl Rng) -> Self {
        Self::with_cell(GruCell::ResetAfter, inputs, units, rng)
    }

    /// Creates a layer that applies the reset gate before the product, as ONNX does by default, and Keras with
    /// `reset_after=False`.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let layer = Gru::<f32>::reset_before(32, 64, &mut rng(1));
    /// assert_eq!(format!("{layer:?}"), "Gru(32 -> 64, reset before)");
    /// ```
    pub fn reset_before(inputs: usize, units: usize, rng: &mut impl Rng) -> Self {
        Self::with_cell(GruCell::ResetBefore, inputs, units, rng)
    }
}

/// The blocks of a step are n, r, z, and q = h·Uₙ + aₙ or (r ∘ h)·Uₙ + aₙ: the two parts of n are separate, and the
/// products with h contiguous.
impl Cell for GruCell {
    const NAME: &'static str = "Gru";
    const KIND: &'static str = "gru";
    const GATES: usize = 3;
    const BLOCKS: usize = 4;
    const FROM_X: &'static [(usize, usize, usize)] = &[(0, 2, 1), (2, 1, 0)];
    const FROM_H: usize = 1;
    const KERAS_GATES: &'static [usize] = &[1, 0, 2]; // z, r, n
    const ONNX_GATES: &'static [usize] = &[1, 0, 2];

    #[inline(always)]
    fn forward<A: Scalar>(&self, gates: &mut [A], [h0, _]: [&[A]; 2], [h, _]: [&mut [A]; 2]) {
        let units = h.len();
        let (n, rzq) = gates.split_at_mut(units);
        let (rz, q) = rzq.split_at_mut(2 * units);
        if *self == Self::ResetAfter {
            each(&mut *rz, |s| *s = s.sigmoid());
        }
        let (r, z) = rz.split_at(units);
        match self {
            Self::ResetAfter => each((&mut *n, r, &*q), |(n, &r, &q)| *n = (*n + r * q).tanh()),
            Self::ResetBefore => each((&mut *n, &*q), |(n, &q)| *n = (*n + q).tanh()),
        }
        each((h, &*n, z, h0), |(h, &n, &z, &h0)| *h = (A::ONE - z) * n + z * h0);
    }

    #[inline(always)]
    fn backward<A: Scalar>(
        &self,
        gates: &[A],
        [h0, _]: [&[A]; 2],
        _: [&[A]; 2],
        dgates: &mut [A],
        [dh, _]: [&mut [A]; 2],
    ) {
        let ([n, r, z, q], [dn, dr, dz, dq]) = (blocks(gates), blocks_mut(dgates));
        each((dz, &*dh, h0, n, z), |(dz, &dh, &h0, &n, &z)| *dz = dh * (h0 - n) * z * (A::ONE - z));
        each((&mut *dn, &*dh, n, z), |(dn, &dh, &n, &z)| *dn = dh * (A::ONE - z) * (A::ONE - n * n));
        match self {
            Self::ResetAfter => {
                each((dr, &*dn, q, r), |(dr, &dn, &q, &r)| *dr = dn * q * r * (A::ONE - r));
                each((dq, &*dn, r), |(dq, &dn, &r)| *dq = dn * r);
            }
            Self::ResetBefore => dq.copy_from_slice(dn),
        }
        each((dh, z), |(dh, &z)| *dh *= z);
    }

    fn resets(&self) -> bool {
        *self == Self::ResetBefore
    }

    #[inline(always)]
    fn reset<A: Scalar>(&self, gates: &mut [A], h: &[A], reset: &mut [A]) {
        let units = h.len();
        each(&mut gates[units..3 * units], |s| *s = s.sigmoid());
        each((reset, &gates[units..2 * units], h), |(reset, &r, &h)| *reset = r * h);
    }

    #[inline(always)]
    fn reset_backward<A: Scalar>(&self, gates: &[A], h: &[A], dreset: &[A], dgates: &mut [A], dh: &mut [A]) {
        let ([_, r, ..], [_, dr, ..]) = (blocks(gates), blocks_mut(dgates));
        each((dr, dreset, h, r), |(dr, &dreset, &h, &r)| *dr = dreset * h * r * (A::ONE - r));
        each((dh, dreset, r), |(dh, &dreset, &r)| *dh += dreset * r);
    }

    /// The setting is named as in Keras; if absent, the reset gate is applied after the product.
    fn describe(&self, spec: Spec) -> Spec {
        if *self == Self::ResetAfter { spec } else { spec.set("reset_after", false) }
    }

    fn restore(spec: &Spec) -> Result<Self> {
        let after = spec.get("reset_after").is_none() || spec.flag("reset_after")?;
        Ok(if after { Self::ResetAfter } else { Self::ResetBefore })
    }

    fn note(&self) -> &'static str {
        if *self == Self::ResetAfter { "" } else { ", reset before" }
    }

    fn onnx(&self, operators: &mut Operators, rest: [&str; 4], shared: [(&str, Attribute<'static>); 2]) -> Result<()> {
        let [size, direction] = shared;
        let after = Attribute::Int((*self == Self::ResetAfter).into());
        operators.then("GRU", &rest, [size, direction, ("linear_before_reset", after)]);
        Ok(())
    }

    fn rust(&self) -> Option<Function> {
        Some(if *self == Self::ResetAfter { RUST } else { RUST_BEFORE })
    }
}

const RUST: Function = Function::new(
    "gru",
    "\
pub fn gru(x: &mut [Number], from_h: &[Number], h: &mut [Number], _: &mut [Number]) {
    let units = h.len();
    for (k, h) in h.iter_mut().enumerate() {
        let [r, z] = [0, 1].map(|gate| math::sigmoid(x[gate * units + k] + from_h[gate * units + k]));
        let n = math::tanh(x[2 * units + k] + r * from_h[2 * units + k]);
        *h = (1.0 - z) * n + z * *h;
    }
}
",
);

const RUST_BEFORE: Function = Function::new(
    "gru_reset_before",
    "\
pub fn gru_reset_before(x: &mut [Number], from_h: &[Number], h: &mut [Number], _: &mut [Number]) {
    let units = h.len();
    for (k, h) in h.iter_mut().enumerate() {
        let z = math::sigmoid(x[units + k] + from_h[units + k]);
        let n = math::tanh(x[2 * units + k] + from_h[2 * units + k]);
        *h = (1.0 - z) * n + z * *h;
    }
}
",
);
