//! [`Network`] to [`Spec`] and back.

use super::Network;
use super::nodes::Op;
use crate::layer::{Parts, Restore};
use crate::spec::{Setting, Spec};
use crate::{Error, Result, Scalar};

impl<A: Scalar> Network<A> {
    /// Describes the network: a chain as `sequential`, anything else as `network`.
    pub(super) fn describe(&self) -> Option<Spec> {
        let specs = self.nodes.iter().map(|node| node.op.spec()).collect::<Option<Vec<_>>>()?;
        let rates: Vec<f64> = self.nodes.iter().map(|node| node.rate).collect();
        let names: Vec<&str> = self.nodes.iter().map(|node| &*node.name).collect();
        let numbered = names.iter().enumerate().all(|(i, name)| *name == i.to_string());
        if self.is_chain() {
            let spec =
                Spec::new("sequential").set("input", self.input_shape()).set("layers", specs).set("rates", rates);
            return Some(if numbered { spec } else { spec.set("names", names) });
        }
        let kinds: Vec<&str> =
            self.nodes.iter().map(|node| if node.op.as_layer().is_some() { "layer" } else { "join" }).collect();
        let inputs = self.inputs.iter().map(|port| {
            let spec = Spec::new("input").set("name", &*port.name).set("value", port.value);
            // Blocks have inputs of any shape.
            self.values[port.value].1.into_iter().fold(spec, |spec, shape| spec.set("shape", shape))
        });
        let outputs =
            self.outputs.iter().map(|port| Spec::new("output").set("name", &*port.name).set("value", port.value));
        let steps = self.steps.iter().map(|step| {
            Spec::new("step").set("node", step.node).set("takes", step.takes.clone()).set("gives", step.gives)
        });
        Some(
            Spec::new("network")
                .set("inputs", inputs.collect::<Vec<_>>())
                .set("nodes", specs)
                .set("kinds", kinds)
                .set("names", names)
                .set("rates", rates)
                .set("steps", steps.collect::<Vec<_>>())
                .set("outputs", outputs.collect::<Vec<_>>()),
        )
    }
}

impl<A: Scalar> Restore<A> for Network<A> {
    const KIND: &'static str = "network";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let (nodes, kinds) = (spec.layers("nodes")?, spec.texts("kinds")?);
        let (names, rates) = (spec.texts("names")?, spec.numbers("rates")?);
        if [kinds.len(), names.len(), rates.len()] != [nodes.len(); 3] {
            return Err(spec.problem("give one kind, name and rate for each of its nodes".to_owned()));
        }
        let mut g = Self::new();
        for (i, ((node, kind), name)) in nodes.into_iter().zip(&kinds).zip(&names).enumerate() {
            let op = match &**kind {
                "layer" => parts.layer(name, node).map(Op::layer),
                "join" => parts.join(name, node).map(Op::Join),
                other => Err(spec.problem(format!("`kinds` has {other}; give layer or join"))),
            };
            g.take(i.to_string(), op.map_err(|error| error.at(name))?);
        }
        for (i, (name, rate)) in names.iter().zip(rates).enumerate() {
            g.set_layer_rate(i, rate)?;
            if *name != i.to_string() {
                g.set_name(i, name)?;
            }
        }
        restore_values(spec, &mut g)?;
        // Missing parts are reported now, not by the first prediction.
        g.plan()?;
        Ok(g)
    }
}

/// Restores the inputs, steps and outputs, in the order of their values.
fn restore_values<A: Scalar>(spec: &Spec, g: &mut Network<A>) -> Result<()> {
    let (inputs, steps) = (spec.layers("inputs")?, spec.layers("steps")?);
    let count = inputs.len() + steps.len();
    let mut made: Vec<Option<(&Spec, bool)>> = vec![None; count];
    let sources = inputs.iter().map(|one| (*one, "value", true)).chain(steps.iter().map(|one| (*one, "gives", false)));
    for (one, name, is_input) in sources {
        let value = one.count(name)?;
        match made.get_mut(value) {
            Some(place @ None) => *place = Some((one, is_input)),
            Some(_) => return Err(spec.problem(format!("two of its inputs and steps give the value {value}"))),
            None => return Err(spec.problem(format!("its value {value} is not below {count}, the number of values"))),
        }
    }
    for (value, (one, is_input)) in made.into_iter().flatten().enumerate() {
        if is_input {
            let shape = one.get("shape").map(|_| one.shape("shape")).transpose()?;
            g.declare(one.text("name")?, shape);
            continue;
        }
        let (node, takes) = (one.count("node")?, counts(one, "takes")?);
        let Some(name) = g.nodes.get(node).map(|node| node.name.clone()) else {
            return Err(spec.problem(format!("its node {node} is not below {}, the number of nodes", g.nodes.len())));
        };
        if let Some(late) = takes.iter().find(|&&taken| taken >= value) {
            let problem = format!("it takes the value {late}, which is not computed before it: the steps form a cycle");
            return Err(Error::Graph { step: format!("step {name}"), problem });
        }
        let op = &g.nodes[node].op;
        if op.as_layer().is_some() && takes.len() != 1 {
            let problem = format!("it is a layer, which takes one value, got {}", takes.len());
            return Err(Error::Graph { step: format!("step {name}"), problem });
        }
        let values: Vec<_> = takes.into_iter().map(|index| super::Value { index, network: g.birth }).collect();
        g.step(node, &values)?;
    }
    for output in spec.layers("outputs")? {
        let (name, index) = (output.text("name")?, output.count("value")?);
        if index >= count {
            return Err(spec.problem(format!("its output {name} is the value {index}, which no step computes")));
        }
        g.output(name, super::Value { index, network: g.birth })?;
    }
    Ok(())
}

fn counts(spec: &Spec, name: &str) -> Result<Vec<usize>> {
    let count = |value: &Setting| if let Setting::Count(n) = *value { usize::try_from(n).ok() } else { None };
    let list = spec.list(name)?.iter().map(count).collect::<Option<_>>();
    list.ok_or_else(|| spec.problem(format!("`{name}` is of another type; give it as a list of integers")))
}
