//! Networks of sequences of any number of steps as ONNX, with what they predict for several numbers.

use std::path::Path;

use neuropil::io::write_npz;
use neuropil::ndarray::Array2;
use neuropil::prelude::*;

use crate::lengths::read_back;
use crate::{Outcome, sequences, shaped, zoo};

/// Steps added to the declared ones.
const MORE: [usize; 3] = [0, 1, 13];

pub(crate) fn write(folder: &Path) -> Outcome {
    let mut written = 0;
    for entry in zoo::layers::<f64>() {
        let Shape::Sequence { steps, features } = entry.network.input() else { continue };
        let shapes = MORE.map(|more| Shape::from([steps + more, features]));
        if entry.indices.is_none() && entry.network.output_shape(shapes[1]).is_ok() {
            one(&entry.network, &folder.join(format!("steps_{written:02}")), &shapes, entry.name, |x| x)?;
            written += 1;
        }
    }
    for (_, layer) in sequences::layers(&mut rng(5)) {
        let name = format!("words, {layer:?}");
        let network = sequences::words(layer, &mut rng(6))?;
        let shapes = MORE.map(|more| Shape::Flat(6 + more));
        if network.output_shape(shapes[1]).is_ok() {
            let index = |x: f64| ((x + 2.0) * 3.0).floor().clamp(0.0, 11.0);
            one(&network, &folder.join(format!("steps_{written:02}")), &shapes, &name, index)?;
            written += 1;
        }
    }
    println!("wrote {written} ONNX files of sequences");
    Ok(())
}

/// Writes a network, and inputs of these shapes with the predictions. What is read back has to predict the same.
fn one(network: &Network<f64>, path: &Path, shapes: &[Shape], name: &str, input: impl Fn(f64) -> f64) -> Outcome {
    let bytes = network.to_onnx_bytes()?;
    std::fs::write(path.with_extension("onnx"), &bytes)?;
    let again = read_back(&bytes, &network.to_string())?;
    let mut arrays = Vec::new();
    for &shape in shapes.iter().filter(|&&shape| network.output_shape(shape).is_ok()) {
        let x: Array2<f64> = zoo::random(3, shape.len(), 1).mapv(&input);
        let y = network.predict(&x)?;
        if let Some(again) = again.as_ref().filter(|again| again.output_shape(shape).is_ok()) {
            let away = again.predict(&x)?.iter().zip(&y).map(|(got, want)| (got - want).abs()).fold(0.0, f64::max);
            if away.is_nan() || away > 1e-5 {
                return Err(format!("{name}, read back, is {away:e} away for {shape}").into());
            }
        } else if again.is_some() && shape != shapes[0] && bytes.windows(5).any(|part| part == b"steps") {
            return Err(format!("{name}, read back, does not take {shape}").into());
        }
        let y_shape = network.output_shape(shape)?;
        arrays.push((format!("x.{}", arrays.len() / 2), shaped(x.mapv(|x| x as f32), shape)));
        arrays.push((format!("y.{}", arrays.len() / 2), shaped(y.mapv(|y| y as f32), y_shape)));
    }
    write_npz(path.with_extension("npz"), arrays.iter().map(|(name, array)| (&**name, array.view())))?;
    std::fs::write(path.with_extension("name"), name)?;
    Ok(())
}
