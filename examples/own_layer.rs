//! A custom activation, layer and loss, outside the crate: checked against finite differences, trained, traced, saved
//! and loaded, and exported as ONNX and as Rust source.
//!
//! ```text
//! cargo run --release --example own_layer
//! ```
//!
//! Little is required: two functions for an activation or a loss; `output_shape`, `forward`, `backward` and the list of
//! parameters for a layer. The rest is optional: `spec` and `Restore` for model files, `onnx` for ONNX, `rust` for Rust
//! source, `formula` for traces.

use std::fmt;

use neuropil::gradcheck;
use neuropil::layer::{Backward, Parameter, Parts, Pass, Registry, Restore, parameters};
use neuropil::ndarray::{Array2, Zip};
use neuropil::prelude::*;
use neuropil::spec::onnx::Operators;
use neuropil::spec::rust::{Code, Function};
use neuropil::spec::{Formula, Spec};
use neuropil::{Trace, rand::Rng};

// --- An activation: a scalar function, and its derivative. -----------------------------------------------------------

/// The quick GELU: x·σ(1.702x) (Hendrycks and Gimpel, 2016).
#[derive(Debug, Clone)]
struct QuickGelu;

const STEEP: f64 = 1.702;

impl Activation for QuickGelu {
    #[inline]
    fn apply<A: Scalar>(&self, x: A) -> A {
        x * Sigmoid.apply(A::of(STEEP) * x)
    }

    /// By the product rule, with s = σ(1.702x): s + 1.702·x·s·(1 - s), where x·s is the y that `apply` gave.
    #[inline]
    fn slope<A: Scalar>(&self, x: A, y: A) -> A {
        let s = Sigmoid.apply(A::of(STEEP) * x);
        s + A::of(STEEP) * y * (A::ONE - s)
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("quick_gelu"))
    }

    /// Each `then` takes the current value and computes the next one; the last takes x once more.
    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let (x, steep) = (operators.value(), operators.number(STEEP));
        operators.then("Mul", &[&steep], []);
        operators.then("Sigmoid", &[], []);
        operators.then("Mul", &[&x], []);
        Ok(())
    }

    /// For networks as Rust source.
    fn rust_expression(&self, number: &dyn Fn(f64) -> String) -> Option<String> {
        Some(format!("x * math::sigmoid({} * x)", number(STEEP)))
    }

    /// In plain text and in LaTeX; □ is the input.
    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("□ ∘ σ(1.702 □)", "□ \\circ \\sigma(1.702 □)"))
    }
}

impl<A: Scalar> Restore<A> for QuickGelu {
    const KIND: &'static str = "quick_gelu";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Self)
    }
}

// --- A layer: the forward pass of a batch, the backward pass, and its parameter. -------------------------------------

/// Scales each feature: y = a∘x, with x and y (samples, features), and a (1, features).
#[derive(Clone)]
struct Scale<A: Scalar> {
    a: Parameter<A>,
}

/// y = a∘y as Rust source, in place.
const SCALE: Function = Function::new(
    "scale",
    "\
pub fn scale(y: &mut [Number], a: &[Number]) {
    for (y, a) in y.iter_mut().zip(a) {
        *y *= a;
    }
}
",
);

impl<A: Scalar> Scale<A> {
    /// All factors start at 1.
    fn new(features: usize) -> Self {
        Self { a: Parameter::weight("a", &[features], Array2::from_elem((1, features), A::ONE)) }
    }
}

impl<A: Scalar> Layer<A> for Scale<A> {
    /// Called when the layer is added to a network: an error here keeps wrong sizes out of `forward` and `backward`.
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let features = self.a.len();
        if input == Shape::Flat(features) {
            return Ok(input);
        }
        Err(Error::Input { layer: format!("{self:?}"), wants: format!("{features} features per sample"), got: input })
    }

    /// y = a∘x. The tape keeps x and y for the backward pass; anything else would go into `pass.cache`.
    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, _: &mut Pass<'_>) -> Result<()> {
        Zip::from(y).and(x).and_broadcast(self.a.values()).for_each(|y, &x, &a| *y = a * x);
        Ok(())
    }

    /// From dL/dy, by the chain rule: dL/da = Σ dy∘x over the samples, and dL/dx = a∘dy.
    fn backward(&self, at: Backward<'_, A>, _: &mut Pass<'_>) -> Result<()> {
        let Backward { x, dy, dx, dw, .. } = at;
        // Gradients are written, not accumulated: the old contents are arbitrary.
        let da = &mut dw[0]; // (1, features), as a
        da.fill(A::ZERO);
        for (x, dy) in x.rows().into_iter().zip(dy.rows()) {
            Zip::from(da.row_mut(0)).and(x).and(dy).for_each(|da, &x, &dy| *da += x * dy);
        }
        // dL/dx of a network's first layer is not needed.
        if let Some(dx) = dx {
            Zip::from(dx).and(dy).and_broadcast(self.a.values()).for_each(|dx, &dy, &a| *dx = a * dy);
        }
        Ok(())
    }

    // Exposes the parameter to optimizers, files and summaries; list several in the order of `dw`, separated by commas.
    parameters!(A: a);

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("scale").set("features", self.a.len()))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let a = operators.parameter_constant("a", None)?;
        operators.then("Mul", &[&a], []);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let a = code.optional("a");
        code.change(&SCALE, &[], &[&a]);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::new("□ ∘ {a}", "□ \\circ {a}").with_backward("∂ ∘ {a}", "∂ \\circ {a}"))
    }
}

