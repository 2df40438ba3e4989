//! Charts and images, with the feature `plot`: curves, decision boundaries, matrices, histograms and images.
//!
//! Every picture is SVG, as a `String`; [`images`] and [`boundary`] embed pixels as PNG. [`save`] writes it to an SVG
//! or PNG file, depending on the extension, and [`rasterize`] returns PNG bytes; both also accept the drawings of
//! graphs, traces and summaries. [`png`] makes a plain PNG of a grid of images. Equal inputs give equal bytes.
//! [`Chart`] draws your own data. For terminals, and without the feature, there is [`terminal`](crate::terminal).
//!
//! Pictures are rasterized by [resvg](https://docs.rs/resvg), with a bundled font.
//!
//! ```
//! use neuropil::plot::Chart;
//!
//! let squares = (0..=20).map(|i| f64::from(i) / 10.0).map(|x| (x, x * x));
//! let svg = Chart::new("A parabola", "x", "x²").line("x²", squares).svg();
//! assert!(svg.starts_with("<svg"));
//! ```

mod boundary;
mod chart;
mod curves;
mod film;
mod gallery;
mod histograms;
mod images;
mod matrix;
mod png;
mod raster;

pub use boundary::boundary;
pub use chart::Chart;
pub use curves::{learning_curves, rate_curve, roc_curve};
pub use film::Film;
pub use gallery::activation_gallery;
pub use histograms::histograms;
pub use images::{feature_maps, images, predictions, templates};
pub use matrix::confusion_matrix;
pub use png::png;
pub use raster::{rasterize, save};

/// A palette that is safe for the color-blind (Okabe and Ito).
const COLORS: [[u8; 3]; 7] =
    [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233], [80, 80, 80]];

/// The color of series or class i.
fn color(i: usize) -> String {
    let [r, g, b] = COLORS[i % COLORS.len()];
    format!("#{r:02x}{g:02x}{b:02x}")
}
