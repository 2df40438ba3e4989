//! [`windows`]: samples for forecasts, cut from a series.

use ndarray::{Array2, Axis, s};

use super::Samples;
use crate::error::check_setting;
use crate::kernels::resize;
use crate::{Matrix, Result, Scalar};

/// Cuts a series into samples for forecasts: the inputs are `history` steps, the targets the `horizon` steps after
/// them.
///
/// The series is (steps, features). With stride s, window w has the inputs of steps w·s to w·s + history - 1. The
/// inputs are (windows, history·features), a [sequence](crate::Shape::Sequence) of all columns; the targets are
/// (windows, horizon·targets), all columns unless [`targets`](Windows::targets) chooses some. The others then are
/// further inputs.
///
/// ```
/// use neuropil::data::windows;
/// use ndarray::array;
///
/// // The temperature, and the hour as a further input.
/// let series = array![[15.0, 6.0], [17.0, 7.0], [20.0, 8.0], [22.0, 9.0], [23.0, 10.0]];
/// let samples = windows(&series, 2, 2).targets([0]).samples()?;
/// assert_eq!(samples.x, array![[15.0, 6.0, 17.0, 7.0], [17.0, 7.0, 20.0, 8.0]]);
/// assert_eq!(samples.target, array![[20.0, 22.0], [22.0, 23.0]]);
/// # Ok::<(), neuropil::Error>(())
/// ```
///
/// Windows overlap, so test samples are to be cut from a part of the series of their own, not split off at random.
pub fn windows<A: Scalar>(series: &Matrix<A>, history: usize, horizon: usize) -> Windows<'_, A> {
    Windows { series, history, horizon, targets: None, stride: 1 }
}

/// Windows of a series, from [`windows`].
#[derive(Debug, Clone)]
#[must_use]
pub struct Windows<'s, A: Scalar> {
    series: &'s Matrix<A>,
    history: usize,
    horizon: usize,
    targets: Option<Vec<usize>>,
    stride: usize,
}

impl<A: Scalar> Windows<'_, A> {
    /// Sets the columns to forecast, in this order; by default, all of them.
    pub fn targets(self, columns: impl Into<Vec<usize>>) -> Self {
        Self { targets: Some(columns.into()), ..self }
    }

    /// Sets the number of steps from one window to the next; by default 1.
    pub fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// Cuts the windows; steps at the end that do not fill one are left out.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for a history, horizon or stride of 0, for no targets or a column that
    /// is not there, and for a series without a single window; [`Error::Memory`](crate::Error::Memory) for windows that
    /// are too large.
    pub fn samples(&self) -> Result<Samples<A>> {
        let &Self { series, history, horizon, ref targets, stride } = self;
        let (steps, features) = series.dim();
        for (what, size) in [("history", history), ("horizon", horizon), ("stride", stride)] {
            check_setting(&format!("the {what} of windows"), size as f64, "at least 1", size > 0)?;
        }
        let targets = targets.clone().unwrap_or_else(|| (0..features).collect());
        let (what, count) = ("the number of target columns", targets.len());
        check_setting(what, count as f64, "at least 1", count > 0)?;
        for &column in &targets {
            let wants = "below the number of columns of the series";
            check_setting("a target column", column as f64, wants, column < features)?;
        }
        let window = history.saturating_add(horizon);
        let what = format!("the number of steps of the series for a history of {history} and a horizon of {horizon}");
        check_setting(&what, steps as f64, "at least the sum of both", steps >= window)?;
        let count = (steps - window) / stride + 1;
        let x = cut(series, 0, [count, history, stride])?;
        let target = cut(&series.select(Axis(1), &targets), history, [count, horizon, stride])?;
        Samples::new(x, target)
    }
}

/// The `steps` steps from `first` on, and those from each next `stride` on: `count` rows.
fn cut<A: Scalar>(series: &Matrix<A>, first: usize, [count, steps, stride]: [usize; 3]) -> Result<Array2<A>> {
    let mut rows = Array2::default((0, 0));
    resize(&mut rows, count, steps.saturating_mul(series.ncols()))?;
    for (window, mut row) in rows.rows_mut().into_iter().enumerate() {
        let from = first + window * stride;
        row.iter_mut().zip(series.slice(s![from..from + steps, ..])).for_each(|(row, &x)| *row = x);
    }
    Ok(rows)
}
