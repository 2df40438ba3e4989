//! Operators that are one layer, or only change the view of a value.

use super::arithmetic::raised;
use super::view::Axis;
use super::{Data, Found, Node, Read, Reader};
use crate::spec::Spec;
use crate::spec::onnx::{FLOAT, INT32, INT64};
use crate::{Scalar, Shape};

/// Activations that are one operator without settings.
const PLAIN: [(&str, &str); 10] = [
    ("Abs", "abs"),
    ("Erf", "erf"),
    ("Exp", "exp"),
    ("HardSwish", "hard_swish"),
    ("Mish", "mish"),
    ("Relu", "relu"),
    ("Sigmoid", "sigmoid"),
    ("Sign", "sign"),
    ("Softsign", "softsign"),
    ("Tanh", "tanh"),
];

/// The floating-point element types.
const FLOATS: [i64; 4] = [FLOAT, 10, 11, 16];

impl<'g, A: Scalar> Reader<'g, A> {
    /// Reads the first output of an operator.
    pub(super) fn first_output(&mut self, node: &'g Node<'g>) -> Read<Data> {
        if let Some((_, kind)) = PLAIN.iter().find(|(op, _)| *op == node.op) {
            return self.activation(node, Spec::new(*kind));
        }
        match &*node.op {
            "Add" | "Sub" | "Mul" | "Div" => self.arithmetic(node),
            "AveragePool" | "MaxPool" => self.pool(node),
            "BatchNormalization" => self.batch_norm(node),
            "Cast" => self.cast(node),
            "Concat" => self.concat(node),
            "Conv" => self.conv(node),
            "ConvTranspose" => self.conv_transpose(node),
            "DepthToSpace" | "SpaceToDepth" => self.blocks(node),
            "Dropout" => {
                node.expect("is_test", (node.int("is_test", 0)? == 1) == (self.opset < 7))?;
                if node.input(2).is_some() {
                    // A value that is not constant may be true.
                    let name = node.needs(2)?;
                    let off =
                        self.index.constants.get(name).is_some_and(|mode| mode.data.iter().all(|&byte| byte == 0));
                    node.expect("training_mode", off)?;
                }
                self.any(node.needs(0)?)
            }
            "Expand" => self.expand(node),
            "Flatten" => self.flatten(node),
            "Gather" => self.gather(node),
            "Gemm" => self.gemm(node),
            "GlobalAveragePool" | "GlobalMaxPool" => self.global_pool(node),
            "GroupNormalization" => self.group_normalization(node),
            "Identity" => self.any(node.needs(0)?),
            "InstanceNormalization" => self.instance_norm(node, None),
            "RMSNormalization" => self.layer_norm(node, 0),
            "MatMul" => self.matmul(node),
            "Pad" => self.pad(node),
            "Pow" => self.power(node),
            "Reciprocal" => self.activation(node, raised(-1.0)),
            "Reshape" => self.reshaped(node),
            "Resize" => self.resize(node),
            "LogSoftmax" | "Softmax" => self.softmax(node),
            "Slice" => self.slice(node),
            "Sqrt" => match self.distance(node)? {
                Some(found) => Ok(found),
                None => self.activation(node, raised(0.5)),
            },
            "Squeeze" | "Unsqueeze" => self.squeeze(node),
            "Mean" | "Sum" => self.sum(node),
            "Max" | "Min" => self.extreme(node),
            "Tile" => self.tile(node),
            "Transpose" => {
                let data = self.any(node.needs(0)?)?;
                Ok(Data { view: data.view.transposed(node.ints("perm")?)?, ..data })
            }
            "Upsample" => self.upsample(node),
            "And" | "Not" | "Or" => self.logic(node),
            "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" => self.comparison(node),
            "CastLike" => {
                let like = self.index.is_constant(node.needs(1)?) || !self.any(node.needs(1)?)?.integer;
                node.expect("target_type", like)?;
                self.data(node.needs(0)?)
            }
            "Where" => self.choice(node),
            op if op.starts_with("Reduce") => self.reduce(node),
            _ => self.with_settings(node),
        }
    }

