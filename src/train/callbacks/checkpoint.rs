//! [`Checkpoint`]: saves a training while it runs.

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;

use super::{Callback, Column, Context, Flow};
use crate::{Error, Result, Scalar};

/// Saves the training at the end of epochs, so that [`Trainer::load_state`](crate::train::Trainer::load_state) can
/// resume it: the best epoch to `best.state` in a folder, the latest ones to `epoch-1.state`, `epoch-2.state` and so
/// on.
///
/// The best epoch has the best [monitored](crate::train::Trainer::monitor) value. Files are written atomically, after
/// all callbacks have seen the end of the epoch, and an old one is removed once its successor exists.
///
/// ```
/// use neuropil::data;
/// use neuropil::prelude::*;
/// use neuropil::train::Checkpoint;
///
/// let folder = std::env::temp_dir().join(format!("neuropil-checkpoint-{}", std::process::id()));
/// let mut network = Sequential::<f32>::mlp(&[2, 8, 2], Tanh, &mut rng(7))?;
/// let moons = data::moons(100, 0.1, &mut rng(1));
/// let trainer = || Trainer::new(CrossEntropy::new(), Adam::new(0.01)).epochs(3);
/// trainer().callback(Checkpoint::new(&folder).last(2)).fit(&mut network, &moons)?;
///
/// let mut later = trainer();
/// later.load_state(folder.join("epoch-3.state"), &mut network)?;
/// assert_eq!(later.history().epochs().len(), 3);
/// assert!(!folder.join("epoch-1.state").exists());
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Checkpoint {
    folder: PathBuf,
    keep_best: bool,
    last: usize,
    column: Option<Column>,
    best: Option<f64>,
    /// The epochs whose files are kept, oldest first.
    kept: VecDeque<usize>,
}

impl Checkpoint {
    /// Saves the best epoch to `best.state` in `folder`, which is created if it is missing.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), keep_best: true, last: 0, column: None, best: None, kept: VecDeque::new() }
    }

    /// Also keeps the files of the last `count` epochs.
    #[must_use]
    pub fn last(self, count: usize) -> Self {
        Self { last: count, ..self }
    }

    /// Does not save the best epoch.
    #[must_use]
    pub fn without_best(self) -> Self {
        Self { keep_best: false, ..self }
    }

    fn file_of(&self, epoch: usize) -> PathBuf {
        self.folder.join(format!("epoch-{epoch}.state"))
    }

    /// Removes the files of all but the last `count` epochs.
    fn remove_old(&mut self) {
        while self.kept.len() > self.last {
            if let Some(epoch) = self.kept.pop_front() {
                // It may have been removed already.
                let _ = fs::remove_file(self.file_of(epoch));
            }
        }
    }
}

impl<A: Scalar> Callback<A> for Checkpoint {
    fn on_start(&mut self, at: &mut Context<'_, A>) -> Result<()> {
        self.column = Some(at.watch(None)?);
        fs::create_dir_all(&self.folder).map_err(|error| Error::save(&self.folder, error))
    }

    fn on_epoch_end(&mut self, at: &mut Context<'_, A>) -> Result<Flow> {
        // Not before, because only now do the files of later epochs exist.
        self.remove_old();
        let Some(column) = &self.column else { return Ok(Flow::Continue) };
        let value = at.history.last().and_then(|epoch| epoch.get(&column.name)).unwrap_or(f64::NAN);
        if self.keep_best && column.is_better(value, self.best, 0.0) {
            self.best = Some(value);
            at.save(self.folder.join("best.state"));
        }
        if self.last > 0 {
            self.kept.push_back(at.position.epoch);
            at.save(self.file_of(at.position.epoch));
        }
        Ok(Flow::Continue)
    }

    fn on_end(&mut self, _: &mut Context<'_, A>) -> Result<()> {
        self.remove_old();
        Ok(())
    }

    fn kind(&self) -> &'static str {
        "checkpoint"
    }

    fn state(&self) -> Vec<f64> {
        let best = self.best.map_or([0.0, 0.0], |best| [1.0, best]);
        best.into_iter().chain(self.kept.iter().map(|&epoch| epoch as f64)).collect()
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        let [known, best, kept @ ..] = state else {
            return Err(Error::Format { what: "the state of Checkpoint".into(), problem: "it is too short".into() });
        };
        self.best = (*known != 0.0).then_some(*best);
        self.kept = kept.iter().map(|&epoch| epoch as usize).collect();
        Ok(())
    }
}
