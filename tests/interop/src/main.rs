//! This crate's side of the exchange with other systems: see `run.py`.

use std::error::Error;
use std::path::Path;

use neuropil::io::{Names, read_npz, write_npz};
use neuropil::layers::Padding;
use neuropil::ndarray::{Array2, ArrayD, IxDyn, s};
use neuropil::prelude::*;
use rten::Model;
use rten_tensor::Tensor;
use rten_tensor::prelude::*;

#[path = "../../common/graphs.rs"]
mod graphs;
mod lengths;
#[path = "../../common/sequences.rs"]
mod sequences;
mod steps;
mod vectors;
#[path = "../../common/zoo.rs"]
mod zoo;

type Outcome<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, command, folder, rest @ ..] = &*arguments else { return Err("give a command and a folder".into()) };
    let folder = Path::new(folder);
    match &**command {
        "vectors" => vectors::run(folder, rest.first().map_or(Ok(0), |least| least.parse())?),
        "onnx" => onnx(folder),
        "graphs" => random_graphs(folder),
        "lengths" => lengths::write(folder),
        "steps" => steps::write(folder),
        "from-torch" => from_files(folder, networks()?, &["f32", "f64", "f16", "bf16"]),
        "to-torch" => to_files(folder, networks()?),
        "from-keras" => from_files(folder, keras_networks()?, &["keras"]),
        "to-keras" => to_files(folder, keras_networks()?),
        other => Err(format!("there is no command {other}").into()),
    }
}

/// The sizes of a batch of such samples.
fn sizes(rows: usize, shape: Shape) -> Vec<usize> {
    match shape {
        Shape::Flat(features) => vec![rows, features],
        Shape::Sequence { steps, features } => vec![rows, steps, features],
        Shape::Image { channels, height, width } => vec![rows, channels, height, width],
    }
}

fn shaped(batch: Array2<f32>, shape: Shape) -> ArrayD<f32> {
    let sizes = sizes(batch.nrows(), shape);
    ArrayD::from_shape_vec(IxDyn(&sizes), batch.into_iter().collect()).expect("the same numbers")
}

/// The largest difference, in units of 1 + |want|.
fn difference(got: impl IntoIterator<Item = f32>, want: &ArrayD<f32>) -> f32 {
    let relative = got.into_iter().zip(want).map(|(got, want)| (got - want).abs() / (1.0 + want.abs()));
    // NaN would get lost in a maximum.
    relative.fold(0.0, |worst, x| if x <= worst { worst } else { x })
}

/// rten 0.24 passes over the lengths of padded sequences.
const NOT_IN_RTEN: [&str; 2] = ["Lstm, masked", "Rnn"];

/// Writes each layer as ONNX with batches and what it predicts for them, and runs the file in rten.
fn onnx(folder: &Path) -> Outcome {
    let (mut written, mut ran, mut worst, mut refused) = (0, 0, 0.0_f32, Vec::new());
    for entry in zoo::layers::<f32>() {
        let name = entry.name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let path = folder.join(format!("{name}.onnx"));
        entry.network.to_onnx(&path)?;
        written += 1;
        let mut arrays = Vec::new();
        for rows in [1, 3] {
            let mut x = entry.batch(rows, 1);
            if entry.name.contains("masked") {
                // The first sample ends with padding.
                let columns = x.ncols();
                x.row_mut(0).iter_mut().skip(columns / 2).for_each(|x| *x = 0.0);
            }
            let y = entry.network.predict(&x)?;
            arrays.push((format!("x{rows}"), shaped(x, entry.network.input())));
            arrays.push((format!("y{rows}"), shaped(y, entry.network.output())));
        }
        write_npz(path.with_extension("npz"), arrays.iter().map(|(name, array)| (&**name, array.view())))?;
        match rten(&path, &arrays) {
            Ok(difference) if difference < 1e-5 => {
                ran += 1;
                worst = worst.max(difference);
            }
            Ok(_) if NOT_IN_RTEN.contains(&entry.name) => refused.push(format!("{}: it ignores padding", entry.name)),
            Ok(difference) => return Err(format!("rten is {difference:e} away in {}", entry.name).into()),
            Err(error) => refused.push(format!("{}: {error}", entry.name)),
        }
    }
    println!("wrote {written} ONNX files; rten ran {ran}, at most {worst:.1e} away");
    for refused in refused {
        println!("  rten does not run {refused}");
    }
    Ok(())
}

