//! [`boundary`]: the decision regions of a network.

use ndarray::Array2;

use super::png::data_address;
use super::{COLORS, Chart};
use crate::data::Samples;
use crate::see::plane::{Plane, class_of};
use crate::{Network, Result, Scalar};

/// The number of cells along each side.
const CELLS: usize = 96;

/// The decision regions of a network with two inputs, paler where it is less certain, with the samples on top.
///
/// A single output is the probability of class 1; several are class probabilities, or logits, to which softmax is
/// applied.
///
/// ```
/// use neuropil::prelude::*;
/// use neuropil::{data, plot};
///
/// let moons = data::moons::<f64>(100, 0.1, &mut rng(1));
/// let network = Sequential::mlp(&[2, 8, 2], Tanh, &mut rng(1))?;
/// let svg = plot::boundary(&network, &moons, "Two moons")?;
/// assert!(svg.contains("Two moons"));
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Width`](crate::Error::Width) unless the network and the samples have two features.
pub fn boundary<A: Scalar>(network: &Network<A>, samples: &Samples<A>, title: &str) -> Result<String> {
    let plane = Plane::around(samples)?;
    let shares = plane.shares(network, CELLS, CELLS)?;
    Ok(chart(&plane, samples, title).with_background(data_address(CELLS, &pixels(&shares))).svg())
}

/// The samples of each class.
pub(super) fn chart<A: Scalar>(plane: &Plane, samples: &Samples<A>, title: &str) -> Chart {
    let classes: Vec<usize> = samples.target.rows().into_iter().map(class_of).collect();
    let count = classes.iter().max().map_or(0, |last| last + 1);
    let mut chart = Chart::new(title, "feature 1", "feature 2")
        .x_range(plane.x[0], plane.x[1])
        .y_range(plane.y[0], plane.y[1])
        .size(420.0, 420.0)
        .without_grid();
    for class in 0..count {
        let rows = samples.x.rows().into_iter().zip(&classes).filter(|(_, of)| **of == class);
        let points = rows.map(|(x, _)| (x[0].to_f64(), x[1].to_f64()));
        chart = chart.points(&format!("class {class}"), points);
    }
    chart
}

/// Mixes the colors of the classes in each cell; white where all are equally likely.
pub(super) fn pixels(shares: &Array2<f64>) -> Vec<u8> {
    let even = 1.0 / shares.ncols() as f64;
    let mut pixels = Vec::new();
    for row in shares.rows() {
        let mut light = [255.0; 3];
        for (share, color) in row.iter().zip(COLORS.iter().cycle()) {
            let weight = 0.55 * ((share - even) / (1.0 - even)).max(0.0);
            light.iter_mut().zip(color).for_each(|(light, &c)| *light += weight * (f64::from(c) - 255.0));
        }
        pixels.extend(light.map(|light: f64| light.round() as u8));
    }
    pixels
}

impl Chart {
    /// Removes the grid lines, which would cover the image.
    fn without_grid(mut self) -> Self {
        self.grid = false;
        self
    }

    pub(super) fn with_background(mut self, picture: String) -> Self {
        self.background = Some(picture);
        self
    }
}
