//! Constants, and the folding of operators on constants.

use ndarray::{ArrayD, Axis, IxDyn};

use super::view::position;
use super::{Read, Stop};
use crate::spec::onnx::{Attribute, FLOAT, INT32, INT64, Node, Tensor};

/// An array of any shape; an integer may be the batch size, `None`.
#[derive(Debug, Clone)]
pub(super) enum Constant {
    Floats(ArrayD<f64>),
    Ints(ArrayD<Option<i64>>),
}

/// The operators that are folded if all their inputs are constants.
pub(super) const FOLDED: [&str; 16] = [
    "Add",
    "Cast",
    "Concat",
    "Constant",
    "ConstantOfShape",
    "Div",
    "Gather",
    "Identity",
    "Mod",
    "Mul",
    "Reshape",
    "Slice",
    "Squeeze",
    "Sub",
    "Transpose",
    "Unsqueeze",
];

/// A list of integers; `None` is the batch size.
pub(super) type Ints = Vec<Option<i64>>;

impl Constant {
    pub(super) fn of(tensor: &Tensor<'_>) -> Result<Self, String> {
        let dims = IxDyn(&tensor.dims);
        let wrong = |error: ndarray::ShapeError| error.to_string();
        Ok(match tensor.kind {
            INT64 | INT32 => {
                let numbers = tensor.integers()?.into_iter().map(Some).collect();
                Self::Ints(ArrayD::from_shape_vec(dims, numbers).map_err(wrong)?)
            }
            _ => Self::Floats(ArrayD::from_shape_vec(dims, tensor.numbers()?).map_err(wrong)?),
        })
    }

    pub(super) fn list(numbers: Ints) -> Self {
        Self::Ints(ArrayD::from_shape_vec(IxDyn(&[numbers.len()]), numbers).unwrap_or_default())
    }

    pub(super) fn dims(&self) -> &[usize] {
        match self {
            Self::Floats(array) => array.shape(),
            Self::Ints(array) => array.shape(),
        }
    }

    /// The number of values.
    pub(super) fn len(&self) -> usize {
        self.dims().iter().product()
    }

    pub(super) fn floats(&self) -> Result<Vec<f64>, String> {
        match self {
            Self::Floats(array) => Ok(array.iter().copied().collect()),
            Self::Ints(_) => Err("its numbers are integers, not floating-point".into()),
        }
    }

    pub(super) fn ints(&self) -> Result<Ints, String> {
        match self {
            Self::Ints(array) => Ok(array.iter().copied().collect()),
            Self::Floats(_) => Err("its numbers are floating-point, not integers".into()),
        }
    }

    fn moved(&self, to: &Move) -> Result<Self, String> {
        Ok(match self {
            Self::Floats(array) => Self::Floats(to.of(array)?),
            Self::Ints(array) => Self::Ints(to.of(array)?),
        })
    }
}

/// A reordering, reshaping or selection of values.
enum Move {
    Shape(Vec<usize>),
    Axes(Vec<usize>),
    /// These indices of an axis.
    Positions(usize, Vec<usize>),
}

impl Move {
    fn of<T: Clone>(&self, array: &ArrayD<T>) -> Result<ArrayD<T>, String> {
        match self {
            Self::Shape(dims) => {
                let numbers = array.iter().cloned().collect();
                ArrayD::from_shape_vec(IxDyn(dims), numbers).map_err(|_| format!("{dims:?} is of another size"))
            }
            Self::Axes(axes) => Ok(array.view().permuted_axes(IxDyn(axes)).as_standard_layout().into_owned()),
            Self::Positions(axis, positions) => Ok(array.select(Axis(*axis), positions)),
        }
    }
}

