//! Checks of the architecture and the initialization.

use super::{Disease, Finding};
use crate::layer::{Layer, Role};
use crate::losses::Loss;
use crate::network::Source;
use crate::{Network, Scalar};

/// Finds a softmax or sigmoid before a loss that includes it.
pub(super) fn redundant_activation<A: Scalar>(network: &Network<A>, loss: &dyn Loss<A>, findings: &mut Vec<Finding>) {
    let Ok(steps) = network.steps(network.input_shape()) else { return };
    for (name, source) in network.output_sources() {
        let own = loss.parts().iter().find(|part| part.name == name).map(|part| format!("{:?}", part.loss));
        let loss = own.unwrap_or_else(|| format!("{loss:?}"));
        let Source::Step(at) = source else { continue };
        let Some(spec) = steps[at].layer().and_then(Layer::spec) else { continue };
        let advice = match spec.kind() {
            "softmax" | "log_softmax" | "sigmoid" if loss.contains("CrossEntropy") => {
                "remove the last layer: CrossEntropy takes logits, and applies softmax itself"
            }
            "softmax" | "sigmoid" if loss.contains("BceWithLogits") => {
                "remove the last layer, or use Bce: BceWithLogits takes logits"
            }
            _ => continue,
        };
        findings.push(Finding {
            disease: Disease::RedundantActivation,
            place: format!("layer {} {}, before {loss}", steps[at].name, steps[at].text),
            number: 2.0,
            rule: "softmax or sigmoid is applied once: in the last layer or in the loss",
            advice,
            source: "Goodfellow, Bengio, Courville, Deep Learning, 2016, section 6.2.2",
        });
    }
}

/// Finds weights for which all units are equal, as after initialization with zeros.
pub(super) fn symmetry<A: Scalar>(network: &Network<A>, findings: &mut Vec<Finding>) {
    network.visit(&mut |info, w| {
        let alike = w.columns().into_iter().all(|column| column == w.column(0));
        if info.role == Role::Weight && w.ncols() > 1 && w.nrows() > 0 && alike {
            findings.push(Finding {
                disease: Disease::Symmetry,
                place: info.name.to_string(),
                number: w.ncols() as f64,
                rule: "the units of a layer start with different weights; this many are equal",
                advice: "initialize with random weights: see Init",
                source: "Goodfellow, Bengio, Courville, Deep Learning, 2016, section 8.4",
            });
        }
    });
}
