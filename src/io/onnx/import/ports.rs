//! The inputs and outputs of a graph.

use super::recurrent::takes_steps_first;
use super::view::{Axis, View};
use super::{Data, Known, Reader, Stop, any_shape, can_be_held};
use crate::activations::Identity;
use crate::spec::onnx::{Graph, INT32, INT64, Port};
use crate::{Error, Scalar};

/// Keeps only the chosen outputs, in the order of `chosen`.
pub(super) fn choose_outputs(graph: &mut Graph<'_>, chosen: &[&str]) -> Result<(), String> {
    if chosen.is_empty() {
        return Ok(());
    }
    let mut ports = Vec::new();
    for name in chosen {
        let at = graph.outputs.iter().position(|port| port.name == *name);
        let names = || graph.outputs.iter().map(|port| format!("`{}`", port.name)).collect::<Vec<_>>().join(", ");
        let at = at.ok_or_else(|| format!("it has no output `{name}` that is not chosen yet, but {}", names()))?;
        ports.push(graph.outputs.remove(at));
    }
    graph.outputs = ports;
    Ok(())
}

impl<A: Scalar> Reader<'_, A> {
    pub(super) fn read_inputs(&mut self, ports: &[Port]) -> Result<(), String> {
        // Older files list constants among the inputs.
        let ports: Vec<_> = ports.iter().filter(|port| !self.index.constants.contains_key(&*port.name)).collect();
        let mut batches: Vec<Option<usize>> = Vec::new();
        for port in ports {
            let dims = &port.dims;
            let symbolic: Vec<usize> = (0..dims.len()).filter(|&axis| dims[axis].is_none()).collect();
            // The batch is the axis without a size, or the first, unless a recurrent operator takes the steps first.
            let steps_first = || self.index.takers(&port.name).any(|(node, input)| takes_steps_first(node, input));
            let at = match *symbolic {
                [axis] => axis,
                [] | [0, 1] if dims.len() == 3 && steps_first() => 1,
                _ => 0,
            };
            self.batch_within |= symbolic.len() != 1 && at > 0;
            let mut sizes = dims.clone();
            // Another axis without a size is that of the steps.
            if let (&[first, second], 2 | 3) = (&*symbolic, dims.len())
                && [first, second].contains(&at)
            {
                sizes[first + second - at] = Some(self.steps);
                self.any_steps = true;
            }
            let dims = &sizes.clone();
            let batch = if dims.is_empty() { Some(0) } else { sizes.remove(at) };
            let sizes: Option<Vec<usize>> = sizes.into_iter().collect();
            let shape =
                sizes.filter(|_| !dims.is_empty()).and_then(|sizes| any_shape(&sizes).ok()).ok_or_else(|| {
                    let dims: Vec<String> = dims.iter().map(|n| n.map_or("?".into(), |n| n.to_string())).collect();
                    format!(
                        "its input `{}` has the sizes [{}]; a batch and otherwise fixed ones are needed",
                        port.name,
                        dims.join(", ")
                    )
                })?;
            can_be_held(shape).map_err(|problem| format!("its input `{}` has {problem}", port.name))?;
            let axes: Vec<Option<usize>> = (0..dims.len()).map(|axis| dims[axis].filter(|_| axis != at)).collect();
            let view = View::contiguous(&axes);
            let integer = [INT32, INT64].contains(&port.kind);
            if !integer && ![1, 10, 11, 16].contains(&port.kind) {
                return Err(format!("its input `{}` is of type {}, which no layer takes", port.name, port.kind));
            }
            if self.known.contains_key(&port.name) {
                return Err(format!("it has two inputs `{}`", port.name));
            }
            let taken = self.index.takers(&port.name).any(|(node, _)| node.op != "Shape");
            if !taken && !self.index.is_output(&port.name) {
                return Err(format!("nothing takes its input `{}`", port.name));
            }
            batches.push(batch);
            let value = self.network.input(&port.name, shape);
            self.inputs.push(value);
            self.known.insert(port.name.clone(), Known::Data(Data { value, shape, view, integer }));
        }
        let fixed: Vec<usize> = batches.iter().copied().flatten().collect();
        if fixed.windows(2).any(|pair| pair[0] != pair[1]) {
            return Err(format!("its inputs have batches of several sizes, {fixed:?}"));
        }
        self.batch = if fixed.len() == batches.len() { fixed.first().copied() } else { None };
        if batches.is_empty() { Err("it has no input".into()) } else { Ok(()) }
    }

    pub(super) fn read_outputs(&mut self, ports: &[Port]) -> Result<(), (String, Stop)> {
        if ports.is_empty() {
            return Err(("its graph".into(), "it has no output".into()));
        }
        let mut outputs = Vec::new();
        for port in ports {
            let arranged = self.data(&port.name).and_then(|data| {
                let sizes = data.view.sizes();
                let said =
                    port.dims.iter().zip(&sizes).all(|(said, size)| said.is_none() || size.is_none() || said == size);
                if !port.dims.is_empty() && (!said || port.dims.len() != sizes.len()) {
                    return Err(format!("it says to have the sizes {:?}, but has {sizes:?}", port.dims).into());
                }
                // The batch is the axis for which the file gives no size, or the first.
                let symbolic: Vec<usize> = (0..port.dims.len()).filter(|&axis| port.dims[axis].is_none()).collect();
                match *symbolic {
                    [axis] if data.view.0[axis] == Axis::Batch => {
                        let data = self.canonical(&data)?;
                        Ok((data.value, data.shape))
                    }
                    _ if self.batch_within => {
                        let data = self.canonical(&data)?;
                        Ok((data.value, data.shape))
                    }
                    _ => self.standard(&data),
                }
            });
            outputs.push(arranged.map_err(|stop| (format!("its output `{}`", port.name), stop))?.0);
        }
        for (port, mut value) in ports.iter().zip(outputs) {
            let at = |error: Error| (format!("its output `{}`", port.name), error.into());
            // An input that is also an output needs a step.
            if self.inputs.contains(&value) {
                value = self.network.add(value, Identity).map_err(at)?;
            }
            self.network.output(&port.name, value).map_err(at)?;
        }
        Ok(())
    }
}