/// Folds an operator on constants; `room` is the largest number of values.
pub(super) fn fold(node: &Node<'_>, inputs: &[Option<&Constant>], opset: i64, room: usize) -> Read<Constant> {
    let input = |i: usize| inputs.get(i).copied().flatten().ok_or_else(|| format!("its input {i} is missing"));
    // Axes are an attribute in old files, later an input.
    let axes = |i: usize| match inputs.get(i).copied().flatten() {
        Some(axes) => Read::Ok(whole(&axes.ints()?)?),
        None => Ok(node.ints("axes")?.to_vec()),
    };
    Ok(match &*node.op {
        "Constant" => return value(node),
        "Identity" => input(0)?.clone(),
        "Cast" => cast(input(0)?, node.int("to", 0)?)?,
        "ConstantOfShape" => {
            let dims = sizes(&input(0)?.ints()?, room)?;
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
        "Reshape" => {
            let (x, keep) = (input(0)?, node.int("allowzero", 0)? == 0);
            let list = whole(&input(1)?.ints()?)?;
            let known = |(i, &n): (usize, &i64)| match n {
                0 if keep => x.dims().get(i).copied().map(Some),
                -1 => Some(None),
                n => usize::try_from(n).ok().map(Some),
            };
            let dims: Option<Vec<Option<usize>>> = list.iter().enumerate().map(known).collect();
            let dims = dims.filter(|dims| dims.iter().filter(|size| size.is_none()).count() < 2);
            let dims = dims.ok_or_else(|| format!("{list:?} is no shape"))?;
            let product = dims.iter().flatten().try_fold(1, |product: usize, &n| product.checked_mul(n));
            let left = product.and_then(|product| x.len().checked_div(product)).ok_or("its sizes are too large")?;
            x.moved(&Move::Shape(dims.into_iter().map(|size| size.unwrap_or(left)).collect()))?
        }
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
                return Err(format!("the order {perm:?} is none of {rank} axes").into());
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
        "Slice" => {
            let mut x = input(0)?.clone();
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
                return Err("its starts, ends, axes and steps are not equally many".to_owned().into());
            }
            for (i, &axis) in axes.iter().enumerate() {
                let axis = position(axis, x.dims().len())?;
                let positions = range(starts[i], ends[i], steps[i], x.dims()[axis])?;
                x = x.moved(&Move::Positions(axis, positions))?;
            }
            x
        }
        op => {
            node.expect("fmod", node.int("fmod", 0)? == 0)?;
            arithmetic(op, input(0)?, input(1)?)?
        }
    })
}

/// The value of a `Constant`.
pub(super) fn value(node: &Node<'_>) -> Read<Constant> {
    let [(name, attribute)] = &*node.attributes else {
        return Err("it has not one value".to_owned().into());
    };
    Ok(match (&**name, attribute) {
        ("value", Attribute::Tensor(tensor)) => Constant::of(tensor)?,
        ("value_float", Attribute::Float(x)) => Constant::Floats(ArrayD::from_elem(IxDyn(&[]), f64::from(*x))),
        ("value_int", Attribute::Int(x)) => Constant::Ints(ArrayD::from_elem(IxDyn(&[]), Some(*x))),
        ("value_ints", Attribute::Ints(list)) => Constant::list(list.iter().copied().map(Some).collect()),
        ("value_floats", Attribute::Floats(list)) => {
            Constant::Floats(ndarray::Array1::from_iter(list.iter().map(|&x| f64::from(x))).into_dyn())
        }
        _ => return Err(format!("its {name} is not read").into()),
    })
}

