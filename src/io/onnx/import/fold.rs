//! The folding of operators whose inputs are all constants.

use ndarray::{ArrayD, Axis, IxDyn};

use super::compute::{arithmetic, choose, common_dims, function, multiply, one, ranged};
use super::constants::{Constant, Ints, Move, sizes, value, whole};
use super::view::position;
use super::{Read, Stop};
use crate::spec::onnx::{Attribute, BOOL, FLOAT, INT32, INT64, Node};

/// The operators that are folded if all their inputs are constants.
pub(super) const FOLDED: [&str; 42] = [
    "Abs",
    "Add",
    "And",
    "Cast",
    "CastLike",
    "Concat",
    "Constant",
    "ConstantOfShape",
    "Div",
    "Dropout",
    "Equal",
    "Exp",
    "Expand",
    "Flatten",
    "Gather",
    "Greater",
    "GreaterOrEqual",
    "Identity",
    "Less",
    "LessOrEqual",
    "Log",
    "MatMul",
    "Max",
    "Min",
    "Mod",
    "Mul",
    "Neg",
    "Not",
    "Or",
    "Pow",
    "Range",
    "Reciprocal",
    "Reshape",
    "Size",
    "Slice",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Transpose",
    "Trilu",
    "Unsqueeze",
    "Where",
];

/// Folds an operator on constants; `room` is the largest number of values of the result.
pub(super) fn fold(node: &Node<'_>, inputs: &[Option<&Constant>], opset: i64, room: usize) -> Read<Constant> {
    let input = |i: usize| inputs.get(i).copied().flatten().ok_or_else(|| format!("its input {i} is missing"));
    // Axes are an attribute in old files, later an input.
    let axes = |i: usize| match inputs.get(i).copied().flatten() {
        Some(axes) => Read::Ok(whole(&axes.ints()?)?),
        None => Ok(node.ints("axes")?.to_vec()),
    };
    Ok(match &*node.op {
        "Constant" => return value(node),
        "Identity" | "Dropout" => input(0)?.clone(),
        "Cast" => cast(input(0)?, node.int("to", 0)?)?,
        "ConstantOfShape" => {
            let dims = sizes(&once(&input(0)?.ints()?), room)?;
            let value = match node.attribute("value") {
                Some(Attribute::Tensor(tensor)) if tensor.dims.iter().product::<usize>() == 1 => Constant::of(tensor)?,
                None => Constant::Floats(ArrayD::zeros(IxDyn(&[1]))),
                Some(_) => return Err("its value is not one number".to_owned().into()),
            };
            match value {
                Constant::Floats(x) => {
                    Constant::Floats(ArrayD::from_elem(IxDyn(&dims), x.first().copied().unwrap_or(0.0)))
                }
                Constant::Ints(x) => Constant::Ints(ArrayD::from_elem(IxDyn(&dims), x.first().copied().flatten())),
            }
        }
        "Reshape" => reshaped(node, input(0)?, input(1)?)?,
        "Transpose" => {
            let (x, perm) = (input(0)?, node.ints("perm")?);
            let rank = x.dims().len();
            let axes: Vec<usize> = if perm.is_empty() {
                (0..rank).rev().collect()
            } else {
                perm.iter().map(|&axis| position(axis, rank)).collect::<Result<_, _>>()?
            };
            let mut sorted = axes.clone();
            sorted.sort_unstable();
            if !sorted.into_iter().eq(0..rank) {
                return Err(format!("the order {perm:?} is not a permutation of {rank} axes").into());
            }
            x.moved(&Move::Axes(axes))?
        }
        "Squeeze" | "Unsqueeze" => {
            let x = input(0)?;
            x.moved(&Move::Shape(squeeze(x.dims(), &axes(1)?, node.op == "Squeeze")?))?
        }
        "Concat" => {
            let total = inputs.iter().flatten().try_fold(0, |sum: usize, input| sum.checked_add(input.len()));
            node.expect("sizes", total.is_some_and(|total| total <= room))?;
            concat(inputs, node.int("axis", 0)?)?
        }
        "Gather" => {
            let (x, indices) = (input(0)?, input(1)?);
            let axis = position(node.int("axis", 0)?, x.dims().len())?;
            let positions = whole(&indices.ints()?)?;
            let positions =
                positions.into_iter().map(|i| position(i, x.dims()[axis])).collect::<Result<Vec<_>, _>>()?;
            let (before, after) = (&x.dims()[..axis], &x.dims()[axis + 1..]);
            let dims = [before, indices.dims(), after].concat();
            sizes(&dims.iter().map(|&n| i64::try_from(n).ok()).collect::<Vec<_>>(), room)?;
            x.moved(&Move::Positions(axis, positions))?.moved(&Move::Shape(dims))?
        }
        "Slice" => return sliced(node, inputs, opset),
        "CastLike" => match inputs.get(1).copied().flatten() {
            Some(Constant::Ints(_)) => cast(input(0)?, INT64)?,
            // An input that is not a constant is a value of floating-point numbers.
            _ => cast(input(0)?, FLOAT)?,
        },
        "Flatten" => {
            let x = input(0)?;
            let (axis, rank) = (node.int("axis", 1)?, x.dims().len());
            let axis = if axis == rank as i64 { rank } else { position(axis, rank)? };
            let (before, after) = x.dims().split_at(axis);
            x.moved(&Move::Shape(vec![before.iter().product(), after.iter().product()]))?
        }
        "Range" => {
            let ends = (0..3).map(|i| Ok(one(input(i)?)?)).collect::<Read<Vec<_>>>()?;
            ranged(&ends, room)?
        }
        "Expand" => {
            let x = input(0)?;
            let dims = common_dims(x.dims(), &sizes(&once(&input(1)?.ints()?), room)?)?;
            sizes(&dims.iter().map(|&n| Some(n as i64)).collect::<Vec<_>>(), room)?;
            x.moved(&Move::Repeat(dims))?
        }
        "MatMul" => multiply(input(0)?, input(1)?, room)?,
        "Size" => Constant::Ints(ArrayD::from_elem(IxDyn(&[]), Some(input(0)?.len() as i64))),
        "Trilu" => {
            let k = inputs
                .get(1)
                .copied()
                .flatten()
                .map_or(Ok(0), |k| whole(&k.ints()?).map(|k| k.first().copied().unwrap_or(0)))?;
            input(0)?.triangle(node.int("upper", 1)? != 0, k)?
        }
        "Where" => choose(input(0)?, input(1)?, input(2)?, room)?,
        op if inputs.len() == 1 => function(op, input(0)?)?,
        op => {
            node.expect("fmod", node.int("fmod", 0)? == 0)?;
            arithmetic(op, input(0)?, input(1)?, room)?
        }
    })
}

