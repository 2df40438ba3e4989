//! Data: the generators, splits and batches, and IDX files, valid and damaged.

use std::collections::BTreeSet;

use neuropil::data::{self, Samples, parse_idx, read_idx};
use neuropil::ndarray::{Array2, array, s};
use neuropil::{Error, rng};

/// How many samples each class has.
fn counts(samples: &Samples<f64>) -> Vec<usize> {
    let mut counts = Vec::new();
    for label in &samples.target {
        assert_eq!(label.fract(), 0.0);
        let label = *label as usize;
        counts.resize(counts.len().max(label + 1), 0);
        counts[label] += 1;
    }
    counts
}

/// What every generator owes: its shapes, balanced classes, the same points from the same seed, also in `f32`.
fn assert_generator(
    classes: usize,
    generate: impl Fn(usize, f64, u64) -> Samples<f64>,
    in_f32: impl Fn(usize, f64, u64) -> Samples<f32>,
) {
    for samples in [0, 1, 2, 5, 100, 301] {
        let made = generate(samples, 0.1, 7);
        assert_eq!((made.x.nrows(), made.target.dim()), (samples, (samples, 1)));
        assert_eq!((made.len(), made.is_empty()), (samples, samples == 0));
        let want: Vec<usize> = (0..classes.min(samples)).map(|class| (samples - class).div_ceil(classes)).collect();
        assert_eq!(counts(&made), want);
        assert!(made.x.iter().all(|x| x.is_finite()));
        assert_eq!(made, generate(samples, 0.1, 7));
        let rounded = in_f32(samples, 0.1, 7);
        assert_eq!(rounded.x, made.x.mapv(|x| x as f32));
        assert_eq!(rounded.target, made.target.mapv(|t| t as f32));
    }
    assert_ne!(generate(100, 0.1, 7), generate(100, 0.1, 8));
    // Noise moves the points by as much as it should.
    let difference = generate(10_000, 0.1, 7).x - generate(10_000, 0.0, 7).x;
    let n = difference.len() as f64;
    let std = (difference.mapv(|d| d * d).sum() / n).sqrt();
    assert!((std - 0.1).abs() < 5.0 * 0.1 / (2.0 * n).sqrt(), "{std}");
}

#[test]
fn generators_are_balanced_and_repeatable() {
    assert_generator(2, |n, e, seed| data::moons(n, e, &mut rng(seed)), |n, e, seed| data::moons(n, e, &mut rng(seed)));
    assert_generator(
        2,
        |n, e, seed| data::circles(n, 0.4, e, &mut rng(seed)),
        |n, e, seed| data::circles(n, 0.4, e, &mut rng(seed)),
    );
    assert_generator(
        3,
        |n, e, seed| data::spirals(n, 3, e, &mut rng(seed)),
        |n, e, seed| data::spirals(n, 3, e, &mut rng(seed)),
    );
    let centers = array![[1.0, 0.5, 0.0], [0.0, -3.0, 2.0], [4.0, 4.0, 4.0], [0.0, 0.0, 0.0]];
    assert_generator(
        4,
        |n, e, seed| data::blobs(n, &centers, e, &mut rng(seed)),
        |n, e, seed| data::blobs(n, &centers.mapv(|c| c as f32), e, &mut rng(seed)),
    );
}

#[test]
fn points_without_noise_lie_where_they_should() {
    let mut compared = 0;
    let moons = data::moons::<f64>(101, 0.0, &mut rng(1));
    for (x, t) in moons.x.rows().into_iter().zip(&moons.target) {
        let (u, v) = if *t == 0.0 { (x[0], x[1]) } else { (1.0 - x[0], 0.5 - x[1]) };
        assert!((u.hypot(v) - 1.0).abs() < 1e-12 && v > -1e-12, "{x}");
        compared += 1;
    }
    // Both ends of each half circle are there.
    assert!((moons.x[[100, 0]] + 1.0).abs() < 1e-12 && (moons.x[[99, 0]] - 2.0).abs() < 1e-12);
    let circles = data::circles::<f64>(100, 0.3, 0.0, &mut rng(1));
    for (x, t) in circles.x.rows().into_iter().zip(&circles.target) {
        let radius = if *t == 0.0 { 1.0 } else { 0.3 };
        assert!((x[0].hypot(x[1]) - radius).abs() < 1e-12, "{x}");
        compared += 1;
    }
    assert!(circles.x.mean().unwrap().abs() < 1e-12);
    let spirals = data::spirals::<f64>(300, 3, 0.0, &mut rng(1));
    for (i, x) in spirals.x.rows().into_iter().enumerate() {
        let r = (i / 3 + 1) as f64 / 100.0;
        assert!((x[0].hypot(x[1]) - r).abs() < 1e-12, "{x}");
        let turn = std::f64::consts::TAU * (r + (i % 3) as f64 / 3.0);
        assert!((x[0] * turn.cos() + x[1] * turn.sin() - r).abs() < 1e-12, "{x}");
        compared += 1;
    }
    assert_eq!(compared, 101 + 100 + 300);
}