fn rten(path: &Path, arrays: &[(String, ArrayD<f32>)]) -> Outcome<f32> {
    let model = Model::load_file(path)?;
    let mut worst = 0.0;
    for pair in arrays.chunks_exact(2) {
        let ([(_, x), (_, want)], input) = (pair, model.input_ids()[0]) else { continue };
        let x = Tensor::from_data(x.shape(), x.iter().copied().collect::<Vec<_>>());
        let [y] = model.run_n(vec![(input, x.view().into())], [model.output_ids()[0]], None)?;
        let y: Tensor<f32> = y.try_into()?;
        if y.shape() != want.shape() {
            return Err(format!("it gives {:?}, not {:?}", y.shape(), want.shape()).into());
        }
        worst = difference(y.iter().copied(), want).max(worst);
    }
    Ok(worst)
}

/// Writes the random graphs as ONNX, with each input and what PyTorch makes of them, and reads them back.
fn random_graphs(folder: &Path) -> Outcome {
    let (mut read, mut worst) = (0, 0.0_f64);
    for graphs::Case { name, network, x, y, .. } in graphs::cases() {
        let bytes = write_ports(&network, &folder.join(&name), &x, &y)?;
        let again = Network::<f64>::from_onnx_bytes(&bytes)?;
        let got = again.predict(&x)?;
        if got.dim() != y.dim() {
            return Err(format!("{name}, read back, gives {:?}, not {:?}", got.dim(), y.dim()).into());
        }
        for (got, want) in got.iter().zip(&y) {
            let away = (got - want).abs() / (1.0 + want.abs());
            if away.is_nan() || away > 1e-5 {
                return Err(format!("{name}, read back: {got}, not {want}").into());
            }
            worst = worst.max(away);
        }
        read += 1;
    }
    println!("read {read} random graphs back, at most {worst:.1e} away from PyTorch");
    Ok(())
}

/// Writes a network as ONNX, with an array for each of its inputs and outputs.
fn write_ports(network: &Network<f64>, path: &Path, x: &Array2<f64>, y: &Array2<f64>) -> Outcome<Vec<u8>> {
    let bytes = network.to_onnx_bytes()?;
    std::fs::write(path.with_extension("onnx"), &bytes)?;
    let (mut arrays, mut from) = (Vec::new(), 0);
    for (input, shape) in network.inputs() {
        let part = x.slice(s![.., from..from + shape.len()]).mapv(|x| x as f32);
        arrays.push((format!("x.{input}"), shaped(part, shape)));
        from += shape.len();
    }
    for (output, shape) in network.outputs() {
        let part = network.output_of(y, output)?.mapv(|y| y as f32);
        arrays.push((format!("y.{output}"), shaped(part, shape)));
    }
    write_npz(path.with_extension("npz"), arrays.iter().map(|(name, array)| (&**name, array.view())))?;
    Ok(bytes)
}