/// The constant in another shape.
fn reshaped(node: &Node<'_>, x: &Constant, list: &Constant) -> Read<Constant> {
    let keep = node.int("allowzero", 0)? == 0;
    let list = whole(&list.ints()?)?;
    let known = |(i, &n): (usize, &i64)| match n {
        0 if keep => x.dims().get(i).copied().map(Some),
        -1 => Some(None),
        n => usize::try_from(n).ok().map(Some),
    };
    let dims: Option<Vec<Option<usize>>> = list.iter().enumerate().map(known).collect();
    let dims = dims.filter(|dims| dims.iter().filter(|size| size.is_none()).count() < 2);
    let dims = dims.ok_or_else(|| format!("{list:?} is not a shape"))?;
    let product = dims.iter().flatten().try_fold(1, |product: usize, &n| product.checked_mul(n));
    let left = product.and_then(|product| x.len().checked_div(product)).ok_or("its sizes are too large")?;
    Ok(x.moved(&Move::Shape(dims.into_iter().map(|size| size.unwrap_or(left)).collect()))?)
}

/// Parts of axes.
fn sliced(node: &Node<'_>, inputs: &[Option<&Constant>], opset: i64) -> Read<Constant> {
    let mut x = inputs.first().copied().flatten().ok_or("its input 0 is missing")?.clone();
    let list = |i: usize, name: &str| match inputs.get(i).copied().flatten() {
        Some(list) => Ok::<_, Stop>(Some(whole(&list.ints()?)?)),
        None if opset < 10 && node.attribute(name).is_some() => Ok(Some(node.ints(name)?.to_vec())),
        None => Ok(None),
    };
    let (starts, ends) = (list(1, "starts")?, list(2, "ends")?);
    let (starts, ends) = (starts.ok_or("it has no starts")?, ends.ok_or("it has no ends")?);
    let axes = list(3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = list(4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] || starts.len() > x.dims().len() {
        return Err("its starts, ends, axes and steps differ in length".to_owned().into());
    }
    for (i, &axis) in axes.iter().enumerate() {
        let axis = position(axis, x.dims().len())?;
        let (first, step, count) = span(starts[i], ends[i], steps[i], x.dims()[axis])?;
        let positions = (0..count as isize).map(|i| first.wrapping_add_signed(i * step)).collect();
        x = x.moved(&Move::Positions(axis, positions))?;
    }
    Ok(x)
}

/// Sizes in which the batch is 1: a constant is the same for each sample.
fn once(sizes: &[Option<i64>]) -> Ints {
    sizes.iter().map(|n| n.or(Some(1))).collect()
}

fn cast(x: &Constant, to: i64) -> Read<Constant> {
    Ok(match (x, to) {
        (Constant::Floats(_), FLOAT | 11) | (Constant::Ints(_), INT64) => x.clone(),
        (Constant::Ints(array), BOOL) if array.iter().all(Option::is_some) => {
            Constant::Ints(array.mapv(|n| n.map(|n| (n != 0).into())))
        }
        (Constant::Ints(array), INT32) if array.iter().flatten().all(|&n| i32::try_from(n).is_ok()) => x.clone(),
        (Constant::Ints(array), FLOAT | 11) if array.iter().all(Option::is_some) => {
            Constant::Floats(array.mapv(|n| n.unwrap_or_default() as f64))
        }
        (Constant::Floats(array), INT64) if array.iter().all(|x| x.abs() < 1e15) => {
            Constant::Ints(array.mapv(|x| Some(x as i64)))
        }
        _ => return Err(format!("it makes numbers of type {to}, which are not known here").into()),
    })
}

fn concat(inputs: &[Option<&Constant>], axis: i64) -> Read<Constant> {
    let first = inputs.first().copied().flatten().ok_or("its input 0 is missing")?;
    let axis = Axis(position(axis, first.dims().len())?);
    if let Some(other) = inputs.iter().flatten().find(|input| input.dims().len() != first.dims().len()) {
        return Err(format!("its inputs have {} and {} axes", first.dims().len(), other.dims().len()).into());
    }
    let wrong = |error: ndarray::ShapeError| Stop::from(error.to_string());
    let (mut floats, mut ints) = (Vec::new(), Vec::new());
    for input in inputs {
        match input {
            Some(Constant::Floats(array)) => floats.push(array.view()),
            Some(Constant::Ints(array)) => ints.push(array.view()),
            None => return Err("an input is missing".to_owned().into()),
        }
    }
    match (floats.len(), ints.len()) {
        (_, 0) => Ok(Constant::Floats(ndarray::concatenate(axis, &floats).map_err(wrong)?)),
        (0, _) => Ok(Constant::Ints(ndarray::concatenate(axis, &ints).map_err(wrong)?)),
        _ => Err("its inputs are of several types".to_owned().into()),
    }
}

fn squeeze(dims: &[usize], axes: &[i64], squeeze: bool) -> Result<Vec<usize>, String> {
    let rank = if squeeze { dims.len() } else { dims.len().saturating_add(axes.len()) };
    if rank > 16 {
        return Err(format!("it has {rank} axes"));
    }
    let positions = axes.iter().map(|&axis| position(axis, rank)).collect::<Result<Vec<_>, _>>()?;
    let wrong = || format!("its axes {axes:?} do not fit the sizes {dims:?}");
    if squeeze {
        let taken = |i: usize| if axes.is_empty() { dims[i] == 1 } else { positions.contains(&i) };
        if positions.iter().any(|&i| dims[i] != 1) {
            return Err(wrong());
        }
        return Ok((0..rank).filter(|&i| !taken(i)).map(|i| dims[i]).collect());
    }
    let mut old = dims.iter();
    let new: Option<Vec<usize>> =
        (0..rank).map(|i| if positions.contains(&i) { Some(1) } else { old.next().copied() }).collect();
    new.filter(|_| old.next().is_none()).ok_or_else(wrong)
}

/// The first index, the step and the number of indices from `start` up to but without `end`, as `Slice` counts them on
/// an axis of size `n`.
pub(super) fn span(start: i64, end: i64, step: i64, n: usize) -> Result<(usize, isize, usize), String> {
    let n = i64::try_from(n).map_err(|_| "its axis is too long")?;
    let counted = |x: i64| if x < 0 { x.saturating_add(n) } else { x };
    let (low, high) = if step > 0 { (0, n) } else { (-1, n - 1) };
    let (first, end) = (counted(start).clamp(low.max(0), high.max(0)), counted(end).clamp(low, high));
    if step < 0 && start.saturating_add(n) < 0 {
        return Err(format!("it starts at {start}, backwards"));
    }
    let count = match step {
        0 => return Err("its step is 0".into()),
        step if step > 0 => (end - first).max(0).unsigned_abs().div_ceil(step.unsigned_abs()),
        step => (first - end).max(0).unsigned_abs().div_ceil(step.unsigned_abs()),
    };
    Ok((first as usize, step as isize, count as usize))
}
