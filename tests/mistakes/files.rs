//! Files that are missing, broken, or of something else.

use neuropil::data::{LabelEncoder, StandardScaler};
use neuropil::io::{self, Model};
use neuropil::joins::Add;
use neuropil::layer::{Backward, Pass};
use neuropil::ndarray;
use neuropil::prelude::*;
use neuropil::schedules::Cosine;

use crate::readers::seal;

use super::{Mistake, network, regression, x};

/// A layer that does not say how it is saved.
#[derive(Debug, Clone)]
struct Own;

impl Layer<f32> for Own {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        Ok(input)
    }
    fn forward(&self, x: &Matrix<f32>, y: &mut Matrix<f32>, _: &mut Pass<'_>) -> Result<()> {
        y.assign(x);
        Ok(())
    }
    fn backward(&self, _: Backward<'_, f32>, _: &mut Pass<'_>) -> Result<()> {
        Ok(())
    }
}

fn bytes() -> Result<Vec<u8>> {
    network(1).to_bytes()
}

fn load(bytes: &[u8]) -> Result<()> {
    Sequential::<f32>::from_bytes(bytes).map(drop)
}

/// A file with this header.
fn file(header: &str) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat()
}

fn nested() -> Result<Sequential<f32>> {
    let inner = Sequential::<f32>::new(2).with(Tanh)?.with(Own)?;
    Sequential::new(2).with(Tanh)?.with(inner)
}

/// The bytes of a model file with one text replaced by another of the same length, and the right checksum.
fn altered(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = bytes.windows(from.len()).position(|part| part == from.as_bytes()).expect("the text");
    bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
    seal(&mut bytes);
    bytes
}

fn path(name: &str) -> String {
    format!("{}/mistakes-{name}", env!("CARGO_TARGET_TMPDIR"))
}

/// The result without the folder of the file, which is removed.
fn without(name: &str, result: Result<()>) -> Result<()> {
    let path = path(name);
    let _ = std::fs::remove_file(&path);
    result.map_err(|error| match error {
        Error::Format { what, problem } if what == path => Error::Format { what: name.into(), problem },
        error => error,
    })
}

/// Calls with the path of a file that this network was saved to.
fn saved(name: &str, network: &Network<f32>, call: impl FnOnce(&str) -> Result<()>) -> Result<()> {
    network.save(path(name))?;
    without(name, call(&path(name)))
}

/// Loads the training of a network of one output, which used `regression`, into another.
fn resumed(trainer: &mut Trainer<'_, f32>, outputs: usize) -> Result<()> {
    let path = path("training");
    regression().save_state(&path, &network(1))?;
    without("training", trainer.load_state(&path, &mut network(outputs)))
}

fn model() -> Result<Model<f32>> {
    Ok(Model::new(network(1)).with("scaler", &StandardScaler::fit(&x())?))
}

