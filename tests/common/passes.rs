//! Passes for tests of a layer alone: only a network creates a [`Pass`].

use std::fmt;
use std::sync::Arc;

use neuropil::layer::{Backward, Layer, Pass};
use neuropil::ndarray::Array2;
use neuropil::{Matrix, Result, Scalar, Shape, Tape};

/// Calls `f` with a pass, in training or evaluation mode, that records and whose cache is empty.
pub(crate) fn in_a_pass<A: Scalar>(input: Shape, training: bool, f: impl Fn(&mut Pass<'_>) + Send + Sync + 'static) {
    let layer = Probe(Arc::new(f));
    let tape = Tape::<A>::for_layer(&layer, input, 0);
    let mut tape = if training { tape } else { tape.predicting() };
    tape.forward(&layer, &Array2::zeros((1, input.len()))).unwrap();
}

/// y = x, and a call of the function in each forward pass.
#[derive(Clone)]
struct Probe(Arc<dyn Fn(&mut Pass<'_>) + Send + Sync>);

impl<A: Scalar> Layer<A> for Probe {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        Ok(input)
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        y.assign(x);
        (self.0)(pass);
        Ok(())
    }

    fn backward(&self, _: Backward<'_, A>, _: &mut Pass<'_>) -> Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probe")
    }
}
