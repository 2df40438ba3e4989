//! The inputs and outputs of a network in its passes.

use ndarray::{Array2, s};

use super::plan::Plan;
use super::{Network, Port};
use crate::kernels::resize;
use crate::layer::Place;
use crate::{Matrix, Result, Scalar, Shape};

impl<A: Scalar> Network<A> {
    /// Initializes the gradients of the outputs with dL/dy; the steps add to them.
    pub(super) fn start_gradients(
        &self,
        plan: &Plan,
        shapes: &[Shape],
        dy: &Matrix<A>,
        mut dx: Option<&mut Matrix<A>>,
        gradients: &mut [Array2<A>],
    ) -> Result<()> {
        let mut from = 0;
        for (i, port) in self.outputs.iter().enumerate() {
            let part = dy.slice(s![.., from..from + shapes[port.value].len()]);
            from += part.ncols();
            // One value may be declared as several outputs.
            let again = self.outputs[..i].iter().any(|other| other.value == port.value);
            let whole = plan.whole[0] && self.inputs[0].value == port.value;
            let into: &mut Matrix<A> = match dx.as_deref_mut() {
                Some(dx) if whole => dx,
                None if whole => continue,
                _ => {
                    resize(&mut gradients[port.value], dy.nrows(), part.ncols())?;
                    &mut gradients[port.value]
                }
            };
            if again {
                into.zip_mut_with(&part, |sum, &dy| *sum += dy);
            } else {
                into.assign(&part);
            }
        }
        Ok(())
    }
}

impl Place {
    fn buffer(self) -> usize {
        if let Self::Buffer(at) = self { at } else { 0 }
    }
}

/// The storage of inputs or outputs; `predicting` is the plan for predictions.
pub(super) fn stored<'p>(
    recording: bool,
    ports: &'p [Port],
    predicting: &'p [Place],
) -> impl Iterator<Item = Place> + 'p {
    ports.iter().zip(predicting).map(move |(port, &place)| match place {
        Place::Buffer(_) if recording => Place::Buffer(port.value),
        place => place,
    })
}

/// Copies the columns of `x` into the buffers of the inputs.
pub(super) fn split<A: Scalar>(
    inputs: &[Port],
    stored: impl Iterator<Item = Place>,
    shapes: &[Shape],
    x: &Matrix<A>,
    buffers: &mut [Array2<A>],
) -> Result<()> {
    let mut from = 0;
    for (port, place) in inputs.iter().zip(stored) {
        let (width, buffer) = (shapes[port.value].len(), &mut buffers[place.buffer()]);
        resize(buffer, x.nrows(), width)?;
        buffer.assign(&x.slice(s![.., from..from + width]));
        from += width;
    }
    Ok(())
}
