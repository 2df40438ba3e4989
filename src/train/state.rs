//! A training in a file, to go on from exactly where it stopped.

use std::fmt::{self, Debug, Write as _};
use std::fs;
use std::path::Path;

use super::bytes::{Reader, Writer, checksum};
use super::callbacks::{numbers_of, set_numbers};
use super::run::fingerprint;
use super::{Epoch, History, Progress, Trainer};
use crate::io::atomic::write_whole;
use crate::layers::{Layer, Role};
use crate::optimizers::Memory;
use crate::{Error, Result, Scalar, Sequential};

/// The first bytes of a file; the last of them is the version.
const MAGIC: &[u8; 8] = b"NPtrain1";

/// What a file holds.
struct State<A> {
    progress: Progress,
    rate: f64,
    optimizer: String,
    memory: Memory<A>,
    ema: Option<(bool, Vec<A>)>,
    schedule: Part,
    callbacks: Vec<Part>,
    layout: Vec<Entry>,
    numbers: Vec<A>,
}

/// The state of a schedule or callback, by its type's name.
#[derive(Debug, Clone, PartialEq)]
struct Part {
    kind: String,
    state: Vec<f64>,
}

/// A parameter or statistic of a network.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    name: String,
    role: Role,
    dim: (usize, usize),
}

