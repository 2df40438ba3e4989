//! An activation, a layer and a loss of one's own: defined, checked against finite differences, and trained.
//!
//! ```text
//! cargo run --release --example own_layer
//! ```

use std::fmt;

use neuropil::gradcheck;
use neuropil::layer::{Backward, Info, Pass, Role};
use neuropil::ndarray::{Array2, Zip};
use neuropil::prelude::*;

// --- An activation: a function of one number, and its derivative. -----------------------------------------------------

/// The bell curve y = e^(-x²).
#[derive(Debug, Clone)]
struct Bell;

impl Activation for Bell {
    #[inline]
    fn apply<A: Scalar>(&self, x: A) -> A {
        (-x * x).exp()
    }

    /// dy/dx = -2x·e^(-x²) = -2x·y: the y that `apply` gave is at hand.
    #[inline]
    fn slope<A: Scalar>(&self, x: A, y: A) -> A {
        A::of(-2.0) * x * y
    }
}

// --- A layer: what it does to a batch, the derivative of that, and its parameters. ------------------------------------

/// Scales and shifts each feature: y = a∘x + b, with x and y (samples, features), and a and b (1, features).
#[derive(Clone)]
struct Scale<A: Scalar> {
    a: Array2<A>,
    b: Array2<A>,
}

impl<A: Scalar> Scale<A> {
    fn new(features: usize) -> Self {
        Self { a: Array2::from_elem((1, features), A::ONE), b: Array2::from_elem((1, features), A::ZERO) }
    }
}

impl<A: Scalar> Layer<A> for Scale<A> {
    /// Called when the layer is put into a network: an error here means that no wrong sizes arrive below.
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let features = self.a.ncols();
        if input == Shape::Flat(features) {
            return Ok(input);
        }
        Err(Error::Input { layer: format!("{self:?}"), wants: format!("{features} features a sample"), got: input })
    }

    /// y = a∘x + b. The tape keeps x and y for the backward pass; anything else would go into `pass.cache`.
    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, _: &mut Pass<'_>) -> Result<()> {
        Zip::from(y).and(x).and_broadcast(&self.a).and_broadcast(&self.b).for_each(|y, &x, &a, &b| *y = a * x + b);
        Ok(())
    }

    /// From dL/dy, by the chain rule: dL/da = Σ dy∘x and dL/db = Σ dy over the samples, and dL/dx = a∘dy.
    fn backward(&self, at: Backward<'_, A>, _: &mut Pass<'_>) -> Result<()> {
        let Backward { x, dy, dx, dw, .. } = at;
        if let [da, db] = dw {
            // Gradients are written, not added: what was there before is of no interest.
            da.fill(A::ZERO);
            db.fill(A::ZERO);
            for (x, dy) in x.rows().into_iter().zip(dy.rows()) {
                Zip::from(da.row_mut(0)).and(x).and(dy).for_each(|da, &x, &dy| *da += x * dy);
                Zip::from(db.row_mut(0)).and(dy).for_each(|db, &dy| *db += dy);
            }
        }
        // Nobody wants dL/dx of a network's first layer.
        if let Some(dx) = dx {
            Zip::from(dx).and(dy).and_broadcast(&self.a).for_each(|dx, &dy, &a| *dx = a * dy);
        }
        Ok(())
    }

    /// Shows the parameters: to optimizers, files and summaries. Their order is the order of `dw` above.
    fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        let dims = &[self.a.ncols()];
        f(Info { name: &"a", role: Role::Weight, dims }, &self.a);
        f(Info { name: &"b", role: Role::Bias, dims }, &self.b);
    }

    fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        let dims = &[self.a.ncols()];
        f(Info { name: &"a", role: Role::Weight, dims }, &mut self.a);
        f(Info { name: &"b", role: Role::Bias, dims }, &mut self.b);
    }
}

/// The name of the layer in error texts and summaries.
impl<A: Scalar> fmt::Debug for Scale<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scale({})", self.a.ncols())
    }
}

// --- A loss: its value for one number, and its derivative. ------------------------------------------------------------

/// ln cosh(y - t): like a square where y is near t, like a distance far away.
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
        .with(Bell)?
        .with(Dense::new(12, 1, &mut rng))?;
    println!("{network}");

    // Does backward tell what forward does? An error of more than 1e-7 would be a mistake in a derivative.
    let some = Init::Uniform { low: -2.0, high: 2.0 }.matrix(5, 3, &mut rng);
    let other = Init::Uniform { low: -2.0, high: 2.0 }.matrix(5, 3, &mut rng);
    let checks = [
        ("activation", gradcheck::layer(&Bell, 3, &some, 1)?),
        ("layer", gradcheck::layer(&Scale::new(3), 3, &some, 1)?),
        ("loss", gradcheck::loss(&LogCosh, &some, &other)?),
        ("network", gradcheck::layer(&network, 1, &x, 1)?),
    ];
    for (what, report) in &checks {
        println!("{what:>10}: {}, {report}", if report.passes(1e-7) { "right" } else { "WRONG" });
    }

    let mut tape = Tape::new(&network, 1);
    let mut sgd = Sgd::new(0.1).momentum(0.9);
    println!();
    for epoch in 0..=3000 {
        let loss = tape.train(&mut network, &x, &target, &LogCosh, &mut sgd)?;
        if epoch % 500 == 0 {
            println!("epoch {epoch:>4}  loss {loss:.6}");
        }
    }

    println!();
    let y = network.predict(&x)?;
    for i in (0..64).step_by(9) {
        println!("f({:>6.3}) = {:>6.3}, network {:>6.3}", x[[i, 0]], target[[i, 0]], y[[i, 0]]);
    }
    Ok(())
}