#[test]
fn generators_without_classes_make_nothing() {
    assert!(data::spirals::<f64>(10, 0, 0.1, &mut rng(1)).is_empty());
    assert!(data::blobs(10, &Array2::<f64>::zeros((0, 3)), 0.1, &mut rng(1)).is_empty());
    assert_eq!(data::blobs(10, &Array2::<f64>::zeros((2, 0)), 0.1, &mut rng(1)).x.dim(), (10, 0));
}

/// Samples whose rows tell which they are.
fn numbered(n: usize) -> Samples<f64> {
    Samples::new(Array2::from_shape_fn((n, 3), |(i, _)| i as f64), Array2::from_shape_fn((n, 1), |(i, _)| i as f64))
        .unwrap()
}

fn numbers(samples: &Samples<f64>) -> Vec<usize> {
    for (x, t) in samples.x.rows().into_iter().zip(&samples.target) {
        assert!(x.iter().all(|x| x == t), "inputs and targets stay together");
    }
    samples.target.iter().map(|t| *t as usize).collect()
}

#[test]
fn splits_and_batches_hold_each_sample_once() {
    let all: BTreeSet<usize> = (0..103).collect();
    let samples = numbered(103);
    for (share, size) in [(0.0, 0), (0.2, 21), (0.5, 52), (1.0, 103)] {
        let (train, test) = samples.split(share, &mut rng(3)).unwrap();
        assert_eq!((train.len(), test.len()), (103 - size, size));
        let together: Vec<usize> = [numbers(&train), numbers(&test)].concat();
        assert_eq!(together.iter().copied().collect::<BTreeSet<_>>(), all);
        assert!(!together.is_sorted());
        assert_eq!(samples.split(share, &mut rng(3)).unwrap(), (train, test));
    }
    let mut rng = rng(3);
    for size in [0, 1, 10, 103, 200] {
        let batches: Vec<_> = samples.batches(size, &mut rng).collect();
        let size = size.max(1);
        assert_eq!(batches.len(), 103_usize.div_ceil(size));
        assert!(batches.iter().rev().skip(1).all(|batch| batch.len() == size));
        let order: Vec<usize> = batches.iter().flat_map(numbers).collect();
        assert_eq!((order.len(), order.iter().copied().collect::<BTreeSet<_>>()), (103, all.clone()));
        let next: Vec<usize> = samples.batches(size, &mut rng).flat_map(|batch| numbers(&batch)).collect();
        assert_ne!(order, next, "each epoch has its own order");
    }
    assert_eq!(numbered(0).batches(5, &mut rng).count(), 0);
    for share in [-0.1, 1.1, f64::NAN] {
        let error = samples.split(share, &mut rng).unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{error}");
    }
    let error = Samples::new(Array2::<f32>::zeros((3, 2)), Array2::zeros((4, 1))).unwrap_err();
    assert_eq!(error.to_string(), "the targets of these samples must be 3 x 1, got 4 x 1");
}

