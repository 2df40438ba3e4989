//! ONNX there and back; other runtimes read the same files in `tests/interop`.

use neuropil::ndarray::Array2;
use neuropil::prelude::*;

use crate::{readers, zoo};

/// Layers that are written but not read: regions of any size are matrices, and where padding begins is found by operators
/// that are no layer.
const ONE_WAY: [&str; 7] = [
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool2d, larger",
    "LearnedPositions, masked",
    "Lstm, masked",
    "MultiHeadAttention, causal",
    "Rnn",
    "SinusoidalPositions",
];

/// How far a layer may be after the journey: settings were rounded to `f32`, and some layers became others.
fn close(name: &str, got: &Array2<f32>, want: &Array2<f32>) {
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() <= 1e-6 + 2e-6 * want.abs(), "{name}: {got}, not {want}");
    }
}

#[test]
fn every_layer_goes_there_and_back() {
    let mut layers = 0;
    for entry in zoo::layers::<f32>() {
        let network = &entry.network;
        let bytes = network.to_onnx_bytes().unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        if ONE_WAY.contains(&entry.name) {
            let error = Sequential::<f32>::from_onnx_bytes(&bytes).unwrap_err();
            assert!(matches!(&error, Error::Format { .. } | Error::Layer { .. }), "{}: {error:?}", entry.name);
            continue;
        }
        let again =
            Sequential::<f32>::from_onnx_bytes(&bytes).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        assert_eq!((again.input(), again.output()), (network.input(), network.output()), "{}", entry.name);
        let x = entry.batch(3, 1);
        if again.layers().len() > 0 {
            close(entry.name, &again.predict(&x).unwrap(), &network.predict(&x).unwrap());
        } else {
            // Without operators, the graph is the identity.
            close(entry.name, &x, &network.predict(&x).unwrap());
        }
        layers += 1;
    }
    assert!(layers >= 40, "{layers}");
}

#[test]
fn a_deep_chain_comes_back_as_it_was() -> Result<()> {
    let r = &mut rng(1);
    let inner = Sequential::mlp(&[5, 6, 5], Silu, r)?.with(Softplus::new(2.0, 1.0))?;
    let network = Sequential::<f32>::new([3, 4])
        .with(Dense::new(4, 5, r))?
        .with(PRelu::per_channel(5))?
        .with(Gelu)?
        .with(Flatten)?
        .with(Dense::new(15, 5, r).without_bias())?
        .with(inner)?
        .with(TanhShrink)?
        .with(LogSoftmax)?;
    let again = Sequential::<f32>::from_onnx_bytes(&network.to_onnx_bytes()?)?;
    let kinds = |network: &Sequential<f32>| {
        network.layers().map(|layer| layer.spec().unwrap().kind().to_owned()).collect::<Vec<_>>().join(" ")
    };
    let want = "dense p_relu gelu flatten dense dense silu dense softplus tanh_shrink log_softmax";
    assert_eq!(kinds(&again), want);
    let x = zoo::random(4, 12, 1);
    close("chain", &again.predict(&x)?, &network.predict(&x)?);
    Ok(())
}

#[test]
fn what_is_no_chain_of_layers_is_told() {
    let read = |bytes: &[u8]| Sequential::<f32>::from_onnx_bytes(bytes).unwrap_err().to_string();
    assert_eq!(read(b""), "the ONNX file: it has no graph");
    assert_eq!(read(b"\x3a\x00"), "the ONNX file: it has not one input and one output, as a network here has");
    assert_eq!(read(b"\x3a\x05\x00"), "the ONNX file: a field of 5 bytes is cut off");
    assert_eq!(read(b"\xff"), "the ONNX file: a number is cut off");
    assert_eq!(read(b"\x07"), "the ONNX file: a field has the unknown type 7");
    // An operator of another name.
    let network = Sequential::<f32>::new(2).with(Softsign).unwrap().with(Tanh).unwrap();
    let mut bytes = network.to_onnx_bytes().unwrap();
    for window in (0..bytes.len() - 4).filter(|&i| &bytes[i..i + 4] == b"Tanh").collect::<Vec<_>>() {
        bytes[window..window + 4].copy_from_slice(b"Erfc");
    }
    let error = read(&bytes);
    assert!(error.contains("Erfc, is no layer of this crate"), "{error}");
}

#[test]
fn cut_files_are_errors() {
    let network = Sequential::<f32>::mlp(&[2, 3, 1], Tanh, &mut rng(1)).unwrap();
    let bytes = network.to_onnx_bytes().unwrap();
    let mut refused = 0;
    for length in 0..bytes.len() {
        refused += usize::from(!readers::onnx(&bytes[..length]));
    }
    // Without the list of versions at its end, the file is still a graph.
    assert!(refused >= bytes.len() - 8, "{refused} of {}", bytes.len());
}
