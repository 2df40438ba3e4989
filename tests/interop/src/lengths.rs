//! Networks of sequences with lengths as ONNX, with what they predict.

use std::path::Path;

use neuropil::ndarray::Array2;
use neuropil::prelude::*;

use crate::sequences::{layers, series, words};
use crate::{Outcome, write_ports};

/// The lengths of the rows, of at most six steps.
const LENGTHS: [usize; 4] = [5, 2, 6, 1];

pub(crate) fn write(folder: &Path) -> Outcome {
    let found = layers(&mut rng(5)).into_iter().map(|(_, layer)| words(layer, &mut rng(6)).map(Into::into));
    let given = layers(&mut rng(7)).into_iter().map(|(_, layer)| series(layer));
    let networks = found.chain(given).collect::<Result<Vec<Network<f64>>>>()?;
    for (i, network) in networks.iter().enumerate() {
        let width = network.input_shape().len();
        let x = Array2::from_shape_fn((LENGTHS.len(), width), |(row, at)| match width {
            6 if at < LENGTHS[row] => (1 + (row * 5 + at * 3) % 11) as f64,
            6 => 0.0, // The padding index.
            _ if at == width - 1 => LENGTHS[row] as f64,
            _ => ((row * 31 + at * 7) % 13) as f64 / 5.0 - 1.0, // Padding holds anything.
        });
        let y = network.predict(&x)?;
        let bytes = write_ports(network, &folder.join(format!("lengths_{i:02}")), &x, &y)?;
        let again = Network::<f64>::from_onnx_bytes(&bytes).map_err(|error| format!("{network:?}: {error}"))?;
        let away = again.predict(&x)?.iter().zip(&y).map(|(got, want)| (got - want).abs()).fold(0.0, f64::max);
        if away.is_nan() || away > 1e-5 {
            return Err(format!("{network:?}, read back, is {away:e} away").into());
        }
    }
    println!("wrote {} ONNX files of sequences with lengths", networks.len());
    Ok(())
}
