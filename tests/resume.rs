//! A saved training resumes to the same bits in another process; a damaged file changes nothing.

#![cfg(feature = "files")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use neuropil::data::{self, Samples};
use neuropil::metrics::{Accuracy, Metric};
use neuropil::ndarray;
use neuropil::prelude::*;
use neuropil::schedules::{Cosine, Plateau, Sequence};
use neuropil::train::{Callback, Checkpoint, EarlyStopping, History};

/// A folder of one test's own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("neuropil-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn samples() -> (Samples<f32>, Samples<f32>) {
    let mut rng = rng(5);
    data::moons(150, 0.3, &mut rng).split(0.3, &mut rng).unwrap()
}

/// With layers that draw random numbers, and one with statistics.
fn network() -> Sequential<f32> {
    let mut rng = rng(7);
    Sequential::new(2)
        .with(Dense::new(2, 10, &mut rng))
        .and_then(|network| network.with(BatchNorm::new(10))?.with(RRelu::default())?.with(Dropout::new(0.2)))
        .and_then(|network| network.with(Dense::new(10, 2, &mut rng)))
        .unwrap()
}

/// With an optimizer, a schedule, an average and a callback that all have a memory.
fn trainer(validation: &Samples<f32>, epochs: usize) -> Trainer<'_, f32> {
    Trainer::new(CrossEntropy::new(), NAdam::new(0.02))
        .epochs(epochs)
        .batch_size(16)
        .seed(9)
        .validation(validation)
        .metric(Accuracy)
        .schedule(Sequence::new(Plateau::new(0.5, 0).threshold(0.2)).then(8, Cosine::new(4)))
        .ema(0.9)
        .callback(EarlyStopping::new(100))
}

fn numbers<A: Scalar>(network: &Sequential<A>) -> Vec<A> {
    let mut numbers = Vec::new();
    network.visit(&mut |_, matrix| numbers.extend(matrix));
    numbers
}

/// All that has to agree: every bit of the weights, and the history but for the time.
fn outcome(network: &Sequential<f32>, history: &History) -> String {
    let bits: Vec<u32> = numbers(network).into_iter().map(f32::to_bits).collect();
    let epochs: Vec<_> = history
        .epochs()
        .iter()
        .map(|epoch| {
            let values = epoch.values.iter().map(|(name, value)| (name, value.to_bits()));
            (epoch.number, epoch.rate.to_bits(), values.collect::<Vec<_>>())
        })
        .collect();
    format!("{bits:?}\n{epochs:?}\n")
}

const FOLDER: &str = "NEUROPIL_RESUME_FOLDER";

/// Not a test itself: the resuming process, started by the next test.
#[test]
#[ignore = "run by ten_epochs_are_five_and_five_in_another_process"]
fn second_process() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("the folder of the first process"));
    let (train, validation) = samples();
    let (mut network, mut trainer) = (Sequential::clone(&network()), trainer(&validation, 5));
    trainer.load_state(folder.join("epoch-5.state"), &mut network).unwrap();
    let history = trainer.fit(&mut network, &train).unwrap();
    fs::write(folder.join("outcome"), outcome(&network, &history)).unwrap();
}

#[test]
fn ten_epochs_are_five_and_five_in_another_process() {
    let (train, validation) = samples();
    let mut whole = network();
    let history = trainer(&validation, 10).fit(&mut whole, &train).unwrap();
    assert_eq!(history.epochs().len(), 10);
    let rates: Vec<f64> = history.epochs().iter().map(|epoch| epoch.rate).collect();
    assert!(rates[4] < rates[0], "the schedule had nothing to remember: {rates:?}");

    // A checkpoint of the fifth epoch, before early stopping restores the best weights.
    let folder = Folder::new("resume");
    let mut first = network();
    trainer(&validation, 5).callback(Checkpoint::new(&folder.0).last(1)).fit(&mut first, &train).unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "resume::second_process", "--ignored"])
        .env(FOLDER, &folder.0)
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
    let resumed = fs::read_to_string(folder.file("outcome")).unwrap();
    assert!(resumed == outcome(&whole, &history), "the bits differ");
    assert!(resumed != outcome(&first, &history));
}

