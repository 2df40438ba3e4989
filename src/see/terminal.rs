//! Curves, decision boundaries and images in plain characters, for a terminal.
//!
//! ```
//! use neuropil::terminal;
//!
//! let loss: Vec<f64> = (0..50).map(|epoch| 0.9_f64.powi(epoch)).collect();
//! print!("{}", terminal::curves("loss", "epoch", &[("training", &loss)]));
//! ```

use std::fmt::Write as _;

use ndarray::Array2;

use crate::data::Samples;
use crate::see::plane::{Plane, class_of};
use crate::text::figures;
use crate::train::History;
use crate::{Network, Result, Scalar};

const WIDTH: usize = 64;
const HEIGHT: usize = 14;
/// The plot symbols of the curves.
const MARKS: [char; 5] = ['*', 'o', '+', 'x', '#'];
/// The fill characters of class regions.
const REGIONS: [char; 6] = [' ', '.', ':', '-', '=', '~'];
/// From no ink to full ink.
const INK: [char; 6] = [' ', '.', ':', 'o', '#', '@'];

/// Draws curves over their index, 0, 1, 2, ..., each with its own mark; non-finite values are omitted.
pub fn curves(y_name: &str, x_name: &str, curves: &[(&str, &[f64])]) -> String {
    let finite = || curves.iter().flat_map(|(_, values)| *values).copied().filter(|value| value.is_finite());
    let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
    let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
    let span = if high > low { high - low } else { 1.0 };
    let last = curves.iter().map(|(_, values)| values.len()).max().unwrap_or(0).saturating_sub(1);
    let mut canvas = Array2::from_elem((HEIGHT, WIDTH), ' ');
    for ((_, values), mark) in curves.iter().zip(MARKS.iter().cycle()) {
        for column in 0..WIDTH {
            let at = (column * last) as f64 / (WIDTH - 1) as f64;
            let (Some(before), Some(after)) = (values.get(at as usize), values.get(at.ceil() as usize)) else {
                continue;
            };
            let value = before + (after - before) * at.fract();
            if value.is_finite() {
                canvas[[((high - value) / span * (HEIGHT - 1) as f64).round() as usize, column]] = *mark;
            }
        }
    }
    let labels: Vec<String> =
        (0..HEIGHT).map(|row| figures(high - span * row as f64 / (HEIGHT - 1) as f64, 4)).collect();
    let wide = labels.iter().map(String::len).max().unwrap_or(0);
    let mut text = format!("{y_name}\n");
    for (label, line) in labels.iter().zip(canvas.rows()) {
        let line: String = line.iter().collect();
        let _ = writeln!(text, "{}", format!("{label:>wide$} |{line}").trim_end());
    }
    let _ = writeln!(text, "{:>wide$} +{}", "", "-".repeat(WIDTH));
    let _ = writeln!(text, "{:>wide$}  0{:>rest$}", "", format!("{x_name} {last}"), rest = WIDTH - 1);
    if curves.len() > 1 {
        let legend: Vec<String> =
            curves.iter().zip(MARKS.iter().cycle()).map(|((name, _), mark)| format!("{mark} {name}")).collect();
        let _ = writeln!(text, "{:>wide$}  {}", "", legend.join("   "));
    }
    text
}

/// Draws the training and validation loss of a [`History`] over the epochs.
pub fn learning_curves(history: &History) -> String {
    let columns = ["loss", "val_loss"].map(|name| (name, history.column(name)));
    let present: Vec<(&str, &[f64])> =
        columns.iter().filter(|(_, values)| !values.is_empty()).map(|(name, values)| (*name, &values[..])).collect();
    curves("loss", "epoch", &present)
}

/// Draws the decision regions of a network with two inputs, with a fill character for each class, and the samples as
/// the last digits of their class indices.
///
/// ```
/// use neuropil::prelude::*;
/// use neuropil::{data, terminal};
///
/// let xor = data::xor::<f64>();
/// let network = Sequential::mlp(&[2, 4, 1], Tanh, &mut rng(1))?.with(Sigmoid)?;
/// print!("{}", terminal::boundary(&network, &xor, 40, 16)?);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Width`](crate::Error::Width) unless the network and the samples have two features.
pub fn boundary<A: Scalar>(network: &Network<A>, samples: &Samples<A>, columns: usize, rows: usize) -> Result<String> {
    let (columns, rows) = (columns.max(1), rows.max(1));
    let plane = Plane::around(samples)?;
    let shares = plane.shares(network, columns, rows)?;
    let mut canvas: Vec<char> = shares.rows().into_iter().map(|cell| REGIONS[class_of(cell) % REGIONS.len()]).collect();
    let cell = |x: f64, [low, high]: [f64; 2], n: usize| {
        let at = (x - low) / (high - low) * n as f64;
        (at >= 0.0 && at < n as f64).then_some(at as usize)
    };
    for (x, target) in samples.x.rows().into_iter().zip(samples.target.rows()) {
        let place = (cell(x[0].to_f64(), plane.x, columns), cell(x[1].to_f64(), plane.y, rows));
        if let (Some(column), Some(row)) = place {
            canvas[(rows - 1 - row) * columns + column] =
                char::from_digit((class_of(target) % 10) as u32, 10).unwrap_or('?');
        }
    }
    let edge = format!("+{}+\n", "-".repeat(columns));
    let rows = canvas.chunks(columns).map(|row| format!("|{}|\n", row.iter().collect::<String>()));
    Ok(format!("{edge}{}{edge}", rows.collect::<String>()))
}

/// Draws an image of one channel, row-major, with `columns` columns: the larger a value, the more ink. Non-finite
/// values are drawn as `?`.
///
/// ```
/// assert_eq!(neuropil::terminal::image(&[0.0, 1.0, 0.5, 0.0], 2), "  @@\noo  \n");
/// ```
pub fn image<A: Scalar>(pixels: &[A], columns: usize) -> String {
    let finite = pixels.iter().map(|x| x.to_f64()).filter(|x| x.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
    let span = if high > low { high - low } else { 1.0 };
    let mut text = String::new();
    for row in pixels.chunks(columns.max(1)) {
        for x in row.iter().map(|x| x.to_f64()) {
            let ink = if x.is_finite() { INK[((x - low) / span * 5.0).round() as usize] } else { '?' };
            // Two characters per pixel: a character is about twice as high as wide.
            text.extend([ink, ink]);
        }
        text.push('\n');
    }
    text
}