/// The name of the layer in error messages and summaries.
impl<A: Scalar> fmt::Debug for Scale<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scale({})", self.a.len())
    }
}

impl<A: Scalar> Restore<A> for Scale<A> {
    const KIND: &'static str = "scale";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let features = parts.spec().count("features")?;
        Ok(Self { a: parts.weight("a", &[features], 1, features)? })
    }
}

// --- A loss: its value for one element, and its derivative. ----------------------------------------------------------

/// ln cosh(y - t): quadratic for small errors, linear for large ones.
#[derive(Debug)]
struct LogCosh;

impl Pointwise for LogCosh {
    /// |d| + ln(1 + e^(-2|d|)) - ln 2 is the same, but does not overflow.
    fn value<A: Scalar>(&self, y: A, t: A) -> A {
        let d = (y - t).abs();
        d + (A::of(-2.0) * d).exp().ln_1p() - A::of(std::f64::consts::LN_2)
    }

    fn slope<A: Scalar>(&self, y: A, t: A) -> A {
        (y - t).tanh()
    }
}

fn main() -> Result<()> {
    // 64 points of a wave.
    let x = Array2::from_shape_fn((64, 1), |(i, _)| i as f64 / 10.5 - 3.0);
    let target = x.mapv(|x| (2.0 * x).sin() * (-0.2 * x * x).exp());

    let mut rng = rng(1);
    let mut network = Sequential::new(1)
        .with(Dense::new(1, 12, &mut rng))?
        .with(Scale::new(12))?
        .with(QuickGelu)?
        .with(Dense::new(12, 1, &mut rng))?;
    println!("{network}");
    check(&network, &x, &mut rng)?;

    let mut tape = Tape::new(&network, 1);
    let mut sgd = Sgd::new(0.1).momentum(0.9);
    for epoch in 0..=3000 {
        let loss = tape.train(&mut network, &x, &target, &LogCosh, &mut sgd)?;
        if epoch % 500 == 0 {
            println!("epoch {epoch:>4}  loss {loss:.6}");
        }
    }

    println!("\none more step, traced:");
    let trace = Trace::step(&mut tape, &mut network, &x, &target, &LogCosh, &mut sgd)?;
    for layer in &trace.layers {
        println!("{} = {}", layer.symbol, layer.formula);
    }

    // A file holds the `spec` and the parameters; a registry restores the layers from them.
    let mut registry = Registry::new();
    registry.register::<QuickGelu>();
    registry.register::<Scale<f64>>();
    let loaded = Sequential::from_bytes_with(&network.to_bytes()?, &registry)?;
    assert_eq!(loaded.predict(&x)?, network.predict(&x)?);

    // ONNX needs no registry, as it has products and sigmoids. It computes in f32.
    let onnx = network.to_onnx_bytes()?;
    let read = Network::<f64>::from_onnx_bytes(&onnx)?;
    let difference = (read.predict(&x)? - network.predict(&x)?).fold(0.0, |max: f64, d| max.max(d.abs()));
    println!("\nsaved and loaded: the same bits; {} bytes of ONNX, read back: within {difference:.0e}", onnx.len());
    // The Rust source needs no crate at all.
    let source = network.to_rust()?;
    assert!(source.contains("kernels::scale("));
    println!("{} bytes of Rust source that only predicts", source.len());
    println!("final loss {:.6}", LogCosh.evaluate(&network.predict(&x)?, &target)?);
    Ok(())
}

/// Compares backward with finite differences of forward. An error above 1e-7 would mean a wrong derivative.
fn check(network: &Sequential<f64>, x: &Matrix<f64>, rng: &mut impl Rng) -> Result<()> {
    let mut some = || Init::Uniform { low: -2.0, high: 2.0 }.matrix(5, 3, rng);
    let (some, other) = (some(), some());
    let checks = [
        ("activation", gradcheck::layer(&QuickGelu, 3, &some, 1)?),
        ("layer", gradcheck::layer(&Scale::new(3), 3, &some, 1)?),
        ("loss", gradcheck::loss(&LogCosh, &some, &other)?),
        ("network", gradcheck::layer(network, 1, x, 1)?),
    ];
    for (what, report) in &checks {
        println!("{what:>10}: {}, {report}", if report.passes(1e-7) { "correct" } else { "WRONG" });
    }
    println!();
    Ok(())
}
