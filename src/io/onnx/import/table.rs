//! The supported operators with their attributes and numbers of inputs.

use std::ops::RangeInclusive;

use crate::spec::onnx::Node;

/// Every supported operator with its attributes and number of inputs. All of them are used or checked where the
/// operator is read; an operator with other ones is rejected.
#[rustfmt::skip] // A table: one operator per line.
const OPERATORS: [(&str, &[&str], RangeInclusive<usize>); 99] = [
    ("Abs", &[], 1..=1),
    ("Add", &["broadcast"], 2..=2),
    ("And", &[], 2..=2),
    ("AveragePool", &["auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "pads", "strides"], 1..=1),
    ("BatchNormalization", &["epsilon", "is_test", "momentum", "spatial", "training_mode"], 5..=5),
    ("Cast", &["saturate", "to"], 1..=1),
    ("CastLike", &["saturate"], 2..=2),
    ("Celu", &["alpha"], 1..=1),
    ("Clip", &["max", "min"], 1..=3),
    ("Concat", &["axis"], 1..=usize::MAX),
    ("Constant", &["value", "value_float", "value_floats", "value_int", "value_ints"], 0..=0),
    ("ConstantOfShape", &["value"], 1..=1),
    ("Conv", &["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"], 2..=3),
    ("ConvTranspose", &["auto_pad", "dilations", "group", "kernel_shape", "output_padding", "output_shape", "pads", "strides"], 2..=3),
    ("DepthToSpace", &["blocksize", "mode"], 1..=1),
    ("Div", &["broadcast"], 2..=2),
    ("Dropout", &["is_test", "ratio", "seed"], 1..=3),
    ("Elu", &["alpha"], 1..=1),
    ("Equal", &[], 2..=2),
    ("Erf", &[], 1..=1),
    ("Exp", &[], 1..=1),
    ("Expand", &[], 2..=2),
    ("Flatten", &["axis"], 1..=1),
    ("GRU", &["activations", "direction", "hidden_size", "layout", "linear_before_reset"], 3..=6),
    ("Gather", &["axis"], 2..=2),
    ("Gelu", &["approximate"], 1..=1),
    ("Gemm", &["alpha", "beta", "broadcast", "transA", "transB"], 2..=3),
    ("GlobalAveragePool", &[], 1..=1),
    ("GlobalMaxPool", &[], 1..=1),
    ("Greater", &[], 2..=2),
    ("GreaterOrEqual", &[], 2..=2),
    ("GroupNormalization", &["epsilon", "num_groups", "stash_type"], 3..=3),
    ("HardSigmoid", &["alpha", "beta"], 1..=1),
    ("HardSwish", &[], 1..=1),
    ("Identity", &[], 1..=1),
    ("InstanceNormalization", &["epsilon"], 3..=3),
    ("IsNaN", &[], 1..=1),
    ("LSTM", &["activations", "direction", "hidden_size", "input_forget", "layout"], 3..=8),
    ("LayerNormalization", &["axis", "epsilon", "stash_type"], 2..=3),
    ("LeakyRelu", &["alpha"], 1..=1),
    ("Less", &[], 2..=2),
    ("LessOrEqual", &[], 2..=2),
    ("Log", &[], 1..=1),
    ("LogSoftmax", &["axis"], 1..=1),
    ("MatMul", &[], 2..=2),
    ("Max", &[], 1..=usize::MAX),
    ("MaxPool", &["auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides"], 1..=1),
    ("Mean", &[], 1..=usize::MAX),
    ("Min", &[], 1..=usize::MAX),
    ("Mish", &[], 1..=1),
    ("Mod", &["fmod"], 2..=2),
    ("Mul", &["broadcast"], 2..=2),
    ("Neg", &[], 1..=1),
    ("Not", &[], 1..=1),
    ("Or", &[], 2..=2),
    ("PRelu", &[], 2..=2),
    ("Pad", &["mode", "pads", "value"], 1..=4),
    ("Pow", &[], 2..=2),
    ("RMSNormalization", &["axis", "epsilon", "stash_type"], 2..=2),
    ("RNN", &["activations", "direction", "hidden_size", "layout"], 3..=6),
    ("Range", &[], 3..=3),
    ("Reciprocal", &[], 1..=1),
    ("ReduceL1", &["axes", "keepdims", "noop_with_empty_axes"], 1..=2),
    ("ReduceL2", &["axes", "keepdims", "noop_with_empty_axes"], 1..=2),
    ("ReduceLogSum", &["axes", "keepdims", "noop_with_empty_axes"], 1..=2),
    ("ReduceLogSumExp", &["axes", "keepdims", "noop_with_empty_axes"], 1..=2),
    ("ReduceMax", &["axes", "keepdims", "noop_with_empty_axes"], 1..=2),
    ("ReduceMean", &["axes", "keepdims", "noop_with_empty_axes"], 1..=2),
    ("ReduceMin", &["axes", "keepdims", "noop_with_empty_axes"], 1..=2),
    ("ReduceSum", &["axes", "keepdims", "noop_with_empty_axes"], 1..=2),
    ("ReduceSumSquare", &["axes", "keepdims", "noop_with_empty_axes"], 1..=2),
    ("Relu", &[], 1..=1),
    ("Reshape", &["allowzero"], 2..=2),
    ("Resize", &["antialias", "axes", "coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside", "extrapolation_value", "keep_aspect_ratio_policy", "mode", "nearest_mode"], 2..=4),
    ("Selu", &["alpha", "gamma"], 1..=1),
    ("Shape", &["end", "start"], 1..=1),
    ("Shrink", &["bias", "lambd"], 1..=1),
    ("Sigmoid", &[], 1..=1),
    ("Sign", &[], 1..=1),
    ("Size", &[], 1..=1),
    ("Slice", &["axes", "ends", "starts"], 1..=5),
    ("Softmax", &["axis"], 1..=1),
    ("Softplus", &[], 1..=1),
    ("Softsign", &[], 1..=1),
    ("SpaceToDepth", &["blocksize", "mode"], 1..=1),
    ("Split", &["axis", "num_outputs", "split"], 1..=2),
    ("Sqrt", &[], 1..=1),
    ("Squeeze", &["axes"], 1..=2),
    ("Sub", &["broadcast"], 2..=2),
    ("Sum", &[], 1..=usize::MAX),
    ("Swish", &["alpha"], 1..=1),
    ("Tanh", &[], 1..=1),
    ("ThresholdedRelu", &["alpha"], 1..=1),
    ("Tile", &[], 2..=2),
    ("Transpose", &["perm"], 1..=1),
    ("Trilu", &["upper"], 1..=2),
    ("Unsqueeze", &["axes"], 1..=2),
    ("Upsample", &["mode", "scales"], 1..=2),
    ("Where", &[], 3..=3),
];

/// The operators of `ai.onnx.ml`, in the same way.
#[rustfmt::skip]
const OF_PIPELINES: [(&str, &[&str], RangeInclusive<usize>); 6] = [
    ("Imputer", &["imputed_value_floats", "replaced_value_float"], 1..=1),
    ("LinearClassifier", &["classlabels_ints", "classlabels_strings", "coefficients", "intercepts", "multi_class", "post_transform"], 1..=1),
    ("LinearRegressor", &["coefficients", "intercepts", "post_transform", "targets"], 1..=1),
    ("Normalizer", &["norm"], 1..=1),
    ("Scaler", &["offset", "scale"], 1..=1),
    ("ZipMap", &["classlabels_int64s", "classlabels_strings"], 1..=1),
];

/// Returns an error unless everything about an operator is supported.
pub(super) fn check(node: &Node<'_>) -> Result<(), String> {
    let operators = match &*node.domain {
        "" | "ai.onnx" => &OPERATORS[..],
        super::learned::DOMAIN => &OF_PIPELINES,
        other => return Err(format!("it is of {other}, not of ONNX")),
    };
    let known = operators.iter().find(|(op, ..)| *op == node.op);
    let (_, attributes, inputs) = known.ok_or("no layer of this crate corresponds to it")?;
    if let Some((name, _)) = node.attributes.iter().find(|(name, _)| !attributes.contains(&&**name)) {
        return Err(format!("it has the attribute {name}, which no layer here has"));
    }
    if !inputs.contains(&node.inputs.len()) {
        return Err(format!("it has {} inputs", node.inputs.len()));
    }
    Ok(())
}