    /// Moves blocks of pixels to channels, or back.
    fn blocks(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let (size, mode) = (node.count("blocksize", 0)?, node.text("mode", "DCR")?);
        node.expect("blocksize or mode", size > 0 && size < 1 << 16 && matches!(mode, "DCR" | "CRD"))?;
        if (&*node.op, mode) == ("DepthToSpace", "CRD") {
            let spec = Spec::new("pixel_shuffle").set("factor", size);
            return self.image(node).and_then(|image| self.on(image, &Found::new(spec)));
        }
        let data = self.data(node.needs(0)?)?;
        let [None, Some(channels), Some(height), Some(width)] = *data.view.sizes() else {
            return Err("its input is not images".into());
        };
        let rearranged = |reader: &mut Self, split: [usize; 5], order: &[i64], sizes: [usize; 3]| {
            let split: Vec<Option<usize>> = std::iter::once(None).chain(split.map(Some)).collect();
            let data = reader.with_sizes(&data, &split)?;
            let moved = Data { view: data.view.transposed(order)?, ..data };
            let sizes: Vec<Option<usize>> = std::iter::once(None).chain(sizes.map(Some)).collect();
            reader.with_sizes(&moved, &sizes)
        };
        if node.op == "DepthToSpace" {
            let depth = channels / (size * size);
            node.expect("blocksize", depth * size * size == channels)?;
            let split = [size, size, depth, height, width];
            return rearranged(self, split, &[0, 3, 4, 1, 5, 2], [depth, height * size, width * size]);
        }
        node.expect("blocksize", height.is_multiple_of(size) && width.is_multiple_of(size))?;
        let (high, wide) = (height / size, width / size);
        let split = [channels, high, size, wide, size];
        let order = if mode == "DCR" { [0, 3, 5, 1, 2, 4] } else { [0, 1, 3, 5, 2, 4] };
        rearranged(self, split, &order, [channels * size * size, high, wide])
    }

    /// An elementwise layer without parameters.
    pub(super) fn activation(&mut self, node: &Node<'_>, spec: Spec) -> Read<Data> {
        let data = self.data(node.needs(0)?)?;
        self.elementwise(&data, &Found::new(spec))
    }

    /// The input as an image.
    pub(super) fn image(&mut self, node: &Node<'_>) -> Read<(crate::Value, Shape)> {
        let data = self.data(node.needs(0)?)?;
        match self.standard(&data)? {
            (value, shape @ Shape::Image { .. }) => Ok((value, shape)),
            (_, shape) => Err(format!("its samples are {shape}, not images").into()),
        }
    }

    /// A conversion of the element type: of indices, or of comparisons with a threshold.
    fn cast(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let to = node.int("to", 0)?;
        if let Some(above) = self.index.sole(node.input(0), "GreaterOrEqual") {
            node.expect("to", FLOATS.contains(&to))?;
            let data = self.data(above.needs(0)?)?;
            let spec = Spec::new("step").set("threshold", self.number(above, 1)?);
            return self.elementwise(&data, &Found::new(spec));
        }
        let data = self.any(node.needs(0)?)?;
        node.expect("to", FLOATS.contains(&to) || [INT32, INT64].contains(&to))?;
        let integer = !FLOATS.contains(&to);
        if integer && !data.integer && !self.only_indices(node) {
            return Err("it converts to integers values that are not used as indices".into());
        }
        Ok(Data { integer, ..data })
    }

    /// Whether all uses of an operator's output are as indices, which an embedding here checks to be integers.
    pub(super) fn only_indices(&self, node: &Node<'_>) -> bool {
        let index = |output: &str| self.index.takers(output).all(|(taker, input)| taker.op == "Gather" && input == 1);
        node.outputs.first().is_some_and(|output| index(output) && !self.index.is_output(output))
    }

    fn softmax(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let data = self.data(node.needs(0)?)?;
        let axis = node.int("axis", if self.opset < 13 { 1 } else { -1 })?;
        // Before opset 13, all axes from there on count as one.
        let data = if self.opset < 13 {
            let axis = data.view.axis(axis)?;
            node.expect("axis", data.view.0[axis..].iter().all(|axis| *axis != Axis::Batch))?;
            self.with_rest(&data, axis)?
        } else {
            self.with_channels(&data, axis)?
        };
        self.elementwise(&data, &Found::new(Spec::new(if node.op == "Softmax" { "softmax" } else { "log_softmax" })))
    }
}
