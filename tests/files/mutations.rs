//! The readers against files that went wrong at random: a bounded run of what `fuzz/` does without end.

use neuropil::prelude::*;
use neuropil::rand::Rng;

use super::{builder, readers, zoo};

/// Changes the bytes in a few places, as a fuzzer does.
pub(crate) fn mutate(bytes: &mut Vec<u8>, random: &mut impl Rng) {
    const WORDS: [&[u8]; 12] =
        [b"0", b"9", b"-", b"\"", b"{", b"}", b"[", b",", b"18446744073709551615", b"1e999", b"NaN", b"\\u0000"];
    for _ in 0..=random.next_u64() % 4 {
        let mut below = |n: usize| (random.next_u64() % n.max(1) as u64) as usize;
        let at = below(bytes.len());
        match below(7) {
            _ if bytes.is_empty() => bytes.push(b'{'),
            0 => bytes[at] ^= 1 << below(8),
            1 => bytes[at] = below(256) as u8,
            2 => bytes.truncate(at),
            3 => _ = bytes.drain(at..(at + below(9)).min(bytes.len())),
            4 => {
                let word = WORDS[below(WORDS.len())];
                bytes.splice(at..at, word.iter().copied());
            }
            5 => {
                let word = WORDS[below(WORDS.len())];
                let end = (at + word.len()).min(bytes.len());
                bytes.splice(at..end, word.iter().copied());
            }
            _ => {
                // A piece of the file, once more.
                let piece = bytes[at..(at + below(60)).min(bytes.len())].to_vec();
                let to = below(bytes.len());
                bytes.splice(to..to, piece);
            }
        }
    }
}

/// Runs a reader over mutations of these files; `mend` makes right again what would stop it too early.
fn run(files: &[Vec<u8>], reader: fn(&[u8]) -> bool, mend: fn(&mut Vec<u8>), rounds: usize) -> usize {
    // More, at other random places, if asked for: see `fuzz/README.md`.
    let times = std::env::var("NEUROPIL_MUTATIONS").map_or(1, |times| times.parse().unwrap());
    let mut random = rng(10 + times as u64);
    let mut read = 0;
    for round in 0..rounds * times {
        let mut bytes = files[round % files.len()].clone();
        mutate(&mut bytes, &mut random);
        mend(&mut bytes);
        read += usize::from(reader(&bytes));
    }
    read
}

fn models() -> Vec<Vec<u8>> {
    zoo::layers::<f32>().iter().map(|entry| entry.network.to_bytes().unwrap()).collect()
}

/// The right length of the header and the right checksum.
#[allow(clippy::ptr_arg)] // As its kin that change the length may.
fn mend(bytes: &mut Vec<u8>) {
    let header = |bytes: &[u8]| bytes.windows(3).rposition(|end| end == b"]}}").map(|at| at + 3);
    if let Some(end) = header(bytes).filter(|&end| end > 8) {
        bytes[..8].copy_from_slice(&(end as u64 - 8).to_le_bytes());
    }
    builder::seal(bytes);
}

#[test]
fn mutated_model_files_are_networks_or_errors() {
    let files = models();
    run(&files, readers::model, |_| {}, 4000);
    // Those whose checksum is made right get further.
    let read = run(&files, readers::model, mend, 20_000);
    assert!(read > 20, "only {read} could be read");
}

#[test]
fn mutated_safetensors_files_are_arrays_or_errors() {
    let read = run(&models(), readers::safetensors, mend, 20_000);
    assert!(read > 200, "only {read} could be read");
}

#[test]
fn mutated_numpy_files_are_arrays_or_errors() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/numpy");
    let files = |end: &str| -> Vec<Vec<u8>> {
        let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
            .iter()
            .filter(|path| path.to_string_lossy().ends_with(end))
            .map(|path| std::fs::read(path).unwrap())
            .collect()
    };
    let read = run(&files(".npy"), readers::npy, |_| {}, 20_000);
    assert!(read > 200, "only {read} arrays could be read");
    let read = run(&files(".npz"), readers::npz, |_| {}, 5_000);
    assert!(read > 10, "only {read} archives could be read");
}

#[test]
fn mutated_onnx_files_are_networks_or_errors() {
    let layers = zoo::layers::<f32>();
    let files: Vec<Vec<u8>> = layers.iter().filter_map(|entry| entry.network.to_onnx_bytes().ok()).collect();
    let read = run(&files, readers::onnx, |_| {}, 20_000);
    assert!(read > 200, "only {read} could be read");
}

#[test]
fn mutated_states_of_trainings_are_trainings_or_errors() {
    let path = builder::folder("mutated").join("state");
    let (mut network, mut trainer) = readers::training();
    let moons = neuropil::data::moons::<f32>(20, 0.1, &mut rng(1));
    trainer.fit(&mut network, &moons).unwrap();
    trainer.save_state(&path, &network).unwrap();
    let read = run(&[std::fs::read(path).unwrap()], readers::state, mend, 3000);
    assert!(read > 2, "only {read} could be read");
}

#[test]
fn mutated_idx_files_are_arrays_or_errors() {
    let files = [vec![0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3], vec![0, 0, 13, 2, 0, 0, 0, 1, 0, 0, 0, 1, 63, 128, 0, 0]];
    let read = run(&files, readers::idx, |_| {}, 20_000);
    assert!(read > 200, "only {read} could be read");
}
