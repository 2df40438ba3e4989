//! State dicts in files of `torch.save`: see `fixtures/torch`.

use std::fs;
use std::path::PathBuf;

use neuropil::io::{Names, SafeTensors};
use neuropil::ndarray::Array2;
use neuropil::prelude::*;
use serde_json::Value;

use super::mutations::mutate;
use super::readers::{self, zip};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/torch").join(name)
}

fn matrix(rows: &Value) -> Array2<f32> {
    let rows: Vec<Vec<f32>> = serde_json::from_value(rows.clone()).unwrap();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

/// Asserts that a network predicts what it did in PyTorch.
fn predicts(network: &Network<f32>, name: &str) {
    let expected: Value = serde_json::from_slice(&fs::read(path("expected.json")).unwrap()).unwrap();
    let (x, want) = (matrix(&expected[name][0]), matrix(&expected[name][1]));
    let y = network.predict(&x).unwrap();
    assert!(y.dim() == want.dim() && !y.is_empty());
    assert!(y.iter().zip(&want).all(|(y, want)| (y - want).abs() < 1e-6), "{y}\n{want}");
}

#[test]
fn state_dicts_of_torch_save_are_read() -> Result<()> {
    let r = &mut rng(1);
    let mut image = Sequential::<f32>::new([1, 6, 6])
        .with(Conv2d::new(1, 2, [3, 3], r))?
        .with(BatchNorm::new(2))?
        .with(Relu)?
        .with(Flatten)?
        .with(Dense::new(32, 3, r))?;
    let unmatched = image.load_state_dict(path("image.pt"), &Names::new())?;
    assert!(unmatched.is_empty(), "{unmatched:?}");
    predicts(&image, "image");

    let mut tagger = Sequential::<f32>::new(4)
        .with(Embedding::new(6, 3, r))?
        .with(Lstm::new(3, 4, r).bidirectional(r))?
        .with(Dense::new(8, 2, r))?;
    let names = ["words", "memory", "tags"].iter().zip(["0", "1", "2"]);
    let names = names.fold(Names::new(), |all, (theirs, ours)| all.rename(&format!("model.{theirs}"), ours));
    let unmatched = tagger.load_state_dict(path("checkpoint.pt"), &names)?;
    // Besides, there is the optimizer's state.
    assert!(unmatched.missing.is_empty() && unmatched.unexpected.len() == 3 * 11, "{unmatched:?}");
    assert!(unmatched.unexpected.iter().all(|name| name.starts_with("optimizer.state.")), "{unmatched:?}");
    predicts(&tagger, "tagger");
    Ok(())
}

#[test]
fn numbers_of_all_types_and_views_are_read() -> Result<()> {
    let read = |name: &str| fs::read(path(name)).unwrap();
    let image = read("image.pt");
    let exact: Vec<f64> = SafeTensors::parse_torch(&image)?.numbers("4.weight")?;
    for (name, scalar, digits) in [("f64.pt", "F64", 0.0), ("f16.pt", "F16", 1e-3), ("bf16.pt", "BF16", 1e-2)] {
        let bytes = read(name);
        let file = SafeTensors::parse_torch(&bytes)?;
        assert_eq!((file.scalar("weight"), file.shape("weight")), (Some(scalar), Some(&[3, 32][..])));
        let numbers: Vec<f64> = file.numbers("weight")?;
        assert!(numbers.iter().zip(&exact).all(|(x, exact)| (x - exact).abs() <= digits * exact.abs()), "{name}");
        assert_eq!(numbers.len(), 96);
    }
    let views = read("views.pt");
    let views = SafeTensors::parse_torch(&views)?;
    assert_eq!(views.names().collect::<Vec<_>>(), ["empty", "first", "rest"]);
    assert_eq!((views.shape("first"), views.shape("empty")), (Some(&[2, 3][..]), Some(&[0, 3][..])));
    assert_eq!(views.numbers::<f32>("first")?, [0., 1., 2., 3., 4., 5.]);
    assert_eq!(views.numbers::<f32>("rest")?, [6., 7., 8., 9., 10., 11.]);
    Ok(())
}

#[test]
fn what_is_no_state_dict_is_refused_with_the_reason() {
    let cases = [
        ("turned.pt", "its array `weight` is not contiguous; save"),
        ("module.pt", "it has an object of torch.nn.modules."),
        ("legacy.pt", "it is in the format before PyTorch 1.6"),
        ("complex.pt", "its array `weight` has a ComplexFloatStorage, which is not read"),
    ];
    let mut network = Sequential::<f32>::mlp(&[32, 3], Tanh, &mut rng(1)).unwrap();
    let before = network.to_bytes().unwrap();
    for (name, problem) in cases {
        let error = network.load_state_dict(path(name), &Names::new()).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(problem), "{error}");
    }
    assert_eq!(network.to_bytes().unwrap(), before);
}

/// The files of an archive of `torch.save`.
fn unzip(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let number = |at: usize, len: usize| bytes[at..at + len].iter().rev().fold(0, |n, &b| n << 8 | usize::from(b));
    let mut files = Vec::new();
    let mut at = number(bytes.len() - 6, 4);
    while bytes[at..].starts_with(b"PK\x01\x02") {
        let (size, name, local) = (number(at + 20, 4), number(at + 28, 2), number(at + 42, 4));
        let begin = local + 30 + name + number(local + 28, 2);
        let text = String::from_utf8(bytes[at + 46..at + 46 + name].to_vec()).unwrap();
        files.push((text, bytes[begin..begin + size].to_vec()));
        at += 46 + name + number(at + 30, 2) + number(at + 32, 2);
    }
    files
}