#[test]
fn the_digits_are_those_of_the_file() {
    let digits = data::digits::<f64>();
    assert_eq!(digits.x.dim(), (1797, 64));
    assert_eq!(counts(&digits), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    assert!(digits.x.iter().all(|x| x.fract() == 0.0 && (0.0..=16.0).contains(x)));
    // Counted from the original file: all ink, and its first and last row.
    assert_eq!(digits.x.sum(), 561_718.0);
    assert_eq!(digits.x.slice(s![0, ..8]).to_vec(), [0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0]);
    assert_eq!(digits.x.slice(s![1796, 56..]).to_vec(), [0.0, 1.0, 8.0, 12.0, 14.0, 12.0, 1.0, 0.0]);
    assert_eq!((digits.target[[0, 0]], digits.target[[1796, 0]]), (0.0, 8.0));
    // Three pixels are white in every picture.
    let white: Vec<usize> = (0..64).filter(|j| digits.x.column(*j).sum() == 0.0).collect();
    assert_eq!(white, [0, 32, 39]);
}

#[test]
fn the_patients_are_those_of_the_files() {
    let patients = data::diabetes::<f64>();
    assert_eq!((patients.x.dim(), patients.target.dim()), ((442, 10), (442, 1)));
    assert_eq!(patients.x.row(0).to_vec(), [59.0, 2.0, 32.1, 101.0, 157.0, 93.2, 38.0, 4.0, 4.8598, 87.0]);
    assert_eq!(patients.x.row(441).to_vec(), [36.0, 1.0, 19.6, 71.0, 250.0, 133.2, 97.0, 3.0, 4.5951, 92.0]);
    // From the original files: the sums of all columns.
    let sums = [21445.0, 649.0, 11658.1, 41833.98, 83600.0, 51024.1, 22006.5, 1799.05, 2051.5036, 40337.0];
    for (column, want) in patients.x.columns().into_iter().zip(sums) {
        assert!((column.sum() - want).abs() < 1e-6, "{} {want}", column.sum());
    }
    assert_eq!((patients.target[[0, 0]], patients.target[[441, 0]], patients.target.sum()), (151.0, 57.0, 67243.0));
}

/// An IDX file of bytes with these sizes and elements.
fn idx(dims: &[u32], data: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, dims.len() as u8];
    for size in dims {
        file.extend(size.to_be_bytes());
    }
    file.extend(data);
    file
}

#[test]
fn idx_files_read_back() {
    let data: Vec<u8> = (0..=119).collect();
    for dims in [&[120][..], &[40, 3], &[5, 4, 6], &[5, 2, 2, 6]] {
        let read = parse_idx(&idx(dims, &data)).unwrap();
        assert_eq!(read.dims().iter().map(|size| *size as u32).collect::<Vec<_>>(), dims);
        assert_eq!(read.data(), data);
        let matrix = read.matrix::<f32>();
        assert_eq!(matrix.dim(), (dims[0] as usize, 120 / dims[0] as usize));
        assert!(matrix.iter().zip(&data).all(|(x, byte)| *x == f32::from(*byte)));
    }
    for dims in [&[0][..], &[0, 28, 28], &[3, 0], &[0, 0]] {
        let matrix = parse_idx(&idx(dims, &[])).unwrap().matrix::<f64>();
        assert_eq!((matrix.nrows(), matrix.len()), (dims[0] as usize, 0));
    }
    let path = std::env::temp_dir().join(format!("neuropil-idx-{}", std::process::id()));
    std::fs::write(&path, idx(&[2, 2], &[1, 2, 3, 4])).unwrap();
    assert_eq!(read_idx(&path).unwrap().data(), [1, 2, 3, 4]);
    std::fs::write(&path, idx(&[2, 2], &[1, 2, 3])).unwrap();
    let error = read_idx(&path).unwrap_err().to_string();
    std::fs::remove_file(&path).unwrap();
    let problem = "its header declares 4 bytes of elements, but there are 3";
    assert_eq!(error, format!("{}: {problem}", path.display()));
    assert!(matches!(read_idx(&path), Err(Error::File { .. })));
}

/// The problem that a malformed file is refused for.
fn problem(file: &[u8]) -> String {
    match parse_idx(file) {
        Err(Error::Format { problem, .. }) => problem,
        other => panic!("{other:?} from {file:?}"),
    }
}

