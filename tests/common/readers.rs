//! What a fuzzer may do to each reader: whatever the bytes are, it returns. Shared with the fuzz targets in `fuzz/`.

#![allow(dead_code)] // Each fuzz target uses one.

use neuropil::io::SafeTensors;
use neuropil::prelude::*;
use neuropil::spec::{Setting, Spec};

/// A safetensors file: what is read can be asked for.
pub(crate) fn safetensors(bytes: &[u8]) -> bool {
    SafeTensors::parse(bytes).is_ok_and(|file| {
        arrays(&file);
        true
    })
}

/// All arrays of a file, of the sizes that it says.
fn arrays(file: &SafeTensors<'_>) {
    for name in file.names() {
        let size: usize = file.shape(name).unwrap().iter().product();
        if let Ok(numbers) = file.numbers::<f32>(name) {
            assert_eq!(numbers.len(), size);
        }
    }
}

/// A state dict of `torch.save`: as a safetensors file.
pub(crate) fn torch(bytes: &[u8]) -> bool {
    SafeTensors::parse_torch(bytes).is_ok_and(|file| {
        arrays(&file);
        true
    })
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

/// The CRC-32 of IEEE 802.3, by its definition: a remainder of polynomials, bit by bit.
pub(crate) fn crc32<'b>(bytes: impl Iterator<Item = &'b u8>) -> u32 {
    let remainder = |crc: u32, &byte: &u8| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    };
    !bytes.fold(u32::MAX, remainder)
}

/// A zip archive of these files, stored.
pub(crate) fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let (size, offset) = ((content.len() as u32).to_le_bytes(), (bytes.len() as u32).to_le_bytes());
        let crc = crc32(content.iter()).to_le_bytes();
        let about = [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &crc, &size, &size, &[name.len() as u8, 0, 0, 0]].concat();
        bytes.extend([b"PK\x03\x04", &about[..], name.as_bytes(), content].concat());
        directory.extend([b"PK\x01\x02\x14\0", &about[..], &[0; 10], &offset, name.as_bytes()].concat());
    }
    let (size, start) = ((directory.len() as u32).to_le_bytes(), (bytes.len() as u32).to_le_bytes());
    let count = files.len() as u8;
    [&bytes[..], &directory, b"PK\x05\x06\0\0\0\0", &[count, 0, count, 0], &size, &start, &[0, 0]].concat()
}

/// A file of `torch.save` with this pickle, and eight zeros as `data/0`.
pub(crate) fn archive(pickle: Vec<u8>) -> Vec<u8> {
    zip(&[("x/data.pkl".into(), pickle), ("x/data/0".into(), vec![0; 8])])
}
