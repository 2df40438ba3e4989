//! Saving and resuming a training.

use std::borrow::Cow;
use std::path::Path;

use ndarray::Array2;

use super::run::fingerprint;
use super::{Epoch, History, Progress, Record, Trainer};
use crate::io::SafeTensors;
use crate::io::atomic::write_whole;
use crate::io::container::{self, Numbers, Training, array, named, problem};
use crate::io::model::{describe, difference, matrices_for, set_matrices};
use crate::optimizers::Memory;
use crate::spec::{Setting, Spec};
use crate::{Error, Network, Result, Scalar};

/// The content of a file besides the network.
struct State<A: Scalar> {
    progress: Progress,
    rate: f64,
    optimizer: Spec,
    memory: Memory<A>,
    ema: Option<(bool, Vec<A>)>,
    record: Option<Record>,
    schedule: Part<'static, A>,
    callbacks: Vec<Part<'static, A>>,
}

/// The state of a schedule or callback.
struct Part<'p, A: Scalar> {
    kind: Cow<'static, str>,
    state: Vec<f64>,
    weights: Cow<'p, [A]>,
}

impl<A: Scalar> Trainer<'_, A> {
    /// Saves the training: the network's weights and running statistics, the state of optimizer, schedule and
    /// callbacks, epoch, seed, history and [record](Self::record). A training resumed by
    /// [`load_state`](Self::load_state), even in another process, gives the same bits as one that never stopped.
    ///
    /// The file is a [model file](crate::io) with more content, written atomically and with a checksum;
    /// [`Network::load`] reads the network from it. Early stopping changes the network at the end of a fit, so to
    /// resume exactly, save during the fit with a [`Checkpoint`](super::Checkpoint).
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
    /// [`Error::Save`] when the file cannot be written; an existing file is then not changed. [`Error::Unsupported`]
    /// for a callback with a state but no [`kind`](super::Callback::kind).
    pub fn save_state(&self, path: impl AsRef<Path>, network: &Network<A>) -> Result<()> {
        let memory = self.optimizer.memory();
        let mut parts = vec![self.schedule_part()];
        parts.append(&mut self.callback_parts()?);
        let slots = memory.slots.iter().map(|(i, slot)| (format!("optimizer.{i}"), Numbers::Own(slot)));
        let average = self.ema.iter().map(|ema| ("average".to_owned(), Numbers::Own(&ema.numbers)));
        let states = parts.iter().enumerate().map(|(i, part)| (format!("state.{i}"), Numbers::Double(&part.state)));
        let weights = parts.iter().enumerate().map(|(i, part)| (format!("weights.{i}"), Numbers::Own(&part.weights)));
        let arrays = slots.chain(average).chain(states).chain(weights).collect();
        let training = Training { spec: self.describe(&parts), arrays };
        // Layers of other crates may lack a description; their parameters are saved anyway.
        let architecture = describe(network).ok();
        let texts: Vec<_> = architecture.iter().map(|text| ("architecture", &**text)).collect();
        write_whole(path.as_ref(), &container::write(network, &texts, Some(&training))?)
    }

    /// Describes the state: everything but the arrays.
    fn describe(&self, parts: &[Part<'_, A>]) -> Spec {
        let Progress { seed, epoch, batches, step, base_rate, history } = &self.progress;
        let counts = [("seed", seed), ("epoch", epoch), ("batches", batches), ("step", step)];
        let spec = counts.into_iter().fold(Spec::new("training"), |spec, (name, &n)| spec.set(name, Setting::Count(n)));
        let memory = self.optimizer.memory();
        let remembered = Spec::new("memory").set("step", Setting::Count(memory.step));
        let slots: Vec<_> = memory.slots.keys().map(|&slot| Setting::Count(slot as u64)).collect();
        // Their number, unless some were left out.
        let all = memory.slots.keys().copied().eq(0..slots.len());
        let slots = if all { slots.len().into() } else { Setting::List(slots) };
        let remembered = remembered.set("product", memory.product).set("slots", slots);
        let mut spec = spec.set("base_rate", *base_rate).set("rate", self.optimizer.learning_rate());
        spec = spec.set("optimizer", self.optimizer.spec()).set("memory", remembered);
        if let Some(ema) = &self.ema {
            spec = spec.set("swapped", ema.swapped);
        }
        if let Some(record) = &self.record {
            spec = spec.set("record", record.spec());
        }
        let epochs = history.epochs().iter().map(|Epoch { number, rate, seconds, values }| {
            let (names, values): (Vec<&str>, Vec<f64>) = values.iter().map(|(name, value)| (&**name, *value)).unzip();
            let spec = Spec::new("epoch").set("number", *number).set("rate", *rate).set("seconds", *seconds);
            spec.set("names", names).set("values", values)
        });
        let kinds: Vec<&str> = parts.iter().map(|part| &*part.kind).collect();
        spec.set("parts", kinds).set("history", epochs.collect::<Vec<_>>())
    }

    /// Resumes a training from [`save_state`](Self::save_state); this trainer and `network` must be set up as the saved
    /// ones were. The saved learning rate replaces that of the optimizer. Callbacks without a saved state start anew.
    ///
    /// # Errors
    /// [`Error::File`] when the file cannot be read; [`Error::Format`] when it is damaged, or of another number type,
    /// network, schedule, optimizer or optimizer setting. Trainer and network are then not changed.
    pub fn load_state(&mut self, path: impl AsRef<Path>, network: &mut Network<A>) -> Result<()> {
        named(path.as_ref(), |bytes| self.restore(&container::open::<A>(bytes)?, network))
    }

    fn restore(&mut self, file: &SafeTensors<'_>, network: &mut Network<A>) -> Result<()> {
        let state: State<A> = read(file)?;
        if let Some(difference) = difference(&self.optimizer.spec(), &state.optimizer) {
            return Err(problem(format!("its optimizer is another: {difference}")));
        }
        let (wants, got) = (self.schedule.as_ref().map_or("", |(schedule, _)| schedule.kind()), &*state.schedule.kind);
        if wants != got {
            let named = |kind: &str| if kind.is_empty() { "none".to_owned() } else { kind.to_owned() };
            return Err(problem(format!("its schedule is {}, not {}", named(got), named(wants))));
        }
        if self.ema.is_some() != state.ema.is_some() {
            let has = if state.ema.is_some() { "an" } else { "no" };
            return Err(problem(format!("it has {has} average of the weights, unlike this trainer")));
        }
        let matrices = matrices_for(network, file)?;
        let count: usize = matrices.iter().map(Array2::len).sum();
        let averaged = state.ema.iter().map(|(_, numbers)| ("the average", numbers.len()));
        let kept = state.callbacks.iter().map(|part| (&*part.kind, part.weights.len()));
        for (who, kept) in averaged.chain(kept) {
            if ![0, count].contains(&kept) {
                return Err(problem(format!("{who} has {kept} weights, but the network {count}")));
            }
        }
        self.restore_parts(&state.schedule, state.callbacks)?;
        *self.optimizer.memory_mut() = state.memory;
        self.optimizer.set_learning_rate(state.rate);
        self.progress = state.progress;
        if self.record.is_some() && state.record.is_some() {
            self.record = state.record;
        }
        set_matrices(network, matrices);
        if let (Some(ema), Some((swapped, numbers))) = (&mut self.ema, state.ema) {
            (ema.swapped, ema.numbers, self.left) = (swapped, numbers, fingerprint(network));
        }
        Ok(())
    }

    fn schedule_part(&self) -> Part<'_, A> {
        let (kind, state) =
            self.schedule.as_ref().map_or(("", Vec::new()), |(schedule, _)| (schedule.kind(), schedule.state()));
        Part { kind: kind.into(), state, weights: Cow::Borrowed(&[]) }
    }

    /// The states of the callbacks with a kind.
    fn callback_parts(&self) -> Result<Vec<Part<'_, A>>> {
        let mut parts = Vec::new();
        for callback in &self.callbacks {
            let (kind, state, weights) = (callback.kind(), callback.state(), callback.weights());
            if !kind.is_empty() {
                parts.push(Part { kind: kind.into(), state, weights: weights.into() });
            } else if !(state.is_empty() && weights.is_empty()) {
                let what = "has something to remember, but no name in a file; give it a `kind`".into();
                return Err(Error::Unsupported { layer: format!("{callback:?}"), what });
            }
        }
        Ok(parts)
    }

    /// Restores the schedule and the callbacks, matched by kind and order; all or none.
    fn restore_parts(&mut self, schedule: &Part<'_, A>, mut left: Vec<Part<'_, A>>) -> Result<()> {
        let Self { schedule: own, callbacks, .. } = self;
        let mut own = own.as_mut().map(|(own, _)| (own.state(), own));
        if let Some((_, own)) = &mut own {
            own.restore(&schedule.state)?;
        }
        let mut done = Vec::new();
        for callback in callbacks {
            let Some(at) = left.iter().position(|part| part.kind == callback.kind()) else { continue };
            let (part, before) = (left.remove(at), callback.state());
            let result = callback.restore(&part.state);
            done.push((callback, before, part.weights));
            if let Err(error) = result {
                for (callback, before, _) in done {
                    let _ = callback.restore(&before);
                }
                if let Some((before, own)) = own {
                    let _ = own.restore(&before);
                }
                return Err(error);
            }
        }
        // Last, so that no weights are in memory twice.
        done.into_iter().for_each(|(callback, _, weights)| callback.set_weights(weights.into_owned()));
        Ok(())
    }
}

