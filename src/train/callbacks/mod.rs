//! The [`Callback`] trait and the callbacks, one file each.
//!
//! # A new callback
//! One new file here and a line in each of the two lists below; in another crate it is one file: a type and the methods
//! of [`Callback`] that it needs.

use std::fmt::Debug;
use std::path::PathBuf;

use crate::train::History;
use crate::{Error, Network, Result, Scalar};

#[cfg(feature = "files")]
mod checkpoint;
mod early_stopping;
mod history_csv;
mod progress;

#[cfg(feature = "files")]
pub use checkpoint::Checkpoint;
pub use early_stopping::EarlyStopping;
pub use history_csv::HistoryCsv;
pub use progress::ProgressBar;

/// Something that watches a training, and may end it.
///
/// ```
/// use neuropil::data;
/// use neuropil::prelude::*;
/// use neuropil::train::{Callback, Context, Flow, Trainer};
///
/// /// Ends the training when the loss is small enough.
/// #[derive(Debug)]
/// struct Enough(f64);
///
/// impl<A: Scalar> Callback<A> for Enough {
///     fn on_epoch_end(&mut self, at: &mut Context<'_, A>) -> Result<Flow> {
///         let loss = at.history.last().and_then(|epoch| epoch.get("loss"));
///         Ok(if loss < Some(self.0) { Flow::Stop } else { Flow::Continue })
///     }
/// }
///
/// let mut network = Sequential::mlp(&[2, 8, 1], Tanh, &mut rng(7))?;
/// let mut trainer = Trainer::new(Mse, Adam::new(0.05)).epochs(1000).callback(Enough(0.01));
/// let history = trainer.fit(&mut network, &data::xor::<f64>())?;
/// assert!(history.epochs().len() < 1000);
/// # Ok::<(), Error>(())
/// ```
pub trait Callback<A: Scalar>: Debug + Send {
    /// Before the first epoch of a fit.
    ///
    /// # Errors
    /// What makes the training impossible.
    fn on_start(&mut self, _at: &mut Context<'_, A>) -> Result<()> {
        Ok(())
    }

    /// After each batch.
    ///
    /// # Errors
    /// What makes the training impossible.
    fn on_batch_end(&mut self, _at: &mut Context<'_, A>) -> Result<()> {
        Ok(())
    }

    /// After each epoch, when its values are in the history.
    ///
    /// # Errors
    /// What makes the training impossible.
    fn on_epoch_end(&mut self, _at: &mut Context<'_, A>) -> Result<Flow> {
        Ok(Flow::Continue)
    }

    /// At the end of a fit, whether all epochs are done or it was stopped; not after an error.
    ///
    /// # Errors
    /// What the caller should know.
    fn on_end(&mut self, _at: &mut Context<'_, A>) -> Result<()> {
        Ok(())
    }

    /// The name of its kind in files, such as `early_stopping`: by it a callback finds its state in a training that was
    /// saved. One that has nothing to remember needs none.
    fn kind(&self) -> &'static str {
        ""
    }

    /// What it has to remember when a training is saved, to go on later.
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Takes back what [`state`](Self::state) gave.
    ///
    /// # Errors
    /// [`Error::Format`] when it cannot be that.
    fn restore(&mut self, _state: &[f64]) -> Result<()> {
        Ok(())
    }

    /// The weights that it keeps, if any, which are saved with its state: all parameters and statistics of a network, in
    /// the order of [`Layer::visit`](crate::layer::Layer::visit).
    fn weights(&self) -> &[A] {
        &[]
    }

    /// Takes back what [`weights`](Self::weights) gave.
    fn set_weights(&mut self, _weights: Vec<A>) {}
}

/// So that a callback may be chosen as the program runs.
impl<A: Scalar, C: Callback<A> + ?Sized> Callback<A> for Box<C> {
    fn on_start(&mut self, at: &mut Context<'_, A>) -> Result<()> {
        (**self).on_start(at)
    }

    fn on_batch_end(&mut self, at: &mut Context<'_, A>) -> Result<()> {
        (**self).on_batch_end(at)
    }

    fn on_epoch_end(&mut self, at: &mut Context<'_, A>) -> Result<Flow> {
        (**self).on_epoch_end(at)
    }