fn text(text: &str) -> Vec<u8> {
    [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

/// A state dict of one vector, a part of the eight bytes of `data/0`.
fn vector(class: &str, record: &str, [numbers, offset, size, stride]: [u8; 4]) -> Vec<u8> {
    let class = format!("ctorch\n{class}\n").into_bytes();
    let storage = [b"((".to_vec(), text("storage"), class, text(record), text("cpu"), vec![b'K', numbers, b't', b'Q']];
    let rest = [b'K', offset, b'(', b'K', size, b't', b'(', b'K', stride, b't', 0x89, b'}', b't', b'R', b's', b'.'];
    let start = [b"\x80\x02}".to_vec(), text("w"), b"ctorch._utils\n_rebuild_tensor_v2\n".to_vec()];
    [start.concat(), storage.concat(), rest.to_vec()].concat()
}

#[test]
fn a_pickle_executes_nothing_and_names_what_it_is() {
    let many = |piece: &[u8]| [b"\x80\x02".as_slice(), &piece.repeat(400_000), b"."].concat();
    let call = |global: &str| [format!("\x02c{global}\n(").into_bytes(), text("ls"), b"tR.".to_vec()].concat();
    // Each dict holds the one before ten times.
    let mut tower = b"\x80\x02}".to_vec();
    for level in 0..20_u8 {
        tower.extend([b'q', level, b'}', b'(']);
        (0..10).for_each(|key| tower.extend([b'K', key, b'h', level]));
        tower.extend(b"u");
    }
    tower.extend(b".");
    let cycle = [b"\x80\x02}q\0".to_vec(), text("a"), b"h\0s.".to_vec()].concat();
    let cases = [
        (call("os\nsystem"), "an object of os.system, which is not read"),
        (call("builtins\neval"), "an object of builtins.eval"),
        (call("torch\nload"), "an object of torch.load"),
        (b"\x80\x02i.".to_vec(), "the operation 0x69, which no state dict needs"),
        (cycle, "nested too deeply"),
        (tower, "nested too deeply"),
        (many(b"]"), "it is not a state dict"),
        ([b"\x80\x02)".as_slice(), &b"\x85".repeat(400_000), b"."].concat(), "it is not a state dict"),
        (many(b"NNN"), "more than 524288 operations"),
        (b"\x80\x02}X\xff\xff\xff\xff".to_vec(), "cut off"),
        (Vec::new(), "cut off"),
        (b"\x80\x02h\x05.".to_vec(), "refers to a value that it does not have"),
        (b"\x80\x02Nq\x05.".to_vec(), "does not number its values in order"),
        (vector("FloatStorage", "0", [3, 0, 2, 1]), "its array `w` has 8 bytes in the file, not those of 3 numbers"),
        (vector("FloatStorage", "0", [2, 1, 2, 1]), "its array `w` has the shape [2], more than the 2 numbers"),
        (vector("FloatStorage", "1", [2, 0, 2, 1]), "its array `w` has no numbers in the file"),
        (vector("FloatStorage", "0", [2, 0, 2, 0]), "its array `w` is not contiguous"),
        (vector("QInt8Storage", "0", [8, 0, 8, 1]), "its array `w` has a QInt8Storage"),
    ];
    for (pickle, problem) in cases {
        let pickle = if pickle.first() == Some(&2) { [vec![0x80], pickle].concat() } else { pickle };
        let error = SafeTensors::parse_torch(&readers::archive(pickle)).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}, not {problem}");
    }
    let good = readers::archive(vector("FloatStorage", "0", [2, 0, 2, 1]));
    assert_eq!(SafeTensors::parse_torch(&good).unwrap().numbers::<f32>("w").unwrap(), [0., 0.]);
    let mut bad = good;
    let zero = bad.windows(12).position(|bytes| bytes == b"\0\0\0\0\0\0\0\0PK\x01\x02").unwrap();
    bad[zero] = 1;
    assert!(SafeTensors::parse_torch(&bad).unwrap_err().to_string().contains("damaged"));
}

#[test]
fn mutated_files_are_state_dicts_or_errors() {
    let mut random = rng(12);
    let (mut read, mut rounds) = (0, 0);
    for name in ["image.pt", "checkpoint.pt", "views.pt", "f16.pt"] {
        let bytes = fs::read(path(name)).unwrap();
        let files = unzip(&bytes);
        assert!(readers::torch(&bytes) && readers::torch(&zip(&files)));
        for _ in 0..3000 {
            let mut whole = bytes.clone();
            mutate(&mut whole, &mut random);
            readers::torch(&whole);
            // Those whose archive is made right again get further.
            let mut files = files.clone();
            mutate(&mut files[0].1, &mut random);
            read += usize::from(readers::torch(&zip(&files)));
            rounds += 1;
        }
    }
    assert!(read > rounds / 100, "only {read} of {rounds} could be read");
}
