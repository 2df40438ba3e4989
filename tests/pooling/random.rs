//! Random settings and batches.

use neuropil::layer::{Arrays, Registry};
use neuropil::ndarray::Array2;
use neuropil::prelude::*;
use neuropil::rand::{RngExt, rngs::Xoshiro256PlusPlus};
use neuropil::spec::Spec;

pub(crate) type Rng = Xoshiro256PlusPlus;

/// A number from `low` to `high`.
pub(crate) fn pick(rng: &mut Rng, low: usize, high: usize) -> usize {
    rng.random_range(low..=high)
}

pub(crate) fn pair(rng: &mut Rng, low: usize, high: usize) -> [usize; 2] {
    [pick(rng, low, high), pick(rng, low, high)]
}

pub(crate) fn toss(rng: &mut Rng) -> bool {
    pick(rng, 0, 1) == 1
}

/// Three axes in any order.
pub(crate) fn shuffled(rng: &mut Rng) -> [usize; 3] {
    let mut axes = [0, 1, 2];
    axes.swap(0, pick(rng, 0, 2));
    axes.swap(1, pick(rng, 1, 2));
    axes
}

/// So many rows of numbers from -1 to 1, no two of them near each other: a maximum stays one when a number moves a
/// little.
pub(crate) fn apart(rows: usize, columns: usize, rng: &mut Rng) -> Array2<f64> {
    let n = rows * columns;
    let mut numbers: Vec<f64> = (0..n).map(|i| (i as f64 + 0.5) / n as f64 * 2.0 - 1.0).collect();
    for i in (1..n).rev() {
        numbers.swap(i, pick(rng, 0, i));
    }
    Array2::from_shape_vec((rows, columns), numbers).unwrap()
}

/// Numbers with many ties.
pub(crate) fn coarse(rows: usize, columns: usize, rng: &mut Rng) -> Array2<f64> {
    Array2::from_shape_simple_fn((rows, columns), || pick(rng, 0, 4) as f64 - 2.0)
}

/// A window with its steps and padding, of which some fit on small images.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    /// (before, after) for lines and columns.
    pub padding: [[usize; 2]; 2],
    pub ceil: bool,
}

impl Settings {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        let kernel = pair(rng, 1, 4);
        let dilation = if toss(rng) { pair(rng, 1, 3) } else { [1, 1] };
        let span = |i: usize| dilation[i] * (kernel[i] - 1) + 1;
        let padding = [pair(rng, 0, span(0) / 2), pair(rng, 0, span(1) / 2)];
        let padding = if toss(rng) { padding } else { [[0, 0]; 2] };
        // Half of them as most pools are.
        let (kernel, stride) = if toss(rng) { (kernel, pair(rng, 1, 4)) } else { ([2, 2], [2, 2]) };
        let padding = if kernel == [2, 2] { padding.map(|cells| cells.map(|n| n.min(1))) } else { padding };
        Self { kernel, stride, dilation, padding, ceil: toss(rng) }
    }

    pub(crate) fn max_pool(&self) -> MaxPool2d {
        let pool = MaxPool2d::new(self.kernel).stride(self.stride).dilation(self.dilation).padding(self.padding);
        if self.ceil { pool.ceil() } else { pool }
    }

    /// The same for steps only.
    pub(crate) fn max_pool1d(&self) -> MaxPool1d {
        let pool = MaxPool1d::new(self.kernel[0]).stride(self.stride[0]).dilation(self.dilation[0]);
        let pool = pool.padding(self.padding[0][0]);
        if self.ceil { pool.ceil() } else { pool }
    }

    pub(crate) fn avg_pool1d(&self, counts_padding: bool) -> AvgPool1d {
        if self.dilation[0] > 1 {
            return described("avg_pool1d", &self.of_steps(), counts_padding, [60, 1].into());
        }
        let pool = AvgPool1d::new(self.kernel[0]).stride(self.stride[0]).padding(self.padding[0][0]);
        let pool = if self.ceil { pool.ceil() } else { pool };
        if counts_padding { pool } else { pool.without_padding() }
    }

    /// As those treat an image of one column.
    pub(crate) fn of_steps(&self) -> Self {
        let padding = [[self.padding[0][0]; 2], [0, 0]];
        let [kernel, stride, dilation] = [self.kernel, self.stride, self.dilation].map(|pair| [pair[0], 1]);
        Self { kernel, stride, dilation, padding, ceil: self.ceil }
    }

    pub(crate) fn avg_pool(&self, counts_padding: bool) -> AvgPool2d {
        if self.dilation != [1, 1] {
            return described("avg_pool2d", self, counts_padding, [1, 60, 60].into());
        }
        let pool = AvgPool2d::new(self.kernel).stride(self.stride).padding(self.padding);
        let pool = if self.ceil { pool.ceil() } else { pool };
        if counts_padding { pool } else { pool.without_padding() }
    }
}

/// A pool of means with a dilation, which only descriptions have; `input` is any that it fits on.
fn described<P: Clone + 'static>(kind: &str, settings: &Settings, counts_padding: bool, input: Shape) -> P {
    let Settings { kernel, stride, dilation, padding: [[above, below], [left, right]], ceil } = *settings;
    let pool = Spec::new(kind).set("kernel", kernel).set("stride", stride).set("dilation", dilation);
    let pool = pool.set("padding", [above, below, left, right]).set("ceil", ceil);
    let layers = vec![pool.set("counts_padding", counts_padding)];
    let chain = Spec::new("sequential").set("input", input).set("layers", layers).set("rates", vec![1.0]);
    let network = Registry::<f64>::new().network(&chain, &mut Nothing).unwrap();
    network.layer::<P>("0").unwrap().clone()
}

/// Layers without parameters ask for none.
struct Nothing;

impl Arrays<f64> for Nothing {
    fn take(&mut self, name: &str, _: usize, _: usize) -> Result<Array2<f64>> {
        unreachable!("{name}")
    }
}