#[test]
fn checkpoints_keep_the_best_and_the_last() {
    let (train, validation) = samples();
    let folder = Folder::new("checkpoints");
    let inner = folder.file("made/by/it");
    let mut network = network();
    let mut trainer = Trainer::new(CrossEntropy::new(), Adam::new(0.02))
        .epochs(6)
        .batch_size(16)
        .validation(&validation)
        .callback(Checkpoint::new(&inner).last(2));
    let history = trainer.fit(&mut network, &train).unwrap();
    let inner = Folder(inner);
    assert_eq!(inner.names(), ["best.state", "epoch-5.state", "epoch-6.state"]);

    let losses = history.column("val_loss");
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let mut loaded = self::network();
    let mut other = Trainer::new(CrossEntropy::new(), Adam::new(0.02)).batch_size(16).validation(&validation);
    other.load_state(inner.file("best.state"), &mut loaded).unwrap();
    assert_eq!(other.evaluate(&loaded, &validation).unwrap().loss, best);
    assert_eq!(other.history().last().unwrap().get("val_loss"), Some(best));
    other.load_state(inner.file("epoch-6.state"), &mut loaded).unwrap();
    assert_eq!(numbers(&loaded), numbers(&network));
    // Two more epochs with the same callback: the files go on.
    let mut later = other.epochs(2).callback(Checkpoint::new(&inner.0).without_best().last(2));
    later.load_state(inner.file("epoch-6.state"), &mut loaded).unwrap();
    later.fit(&mut loaded, &train).unwrap();
    assert_eq!(inner.names(), ["best.state", "epoch-7.state", "epoch-8.state"]);
}

/// Asserts that loading fails and changes neither network nor trainer.
fn refuses<A: Scalar>(trainer: &mut Trainer<'_, A>, network: &mut Sequential<A>, path: &Path, text: &str) {
    let before = (numbers(network), trainer.history().clone(), trainer.optimizer().memory().clone());
    let error = trainer.load_state(path, network).expect_err(text);
    assert_eq!(error.to_string(), text.replace("FILE", &path.display().to_string()));
    assert!(before == (numbers(network), trainer.history().clone(), trainer.optimizer().memory().clone()));
}

#[test]
fn files_that_are_wrong_change_nothing() {
    let (train, validation) = samples();
    let folder = Folder::new("wrong");
    let good = folder.file("good.state");
    let mut network = network();
    let mut saved = trainer(&validation, 2);
    saved.fit(&mut network, &train).unwrap();
    saved.save_state(&good, &network).unwrap();
    let bytes = fs::read(&good).unwrap();

    let mut other = Sequential::<f32>::mlp(&[2, 9, 2], Tanh, &mut rng(1)).unwrap();
    let text = "FILE: its array `0.weight` has the shape [2, 10], not 2 x 9";
    refuses(&mut trainer(&validation, 2), &mut other, &good, text);
    let mut long = network.clone().with(Dense::new(2, 2, &mut rng(1))).unwrap();
    refuses(&mut trainer(&validation, 2), &mut long, &good, "FILE: it lacks the array `5.weight`");
    let mut double = Sequential::<f64>::mlp(&[2, 10, 2], Tanh, &mut rng(1)).unwrap();
    let mut doubles = Trainer::new(CrossEntropy::new(), NAdam::new(0.02));
    refuses(&mut doubles, &mut double, &good, "FILE: its numbers are f32, not f64; load it as f32");
    let mut adam = Trainer::new(CrossEntropy::new(), Adam::new(0.02));
    refuses(&mut adam, &mut network, &good, "FILE: its optimizer is another: nadam in the file, not adam");
    let mut beta = Trainer::new(CrossEntropy::new(), NAdam::new(0.02).betas(0.9, 0.99));
    let text = "FILE: its optimizer is another: nadam: `betas` is [0.9,0.999] in the file, not [0.9,0.99]";
    refuses(&mut beta, &mut network, &good, text);
    let mut decay = Trainer::new(CrossEntropy::new(), NAdam::new(0.02).decay(Decay::l2(0.5)));
    let text = "FILE: its optimizer is another: the `decay` of nadam, decay: `l2` is 0.0 in the file, not 0.5";
    refuses(&mut decay, &mut network, &good, text);
    let mut plain = Trainer::new(CrossEntropy::new(), NAdam::new(0.02));
    refuses(&mut plain, &mut network, &good, "FILE: its schedule is sequence, not none");
    let mut parts = Trainer::new(CrossEntropy::new(), NAdam::new(0.02)).schedule(Sequence::new(Cosine::new(4)));
    let text = "FILE: it has an average of the weights, unlike this trainer";
    refuses(&mut parts, &mut network, &good, text);
    let text = "the state of a schedule without memory: it is another schedule's";
    refuses(&mut parts.ema(0.9), &mut network, &good, text);

    // Cut anywhere, or with any one byte changed.
    let bad = folder.file("bad.state");
    let mut tried = 0;
    for len in (0..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
        fs::write(&bad, &bytes[..len]).unwrap();
        let mut fresh = trainer(&validation, 2);
        assert!(matches!(fresh.load_state(&bad, &mut network), Err(Error::Format { .. })), "cut at {len}");
        tried += 1;
    }
    for at in (0..bytes.len()).step_by(53) {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        fs::write(&bad, changed).unwrap();
        let mut fresh = trainer(&validation, 2);
        assert!(matches!(fresh.load_state(&bad, &mut network), Err(Error::Format { .. })), "byte {at}");
        tried += 1;
    }
    assert!(tried > 50, "{tried}");
    fs::write(&bad, b"something else").unwrap();
    refuses(
        &mut saved,
        &mut network,
        &bad,
        "FILE: this is not a neuropil model file, nor any safetensors file: its header has 7956005065853857651 bytes; the \
         longest are 100000000",
    );
    assert!(matches!(saved.load_state(folder.file("none"), &mut network), Err(Error::File { .. })));
    assert!(matches!(saved.save_state(folder.file("no/folder"), &network), Err(Error::Save { .. })));
    assert!(matches!(saved.save_state("/", &network), Err(Error::Save { .. })));
    // No temporary files are left.
    assert_eq!(folder.names(), ["bad.state", "good.state"]);
    saved.load_state(&good, &mut network).unwrap();
}

