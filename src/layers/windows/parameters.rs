//! The sizes, weights and biases of convolutions.

use std::fmt::Debug;

use ndarray::{Array, Array1, Array2, Axis, Dimension};

use crate::error::check_setting_of;
use crate::layer::{Parameter, Parts};
use crate::{Error, Init, Result, Scalar};

/// Returns an error unless a convolution has channels, and its groups divide them.
pub(in crate::layers) fn check_sizes(layer: &dyn Debug, [inputs, outputs]: [usize; 2], groups: usize) -> Result<()> {
    let divides = groups > 0 && inputs.is_multiple_of(groups) && outputs.is_multiple_of(groups);
    let check = |name, wants, got, ok| check_setting_of(layer, name, got as f64, wants, ok);
    check("input channels", "at least 1", inputs, inputs > 0)?;
    check("output channels", "at least 1", outputs, outputs > 0)?;
    check("groups", "a divisor of the input and output channels", groups, divides)
}

/// The fan-in for input channels, the fan-out for output channels: channels per group times kernel elements.
pub(in crate::layers) fn fan(channels: usize, kernel: [usize; 2], groups: usize) -> usize {
    (channels / groups.max(1)).saturating_mul(kernel[0]).saturating_mul(kernel[1])
}

/// The weights as a matrix with `rows` rows.
pub(in crate::layers) fn weight_rows<A: Scalar, D: Dimension>(weight: &Array<A, D>, rows: usize) -> Array2<A> {
    let numbers: Vec<A> = weight.iter().copied().collect();
    let columns = numbers.len() / rows.max(1);
    Array2::from_shape_vec((rows, columns), numbers).expect("the rows are of one length")
}

/// The biases of `outputs` channels as a matrix with one row.
///
/// # Errors
/// [`Error::Dimensions`] unless there is one per output.
pub(in crate::layers) fn bias_row<A: Scalar>(
    layer: &str,
    inputs: usize,
    outputs: usize,
    bias: Array1<A>,
) -> Result<Array2<A>> {
    if bias.len() != outputs {
        let what = format!("the bias of {layer}({inputs} -> {outputs})");
        return Err(Error::Dimensions { what, wants: [1, outputs], got: [1, bias.len()] });
    }
    Ok(Array1::from_iter(bias).insert_axis(Axis(0)))
}

/// The biases of a convolution, (1, outputs), as its parameter.
pub(in crate::layers) fn bias_parameter<A: Scalar>(outputs: usize, row: Array2<A>) -> Parameter<A> {
    Parameter::bias("bias", &[outputs], row)
}

/// Weights and biases uniform in ±1/√fan, `PyTorch`'s default.
pub(in crate::layers) fn uniform(fan: usize) -> Init {
    let bound = 1.0 / (fan.max(1) as f64).sqrt();
    Init::Uniform { low: -bound, high: bound }
}

/// Restores the numbers of input channels, output channels and groups.
pub(in crate::layers) fn restore_sizes<A: Scalar>(parts: &Parts<'_, A>) -> Result<[usize; 3]> {
    let spec = parts.spec();
    Ok([spec.count("inputs")?, spec.count("outputs")?, spec.count("groups")?])
}

/// Restores the biases of a convolution, if any.
pub(in crate::layers) fn restore_bias<A: Scalar>(
    parts: &mut Parts<'_, A>,
    outputs: usize,
) -> Result<Option<Array2<A>>> {
    if parts.spec().flag("bias")? { parts.array("bias", 1, outputs).map(Some) } else { Ok(None) }
}
