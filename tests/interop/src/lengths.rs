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
    let mut read = 0;
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
        let Some(again) = read_back(&bytes, &network.to_string())? else { continue };
        read += 1;
        let away = again.predict(&x)?.iter().zip(&y).map(|(got, want)| (got - want).abs()).fold(0.0, f64::max);
        if away.is_nan() || away > 1e-5 {
            return Err(format!("{network:?}, read back, is {away:e} away").into());
        }
    }
    println!("wrote {} ONNX files of sequences with lengths, and read {read} back", networks.len());
    Ok(())
}

/// The network in a file with lengths; `None` if they pass a layer of these, which may come back as several layers, with
/// which the lengths in the file cannot be compared.
pub(crate) fn read_back(bytes: &[u8], network: &str) -> Outcome<Option<Network<f64>>> {
    match Network::from_onnx_bytes(bytes) {
        Err(error) if error.to_string().contains("operator Less") => {
            let known = ["Glu(", "rotary", "Network("].iter().any(|layer| network.contains(layer));
            if known { Ok(None) } else { Err(format!("{network}: {error}").into()) }
        }
        again => Ok(Some(again.map_err(|error| format!("{network}: {error}"))?)),
    }
}