fn cast(x: &Constant, to: i64) -> Read<Constant> {
    Ok(match (x, to) {
        (Constant::Floats(_), FLOAT | 11) | (Constant::Ints(_), INT64) => x.clone(),
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

/// The indices from `start` to before `end`, as `Slice` counts them on an axis of `n`.
pub(super) fn range(start: i64, end: i64, step: i64, n: usize) -> Result<Vec<usize>, String> {
    let n = n as i64;
    let counted = |x: i64| if x < 0 { x.saturating_add(n) } else { x };
    let (low, high) = if step > 0 { (0, n) } else { (-1, n - 1) };
    let (mut at, end) = (counted(start).clamp(low.max(0), high.max(0)), counted(end).clamp(low, high));
    if step < 0 && start.saturating_add(n) < 0 {
        return Err(format!("it starts at {start}, backwards"));
    }
    let mut positions = Vec::new();
    while step != 0 && ((step > 0 && at < end) || (step < 0 && at > end)) {
        positions.push(at as usize);
        at = at.saturating_add(step);
    }
    if positions.is_empty() { Err("it leaves nothing".into()) } else { Ok(positions) }
}

/// For one shape, or with a scalar.
fn arithmetic(op: &str, a: &Constant, b: &Constant) -> Read<Constant> {
    fn apply<T: Copy>(
        a: &ArrayD<T>,
        b: &ArrayD<T>,
        f: impl Fn(T, T) -> Result<T, String>,
    ) -> Result<ArrayD<T>, String> {
        let (like, pairs): (_, Vec<(T, T)>) = match (a.first(), b.first()) {
            _ if a.shape() == b.shape() => (a, a.iter().copied().zip(b.iter().copied()).collect()),
            (_, Some(&one)) if b.len() == 1 && a.ndim() >= b.ndim() => (a, a.iter().map(|&x| (x, one)).collect()),
            (Some(&one), _) if a.len() == 1 && b.ndim() >= a.ndim() => (b, b.iter().map(|&x| (one, x)).collect()),
            _ => return Err(format!("it takes the sizes {:?} and {:?}", a.shape(), b.shape())),
        };
        let numbers = pairs.into_iter().map(|(a, b)| f(a, b)).collect::<Result<Vec<_>, _>>()?;
        ArrayD::from_shape_vec(like.raw_dim(), numbers).map_err(|error| error.to_string())
    }
    let with_batch = || format!("it computes {op} with the size of the batch");
    Ok(match (a, b) {
        (Constant::Floats(a), Constant::Floats(b)) => Constant::Floats(apply(a, b, |a, b| {
            Ok(match op {
                "Add" => a + b,
                "Sub" => a - b,
                "Mul" => a * b,
                "Div" => a / b,
                _ => return Err("it is of no integers".into()),
            })
        })?),
        (Constant::Ints(a), Constant::Ints(b)) => Constant::Ints(apply(a, b, |a, b| {
            let (Some(x), Some(y)) = (a, b) else {
                // The batch size times 1 stays the batch size.
                return match (op, a, b) {
                    ("Mul" | "Div", None, Some(1)) | ("Mul", Some(1), None) => Ok(None),
                    _ => Err(with_batch()),
                };
            };
            let result = match op {
                "Add" => x.checked_add(y),
                "Sub" => x.checked_sub(y),
                "Mul" => x.checked_mul(y),
                "Div" => x.checked_div(y),
                // ONNX's remainder has the sign of y.
                _ if y > 0 => x.checked_rem_euclid(y),
                _ => None,
            };
            result.map(Some).ok_or_else(|| format!("it computes {op} of {x} and {y}"))
        })?),
        _ => return Err("its inputs are of several types".to_owned().into()),
    })
}

/// The integers of a list without the batch size.
pub(super) fn whole(list: &[Option<i64>]) -> Result<Vec<i64>, String> {
    let list: Option<Vec<i64>> = list.iter().copied().collect();
    list.ok_or_else(|| "it takes the size of the batch for a number".to_owned())
}

/// Sizes of at most `room` values, none of them 0.
fn sizes(list: &[Option<i64>], room: usize) -> Result<Vec<usize>, String> {
    let sizes = whole(list)?.into_iter().map(|n| usize::try_from(n).ok().filter(|&n| n > 0));
    let sizes: Option<Vec<usize>> = sizes.collect();
    let fits = |sizes: &Vec<usize>| {
        sizes.len() <= 16
            && sizes.iter().try_fold(1, |product: usize, &n| product.checked_mul(n)).is_some_and(|n| n <= room)
    };
    sizes.filter(fits).ok_or_else(|| "its sizes are none that it can have".to_owned())
}
