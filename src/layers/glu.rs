//! [`Glu`]: one half of the features, gated by the other.

use std::fmt;

use ndarray::Array2;

use crate::activations::Activation;
use crate::error::NO_FORWARD;
use crate::kernels::rows::{Rows, each_row};
use crate::kernels::{channels_of, flat, flat_mut, resize};
use crate::layer::{Backward, Cache, Layer, Needs, Parts, Pass, Restore, Steps};
use crate::spec::onnx::{Operators, channel_axis};
use crate::spec::rust::{Code, functions};
use crate::spec::{Formula, Spec, Written};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// A gated linear unit, y = a ∘ f(b) with an activation f, where x = [a, b] (Dauphin, Fan, Auli and Grangier, 2017).
///
/// The first half of the features is the value a, the second half the gate b, as in `PyTorch`'s `nn.GLU`: 2n features
/// become n. In sequences, the features of each step are halved, in images the channels.
///
/// | unit | f |
/// |---|---|
/// | GLU | [`Sigmoid`](crate::activations::Sigmoid), the default |
/// | `SwiGLU` | [`Silu`](crate::activations::Silu) |
/// | GEGLU | [`Gelu`](crate::activations::Gelu) |
/// | `ReGLU` | [`Relu`](crate::activations::Relu) |
/// | bilinear | [`Identity`](crate::activations::Identity) |
///
/// In a transformer, such a unit follows the first dense layer of the feed-forward part (Shazeer, 2020).
///
/// da = dy ∘ f(b) and db = dy ∘ a ∘ f'(b).
///
/// # Errors
/// In a network: [`Error::Input`] for an odd number of features or channels.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new(4).with(Glu::new(Relu))?;
/// assert_eq!(network.predict(&array![[2.0, 3.0, 5.0, -7.0]])?, array![[10.0, 0.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Glu<A: Scalar> {
    /// f, without parameters.
    gate: Box<dyn Layer<A>>,
}

/// What a pass keeps: b, f(b) and the gradients with respect to both.
struct State<A> {
    b: Array2<A>,
    gate: Array2<A>,
    dgate: Array2<A>,
    db: Array2<A>,
    /// The cache of f.
    cache: Cache,
}

impl<A: Scalar> Default for State<A> {
    fn default() -> Self {
        let [b, gate, dgate, db] = std::array::from_fn(|_| Array2::default((0, 0)));
        Self { b, gate, dgate, db, cache: Cache::default() }
    }
}

impl<A: Scalar> Glu<A> {
    /// Creates a unit whose gate has this activation.
    pub fn new(gate: impl Activation) -> Self {
        Self { gate: Box::new(gate) }
    }

    /// The shape of each half.
    fn half(&self, input: Shape) -> Result<Shape> {
        let even = |n: usize| n > 0 && n.is_multiple_of(2);
        match input {
            Shape::Flat(n) if even(n) => Ok(Shape::Flat(n / 2)),
            Shape::Sequence { steps, features: n } if even(n) => Ok([steps, n / 2].into()),
            Shape::Image { channels: n, height, width } if even(n) => Ok([n / 2, height, width].into()),
            got => {
                let wants = "an even number of features or channels, values and gates".to_owned();
                Err(Error::Input { layer: format!("{self:?}"), wants, got })
            }
        }
    }
}

/// The number of contiguous elements of a half in a sample.
fn run(input: Shape) -> usize {
    let (channels, stride) = channels_of(input);
    channels / 2 * stride
}