impl<A: Scalar> Trainer<'_, A> {
    /// Saves the whole training: the network's weights and statistics, what optimizer, schedule and callbacks remember,
    /// epoch, seed and history. After [`load_state`](Self::load_state) in another process it goes on to the same bits.
    ///
    /// The file is written whole or not at all, and has a checksum. Early stopping changes the network at the end of a
    /// fit; to go on from where that training was, save during it, with a [`Checkpoint`](super::Checkpoint).
    ///
    /// ```
    /// use neuropil::data;
    /// use neuropil::prelude::*;
    ///
    /// let moons = data::moons::<f32>(200, 0.1, &mut rng(1));
    /// let start = || -> Result<_> {
    ///     let network = Sequential::mlp(&[2, 8, 2], Tanh, &mut rng(7))?;
    ///     Ok((Trainer::new(CrossEntropy::new(), Adam::new(0.01)).epochs(5), network))
    /// };
    /// let file = std::env::temp_dir().join(format!("neuropil-doc-{}.state", std::process::id()));
    /// let (mut trainer, mut network) = start()?;
    /// trainer.fit(&mut network, &moons)?;
    /// trainer.save_state(&file, &network)?;
    /// trainer.fit(&mut network, &moons)?;
    ///
    /// let (mut later, mut loaded) = start()?;
    /// later.load_state(&file, &mut loaded)?;
    /// later.fit(&mut loaded, &moons)?;
    /// assert_eq!(loaded.parameter("2.weight"), network.parameter("2.weight"));
    /// # std::fs::remove_file(&file).unwrap();
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Save`] when the file cannot be written; an old one then is as it was.
    pub fn save_state(&self, path: impl AsRef<Path>, network: &Sequential<A>) -> Result<()> {
        let mut out = Writer(MAGIC.to_vec());
        out.text(A::NAME);
        let Progress { seed, epoch, batches, step, base_rate, history } = &self.progress;
        for &x in [seed, epoch, batches, step] {
            out.u64(x);
        }
        out.f64(*base_rate);
        out.f64(self.optimizer.learning_rate());
        out.len(history.epochs().len());
        for Epoch { number, rate, seconds, values } in history.epochs() {
            out.len(*number);
            out.f64(*rate);
            out.f64(*seconds);
            out.len(values.len());
            for (name, value) in values {
                out.text(name);
                out.f64(*value);
            }
        }
        let memory = self.optimizer.memory();
        out.text(&kind(&self.optimizer));
        out.u64(memory.step);
        out.f64(memory.product);
        out.len(memory.slots.len());
        memory.slots.iter().for_each(|slot| out.scalars(slot));
        out.u64(u64::from(self.ema.is_some()));
        if let Some(ema) = &self.ema {
            out.u64(u64::from(ema.swapped));
            out.scalars(&ema.numbers);
        }
        out.len(self.callbacks.len());
        for Part { kind, state } in std::iter::once(self.schedule_part()).chain(self.callback_parts()) {
            out.text(&kind);
            out.scalars(&state);
        }
        let layout = layout(network);
        out.len(layout.len());
        for Entry { name, role, dim } in layout {
            out.text(&name);
            out.text(&format!("{role:?}"));
            out.len(dim.0);
            out.len(dim.1);
        }
        let mut numbers = Vec::new();
        numbers_of(network, &mut numbers);
        out.scalars(&numbers);
        out.u64(checksum(&out.0));
        write_whole(path.as_ref(), &out.0)
    }

    /// Takes up a training that [`save_state`](Self::save_state) saved: this trainer and `network` have to be set up as
    /// those were. Callbacks that were not there then begin afresh.
    ///
    /// # Errors
    /// [`Error::File`] when the file cannot be read; [`Error::Format`] when it is damaged, or of another number type,
    /// network, optimizer or schedule. Trainer and network then are as they were.
    pub fn load_state(&mut self, path: impl AsRef<Path>, network: &mut Sequential<A>) -> Result<()> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let bytes = fs::read(path).map_err(|error| Error::File { path: name.clone(), error: error.to_string() })?;
        let format = |problem: String| Error::Format { what: name.clone(), problem };
        let state: State<A> = read(&bytes).map_err(|problem| format(problem.into()))?;
        let expected = [
            ("optimizer", kind(&self.optimizer), &state.optimizer),
            ("schedule", self.schedule_part().kind, &state.schedule.kind),
        ];
        for (what, wants, got) in expected {
            if wants != *got {
                let named = |kind: &str| if kind.is_empty() { "none".to_owned() } else { kind.to_owned() };
                return Err(format(format!("its {what} is {}, not {}", named(got), named(&wants))));
            }
        }
        if self.ema.is_some() != state.ema.is_some() {
            let has = if state.ema.is_some() { "an" } else { "no" };
            return Err(format(format!("it has {has} average of the weights, unlike this trainer")));
        }
        check_layout(&layout(network), &state.layout).map_err(format)?;
        let count: usize = state.layout.iter().map(|entry| entry.dim.0 * entry.dim.1).sum();
        let averaged = state.ema.as_ref().map_or(0, |(_, numbers)| numbers.len());
        if state.numbers.len() != count || ![0, count].contains(&averaged) {
            return Err(format("its network has another number of parameters than it says".into()));
        }
        self.restore_parts(&state.schedule, &state.callbacks)?;
        *self.optimizer.memory_mut() = state.memory;
        self.optimizer.set_learning_rate(state.rate);
        self.progress = state.progress;
        set_numbers(network, &state.numbers);
        if let (Some(ema), Some((swapped, numbers))) = (&mut self.ema, state.ema) {
            (ema.swapped, ema.numbers, self.left) = (swapped, numbers, fingerprint(network));
        }
        Ok(())
    }

    fn schedule_part(&self) -> Part {
        let none = Part { kind: String::new(), state: Vec::new() };
        self.schedule.as_ref().map_or(none, |(schedule, _)| Part { kind: kind(schedule), state: schedule.state() })
    }

    fn callback_parts(&self) -> Vec<Part> {
        self.callbacks.iter().map(|callback| Part { kind: kind(callback), state: callback.state() }).collect()
    }

    /// Gives schedule and callbacks their states, the callbacks by kind and order; all or none.
    fn restore_parts(&mut self, schedule: &Part, callbacks: &[Part]) -> Result<()> {
        let before = (self.schedule_part(), self.callback_parts());
        let mut left: Vec<&Part> = callbacks.iter().collect();
        let mut restore = || {
            if let Some((own, _)) = &mut self.schedule {
                own.restore(&schedule.state)?;
            }
            for callback in &mut self.callbacks {
                let kind = kind(callback);
                if let Some(at) = left.iter().position(|part| part.kind == kind) {
                    callback.restore(&left.remove(at).state)?;
                }
            }
            Ok(())
        };
        let result = restore();
        if result.is_err() {
            if let Some((own, _)) = &mut self.schedule {
                let _ = own.restore(&before.0.state);
            }
            for (callback, part) in self.callbacks.iter_mut().zip(before.1) {
                let _ = callback.restore(&part.state);
            }
        }
        result
    }
}

fn read<A: Scalar>(bytes: &[u8]) -> Result<State<A>, &'static str> {
    let content = bytes.strip_prefix(MAGIC).ok_or("it is not a saved training of this version")?;
    let Some((content, sum)) = content.split_last_chunk() else { return Err("it ends too early") };
    if checksum(&bytes[..bytes.len() - 8]) != u64::from_le_bytes(*sum) {
        return Err("it is damaged: its checksum is wrong");
    }
    let mut file = Reader(content);
    if file.text()? != A::NAME {
        return Err(if A::NAME == "f32" { "its numbers are not f32" } else { "its numbers are not f64" });
    }
    let [seed, epoch, batches, step] = [file.u64()?, file.u64()?, file.u64()?, file.u64()?];
    let (base_rate, rate) = (file.f64()?, file.f64()?);
    let mut history = History::default();
    for _ in 0..file.len(32)? {
        let (number, rate, seconds) = (file.u64()? as usize, file.f64()?, file.f64()?);
        let values = (0..file.len(16)?).map(|_| Ok((file.text()?, file.f64()?))).collect::<Result<_, &str>>()?;
        history.push(Epoch { number, rate, seconds, values });
    }
    let progress = Progress { seed, epoch, batches, step, base_rate, history };
    let optimizer = file.text()?;
    let (step, product) = (file.u64()?, file.f64()?);
    let slots = (0..file.len(8)?).map(|_| file.scalars()).collect::<Result<_, _>>()?;
    let memory = Memory { step, product, slots };
    let ema = if file.u64()? == 0 { None } else { Some((file.u64()? != 0, file.scalars()?)) };
    let count = file.len(16)?;
    let mut part = || Ok::<_, &'static str>(Part { kind: file.text()?, state: file.scalars()? });
    let schedule = part()?;
    let callbacks = (0..count).map(|_| part()).collect::<Result<_, _>>()?;
    let mut layout = Vec::new();
    for _ in 0..file.len(32)? {
        let name = file.text()?;
        let role = match file.text()?.as_str() {
            "Weight" => Role::Weight,
            "Bias" => Role::Bias,
            "Statistic" => Role::Statistic,
            _ => return Err("it has a parameter of an unknown role"),
        };
        layout.push(Entry { name, role, dim: (file.u64()? as usize, file.u64()? as usize) });
    }
    let numbers = file.scalars()?;
    if !file.0.is_empty() {
        return Err("it goes on after its end");
    }
    Ok(State { progress, rate, optimizer, memory, ema, schedule, callbacks, layout, numbers })
}

fn layout<A: Scalar>(network: &Sequential<A>) -> Vec<Entry> {
    let mut layout = Vec::new();
    network.visit(&mut |info, matrix| {
        layout.push(Entry { name: info.name.to_string(), role: info.role, dim: matrix.dim() });
    });
    layout
}

/// What differs between the network and the one of the file, in words.
fn check_layout(wants: &[Entry], got: &[Entry]) -> Result<(), String> {
    let text = |entry: &Entry| format!("{} ({} x {})", entry.name, entry.dim.0, entry.dim.1);
    for i in 0..wants.len().max(got.len()) {
        match (wants.get(i), got.get(i)) {
            (Some(wants), Some(got)) if wants == got => {}
            (Some(wants), Some(got)) => {
                return Err(format!("it has {} where the network has {}", text(got), text(wants)));
            }
            (Some(wants), None) => return Err(format!("it lacks the network's {}", text(wants))),
            (None, Some(got)) => return Err(format!("it has {}, which the network lacks", text(got))),
            (None, None) => {}
        }
    }
    Ok(())
}

/// The name of a value's type, as its `Debug` begins.
fn kind(value: &impl Debug) -> String {
    /// Takes the first word and refuses the rest, which may be long.
    struct FirstWord(String);

    impl fmt::Write for FirstWord {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for c in text.chars() {
                if !c.is_alphanumeric() && c != '_' {
                    return Err(fmt::Error);
                }
                self.0.push(c);
            }
            Ok(())
        }
    }

    let mut word = FirstWord(String::new());
    let _ = write!(word, "{value:?}");
    word.0
}
