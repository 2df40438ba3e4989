//! Checks the scale of values and gradients through a network.

use ndarray::Array2;

use super::{Disease, Finding};
use crate::losses::Loss;
use crate::network::StepView;
use crate::{Matrix, Network, Result, Scalar, Tape};

/// Checks the outputs and gradients of the layers with parameters, which should have one scale throughout.
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

    // Forward: the worst layer relative to the input.
    let input = size(&x.to_owned());
    let beside = |&(i, _): &(usize, &StepView<'_, A>)| outputs[i] / input;
    let worst = layers.iter().max_by(|a, b| beside(a).ln().abs().total_cmp(&beside(b).ln().abs()));
    if let Some(layer) = worst.filter(|_| input > 0.0) {
        let source = "He, Zhang, Ren, Sun, Delving deep into rectifiers, 2015";
        let rule = "the outputs of a layer are of the inputs' size: between 0.001 and 100 times (root mean square)";
        let number = beside(layer);
        if number > 100.0 {
            let advice = "begin with smaller weights (Init::HE_NORMAL for rectifiers), or put normalisations between";
            findings.push(Finding {
                disease: Disease::GrowingOutputs,
                place: place(layer),
                number,
                rule,
                advice,
                source,
            });
        } else if number < 0.001 {
            let advice = "begin with larger weights (Init::HE_NORMAL for rectifiers), or put normalisations between";
            findings.push(Finding {
                disease: Disease::FadingOutputs,
                place: place(layer),
                number,
                rule,
                advice,
                source,
            });
        }
    }

    // Backward: the first layer relative to the last.
    let ([first, .., last], true) = (&layers[..], gradients.last().is_some_and(|last| *last > 0.0)) else {
        return Ok(());
    };
    let number = gradients[first.0] / gradients[last.0];
    if number < 1e-3 {
        findings.push(Finding {
            disease: Disease::VanishingGradients,
            place: place(first),
            number,
            rule: "the gradient at the first layer's output is at least 0.001 of that at the last (root mean square)",
            advice: "use rectifiers or Tanh for Sigmoid, larger first weights, normalisations, or fewer layers",
            source: "Hochreiter, Untersuchungen zu dynamischen neuronalen Netzen, 1991; Glorot, Bengio, 2010",
        });
    } else if number > 1e3 {
        findings.push(Finding {
            disease: Disease::ExplodingGradients,
            place: place(first),
            number,
            rule: "the gradient at the first layer's output is at most 1000 times that at the last (root mean square)",
            advice: "begin with smaller weights, put normalisations between, or clip the gradients",
            source: "Pascanu, Mikolov, Bengio, On the difficulty of training recurrent neural networks, 2013",
        });
    }
    Ok(())
}

/// The root mean square.
fn size<A: Scalar>(x: &Array2<A>) -> f64 {
    (x.iter().map(|x| x.to_f64().powi(2)).sum::<f64>() / x.len().max(1) as f64).sqrt()
}
