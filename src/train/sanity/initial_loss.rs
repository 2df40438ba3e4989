//! [`initial_loss`]: is the network as unsure as it should be?

use ndarray::Array2;

use super::Report;
use crate::layer::{Cache, Layer, Pass};
use crate::losses::Loss;
use crate::{Matrix, Network, Result, Scalar, rng};

/// The loss of a network that was not trained yet, beside that of an answer which knows nothing.
///
/// That answer is what the network's last activations make of zeros: for classes the same probability for each, so the
/// loss is ln C for C classes and ln 2 for yes or no; for numbers 0, so the mean squared error is the mean square of the
/// targets. The report has `loss`, `knowing nothing` and their `ratio`, which should be between a half and two.
///
/// ```
/// use neuropil::prelude::*;
/// use neuropil::train::sanity;
/// use ndarray::array;
///
/// let network = Sequential::<f64>::mlp(&[2, 8, 3], Tanh, &mut rng(7))?;
/// let (x, target) = (array![[0.1, 0.2], [-0.3, 0.1]], array![[2.0], [0.0]]);
/// let report = sanity::initial_loss(&network, &x, &target, &CrossEntropy::new())?;
/// assert!(report.is_healthy());
/// assert!((report.get("knowing nothing").unwrap() - 3.0_f64.ln()).abs() < 1e-12);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// When the samples do not fit the network, or the target does not fit the loss.
pub fn initial_loss<A: Scalar>(
    network: &Network<A>,
    x: &Matrix<A>,
    target: &Matrix<A>,
    loss: &dyn Loss<A>,
) -> Result<Report> {
    let got = loss.evaluate(&network.predict(x)?, target)?.to_f64();
    let nothing = loss.evaluate(&knowing_nothing(network, x.nrows())?, target)?.to_f64();
    let mut report = Report::new("loss before training");
    report.value("loss", got);
    report.value("knowing nothing", nothing);
    report.value("ratio", got / nothing);
    let advice = if !got.is_finite() {
        "the loss is no number: look for NaN in the data, and for weights that are far too large"
    } else if nothing <= 0.0 {
        "an answer that knows nothing is already right: look at the targets"
    } else if got > 2.0 * nothing {
        "the network is sure of wrong answers: scale the inputs, or begin with smaller weights in the last layer"
    } else if got < 0.5 * nothing {
        "the network knows the answers already: it was trained, or the targets are among the inputs"
    } else if nothing > 100.0 {
        "the targets are far from 0: scale them to a mean of 0 and a deviation of 1"
    } else {
        return Ok(report);
    };
    report.advice.push(advice.into());
    Ok(report)
}

/// What comes out if the last layer that has parameters gives zeros.
fn knowing_nothing<A: Scalar>(network: &Network<A>, rows: usize) -> Result<Array2<A>> {
    let has_parameters = |layer: &dyn Layer<A>| {
        let mut any = false;
        layer.visit(&mut |_, _| any = true);
        any
    };
    let last = network.layers().collect::<Vec<_>>().into_iter().rposition(has_parameters);
    let (mut shape, mut y) = (network.input_shape(), None);
    for (i, layer) in network.layers().enumerate() {
        let before = shape;
        shape = layer.output_shape(before)?;
        if last.is_some_and(|last| i <= last) {
            continue;
        }
        let x = y.unwrap_or_else(|| Array2::from_elem((rows, before.len()), A::ZERO));
        let mut out = Array2::from_elem((rows, shape.len()), A::ZERO);
        let mut pass =
            Pass { training: false, recording: false, input: before, cache: &mut Cache::default(), rng: &mut rng(0) };
        layer.forward(&x, &mut out, &mut pass)?;
        y = Some(out);
    }
    Ok(y.unwrap_or_else(|| Array2::from_elem((rows, shape.len()), A::ZERO)))
}
