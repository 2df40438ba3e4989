//! Recurrent layers as ONNX's RNN, LSTM and GRU.

use ndarray::Array2;

use super::weights::Weights;
use super::{Cell, Recurrent};
use crate::layers::shared::masked;
use crate::spec::onnx::{Attribute, INT32, Operators, Tensor};
use crate::{Result, Scalar, Shape};

impl<A: Scalar, C: Cell> Recurrent<A, C> {
    /// One operator per layer, between two transposes: ONNX expects (steps, batch, features).
    pub(super) fn write(&self, operators: &mut Operators) -> Result<()> {
        let (units, directions, width) = (self.units, self.directions(), C::GATES * self.units);
        // The lengths of the samples without padding; an empty name means all steps.
        let lengths = match operators.input() {
            Shape::Sequence { .. } if self.masked || operators.lengths_of(&operators.value()).is_some() => {
                let lengths = masked::lengths(operators, &operators.value());
                operators.node("Cast", &[&lengths], [("to", Attribute::Int(INT32))])
            }
            _ => String::new(),
        };
        transpose(operators, [1, 0, 2]);
        for (layer, chains) in self.chains.chunks(directions).enumerate() {
            let mut constant = |name: &str, dims: &[usize], part: fn(&Weights<A>) -> Vec<f32>| {
                let numbers = Tensor::floats(dims, chains.iter().flat_map(part));
                operators.constant(&format!("{name}_l{layer}"), numbers)
            };
            let w =
                constant("w", &[directions, width, self.layer_inputs(layer)], |weights| turned::<A, C>(&weights.ih));
            let r = constant("r", &[directions, width, units], |weights| turned::<A, C>(&weights.hh));
            let b = constant("b", &[directions, 2 * width], |weights| match &weights.bias {
                Some(both) => both.iter().flat_map(|bias| turned::<A, C>(bias)).collect(),
                None => vec![0.0; 2 * weights.hh.ncols()],
            });
            let direction = if self.bidirectional { "bidirectional" } else { "forward" };
            let shared =
                [("hidden_size", Attribute::Int(units as i64)), ("direction", Attribute::Text(direction.to_owned()))];
            self.cell.onnx(operators, [&w, &r, &b, &lengths], shared)?;
            if layer + 1 == self.layers() && self.last_state {
                // The second output is the last state, (directions, batch, units).
                let last = operators.second_output();
                operators.set_value(last);
                transpose(operators, [1, 0, 2]);
                let sizes = operators.integers(&[0, (directions * units) as i64]);
                operators.then("Reshape", &[&sizes], []);
                return Ok(());
            }
            // From (steps, directions, batch, units) to (steps, batch, features).
            transpose(operators, [0, 2, 1, 3]);
            let sizes = operators.integers(&[0, 0, (directions * units) as i64]);
            operators.then("Reshape", &[&sizes], []);
        }
        transpose(operators, [1, 0, 2]);
        Ok(())
    }
}

fn transpose<const N: usize>(operators: &mut Operators, axes: [usize; N]) {
    operators.then("Transpose", &[], [("perm", Attribute::sizes(axes))]);
}

/// Transposes (rows, gates·units), with the gates in ONNX's order.
fn turned<A: Scalar, C: Cell>(matrix: &Array2<A>) -> Vec<f32> {
    let units = matrix.ncols() / C::GATES;
    let columns = C::ONNX_GATES.iter().flat_map(|gate| gate * units..(gate + 1) * units);
    columns.flat_map(|column| matrix.column(column).into_iter().map(|x| x.to_f64() as f32)).collect()
}