fn read<A: Scalar>(file: &SafeTensors<'_>) -> Result<State<A>> {
    let spec = container::training(file)?;
    let mut history = History::default();
    for epoch in spec.layers("history")? {
        let (names, values) = (epoch.texts("names")?, epoch.numbers("values")?);
        if names.len() != values.len() {
            return Err(epoch.problem("it does not have one value for each name".into()));
        }
        let (number, rate, seconds) = (epoch.count("number")?, epoch.number("rate")?, epoch.number("seconds")?);
        history.push(Epoch { number, rate, seconds, values: names.into_iter().zip(values).collect() });
    }
    let seed = count(&spec, "seed")?;
    let [epoch, batches, step] = [steps(&spec, "epoch")?, steps(&spec, "batches")?, steps(&spec, "step")?];
    let progress = Progress { seed, epoch, batches, step, base_rate: spec.number("base_rate")?, history };
    let memory = spec.layer("memory")?;
    let slots = slots(memory)?.map(|i| Ok((i, array(file, &format!("optimizer.{i}"))?)));
    let slots = slots.collect::<Result<_>>()?;
    let memory = Memory { step: steps(memory, "step")?, product: memory.number("product")?, slots };
    let ema = match spec.get("swapped") {
        Some(_) => Some((spec.flag("swapped")?, array(file, "average")?)),
        None => None,
    };
    let record = match spec.get("record") {
        Some(_) => Some(Record::restore(spec.layer("record")?)?),
        None => None,
    };
    let parts = spec.texts("parts")?.into_iter().enumerate();
    let parts = parts.map(|(i, kind)| {
        let (state, weights): (_, Vec<A>) =
            (array(file, &format!("state.{i}"))?, array(file, &format!("weights.{i}"))?);
        Ok(Part { kind: kind.into(), state, weights: weights.into() })
    });
    let mut callbacks: Vec<Part<'_, A>> = parts.collect::<Result<_>>()?;
    if callbacks.is_empty() {
        return Err(spec.problem("`parts` is empty; the schedule is its first".into()));
    }
    let schedule = callbacks.remove(0);
    let (rate, optimizer) = (spec.number("rate")?, spec.layer("optimizer")?.clone());
    Ok(State { progress, rate, optimizer, memory, ema, record, schedule, callbacks })
}

/// The slots of the optimizer's memory.
fn slots(memory: &Spec) -> Result<Box<dyn Iterator<Item = usize> + '_>> {
    let Some(Setting::List(slots)) = memory.get("slots") else { return Ok(Box::new(0..memory.count("slots")?)) };
    if !slots.iter().all(|slot| matches!(slot, Setting::Count(_))) {
        return Err(memory.problem("`slots` must be integers".into()));
    }
    Ok(Box::new(slots.iter().filter_map(|slot| if let Setting::Count(n) = slot { Some(*n as usize) } else { None })))
}

fn count(spec: &Spec, name: &str) -> Result<u64> {
    match spec.get(name) {
        Some(&Setting::Count(n)) => Ok(n),
        // Returns the error.
        _ => spec.count(name).map(|n| n as u64),
    }
}

/// A counter, bounded so that it cannot overflow later.
fn steps(spec: &Spec, name: &str) -> Result<u64> {
    match count(spec, name)? {
        n if n < 1 << 53 => Ok(n),
        n => Err(spec.problem(format!("`{name}` is {n}, more than any training takes"))),
    }
}