#[test]
fn malformed_idx_files_are_refused() {
    let good = idx(&[2, 3], &[1, 2, 3, 4, 5, 6]);
    let with = |at: usize, byte: u8| {
        let mut file = good.clone();
        file[at] = byte;
        file
    };
    let most = u32::MAX;
    let cases = [
        (vec![], "it ends too early"),
        (vec![0], "it ends too early"),
        (vec![0, 0, 8], "it ends too early"),
        (good[..4].to_vec(), "it ends too early"),
        (good[..11].to_vec(), "it ends too early"),
        (good[..12].to_vec(), "declares 6 bytes of elements, but there are 0"),
        (good[..17].to_vec(), "declares 6 bytes of elements, but there are 5"),
        ([&good[..], &[7]].concat(), "declares 6 bytes of elements, but there are more"),
        (with(0, 1), "two zeros"),
        (with(1, 8), "two zeros"),
        (b"P5 28 28".to_vec(), "two zeros"),
        (b"<!DOCTYPE html>".to_vec(), "two zeros"),
        (with(2, 0x09), "signed bytes (type 0x09)"),
        (with(2, 0x0b), "16-bit integers (type 0x0b)"),
        (with(2, 0x0c), "32-bit integers (type 0x0c)"),
        (with(2, 0x0d), "32-bit floating-point numbers (type 0x0d)"),
        (with(2, 0x0e), "64-bit floating-point numbers (type 0x0e)"),
        (with(2, 0x00), "an unknown type (type 0x00)"),
        (with(2, 0xff), "an unknown type (type 0xff)"),
        (with(3, 0), "no dimensions"),
        (with(3, 1), "declares 2 bytes of elements, but there are more"),
        (with(3, 3), "declares 101454360 bytes"),
        (with(3, 255), "it ends too early"),
        (with(4, 1), "declares 50331654 bytes"),
        (with(7, 3), "declares 9 bytes"),
        (with(7, 0), "declares 0 bytes of elements, but there are more"),
        (idx(&[most], &[]), "declares 4294967295 bytes"),
        (idx(&[most, most], &[1]), "more than memory can hold"),
        (idx(&[most, most, most], &[]), "more than memory can hold"),
        (idx(&[0, most, most, most], &[]), "more than memory can hold"),
        (idx(&[most, most, most, 0], &[]), "more than memory can hold"),
        (idx(&[1 << 31, 1 << 31], &[]), "declares 4611686018427387904 bytes"),
        (idx(&[1 << 31, 1 << 31, 2], &[]), "more than memory can hold"),
        (idx(&[1; 255], &[]), "declares 1 bytes of elements, but there are 0"),
    ];
    for (file, want) in &cases {
        let problem = problem(file);
        assert!(problem.contains(want), "{file:?}: {problem}");
    }
    assert_eq!(cases.len(), 34);
    assert!(parse_idx(&good).is_ok());
}

#[cfg(feature = "gzip")]
mod gzip {
    use std::io::Write;

    use flate2::{Compression, GzBuilder};

    use super::*;