impl<A: Scalar> Layer<A> for Glu<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let half = self.half(input)?;
        let gate = self.gate.output_shape(half)?;
        if gate == half {
            return Ok(half);
        }
        let wants = format!("a gate that keeps the shape {half}");
        Err(Error::Input { layer: format!("{self:?}"), wants, got: gate })
    }

    fn steps(&self, input: Shape) -> Steps {
        self.half(input).map_or(Steps::Unknown, |half| self.gate.steps(half))
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let (half, run) = (self.half(pass.input)?, run(pass.input));
        let State { b, gate, cache, .. } = pass.cache.get::<State<A>>();
        resize(b, y.nrows(), y.ncols())?;
        resize(gate, y.nrows(), y.ncols())?;
        each_row((Rows(flat(x), 2 * run), Rows(flat_mut(b), run)), run, |(x, b)| b.copy_from_slice(&x[run..]));
        let own = &mut Pass::new(half, [pass.training, pass.recording], cache, pass.rng);
        (own.lengths, own.stream) = (pass.lengths, pass.stream);
        self.gate.forward(b, gate, own)?;
        let rows = (Rows(flat(x), 2 * run), (Rows(flat(gate), run), Rows(flat_mut(y), run)));
        each_row(
            rows,
            run,
            #[inline(always)]
            |(x, (gate, y))| {
                for ((&a, &gate), y) in x.iter().zip(gate).zip(y) {
                    *y = a * gate;
                }
            },
        );
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let Some(dx) = at.dx else { return Ok(()) };
        let (half, run) = (self.half(pass.input)?, run(pass.input));
        let State { b, gate, dgate, db, cache } = pass.cache.get::<State<A>>();
        if gate.dim() != at.dy.dim() {
            return Err(NO_FORWARD);
        }
        resize(dgate, gate.nrows(), gate.ncols())?;
        resize(db, gate.nrows(), gate.ncols())?;
        // d(f(b)) = dy ∘ a
        let rows = (Rows(flat(at.x), 2 * run), (Rows(flat(at.dy), run), Rows(flat_mut(dgate), run)));
        each_row(
            rows,
            run,
            #[inline(always)]
            |(x, (dy, dgate))| {
                for ((&a, &dy), dgate) in x.iter().zip(dy).zip(dgate) {
                    *dgate = dy * a;
                }
            },
        );
        let own = &mut Pass::new(half, [pass.training, pass.recording], cache, pass.rng);
        own.lengths = pass.lengths;
        self.gate.backward(Backward { x: b, y: gate, dy: dgate, dx: Some(db), dw: &mut [] }, own)?;
        let inputs = (Rows(flat(at.dy), run), (Rows(flat(gate), run), Rows(flat(db), run)));
        each_row(
            (Rows(flat_mut(dx), 2 * run), inputs),
            run,
            #[inline(always)]
            |(dx, (dy, (gate, db)))| {
                let (da, into) = dx.split_at_mut(run);
                for ((da, &dy), &gate) in da.iter_mut().zip(dy).zip(gate) {
                    *da = dy * gate;
                }
                into.copy_from_slice(db);
            },
        );
        Ok(())
    }

    fn needs(&self, input: Shape, output: Shape) -> Needs {
        // b, f(b) and the gradients with respect to both.
        Needs::per_sample((input.len() as u64).saturating_mul(2)).and(self.gate.needs(output, output))
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("glu").set("gate", self.gate.spec()?))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        // The slices are imported as layers for a fixed number of steps.
        operators.keep_steps();
        let (x, (channels, _)) = (operators.value(), channels_of(operators.input()));
        let axis = operators.integers(&[channel_axis(operators.input())]);
        let mut part = |from: usize| {
            let [from, to] = [from, from + channels / 2].map(|n| operators.integers(&[n as i64]));
            operators.node("Slice", &[&x, &from, &to, &axis], [])
        };
        let (a, b) = (part(0), part(channels / 2));
        operators.set_value(b);
        self.gate.onnx(operators)?;
        operators.then("Mul", &[&a], []);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let (x, len, run) = (code.current(), code.input().len(), run(code.input()));
        let axes = format!("&[({}, {}), ({run}, 1)]", len / (2 * run), 2 * run);
        let b = code.call(&functions::STRIDED, &[x], len / 2, &[&axes, &run]);
        code.set_current(b);
        self.gate.rust(code)?;
        let a = code.call(&functions::STRIDED, &[x], len / 2, &[&axes, &0]);
        code.change(&functions::MULTIPLY, &[a], &[]);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        let Written { text, latex } = self.gate.formula()?.forward;
        let (text, latex) = (text.replace('□', "□[b]"), latex.replace('□', "□_b"));
        Some(Formula::new(format!("□[a] ∘ ({text})"), format!("□_a \\circ \\left({latex}\\right)")))
    }
}

impl<A: Scalar> Restore<A> for Glu<A> {
    const KIND: &'static str = "glu";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let gate = parts.layer("gate", spec.layer("gate")?).map_err(|error| error.at("gate"))?;
        let mut parameters = 0;
        gate.visit(&mut |_, _| parameters += 1);
        if parameters > 0 {
            return Err(spec.problem("its gate has parameters; give it an activation".to_owned()));
        }
        Ok(Self { gate })
    }
}

impl<A: Scalar> fmt::Debug for Glu<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Glu({:?})", self.gate)
    }
}
