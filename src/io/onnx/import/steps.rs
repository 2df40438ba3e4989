//! Files for sequences of any number of steps.

use ndarray::Array2;

use super::Findings;
use crate::layer::Layer as _;
use crate::spec::Setting;
use crate::{Network, Scalar, Shape};

/// Numbers of steps with which a file is read. If they give the same network, no part of it depends on them: what is
/// computed from the number would have to be the same for all of these.
const TRIED: [usize; 5] = [64, 61, 127, 2, 1009];

/// The network of a file: the one for `steps` steps, or one for any number of steps, with `declared` of them in the
/// shape of its input.
pub(super) fn for_any<A: Scalar>(
    import: impl Fn(usize) -> (Result<Network<A>, String>, Findings),
    steps: Option<usize>,
    declared: Option<usize>,
) -> Result<Network<A>, String> {
    let first = steps.or(declared).unwrap_or(TRIED[0]);
    let (network, found) = import(first);
    let network = network?;
    if !found.any_steps {
        let fixed = "it has no variable number of steps to be given";
        return if steps.is_some() { Err(fixed.into()) } else { Ok(network) };
    }
    if steps.is_some() {
        return Ok(network);
    }
    let problem = "its sequences have any number of steps, of which its operators make use";
    let choose = |reason: &str| format!("{problem}{reason}; give the number with `read_onnx_steps`");
    if network.inputs().len() > 1 {
        return Err(choose(", for several inputs"));
    }
    for other in TRIED.into_iter().filter(|&other| other != first) {
        let accepts = network.output_shape(with_steps(network.input_shape(), other)).is_ok();
        let same = match import(other).0 {
            Ok(other) => {
                accepts && description(&network) == description(&other) && parameters(&network) == parameters(&other)
            }
            // These may be too few steps for a window.
            Err(error) if accepts => return Err(choose(&format!(" ({error})"))),
            Err(_) => true,
        };
        if !same {
            return Err(choose(""));
        }
    }
    Ok(network)
}

fn with_steps(shape: Shape, steps: usize) -> Shape {
    if let Shape::Sequence { features, .. } = shape { [steps, features].into() } else { steps.into() }
}

/// The settings of a network without the shapes of its inputs.
fn description<A: Scalar>(network: &Network<A>) -> Option<Vec<(String, Setting)>> {
    let spec = network.spec()?;
    Some(spec.settings().iter().filter(|(name, _)| !matches!(&**name, "input" | "inputs")).cloned().collect())
}

fn parameters<A: Scalar>(network: &Network<A>) -> Vec<Array2<A>> {
    let mut all = Vec::new();
    network.visit(&mut |_, matrix| all.push(matrix.clone()));
    all
}