    fn gzip(header: GzBuilder, content: &[u8]) -> Vec<u8> {
        let mut encoder = header.write(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn compressed_files_read_like_plain_ones() {
        let random = (0..70_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let mut read = 0;
        for data in [vec![], vec![1, 2, 3], vec![7; 200_000], random] {
            let plain = idx(&[data.len() as u32], &data);
            for header in [
                GzBuilder::new(),
                GzBuilder::new().filename("name.idx"),
                GzBuilder::new().comment("a comment").extra(b"ABCD".to_vec()).mtime(7),
            ] {
                assert_eq!(parse_idx(&gzip(header, &plain)).unwrap(), parse_idx(&plain).unwrap());
                read += 1;
            }
        }
        assert_eq!(read, 4 * 3);
        // As the program gzip writes it.
        let file = [
            31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 99, 96, 224, 96, 100, 96, 96, 96, 102, 100, 98, 6, 0, 139, 229, 189, 164,
            11, 0, 0, 0,
        ];
        assert_eq!(parse_idx(&file).unwrap().data(), [1, 2, 3]);
    }

    #[test]
    fn malformed_gzip_files_are_refused() {
        let good = gzip(GzBuilder::new(), &idx(&[2, 3], &[1, 2, 3, 4, 5, 6]));
        let with = |at: usize, byte: u8| {
            let mut file = good.clone();
            file[at] = byte;
            file
        };
        let end = good.len();
        // A megabyte of zeros behind a header that declares three bytes, and a header that declares 4 GiB with nothing
        // behind it.
        let bomb = gzip(GzBuilder::new(), &idx(&[3], &vec![0; 1_000_000]));
        let huge = gzip(GzBuilder::new(), &idx(&[u32::MAX], &[]));
        let mut cases = vec![
            (with(2, 9), "damaged"),
            (with(10, 0xff), "damaged"),
            (with(end - 8, !good[end - 8]), "damaged"),
            (with(end - 1, 1), "damaged"),
            (gzip(GzBuilder::new(), b"no IDX file"), "two zeros"),
            (gzip(GzBuilder::new(), b""), "ends too early"),
            (bomb, "declares 3 bytes of elements, but there are more"),
            (huge, "declares 4294967295 bytes of elements, but there are 0"),
        ];
        // Cut off anywhere.
        cases.extend((2..end).map(|length| (good[..length].to_vec(), "")));
        for (file, want) in &cases {
            let problem = problem(file);
            assert!(problem.contains(want), "{file:?}: {problem}");
        }
        assert!(cases.len() > 30);
        assert!(parse_idx(&good).is_ok());
    }
}

/// A folder with the given files, gone afterwards.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, Vec<u8>)]) -> Self {
        let path = std::env::temp_dir().join(format!("neuropil-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        for (name, content) in files {
            std::fs::write(path.join(name), content).unwrap();
        }
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const NAMES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

fn mnist_files() -> [(&'static str, Vec<u8>); 4] {
    let images = |n: u32| idx(&[n, 2, 3], &(0..n as u8 * 6).map(|i| i * 5).collect::<Vec<_>>());
    let files = [images(4), idx(&[4], &[3, 1, 4, 9]), images(2), idx(&[2], &[0, 5])];
    let mut files = files.into_iter();
    NAMES.map(|name| (name, files.next().unwrap()))
}

#[test]
fn mnist_is_read_from_its_four_files() {
    let folder = Folder::new("mnist", &mnist_files());
    let data::Mnist { train, test } = data::Mnist::<f64>::load(&folder.0).unwrap();
    assert_eq!((train.x.dim(), test.x.dim()), ((4, 6), (2, 6)));
    assert_eq!(train.target, array![[3.0], [1.0], [4.0], [9.0]]);
    assert_eq!(test.target, array![[0.0], [5.0]]);
    assert_eq!(train.x[[3, 5]], 23.0 * 5.0 / 255.0);
}

#[test]
fn a_missing_file_of_mnist_is_named_with_a_place_to_get_it_from() {
    for (missing, name) in NAMES.iter().enumerate() {
        let mut files = mnist_files().to_vec();
        files.remove(missing);
        let folder = Folder::new(&format!("missing-{missing}"), &files);
        let error = data::Mnist::<f32>::load(&folder.0).unwrap_err();
        assert!(matches!(error, Error::File { .. }));
        let text = error.to_string();
        assert!(text.contains(&format!("there is neither {name} nor {name}.gz")), "{text}");
        assert!(text.contains("https://"), "{text}");
    }
}

#[test]
fn files_of_mnist_that_do_not_fit_each_other_are_refused() {
    let cases = [
        (0, idx(&[24], &[0; 24]), "pictures must have three dimensions, these are [24]"),
        (0, idx(&[3, 2, 3], &[0; 18]), "3 pictures need as many labels, these are [4]"),
        (1, idx(&[4, 1], &[0; 4]), "4 pictures need as many labels, these are [4, 1]"),
        (1, idx(&[4], &[0, 1, 10, 2]), "a label must be from 0 to 9, one is 10"),
        (2, idx(&[2, 3, 2], &[0; 12]), "the pictures are 3 x 2, those to learn from 2 x 3"),
        (3, vec![1, 2, 3, 4], "two zeros"),
    ];
    for (which, content, want) in cases {
        let mut files = mnist_files();
        files[which].1 = content;
        let folder = Folder::new(&format!("unfit-{which}-{}", want.len()), &files);
        let error = data::Mnist::<f32>::load(&folder.0).unwrap_err();
        assert!(matches!(error, Error::Format { .. }), "{error}");
        assert!(error.to_string().contains(want), "{error}");
    }
}
