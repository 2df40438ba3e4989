//! [`Lstm`]: long short-term memory.

use rand::Rng;

use super::recurrent::{Cell, Recurrent, blocks, blocks_mut};
use crate::kernels::simd::rows::each;
use crate::spec::Spec;
use crate::spec::onnx::{Attribute, Operators};
use crate::spec::rust::Function;
use crate::{Result, Scalar};

/// Long short-term memory (Hochreiter and Schmidhuber, 1997; with the forget gate of Gers et al., 2000): a recurrent
/// layer with an additive cell state, which carries gradients over many steps.
///
/// For each step, with the pre-activations s = x·Wₓ + bₓ + h·Wₕ + bₕ of the four gates:
///
/// ```text
/// i = σ(sᵢ)   f = σ(s_f)   g = tanh(s_g)   o = σ(sₒ)
/// c = f ∘ c + i ∘ g
/// h = o ∘ tanh(c)
/// ```
///
/// The gates are in the order i, f, g, o, with two biases, as in `PyTorch`; Wₓ (`weight_ih`) is (inputs, 4 units), Wₕ
/// (`weight_hh`) is (units, 4 units). See [`Recurrent`] for stacked and bidirectional layers, padding, and state
/// carried between sequences.
///
/// ```
/// use neuropil::prelude::*;
///
/// let mut rng = rng(1);
/// let network = Sequential::<f32>::new([20, 32]) // 20 steps of 32 features
///     .with(Lstm::new(32, 64, &mut rng).last_state())?
///     .with(Dense::new(64, 1, &mut rng))?;
/// assert_eq!(network.output(), Shape::Flat(1));
/// # Ok::<(), Error>(())
/// ```
pub type Lstm<A> = Recurrent<A, LstmCell>;

/// One step of an [`Lstm`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LstmCell;

impl<A: Scalar> Lstm<A> {
    /// Creates a layer with weights and biases uniform in ±1/√units, `PyTorch`'s default.
    pub fn new(inputs: usize, units: usize, rng: &mut impl Rng) -> Self {
        Self::with_cell(LstmCell, inputs, units, rng)
    }
}

impl Cell for LstmCell {
    const NAME: &'static str = "Lstm";
    const KIND: &'static str = "lstm";
    const GATES: usize = 4;
    const FROM_X: &'static [(usize, usize, usize)] = &[(0, 4, 0)];
    const HAS_C: bool = true;
    const ONNX_GATES: &'static [usize] = &[0, 3, 1, 2]; // i, o, f, g

    #[inline(always)]
    fn forward<A: Scalar>(&self, gates: &mut [A], [_, c0]: [&[A]; 2], [h, c]: [&mut [A]; 2]) {
        let units = h.len();
        each(&mut gates[..2 * units], |s| *s = s.sigmoid());
        each(&mut gates[2 * units..3 * units], |s| *s = s.tanh());
        each(&mut gates[3 * units..], |s| *s = s.sigmoid());
        let [i, f, g, o] = blocks(gates);
        each((&mut *c, c0, i, f, g), |(c, &c0, &i, &f, &g)| *c = f * c0 + i * g);
        each((h, &*c, o), |(h, &c, &o)| *h = o * c.tanh());
    }

    #[inline(always)]
    fn backward<A: Scalar>(
        &self,
        gates: &[A],
        [_, c0]: [&[A]; 2],
        [_, c]: [&[A]; 2],
        dgates: &mut [A],
        [dh, dc]: [&mut [A]; 2],
    ) {
        let [i, f, g, o] = blocks(gates);
        let [di, df, dg, d_o] = blocks_mut(dgates);
        each((&mut *dc, &mut *dh, d_o, o, c), |(dc, dh, d_o, &o, &c)| {
            let t = c.tanh();
            *d_o = *dh * t * o * (A::ONE - o);
            *dc += *dh * o * (A::ONE - t * t);
            *dh = A::ZERO;
        });
        each((di, &*dc, i, g), |(di, &dc, &i, &g)| *di = dc * g * i * (A::ONE - i));
        each((df, &*dc, f, c0), |(df, &dc, &f, &c0)| *df = dc * c0 * f * (A::ONE - f));
        each((dg, &*dc, i, g), |(dg, &dc, &i, &g)| *dg = dc * i * (A::ONE - g * g));
        each((dc, f), |(dc, &f)| *dc *= f);
    }

    fn restore(_: &Spec) -> Result<Self> {
        Ok(Self)
    }

    fn onnx(&self, operators: &mut Operators, rest: [&str; 4], shared: [(&str, Attribute<'static>); 2]) -> Result<()> {
        operators.then("LSTM", &rest, shared);
        Ok(())
    }

    fn rust(&self) -> Option<Function> {
        Some(RUST)
    }
}

const RUST: Function = Function::new(
    "lstm",
    "\
pub fn lstm(x: &mut [Number], from_h: &[Number], h: &mut [Number], c: &mut [Number]) {
    let units = h.len();
    for (k, (h, c)) in h.iter_mut().zip(c).enumerate() {
        let [i, f, g, o] = [0, 1, 2, 3].map(|gate| x[gate * units + k] + from_h[gate * units + k]);
        *c = math::sigmoid(f) * *c + math::sigmoid(i) * math::tanh(g);
        *h = math::sigmoid(o) * math::tanh(*c);
    }
}
",
);
