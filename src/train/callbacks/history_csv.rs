//! [`HistoryCsv`]: writes the history to a file.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use super::{Callback, Context, Flow};
use crate::train::history::{csv_header, csv_line};
use crate::{Error, Result, Scalar};

/// Appends each epoch to a CSV file as it ends, to follow a training while it runs.
///
/// Each fit rewrites the file, starting with the epochs of earlier fits or of a resumed training.
///
/// ```
/// use neuropil::data;
/// use neuropil::prelude::*;
/// use neuropil::train::HistoryCsv;
///
/// let file = std::env::temp_dir().join(format!("neuropil-history-{}.csv", std::process::id()));
/// let mut network = Sequential::<f64>::mlp(&[2, 4, 1], Tanh, &mut rng(7))?;
/// let mut trainer = Trainer::new(Mse, Sgd::new(0.5)).epochs(3).callback(HistoryCsv::new(&file));
/// let history = trainer.fit(&mut network, &data::xor())?;
/// assert_eq!(std::fs::read_to_string(&file).unwrap(), history.to_csv());
/// # std::fs::remove_file(&file).unwrap();
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct HistoryCsv {
    path: PathBuf,
    file: Option<File>,
}

impl HistoryCsv {
    /// Writes to the file `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), file: None }
    }

    fn write(&mut self, text: &str) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(text.as_bytes()).and_then(|()| file.flush()).map_err(|error| Error::save(&self.path, error))
    }
}

/// The columns of earlier epochs, then those that this fit adds.
fn names<'c, A: Scalar>(at: &'c Context<'_, A>) -> Vec<&'c str> {
    let mut names = at.history.names();
    for column in at.columns {
        if !names.contains(&column.name.as_str()) {
            names.push(&column.name);
        }
    }
    names
}

impl<A: Scalar> Callback<A> for HistoryCsv {
    fn on_start(&mut self, at: &mut Context<'_, A>) -> Result<()> {
        self.file = Some(File::create(&self.path).map_err(|error| Error::save(&self.path, error))?);
        let names = names(at);
        let mut text = csv_header(&names);
        at.history.epochs().iter().for_each(|epoch| text.push_str(&csv_line(epoch, &names)));
        self.write(&text)
    }

    fn on_epoch_end(&mut self, at: &mut Context<'_, A>) -> Result<Flow> {
        if let Some(epoch) = at.history.last() {
            self.write(&csv_line(epoch, &names(at)))?;
        }
        Ok(Flow::Continue)
    }

    fn on_end(&mut self, _: &mut Context<'_, A>) -> Result<()> {
        self.file = None;
        Ok(())
    }
}