/// A file whose checksum is right, but whose description of the training is made up.
#[test]
fn made_up_trainings_are_refused() {
    let folder = Folder::new("made_up");
    let file = folder.file("file.state");
    let mut network = Sequential::<f64>::mlp(&[1, 1], Tanh, &mut rng(1)).unwrap();
    let trainer = Trainer::new(Mse, Adam::new(0.1)).epochs(2).batch_size(2);
    let mut trainer = trainer.callback(EarlyStopping::new(3));
    let line = Samples::new(ndarray::array![[0.0], [1.0]], ndarray::array![[0.0], [2.0]]).unwrap();
    trainer.fit(&mut network, &line).unwrap();
    trainer.save_state(&file, &network).unwrap();
    let bytes = fs::read(&file).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.contains(r#"\"kind\":\"memory\",\"step\":2"#), "{text}");
    let mut refused = 0;
    // Each of them as long as what it replaces, so that lengths and offsets stay.
    for (from, to) in [
        (r#"\"slots\":2"#, r#"\"slots\":9"#),
        (r#"\"epoch\":2"#, r#"\"epoch\":x"#),
        (r#"\"epoch\":2"#, r#"\"ebbch\":2"#),
        (r#"\"seed\":0"#, r#"\"seed\":-"#),
        (r#"\"step\":2"#, r#"\"step\":["#),
        (r#"\"history\":["#, r#"\"history\":{"#),
        (r#"\"names\":[\"loss\""#, r#"\"names\":[       1"#),
        (r#"\"values\":["#, r#"\"valves\":["#),
        (r#"\"parts\":[\""#, r#"\"partz\":[\""#),
        (r#"\"kind\":\"adam\""#, r#"\"kind\":\"evil\""#),
        (r#""training.optimizer.1""#, r#""training.optimizer.7""#),
        (r#""training.state.1""#, r#""training.state.9""#),
        (r#""training.weights.1""#, r#""training.weights.9""#),
        (r#""training":"#, r#""trainink":"#),
    ] {
        let changed = replaced(&bytes, from.as_bytes(), to.as_bytes());
        fs::write(&file, changed).unwrap();
        let before = (numbers(&network), trainer.history().clone());
        let error = trainer.load_state(&file, &mut network).expect_err(to);
        assert!(matches!(error, Error::Format { .. }), "{to}: {error}");
        assert!(before == (numbers(&network), trainer.history().clone()), "{to}");
        refused += 1;
    }
    assert_eq!(refused, 14);
    fs::write(&file, &bytes).unwrap();
    trainer.load_state(&file, &mut network).unwrap();
}

/// Numbers that JSON does not have.
#[test]
fn a_history_may_hold_nan_and_infinity() {
    #[derive(Debug)]
    struct Odd(f64);

    impl Metric<f64> for Odd {
        fn name(&self) -> String {
            format!("odd {}", self.0)
        }

        fn evaluate(&self, _: &Matrix<f64>, _: &Matrix<f64>) -> Result<f64> {
            Ok(self.0)
        }
    }

    let folder = Folder::new("odd");
    let file = folder.file("file.state");
    let mut network = Sequential::<f64>::mlp(&[1, 1], Tanh, &mut rng(1)).unwrap();
    let trainer = || {
        let trainer = Trainer::new(Mse, Sgd::new(0.1)).epochs(2).batch_size(2);
        [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].into_iter().fold(trainer, |trainer, x| trainer.metric(Odd(x)))
    };
    let line = Samples::new(ndarray::array![[0.0], [1.0]], ndarray::array![[0.0], [2.0]]).unwrap();
    let mut saved = trainer();
    saved.fit(&mut network, &line).unwrap();
    saved.save_state(&file, &network).unwrap();
    let mut loaded = trainer();
    loaded.load_state(&file, &mut network).unwrap();
    let bits = |history: &History| -> Vec<u64> {
        let epochs = history.epochs().iter();
        epochs.flat_map(|epoch| epoch.values.iter().map(|(_, value)| value.to_bits())).collect()
    };
    assert_eq!(bits(loaded.history()), bits(saved.history()));
    assert_eq!(bits(saved.history()).len(), 2 * 4);
}

/// Whatever one character of the header is, the file is a training or an error, and an error changes nothing.
#[test]
fn any_character_may_be_wrong() {
    let (train, validation) = samples();
    let folder = Folder::new("characters");
    let file = folder.file("file.state");
    let mut network = network();
    let mut saved = trainer(&validation, 1);
    saved.fit(&mut network, &train).unwrap();
    saved.save_state(&file, &network).unwrap();
    let bytes = fs::read(&file).unwrap();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let text = |range: std::ops::Range<usize>| String::from_utf8_lossy(&bytes[range]).into_owned();
    let start = text(0..header).find("checksum").unwrap() + 19;
    let (mut tried, mut refused) = (0, 0);
    for (at, &new) in (start..header).step_by(3).zip(br#"7"[{0,x-}:]9"#.iter().cycle()) {
        let mut changed = bytes.clone();
        changed[at] = new;
        fs::write(&file, with_checksum(changed)).unwrap();
        let before = (numbers(&network), saved.history().clone());
        if saved.load_state(&file, &mut network).is_err() {
            let same = numbers(&network).iter().zip(&before.0).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same && *saved.history() == before.1, "{new} at {at}");
            refused += 1;
        } else {
            fs::write(&file, &bytes).unwrap();
            saved.load_state(&file, &mut network).unwrap();
        }
        tried += 1;
    }
    assert!(tried > 500 && refused > tried / 2, "{refused} of {tried}");
}

/// The file with a text in its header replaced, and the checksum that it then has.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from);
    let at = at.unwrap_or_else(|| panic!("{} is not there", String::from_utf8_lossy(from)));
    let mut bytes = bytes.to_vec();
    bytes[at..at + from.len()].copy_from_slice(to);
    with_checksum(bytes)
}

fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    let digits = bytes.windows(8).position(|window| window == b"checksum").unwrap() + 11;
    let rest = [&bytes[..digits], &bytes[digits + 8..]].concat();
    let sum = format!("{:08x}", crc(&rest));
    bytes[digits..digits + 8].copy_from_slice(sum.as_bytes());
    bytes
}

/// CRC-32, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

/// A saved training is a model file, too; and a model is no training.
#[test]
fn a_saved_training_is_a_model() {
    let (train, validation) = samples();
    let folder = Folder::new("model");
    let (file, model) = (folder.file("file.state"), folder.file("model"));
    let mut network = network();
    let mut trainer = trainer(&validation, 2);
    trainer.fit(&mut network, &train).unwrap();
    trainer.save_state(&file, &network).unwrap();
    let loaded = Sequential::<f32>::load(&file).unwrap();
    assert_eq!((numbers(&loaded), loaded.spec()), (numbers(&network), network.spec()));
    network.save(&model).unwrap();
    let text = "FILE: it is a model, not a saved training; load it with `Sequential::load`";
    refuses(&mut trainer, &mut network, &model, text);
}

#[test]
fn the_best_weights_are_saved_as_they_are() {
    fn check<A: Scalar>(kind: &str) {
        let folder = Folder::new(&format!("best-{}", A::NAME));
        let (file, data) = (folder.file("epoch-5.state"), data::moons::<A>(60, 0.3, &mut rng(5)));
        let trainer = |epochs| {
            let trainer = Trainer::new(CrossEntropy::new(), Adam::new(0.5)).epochs(epochs).batch_size(4);
            trainer.callback(EarlyStopping::new(9))
        };
        let start = || Sequential::<A>::mlp(&[2, 8, 2], Tanh, &mut rng(7)).unwrap();
        let mut stopped = start();
        trainer(5).callback(Checkpoint::new(&folder.0).last(1)).fit(&mut stopped, &data).unwrap();

        // No epoch follows the saved one, so the fit only restores the best weights.
        let (mut loaded, mut later) = (start(), trainer(0));
        later.load_state(&file, &mut loaded).unwrap();
        assert_ne!(numbers(&loaded), numbers(&stopped), "the last epoch was the best");
        later.fit(&mut loaded, &data).unwrap();
        assert_eq!(numbers(&loaded), numbers(&stopped));

        let header = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        let weights = format!(r#""training.weights.1":{{"dtype":"{kind}","shape":[42]"#);
        assert!(header.contains(&weights), "{header}");
        assert!(header.contains(r#""training.state.1":{"dtype":"F64","shape":[4]"#), "{header}");
    }
    check::<f32>("F32");
    check::<f64>("F64");
}

/// Loss, optimizer, schedule, metric and callback as they are chosen when a program runs.
#[test]
fn boxed_parts_are_saved_as_those_in_the_boxes() {
    let (train, _) = samples();
    let folder = Folder::new("boxed");
    let file = folder.file("file.state");
    let loss: Box<dyn Loss<f32>> = Box::new(CrossEntropy::new());
    let optimizer: Box<dyn Optimizer<f32>> = Box::new(NAdam::new(0.02));
    let schedule: Box<dyn Schedule> = Box::new(Plateau::new(0.5, 0));
    let metric: Box<dyn Metric<f32>> = Box::new(Accuracy);
    let callback: Box<dyn Callback<f32>> = Box::new(EarlyStopping::new(9));
    let mut boxed = Trainer::new(loss, optimizer).schedule(schedule).metric(metric).callback(callback).epochs(3);
    let plain = Trainer::new(CrossEntropy::new(), NAdam::new(0.02)).schedule(Plateau::new(0.5, 0));
    let mut plain = plain.metric(Accuracy).callback(EarlyStopping::new(9)).epochs(3);
    let (mut one, mut other) = (network(), network());
    let histories = [boxed.fit(&mut one, &train).unwrap(), plain.fit(&mut other, &train).unwrap()];
    assert_eq!(outcome(&one, &histories[0]), outcome(&other, &histories[1]));
    boxed.save_state(&file, &one).unwrap();
    plain.load_state(&file, &mut other).unwrap();
    let [one, other] = [(boxed, one), (plain, other)].map(|(mut trainer, mut network)| {
        let history = trainer.fit(&mut network, &train).unwrap();
        outcome(&network, &history)
    });
    assert_eq!(one, other);
}

#[test]
fn a_callback_with_a_memory_needs_a_kind() {
    #[derive(Debug)]
    struct Nameless(Vec<f64>);

    impl Callback<f64> for Nameless {
        fn state(&self) -> Vec<f64> {
            self.0.clone()
        }
    }

    let folder = Folder::new("nameless");
    let network = Sequential::<f64>::mlp(&[1, 1], Tanh, &mut rng(1)).unwrap();
    let save = |state: &[f64]| {
        let trainer = Trainer::new(Mse, Sgd::new(0.1)).callback(Nameless(state.to_vec()));
        trainer.save_state(folder.file("file.state"), &network)
    };
    save(&[]).unwrap();
    let text = "Nameless([1.0]) has something to remember, but no name in a file; give it a `kind`";
    assert_eq!(save(&[1.0]).unwrap_err().to_string(), text);
}
