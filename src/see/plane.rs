//! The predictions of a network over the plane of two features, for decision boundaries and films.

use ndarray::{Array2, ArrayView1};

use crate::data::Samples;
use crate::{Error, Matrix, Network, Result, Scalar, Shape};

/// The region of the plane that contains some samples.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plane {
    /// The ranges of the two features.
    pub(crate) x: [f64; 2],
    pub(crate) y: [f64; 2],
}

impl Plane {
    /// The region around these samples, with a margin.
    pub(crate) fn around<A: Scalar>(samples: &Samples<A>) -> Result<Self> {
        if samples.x.ncols() != 2 {
            return Err(Error::Width { wants: Shape::Flat(2), got: samples.x.ncols() });
        }
        let range = |column: usize| {
            let finite = samples.x.column(column).into_iter().map(|x| x.to_f64()).filter(|x| x.is_finite());
            let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
            let (low, high) = if low <= high { (low, high) } else { (-1.0, 1.0) };
            let margin = if high > low { 0.12 * (high - low) } else { 1.0 };
            [low - margin, high + margin]
        };
        Ok(Self { x: range(0), y: range(1) })
    }

    /// The probability of each class in each cell, row by row from the top left: (cells, classes).
    pub(crate) fn shares<A: Scalar>(&self, network: &Network<A>, columns: usize, rows: usize) -> Result<Array2<f64>> {
        let at = |range: [f64; 2], i: usize, n: usize| range[0] + (range[1] - range[0]) * (i as f64 + 0.5) / n as f64;
        let points = Array2::from_shape_fn((rows * columns, 2), |(cell, feature)| {
            A::of(if feature == 0 {
                at(self.x, cell % columns, columns)
            } else {
                at(self.y, rows - 1 - cell / columns, rows)
            })
        });
        Ok(shares(&network.predict(&points)?))
    }
}

/// The probability of each class: for one output p, 1 - p and p; for several outputs, themselves if they are
/// probabilities, otherwise their softmax.
pub(crate) fn shares<A: Scalar>(y: &Matrix<A>) -> Array2<f64> {
    let y = y.mapv(Scalar::to_f64);
    if y.ncols() == 1 {
        return Array2::from_shape_fn((y.nrows(), 2), |(i, class)| {
            let p = y[[i, 0]].clamp(0.0, 1.0);
            if class == 1 { p } else { 1.0 - p }
        });
    }
    let probable =
        |row: ArrayView1<'_, f64>| row.iter().all(|p| (0.0..=1.0).contains(p)) && (row.sum() - 1.0).abs() < 1e-3;
    if y.rows().into_iter().all(probable) {
        return y;
    }
    let mut shares = y;
    for mut row in shares.rows_mut() {
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.mapv_inplace(|s| Scalar::exp(s - max));
        row /= row.sum();
    }
    shares
}

/// The class of a target row: the value of a single column, otherwise the index of the largest.
#[allow(clippy::needless_pass_by_value)] // A view is a reference.
pub(crate) fn class_of<A: Scalar>(target: ArrayView1<'_, A>) -> usize {
    if target.len() == 1 {
        return target[0].to_f64().round().max(0.0) as usize;
    }
    let mut best = 0;
    for (i, &t) in target.iter().enumerate() {
        if t > target[best] {
            best = i;
        }
    }
    best
}
