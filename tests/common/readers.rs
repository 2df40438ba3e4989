//! What a fuzzer may do to each reader: whatever the bytes are, it returns. Shared with the fuzz targets in `fuzz/`.

#![allow(dead_code)] // Each fuzz target uses one.

use neuropil::io::SafeTensors;
use neuropil::prelude::*;

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

/// Predicts, with little memory.
fn predict(mut network: Sequential<f32>) {
    network.set_memory_limit(1 << 24);
    let width = network.input().len();
    if width <= 1 << 16 {
        let _ = network.predict(&neuropil::ndarray::Array2::zeros((2, width)));
    }
}

/// A model file: what is read can predict, and be written again.
pub(crate) fn model(bytes: &[u8]) -> bool {
    let Ok(network) = Sequential::<f32>::from_bytes(bytes) else { return false };
    let again = Sequential::<f32>::from_bytes(&network.to_bytes().unwrap()).unwrap();
    assert_eq!(again.to_string(), network.to_string());
    predict(network);
    true
}

/// An npy file: what is read can be written and read again.
pub(crate) fn npy(bytes: &[u8]) -> bool {
    let Ok(array) = neuropil::io::from_npy::<f64>(bytes) else { return false };
    let again = neuropil::io::from_npy::<f64>(&neuropil::io::to_npy(&array)).unwrap();
    assert!(again.shape() == array.shape() && again.iter().zip(&array).all(|(a, b)| a.to_bits() == b.to_bits()));
    of_rows(array.mapv(|x| x as f32));
    true
}

/// An npz file: its arrays can be asked for.
pub(crate) fn npz(bytes: &[u8]) -> bool {
    let Ok(arrays) = neuropil::io::from_npz::<f32>(bytes) else { return false };
    arrays.into_iter().for_each(|(_, array)| of_rows(array));
    true
}

/// A network predicts for an array, if it is a batch.
fn of_rows(array: neuropil::ndarray::ArrayD<f32>) {
    let Ok(x) = array.into_dimensionality::<neuropil::ndarray::Ix2>() else { return };
    let mut network = Sequential::<f32>::new(x.ncols());
    network.set_memory_limit(1 << 24);
    if network.push(Softmax).is_ok() {
        let _ = network.predict(&x);
    }
}

/// An IDX file, read as what it says it holds.
pub(crate) fn idx(bytes: &[u8]) -> bool {
    neuropil::data::parse_idx(bytes).is_ok()
}

/// The state of a training, to resume it.
pub(crate) fn state(bytes: &[u8]) -> bool {
    let path =
        std::env::temp_dir().join(format!("neuropil-state-{}-{:?}", std::process::id(), std::thread::current().id()));
    std::fs::write(&path, bytes).expect("a temporary file");
    let (mut network, mut trainer) = training();
    let read = trainer.load_state(&path, &mut network).is_ok();
    let _ = std::fs::remove_file(&path);
    let samples = neuropil::data::moons::<f32>(6, 0.1, &mut rng(1));
    let _ = trainer.fit(&mut network, &samples);
    read
}

/// The network and the trainer whose state the target `state` reads.
pub(crate) fn training() -> (Sequential<f32>, Trainer<'static, f32>) {
    let network = Sequential::mlp(&[2, 3, 2], Tanh, &mut rng(1)).expect("sizes that chain");
    let trainer = Trainer::new(CrossEntropy::new(), Adam::new(0.1))
        .schedule(neuropil::schedules::Plateau::new(0.5, 1))
        .callback(neuropil::train::EarlyStopping::new(3))
        .ema(0.9);
    (network, trainer)
}

/// An ONNX file: what is read can predict.
pub(crate) fn onnx(bytes: &[u8]) -> bool {
    let Ok(network) = Sequential::<f32>::from_onnx_bytes(bytes) else { return false };
    predict(network);
    true
}

/// The CRC-32 of IEEE 802.3, by its definition: a remainder of polynomials, bit by bit.
pub(crate) fn crc32<'b>(bytes: impl Iterator<Item = &'b u8>) -> u32 {
    let remainder = |crc: u32, &byte: &u8| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    };
    !bytes.fold(u32::MAX, remainder)
}

/// Writes the right checksum into a model file, if it is long enough for one.
pub(crate) fn seal(bytes: &mut [u8]) {
    let digits = 37..45;
    if bytes.len() >= digits.end {
        let sum = crc32(bytes[..digits.start].iter().chain(&bytes[digits.end..]));
        bytes[digits].copy_from_slice(format!("{sum:08x}").as_bytes());
    }
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
