//! Checks how the scale of activations and gradients changes through a network.

use ndarray::Array2;

use super::{Disease, Finding};
use crate::losses::Loss;
use crate::network::StepView;
use crate::{Matrix, Network, Result, Scalar, Tape};

/// Checks that the outputs and gradients of the layers with parameters have a similar scale throughout.
pub(super) fn examine<A: Scalar>(
    network: &Network<A>,
    x: &Matrix<A>,
    target: &Matrix<A>,
    loss: &dyn Loss<A>,
    findings: &mut Vec<Finding>,
) -> Result<()> {
    let mut tape = Tape::new(network, 0);
    tape.forward(network, x)?;
    tape.loss(loss, target)?;
    tape.backward(network)?;
    let recorded = tape.recorded(network)?;
    let (outputs, gradients): (Vec<f64>, Vec<f64>) =
        recorded.iter().map(|[value, gradient]| (size(value), size(gradient))).unzip();
    let steps = network.steps(network.input_shape())?;
    let layers: Vec<(usize, &StepView<'_, A>)> =
        steps.iter().enumerate().filter(|(_, step)| step.parameter_count() > 0).collect();
    let place = |&(_, step): &(usize, &StepView<'_, A>)| format!("layer {} {}", step.name, step.text);

    // Forward: the output with the most extreme scale relative to the input.
    let input = size(&x.to_owned());
    let relative = |&(i, _): &(usize, &StepView<'_, A>)| outputs[i] / input;
    let worst = layers.iter().max_by(|a, b| relative(a).ln().abs().total_cmp(&relative(b).ln().abs()));
    if let Some(layer) = worst.filter(|_| input > 0.0) {
        let source = "He, Zhang, Ren, Sun, Delving deep into rectifiers, 2015";
        let rule = "the root mean square of a layer's outputs is 0.001 to 100 times that of the inputs";
        let number = relative(layer);
        if number > 100.0 {
            let advice = "initialize with smaller weights (Init::HE_NORMAL for ReLU), or add normalization layers";
            findings.push(Finding {
                disease: Disease::ExplodingOutputs,
                place: place(layer),
                number,
                rule,
                advice,
                source,
            });
        } else if number < 0.001 {
            let advice = "initialize with larger weights (Init::HE_NORMAL for ReLU), or add normalization layers";
            findings.push(Finding {
                disease: Disease::VanishingOutputs,
                place: place(layer),
                number,
                rule,
                advice,
                source,
            });
        }
    }

    // Backward: the gradient at the first layer relative to the last.
    let ([first, .., last], true) = (&layers[..], gradients.last().is_some_and(|last| *last > 0.0)) else {
        return Ok(());
    };
    let number = gradients[first.0] / gradients[last.0];
    if number < 1e-3 {
        findings.push(Finding {
            disease: Disease::VanishingGradients,
            place: place(first),
            number,
            rule: "the root mean square gradient at the first layer is at least 0.001 of that at the last",
            advice: "replace Sigmoid by ReLU or Tanh, initialize with larger weights, add normalization layers, or use fewer layers",
            source: "Hochreiter, Untersuchungen zu dynamischen neuronalen Netzen, 1991; Glorot, Bengio, 2010",
        });
    } else if number > 1e3 {
        findings.push(Finding {
            disease: Disease::ExplodingGradients,
            place: place(first),
            number,
            rule: "the root mean square gradient at the first layer is at most 1000 times that at the last",
            advice: "initialize with smaller weights, add normalization layers, or clip the gradients",
            source: "Pascanu, Mikolov, Bengio, On the difficulty of training recurrent neural networks, 2013",
        });
    }
    Ok(())
}

/// The root mean square.
fn size<A: Scalar>(x: &Array2<A>) -> f64 {
    (x.iter().map(|x| x.to_f64().powi(2)).sum::<f64>() / x.len().max(1) as f64).sqrt()
}
