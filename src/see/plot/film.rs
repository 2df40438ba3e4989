//! [`Film`]: an animation of a decision boundary during training.

use super::Chart;
use super::boundary::{chart, pixels};
use super::png::data_address;
use crate::data::Samples;
use crate::see::plane::Plane;
use crate::svg::Svg;
use crate::{Network, Result, Scalar};

/// The number of cells along each side: fewer than in a single image, to keep the file small.
const CELLS: usize = 48;

/// The height of the caption below the chart.
const CAPTION: f64 = 26.0;

/// An animation of the decision regions of a network, as one animated SVG: each call of [`frame`](Self::frame) adds a
/// frame, for example after each epoch.
///
/// ```
/// use neuropil::prelude::*;
/// use neuropil::{data, plot::Film};
///
/// let xor = data::xor::<f64>();
/// let mut network = Sequential::mlp(&[2, 4, 1], Tanh, &mut rng(1))?.with(Sigmoid)?;
/// let mut tape = Tape::new(&network, 1);
/// let mut film = Film::new("Learning XOR", &xor)?;
/// for epoch in 0..30 {
///     tape.train(&mut network, &xor.x, &xor.target, &Bce::new(), &mut Sgd::new(1.0))?;
///     if epoch % 10 == 0 {
///         film.frame(&network, &format!("epoch {epoch}"))?;
///     }
/// }
/// assert_eq!(film.svg(0.2).matches("<image").count(), 3);
/// assert_eq!(film.frames().count(), 3);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Film<'a, A: Scalar> {
    title: String,
    samples: &'a Samples<A>,
    plane: Plane,
    /// The caption and the image of each frame.
    frames: Vec<(String, String)>,
}

impl<'a, A: Scalar> Film<'a, A> {
    /// Creates a film without frames; these samples are drawn in every frame.
    ///
    /// # Errors
    /// [`Error::Width`](crate::Error::Width) unless the samples have two features.
    pub fn new(title: &str, samples: &'a Samples<A>) -> Result<Self> {
        Ok(Self { title: title.to_owned(), samples, plane: Plane::around(samples)?, frames: Vec::new() })
    }

    /// Adds a frame with the current predictions of the network.
    ///
    /// # Errors
    /// Those of [`Network::predict`].
    pub fn frame(&mut self, network: &Network<A>, caption: &str) -> Result<()> {
        let shares = self.plane.shares(network, CELLS, CELLS)?;
        self.frames.push((caption.to_owned(), data_address(CELLS, &pixels(&shares))));
        Ok(())
    }

    /// Each frame as an SVG image, for example for [`rasterize`](super::rasterize) and a video encoder.
    pub fn frames(&self) -> impl Iterator<Item = String> {
        let chart = chart(&self.plane, self.samples, &self.title);
        self.frames.iter().map(move |(caption, picture)| {
            let mut svg = Svg::new(chart.size.0, chart.size.1 + CAPTION);
            draw_frame(&mut svg, &chart, caption, picture);
            chart.draw(&mut svg, (0.0, 0.0));
            svg.finish()
        })
    }

    /// The film as an animated SVG that loops, with `seconds` per frame and two seconds more for the last.
    pub fn svg(&self, seconds: f64) -> String {
        let chart = chart(&self.plane, self.samples, &self.title);
        let seconds = if seconds > 0.0 && seconds.is_finite() { seconds } else { 0.1 };
        let total = seconds * self.frames.len() as f64 + 2.0;
        let mut svg = Svg::new(chart.size.0, chart.size.1 + CAPTION);
        // Programs that do not play animations show the last frame.
        let last = self.frames.len().saturating_sub(1);
        for (i, (caption, picture)) in self.frames.iter().enumerate() {
            let (from, to) = (seconds * i as f64 / total, seconds * (i + 1) as f64 / total);
            let (values, times) = match i {
                _ if last == 0 => ("1".to_owned(), "0".to_owned()),
                0 => ("1;0".to_owned(), format!("0;{to:.5}")),
                _ if i == last => ("0;1".to_owned(), format!("0;{from:.5}")),
                _ => ("0;1;0".to_owned(), format!("0;{from:.5};{to:.5}")),
            };
            let shown = i32::from(i == last);
            svg.group("g", format_args!(r#"opacity="{shown}""#), |svg| {
                svg.element(
                    "animate",
                    format_args!(
                        r#"attributeName="opacity" values="{values}" keyTimes="{times}" calcMode="discrete" dur="{total:.3}s" repeatCount="indefinite""#
                    ),
                );
                draw_frame(svg, &chart, caption, picture);
            });
        }
        chart.draw(&mut svg, (0.0, 0.0));
        svg.finish()
    }
}

/// Draws the parts that change from frame to frame.
fn draw_frame(svg: &mut Svg, chart: &Chart, caption: &str, picture: &str) {
    let (width, height) = chart.size;
    chart.draw_background(svg, picture);
    svg.text((width / 2.0, height + 12.0), caption, r#"text-anchor="middle" font-size="13""#);
}