pub(super) const MISTAKES: &[Mistake] = &[
    (
        "an empty file",
        || load(b""),
        "the model: this is not a neuropil model file, nor any safetensors file: it has 0 bytes, fewer than the \
         8 of its header's length",
    ),
    (
        "a file of text",
        || load(b"hello, this is a letter and not a model"),
        "the model: this is not a neuropil model file, nor any safetensors file: its header has \
         8367736964726416744 bytes; the longest are 100000000",
    ),
    (
        "a file that was cut off in its header",
        || load(&bytes()?[..400]),
        "the model: it is cut off: its header has 616 bytes, but 392 come after its length",
    ),
    (
        "a file that was cut off",
        || {
            let bytes = bytes()?;
            load(&bytes[..bytes.len() - 8])
        },
        "the model: it is cut off: `2.weight` ends at byte 48, beyond the 44 bytes of data",
    ),
    (
        "a damaged file",
        || {
            let mut bytes = bytes()?;
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            load(&bytes)
        },
        "the model: it is damaged: its checksum is not that of its content",
    ),
    (
        "a file of another program",
        || load(&file(r#"{"__metadata__":{"format":"pt"}}"#)),
        "the model: this is not a neuropil model file, as `save` writes it; if another program wrote it, load \
         its arrays by name with `load_state_dict`",
    ),
    (
        "another number type",
        || load(&Sequential::<f64>::mlp(&[2, 3, 1], Tanh, &mut rng(1))?.to_bytes()?),
        "the model: its numbers are f64, not f32; load it as f64",
    ),
    (
        "a layer that is not saved",
        || nested()?.to_bytes().map(drop),
        "layer 1.1, Own, cannot be saved; implement `spec` for it",
    ),
    (
        "a layer that is not exported as ONNX",
        || nested()?.to_onnx_bytes().map(drop),
        "layer 1.1, Own, cannot be written as ONNX; implement `onnx` for it",
    ),
    (
        "a layer that is not written as Rust source",
        || nested()?.to_rust().map(drop),
        "layer 1.1, Own, cannot be written as Rust source; implement `rust`, or an activation's \
         `rust_expression`, for it",
    ),
    (
        "a graph loaded as a chain",
        || {
            let mut g = Network::<f32>::new();
            let (a, b) = (g.input("a", 2), g.input("b", 2));
            let sum = g.join(Add, [a, b])?;
            g.output("sum", sum)?;
            load(&g.to_bytes()?)
        },
        "the network: it is a graph, not a chain; use it as a `Network`",
    ),
    (
        "parameters of another architecture",
        || saved("other", &network(2), |path| network(1).load_parameters(path)),
        "other: layer 2, dense: `outputs` is 2 in the file, not 1",
    ),
    (
        "a model instead of a training",
        || saved("model", &network(1), |path| regression().load_state(path, &mut network(1))),
        "model: it is a model, not a saved training; load it with `Sequential::load`",
    ),
    (
        "a part of a model of an unknown name",
        || model()?.get::<StandardScaler>("scalar").map(drop),
        "`scalar` of the model: the model has no such part, only `scaler`",
    ),
    (
        "a part of a model of another type",
        || model()?.get::<LabelEncoder>("scaler").map(drop),
        "`scaler` of the model: it is of the kind standard_scaler, not label_encoder",
    ),
    (
        "a file of zip that is no npz",
        || io::from_npz::<f32>(b"PK\x03\x04").map(drop),
        "the npz file: it is not a zip archive, or it is truncated",
    ),
    ("a file that is no npy", || io::from_npy::<f32>(b"1.0, 2.0").map(drop), "the npy file: it is not an npy file"),
    (
        "a file that is no ONNX",
        || Network::<f32>::from_onnx_bytes(b"hello, this is a letter").map(drop),
        "the ONNX file: it is not an ONNX model: a field has the unknown type 4",
    ),
    (
        "a file of a newer version",
        || load(&altered(&bytes()?, r#""format_version":"1""#, r#""format_version":"2""#)),
        "the model: it has version 2 of the format, and this version of neuropil reads up to 1; use the version \
         that wrote it, 0.1.0, or a later one",
    ),
    (
        "an attention mask with rows of two lengths",
        || {
            let mask = ndarray::Array2::from_elem((2, 2), true);
            let layer = MultiHeadAttention::new(4, 2, &mut rng(1)).attention_mask(mask);
            load(&altered(&Sequential::<f32>::new([2, 4]).with(layer)?.to_bytes()?, "11 11", "111 1"))
        },
        "layer 0, the layer multi_head_attention: its mask is not words of 0 and 1 of one length",
    ),
    (
        "a layer that this crate does not have",
        || load(&altered(&bytes()?, "tanh", "tang")),
        "layer 1, the layer tang: no layer of this kind is known; call `Registry::register` for it",
    ),
    (
        "steps that form a cycle",
        || {
            let mut g = Network::<f32>::new();
            let x = g.input("x", 2);
            let first = g.add(x, Tanh)?;
            let sum = g.join(Add, [x, first])?;
            g.output("y", sum)?;
            load(&altered(&g.to_bytes()?, r#"\"takes\":[0]"#, r#"\"takes\":[2]"#))
        },
        "step 0: it takes the value 2, which is not computed before it: the steps form a cycle",
    ),
    (
        "a state dict of another width",
        || {
            let path = path("dict");
            network(2).save_state_dict(&path, &io::Names::new())?;
            without("dict", network(1).load_state_dict(&path, &io::Names::new()).map(drop))
        },
        "dict: its array `2.weight` has the shape [2, 3], not [1, 3]",
    ),
    (
        "a training of another optimizer",
        || resumed(&mut Trainer::new(Mse, Adam::new(0.1)), 1),
        "training: its optimizer is another: sgd in the file, not adam",
    ),
    (
        "a training of another setting",
        || resumed(&mut Trainer::new(Mse, Sgd::new(0.1).momentum(0.5)), 1),
        "training: its optimizer is another: sgd: `momentum` is 0.0 in the file, not 0.5",
    ),
    (
        "a training of another network",
        || resumed(&mut regression(), 2),
        "training: its array `2.weight` has the shape [3, 1], not 3 x 2",
    ),
    (
        "a training with another schedule",
        || resumed(&mut regression().schedule(Cosine::new(9)), 1),
        "training: its schedule is none, not cosine",
    ),
    (
        "complex numbers in an npy",
        || {
            let header = "{'descr': '<c8', 'fortran_order': False, 'shape': (0,), }";
            io::from_npy::<f32>(&[b"\x93NUMPY\x01\x00", &[header.len() as u8, 0][..], header.as_bytes()].concat())
                .map(drop)
        },
        "the npy file: its numbers are `<c8`; those that are read are f2, f4, f8, integers and booleans",
    ),
];