type Networks = Vec<(&'static str, Sequential<f32>, Names)>;

/// The networks of `run.py`, with this crate's layers.
fn networks() -> Outcome<Networks> {
    let r = &mut rng(1);
    let mlp = Sequential::mlp(&[6, 16, 3], Tanh, r)?;
    let recurrent =
        Sequential::new([7, 4]).with(Lstm::new(4, 8, r).stacked(2, r).last_state())?.with(Dense::new(8, 3, r))?;
    let gated =
        Sequential::new([7, 4]).with(Gru::new(4, 8, r).bidirectional(r).last_state())?.with(Dense::new(16, 3, r))?;
    let images = Sequential::new([2, 6, 4])
        .with(Conv2d::new(2, 6, [3, 3], r).padding(1).stride([2, 2]))?
        .with(BatchNorm::new(6))?
        .with(Relu)?
        .with(ConvTranspose2d::grouped(6, 4, [3, 3], 2, r).stride([2, 2]).padding(1).output_padding([1, 1]))?
        .with(GroupNorm::new(2, 4))?
        .with(PRelu::per_channel(4))?
        .with(InstanceNorm::affine(4))?
        .with(Tanh)?
        .with(Flatten)?
        .with(Dense::new(4 * 6 * 4, 3, r))?;
    let sequences = Sequential::new([7, 4])
        .with(Conv1d::grouped(4, 6, 3, 2, r).padding(1))?
        .with(LayerNorm::new(6))?
        .with(Residual::new(MultiHeadAttention::new(6, 2, r)))?
        .with(RmsNorm::new(6))?
        .with(Rnn::new(6, 5, r).last_state())?
        .with(Dense::new(5, 3, r))?;
    let words = Sequential::new(5)
        .with(Embedding::new(9, 4, r))?
        .with(Lstm::new(4, 5, r).stacked(2, r).bidirectional(r).last_state())?
        .with(BatchNorm::new(10))?
        .with(Dense::new(10, 3, r))?;
    let of_sequences = ["conv", "norm", "attention", "rms", "rnn", "head"].into_iter().enumerate();
    let of_sequences = of_sequences.fold(Names::new(), |names, (i, name)| {
        names.rename(name, &if name == "attention" { format!("{i}.body") } else { i.to_string() })
    });
    let of_words = Names::new().rename("table", "0").rename("lstm", "1").rename("norm", "2").rename("head", "3");
    Ok(vec![
        ("images", images, Names::new().rename("head", "9").rename("features", "")),
        ("sequences", sequences, of_sequences),
        ("words", words, of_words),
        ("mlp", mlp, Names::new().rename("fc1", "0").rename("fc2", "2")),
        ("lstm", recurrent, Names::new().rename("lstm", "0").rename("head", "1")),
        ("gru", gated, Names::new().rename("gru", "0").rename("head", "1")),
    ])
}

/// The models of `run.py` in Keras, with this crate's layers.
fn keras_networks() -> Outcome<Networks> {
    let r = &mut rng(1);
    let images = Sequential::new([2, 6, 4])
        .with(Conv2d::new(2, 3, [3, 2], r))?
        .with(BatchNorm::new(3).eps(1e-3))?
        .with(Relu)?
        .with(Conv2d::grouped(3, 6, [3, 3], 3, r).padding(Padding::Same))?
        .with(ConvTranspose2d::new(6, 4, [3, 2], r).stride([2, 1]))?
        .with(Tanh)?
        .with(GlobalAvgPool)?
        .with(Dense::new(4, 3, r))?;
    let sequences = Sequential::new(7)
        .with(Embedding::new(9, 6, r))?
        .with(Conv1d::new(6, 6, 3, r))?
        .with(Residual::new(MultiHeadAttention::new(6, 2, r)))?
        .with(LayerNorm::new(6).eps(1e-3))?
        .with(Lstm::new(6, 5, r).bidirectional(r))?
        .with(Gru::new(10, 4, r))?
        .with(Gru::reset_before(4, 4, r))?
        .with(Rnn::new(4, 3, r).last_state())?
        .with(Dense::new(3, 3, r))?;
    let images_names = ["conv", "norm", "", "depthwise", "transposed", "", "", "head"];
    let sequences_names =
        ["words", "conv", "", "norm", "", "gru.gru_cell", "gru_before.gru_cell", "rnn.simple_rnn_cell", "head"];
    let names = |list: &[&'static str]| {
        let named = list.iter().enumerate().filter(|(_, name)| !name.is_empty());
        named.fold(Names::keras(), |names, (i, name)| names.rename(name, &i.to_string()))
    };
    let both_ways = names(&sequences_names)
        .rename("both.forward_lstm.lstm_cell", "4.forward")
        .rename("both.backward_lstm.lstm_cell", "4.backward")
        .rename("attention", "2.body");
    Ok(vec![("images", images, names(&images_names)), ("sequences", sequences, both_ways)])
}

/// Loads what another system trained and compares the predictions.
fn from_files(folder: &Path, networks: Networks, kinds: &[&str]) -> Outcome {
    for (name, mut network, names) in networks {
        for kind in kinds {
            let unmatched = network.load_state_dict(folder.join(format!("{name}-{kind}.safetensors")), &names)?;
            if !unmatched.is_empty() {
                return Err(format!("{name}: {unmatched:?}").into());
            }
            let arrays = read_npz::<f32>(folder.join(format!("{name}-{kind}.npz")))?;
            let x = &arrays["x"];
            let rows = x.shape()[0];
            let x = Array2::from_shape_vec((rows, x.len() / rows), x.iter().copied().collect())?;
            let difference = difference(network.predict(&x)?, &arrays["y"]);
            if difference > 1e-6 {
                return Err(format!("{name} in {kind}: {difference:e} away").into());
            }
            println!("{name} trained there, {kind}: predictions at most {difference:.1e} away");
        }
    }
    Ok(())
}

/// Trains, and writes weights and predictions for another system.
fn to_files(folder: &Path, networks: Networks) -> Outcome {
    for (name, mut network, names) in networks {
        let (mut x, target) = (zoo::random(32, network.input().len(), 1), zoo::random(32, 3, 2));
        if network.layers().next().is_some_and(|layer| format!("{layer:?}").starts_with("Embedding")) {
            x.mapv_inplace(|x: f32| ((x + 2.0) * 2.25).floor().min(8.0));
        }
        let mut tape = Tape::new(&network, 1);
        let mut adam = Adam::new(0.01);
        for _ in 0..50 {
            tape.train(&mut network, &x, &target, &Mse, &mut adam)?;
        }
        network.save_state_dict(folder.join(format!("{name}-back.safetensors")), &names)?;
        network.save(folder.join(format!("{name}.safetensors")))?;
        let y = shaped(network.predict(&x)?, network.output());
        let x = shaped(x, network.input());
        write_npz(folder.join(format!("{name}-back.npz")), [("x", x.view()), ("y", y.view())])?;
    }
    Ok(())
}
