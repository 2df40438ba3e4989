//! The sizes, weights and biases of convolutions.

use ndarray::{Array, Array1, Array2, Axis, Dimension};

use crate::layer::{Parameter, Parts};
use crate::{Error, Init, Result, Scalar};

/// The fan-in of an output: channels in per group times kernel elements.
///
/// # Errors
/// [`Error::Setting`] for invalid sizes, or sizes that exceed memory.
pub(in crate::layers) fn check_sizes(
    layer: &str,
    inputs: usize,
    outputs: usize,
    kernel: &[usize],
    groups: usize,
) -> Result<usize> {
    let sides: Vec<String> = kernel.iter().map(ToString::to_string).collect();
    let check = |what: &str, wants, got: usize, ok: bool| {
        let what = format!("{what} of {layer}({inputs} -> {outputs}, {})", sides.join("x"));
        if ok { Ok(()) } else { Err(Error::Setting { what, wants, got: got as f64 }) }
    };
    check("the channels in", "at least 1", inputs, inputs > 0)?;
    check("the channels out", "at least 1", outputs, outputs > 0)?;
    check("the kernel", "at least 1", 0, !kernel.contains(&0))?;
    let divides = groups > 0 && inputs.is_multiple_of(groups) && outputs.is_multiple_of(groups);
    check("the groups", "a divisor of both numbers of channels", groups, divides)?;
    let fan_in = kernel.iter().try_fold(inputs / groups, |fan_in, &side| fan_in.checked_mul(side));
    let all = fan_in.and_then(|n| n.checked_mul(outputs)).filter(|&n| n <= isize::MAX as usize / 64);
    check("the number of weights", "small enough for the memory", usize::MAX, all.is_some())?;
    Ok(fan_in.unwrap_or(usize::MAX))
}

/// The weights as a matrix with `rows` rows.
pub(in crate::layers) fn weight_rows<A: Scalar, D: Dimension>(weight: &Array<A, D>, rows: usize) -> Array2<A> {
    let numbers: Vec<A> = weight.iter().copied().collect();
    let columns = numbers.len() / rows;
    Array2::from_shape_vec((rows, columns), numbers).expect("the rows are of one length")
}

/// The biases of `outputs` channels as a matrix with one row.
///
/// # Errors
/// [`Error::Dimensions`] if their number differs.
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
pub(in crate::layers) fn bias_parameter<A: Scalar>(row: Array2<A>) -> Parameter<A> {
    Parameter::bias("bias", &[row.ncols()], row)
}

/// Weights and biases uniform in ±1/√fan, `PyTorch`'s default.
pub(in crate::layers) fn uniform(fan: usize) -> Init {
    let bound = 1.0 / (fan as f64).sqrt();
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