    fn on_end(&mut self, at: &mut Context<'_, A>) -> Result<()> {
        (**self).on_end(at)
    }

    fn kind(&self) -> &'static str {
        (**self).kind()
    }

    fn state(&self) -> Vec<f64> {
        (**self).state()
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        (**self).restore(state)
    }

    fn weights(&self) -> &[A] {
        (**self).weights()
    }

    fn set_weights(&mut self, weights: Vec<A>) {
        (**self).set_weights(weights);
    }
}

/// Whether a training goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// The next epoch follows.
    Continue,
    /// This was the last epoch.
    Stop,
}

/// What a callback is shown.
#[derive(Debug)]
pub struct Context<'c, A: Scalar> {
    /// The network as it is now.
    pub network: &'c mut Network<A>,
    /// The epochs so far.
    pub history: &'c History,
    /// How far the training is.
    pub position: Position,
    pub(crate) columns: &'c [Column],
    /// The column to watch unless a callback has its own.
    pub(crate) monitor: usize,
    #[cfg_attr(not(feature = "files"), allow(dead_code))] // Nobody can ask for it then.
    pub(crate) saves: &'c mut Vec<PathBuf>,
}

/// How far a training is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Position {
    /// The epoch, from 1; 0 before the first.
    pub epoch: usize,
    /// The last epoch of this fit, if nothing stops it before.
    pub last_epoch: usize,
    /// Batches done in this epoch.
    pub batch: usize,
    /// Batches in an epoch, if that is known.
    pub batches: Option<usize>,
    /// Samples seen in this epoch.
    pub samples: usize,
    /// Steps of the optimizer since the beginning.
    pub step: u64,
    /// The mean loss of this epoch so far.
    pub loss: f64,
    /// The learning rate.
    pub rate: f64,
}

/// A value that each epoch has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, such as `val_loss`.
    pub name: String,
    /// Whether larger is better.
    pub higher_is_better: bool,
}

impl Column {
    /// Whether `value` is better than the best so far by more than `margin`; NaN never is.
    pub fn is_better(&self, value: f64, best: Option<f64>, margin: f64) -> bool {
        match best {
            None => !value.is_nan(),
            Some(best) if self.higher_is_better => value > best + margin,
            Some(best) => value < best - margin,
        }
    }
}

impl<A: Scalar> Context<'_, A> {
    /// The value to watch: the one of this name, or the one that the trainer was told to
    /// [monitor](crate::train::Trainer::monitor).
    ///
    /// # Errors
    /// [`Error::Monitor`] when epochs have no such value.
    pub fn watch(&self, name: Option<&str>) -> Result<Column> {
        find(self.columns, name, self.monitor).map(|column| self.columns[column].clone())
    }

    /// Saves the whole training to this file once all callbacks have seen the epoch's end, as
    /// [`Trainer::save_state`](crate::train::Trainer::save_state) does.
    #[cfg(feature = "files")]
    pub fn save(&mut self, path: PathBuf) {
        self.saves.push(path);
    }
}

/// The index of the column of this name, or the default one.
pub(crate) fn find(columns: &[Column], name: Option<&str>, default: usize) -> Result<usize> {
    let Some(name) = name else { return Ok(default) };
    columns.iter().position(|column| column.name == name).ok_or_else(|| Error::Monitor {
        name: name.into(),
        known: columns.iter().map(|column| format!("`{}`", column.name)).collect(),
    })
}

/// All parameters and statistics of a network, one after the other.
pub(crate) fn numbers_of<A: Scalar>(network: &Network<A>, numbers: &mut Vec<A>) {
    use crate::layer::Layer;
    numbers.clear();
    network.visit(&mut |_, matrix| numbers.extend(matrix));
}

/// Puts back what [`numbers_of`] gave, if there are as many as the network has.
pub(crate) fn set_numbers<A: Scalar>(network: &mut Network<A>, numbers: &[A]) -> bool {
    use crate::layer::Layer;
    let mut count = 0;
    network.visit(&mut |_, matrix| count += matrix.len());
    if count != numbers.len() {
        return false;
    }
    let mut numbers = numbers.iter();
    network.visit_mut(&mut |_, matrix| matrix.iter_mut().zip(&mut numbers).for_each(|(to, &from)| *to = from));
    true
}
