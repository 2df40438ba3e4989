//! The [`Callback`] trait and the callbacks, one per file.
//!
//! A callback of your own implements [`Callback`], where there is an example.

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

/// Observes a training, and may stop it.
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a callback",
    note = "a callback of your own implements `neuropil::train::Callback`"
)]
pub trait Callback<A: Scalar>: Debug + Send {
    /// Called before the first epoch of a fit.
    ///
    /// # Errors
    /// An error ends the fit.
    fn on_start(&mut self, _at: &mut Context<'_, A>) -> Result<()> {
        Ok(())
    }

    /// Called after each batch.
    ///
    /// # Errors
    /// An error ends the fit.
    fn on_batch_end(&mut self, _at: &mut Context<'_, A>) -> Result<()> {
        Ok(())
    }

    /// Called after each epoch, once its values are in the history.
    ///
    /// # Errors
    /// An error ends the fit.
    fn on_epoch_end(&mut self, _at: &mut Context<'_, A>) -> Result<Flow> {
        Ok(Flow::Continue)
    }

    /// Called at the end of a fit, even if a callback stopped it, but not after an error.
    ///
    /// # Errors
    /// The fit returns the error.
    fn on_end(&mut self, _at: &mut Context<'_, A>) -> Result<()> {
        Ok(())
    }

    /// The kind of the callback, such as `early_stopping`, which identifies its state in a saved training. A callback
    /// without state needs none.
    fn kind(&self) -> &'static str {
        ""
    }

    /// The state to save with the training.
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Restores the [`state`](Self::state).
    ///
    /// # Errors
    /// [`Error::Format`] when the state is invalid.
    fn restore(&mut self, _state: &[f64]) -> Result<()> {
        Ok(())
    }

    /// The weights to save with the state, if any: all parameters and running statistics of a network, in the order of
    /// [`Layer::visit`](crate::layer::Layer::visit).
    fn weights(&self) -> &[A] {
        &[]
    }

    /// Restores the [`weights`](Self::weights).
    fn set_weights(&mut self, _weights: Vec<A>) {}
}

/// Allows a callback to be chosen at run time.
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

/// Whether training continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Continue with the next epoch.
    Continue,
    /// End the fit after this epoch.
    Stop,
}

/// The state of a training, as a callback sees it.
#[derive(Debug)]
pub struct Context<'c, A: Scalar> {
    /// The network.
    pub network: &'c mut Network<A>,
    /// The epochs so far.
    pub history: &'c History,
    /// The progress of the training.
    pub position: Position,
    pub(crate) columns: &'c [Column],
    /// The index of the column to monitor by default.
    pub(crate) monitor: usize,
    #[cfg_attr(not(feature = "files"), allow(dead_code))] // Only `files` saves trainings.
    pub(crate) saves: &'c mut Vec<PathBuf>,
}

/// The progress of a training.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Position {
    /// The epoch, from 1; 0 before the first.
    pub epoch: usize,
    /// The last epoch of this fit, unless it is stopped early.
    pub last_epoch: usize,
    /// The number of batches so far in this epoch.
    pub batch: usize,
    /// The number of batches in an epoch, if known.
    pub batches: Option<usize>,
    /// The number of samples so far in this epoch.
    pub samples: usize,
    /// The number of optimizer steps since training began.
    pub step: u64,
    /// The mean loss of this epoch so far.
    pub loss: f64,
    /// The learning rate.
    pub rate: f64,
}

/// A value that is recorded for each epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, such as `val_loss`.
    pub name: String,
    /// Whether larger is better.
    pub higher_is_better: bool,
}

impl Column {
    /// Whether `value` is better than `best` by more than `margin`; NaN never is.
    pub fn is_better(&self, value: f64, best: Option<f64>, margin: f64) -> bool {
        match best {
            None => !value.is_nan(),
            Some(best) if self.higher_is_better => value > best + margin,
            Some(best) => value < best - margin,
        }
    }
}

impl<A: Scalar> Context<'_, A> {
    /// The value to monitor: the one with this name, or the trainer's [monitored](crate::train::Trainer::monitor) one.
    ///
    /// # Errors
    /// [`Error::Monitor`] for an unknown name.
    pub fn watch(&self, name: Option<&str>) -> Result<Column> {
        find(self.columns, name, self.monitor).map(|column| self.columns[column].clone())
    }

    /// Saves the training to `path` once all callbacks have seen the end of the epoch, as
    /// [`Trainer::save_state`](crate::train::Trainer::save_state) does.
    #[cfg(feature = "files")]
    pub fn save(&mut self, path: PathBuf) {
        self.saves.push(path);
    }
}

/// The index of the column with this name, or `default`.
pub(crate) fn find(columns: &[Column], name: Option<&str>, default: usize) -> Result<usize> {
    let Some(name) = name else { return Ok(default) };
    columns.iter().position(|column| column.name == name).ok_or_else(|| Error::Monitor {
        name: name.into(),
        known: columns.iter().map(|column| format!("`{}`", column.name)).collect(),
    })
}

/// Copies all parameters and running statistics of a network into one vector.
pub(crate) fn numbers_of<A: Scalar>(network: &Network<A>, numbers: &mut Vec<A>) {
    use crate::layer::Layer;
    numbers.clear();
    network.visit(&mut |_, matrix| numbers.extend(matrix));
}

/// Restores the result of [`numbers_of`]; false if the sizes differ.
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
