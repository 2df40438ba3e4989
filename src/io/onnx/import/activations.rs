//! Activations with settings.

use super::{Data, Found, Node, Read, Reader};
use crate::Scalar;
use crate::joins::Multiply;
use crate::spec::Spec;

/// ONNX's default settings of `Selu`.
const ALPHA: f64 = 1.673_263_2;
const GAMMA: f64 = 1.050_701;

impl<'g, A: Scalar> Reader<'g, A> {
    pub(super) fn with_settings(&mut self, node: &'g Node<'g>) -> Read<Data> {
        match &*node.op {
            "Celu" | "Elu" => {
                let alpha = node.float("alpha", 1.0)?;
                self.activation(node, Spec::new(node.op.to_lowercase()).set("alpha", alpha))
            }
            "Gelu" => {
                let kind = match node.text("approximate", "none")? {
                    "none" => "gelu",
                    "tanh" => "gelu_tanh",
                    _ => return Err("its approximate is neither none nor tanh".into()),
                };
                self.activation(node, Spec::new(kind))
            }
            "HardSigmoid" if usual_hard_sigmoid(node)? => self.activation(node, Spec::new("hard_sigmoid")),
            "HardSigmoid" => {
                let (alpha, beta) = (node.float("alpha", 0.2)?, node.float("beta", 0.5)?);
                node.expect("alpha", alpha != 0.0)?;
                let data = self.data(node.needs(0)?)?;
                let line = self.rescale(&data, vec![-beta / alpha], vec![alpha])?;
                self.elementwise(&line, &Found::new(Spec::new("hard_tanh").set("min", 0.0).set("max", 1.0)))
            }
            "LeakyRelu" => {
                let slope = node.float("alpha", 0.01)?;
                self.activation(node, Spec::new("leaky_relu").set("slope", slope))
            }
            "Selu" => {
                let (alpha, gamma) = (node.float("alpha", ALPHA)?, node.float("gamma", GAMMA)?);
                if (alpha - ALPHA).abs() < 1e-6 && (gamma - GAMMA).abs() < 1e-6 {
                    return self.activation(node, Spec::new("selu"));
                }
                let elu = self.activation(node, Spec::new("elu").set("alpha", alpha))?;
                self.scaled_by(&elu, gamma)
            }
            "Shrink" => {
                let (lambda, bias) = (node.float("lambd", 0.5)?, node.float("bias", 0.0)?);
                node.expect("bias", bias == 0.0 || bias == lambda)?;
                let kind = if bias == 0.0 { "hard_shrink" } else { "soft_shrink" };
                self.activation(node, Spec::new(kind).set("lambda", lambda))
            }
            "Softplus" => self.activation(node, softplus(1.0, 20.0)),
            "Swish" => {
                let alpha = node.float("alpha", 1.0)?;
                if alpha == 1.0 {
                    return self.activation(node, Spec::new("silu"));
                }
                // x·σ(αx)
                let data = self.data(node.needs(0)?)?;
                let scaled = self.scaled_by(&data, alpha)?;
                let gate = self.elementwise(&scaled, &Found::new(Spec::new("sigmoid")))?;
                self.combined(&[data, gate], Multiply)
            }
            "ThresholdedRelu" => {
                let threshold = node.float("alpha", 1.0)?;
                self.activation(node, Spec::new("threshold").set("threshold", threshold).set("value", 0.0))
            }
            "Clip" => self.clip(node),
            "PRelu" => self.p_relu(node),
            "Log" | "Neg" => match self.log_sigmoid(node) {
                Some(inner) => self.activation(inner, Spec::new("log_sigmoid")),
                None if node.op == "Log" => self.activation(node, Spec::new("log")),
                None => self.data(node.needs(0)?).and_then(|data| self.scaled_by(&data, -1.0)),
            },
            _ => Err("it is not part of a layer of this crate".into()),
        }
    }

    fn clip(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let (mut min, mut max) = (node.float("min", f64::NEG_INFINITY)?, node.float("max", f64::INFINITY)?);
        if node.attribute("min").or(node.attribute("max")).is_some() {
            node.expect("min or max", self.opset < 11 && node.inputs.len() == 1)?;
        }
        for (i, limit) in [(1, &mut min), (2, &mut max)] {
            if node.input(i).is_some() {
                *limit = self.number(node, i)?;
            }
        }
        let spec = if (min, max) == (0.0, 6.0) {
            Spec::new("relu6")
        } else {
            Spec::new("hard_tanh").set("min", min).set("max", max)
        };
        self.activation(node, spec)
    }

    fn p_relu(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let data = self.data(node.needs(0)?)?;
        let (data, slopes) = if self.opset < 7 {
            // One slope per channel, whichever axis that is.
            (self.with_channels(&data, 1)?, self.numbers(node, 1)?)
        } else {
            self.spread_over(&data, node, 1)?
        };
        let spec = Spec::new("p_relu").set("slopes", slopes.len());
        self.elementwise(&data, &Found::new(spec).with("weight", slopes))
    }
}

pub(super) fn softplus(beta: f64, threshold: f64) -> Spec {
    Spec::new("softplus").set("beta", beta).set("threshold", threshold)
}

/// Whether the operator is the hard sigmoid of this crate, max(0, min(1, x/6 + 1/2)).
pub(super) fn usual_hard_sigmoid(node: &Node<'_>) -> Read<bool> {
    Ok((node.float("alpha", 0.2)? - 1.0 / 6.0).abs() < 1e-6 && node.float("beta", 0.5)? == 0.5)
}
