//! What a fuzzer may do to each reader: whatever the bytes are, it returns. Shared with the fuzz targets in `fuzz/`.

#![allow(dead_code)] // Each fuzz target uses one.

use neuropil::io::SafeTensors;
use neuropil::prelude::*;
use neuropil::spec::{Setting, Spec};

/// A safetensors file: what is read can be asked for.
pub(crate) fn safetensors(bytes: &[u8]) -> bool {
    let Ok(file) = SafeTensors::parse(bytes) else { return false };
    for name in file.names() {
        let size: usize = file.shape(name).unwrap().iter().product();
        if let Ok(numbers) = file.numbers::<f32>(name) {
            assert_eq!(numbers.len(), size);
        }
    }
    true
}

/// Predicts, if the network is as small as those that the mutations began with: a layer that says to be larger than memory
/// may be read, as long as it has no parameters.
fn predict(network: &Sequential<f32>) {
    fn is_small(spec: &Spec) -> bool {
        spec.settings().iter().all(|(_, value)| is_small_setting(value))
    }
    fn is_small_setting(value: &Setting) -> bool {
        match value {
            Setting::Count(n) => *n <= 200,
            Setting::List(values) => values.iter().all(is_small_setting),
            Setting::Layer(spec) => is_small(spec),
            _ => true,
        }
    }
    if network.spec().as_ref().is_some_and(is_small) && network.layers().len() <= 16 {
        let _ = network.predict(&neuropil::ndarray::Array2::zeros((2, network.input().len())));
    }
}

/// A model file: what is read can predict, and be written again.
pub(crate) fn model(bytes: &[u8]) -> bool {
    let Ok(network) = Sequential::<f32>::from_bytes(bytes) else { return false };
    let again = Sequential::<f32>::from_bytes(&network.to_bytes().unwrap()).unwrap();
    assert_eq!(again.to_string(), network.to_string());
    predict(&network);
    true
}

/// An npy file: what is read can be written and read again.
pub(crate) fn npy(bytes: &[u8]) -> bool {
    let Ok(array) = neuropil::io::from_npy::<f64>(bytes) else { return false };
    let again = neuropil::io::from_npy::<f64>(&neuropil::io::to_npy(&array)).unwrap();
    assert!(again.shape() == array.shape() && again.iter().zip(&array).all(|(a, b)| a.to_bits() == b.to_bits()));
    true
}

/// An npz file.
pub(crate) fn npz(bytes: &[u8]) -> bool {
    neuropil::io::from_npz::<f32>(bytes).is_ok()
}

/// An ONNX file: what is read can predict.
pub(crate) fn onnx(bytes: &[u8]) -> bool {
    let Ok(network) = Sequential::<f32>::from_onnx_bytes(bytes) else { return false };
    predict(&network);
    true
}
