//! [`ProgressBar`]: shows the progress of a training.

use std::fmt::Write as _;
use std::io::Write as _;

use super::{Callback, Context, Flow};
use crate::train::history::{Epoch, short};
use crate::{Error, Result, Scalar};

/// Prints one line per epoch to standard output; on a terminal, with the feature `progress`, also a progress bar with
/// loss, samples per second and remaining time.
///
/// Piped output has only these lines, without control characters.
///
/// ```
/// use neuropil::data;
/// use neuropil::prelude::*;
/// use neuropil::train::ProgressBar;
///
/// let mut network = Sequential::<f64>::mlp(&[2, 4, 1], Tanh, &mut rng(7))?;
/// let mut trainer = Trainer::new(Mse, Sgd::new(0.5)).epochs(3).callback(ProgressBar::new());
/// trainer.fit(&mut network, &data::xor())?; // epoch 1/3  loss 0.6234  0.00 s
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Default)]
pub struct ProgressBar {
    #[cfg(feature = "progress")]
    bar: Option<indicatif::ProgressBar>,
}

impl ProgressBar {
    /// Creates a callback that shows a bar on a terminal, and lines elsewhere.
    pub fn new() -> Self {
        Self::default()
    }

    /// Prints a line, above the bar if there is one.
    #[cfg_attr(not(feature = "progress"), allow(clippy::unused_self))]
    fn print(&self, line: &str) -> Result<()> {
        let print = || writeln!(std::io::stdout(), "{line}");
        #[cfg(feature = "progress")]
        let result = self.bar.as_ref().map_or_else(print, |bar| bar.suspend(print));
        #[cfg(not(feature = "progress"))]
        let result = print();
        result.map_err(|error| Error::save("the standard output".as_ref(), error))
    }
}

/// Formats an epoch as one line.
fn line(epoch: &Epoch, last: usize) -> String {
    let width = last.to_string().len();
    let mut line = format!("epoch {:>width$}/{last}", epoch.number);
    for (name, value) in &epoch.values {
        let _ = write!(line, "  {name} {}", short(*value));
    }
    let _ = write!(line, "  {:.2} s", epoch.seconds);
    line
}

impl<A: Scalar> Callback<A> for ProgressBar {
    #[cfg(feature = "progress")]
    fn on_start(&mut self, at: &mut Context<'_, A>) -> Result<()> {
        use std::io::IsTerminal as _;
        use std::time::Duration;

        if std::io::stdout().is_terminal() {
            let target = indicatif::ProgressDrawTarget::stdout();
            let bar = indicatif::ProgressBar::with_draw_target(at.position.batches.map(|n| n as u64), target);
            let style = match at.position.batches {
                Some(_) => "{prefix} [{bar:30}] {pos}/{len} {msg}, {eta} left",
                None => "{prefix} {spinner} {pos} {msg}",
            };
            let style = indicatif::ProgressStyle::with_template(style).expect("a template that is well-formed");
            bar.set_style(style.progress_chars("=> "));
            bar.enable_steady_tick(Duration::from_millis(100));
            self.bar = Some(bar);
        }
        Ok(())
    }

    #[cfg(feature = "progress")]
    fn on_batch_end(&mut self, at: &mut Context<'_, A>) -> Result<()> {
        let Some(bar) = &self.bar else { return Ok(()) };
        let at = at.position;
        if at.batch == 1 {
            bar.reset();
            bar.set_prefix(format!("epoch {}/{}", at.epoch, at.last_epoch));
        }
        bar.set_position(at.batch as u64);
        // Updating the text for every batch would be too slow.
        if at.batch == 1 || at.batch.is_multiple_of(16) || Some(at.batch) == at.batches {
            let seconds = bar.elapsed().as_secs_f64().max(1e-9);
            bar.set_message(format!("loss {}, {:.0} samples/s", short(at.loss), at.samples as f64 / seconds));
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, at: &mut Context<'_, A>) -> Result<Flow> {
        if let Some(epoch) = at.history.last() {
            self.print(&line(epoch, at.position.last_epoch))?;
        }
        Ok(Flow::Continue)
    }

    #[cfg(feature = "progress")]
    fn on_end(&mut self, _: &mut Context<'_, A>) -> Result<()> {
        self.bar.take().inspect(indicatif::ProgressBar::finish_and_clear);
        Ok(())
    }
}
