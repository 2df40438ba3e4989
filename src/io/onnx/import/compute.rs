//! Arithmetic on constants.

use ndarray::{Array1, ArrayD, IxDyn, Zip};

use super::constants::Constant;
use super::{Read, Stop};

/// The shape to which both broadcast.
pub(super) fn common_dims(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
    let rank = a.len().max(b.len());
    let size = |dims: &[usize], axis: usize| (axis + dims.len()).checked_sub(rank).map_or(1, |axis| dims[axis]);
    let common = |axis| match (size(a, axis), size(b, axis)) {
        (a, b) if a == b || b == 1 => Some(a),
        (1, b) => Some(b),
        _ => None,
    };
    (0..rank).map(common).collect::<Option<_>>().ok_or_else(|| format!("it takes the sizes {a:?} and {b:?}"))
}

/// Returns an error for more than `room` numbers.
fn check(dims: &[usize], room: usize) -> Result<(), String> {
    let count = dims.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
    let fits = count.is_some_and(|count| count <= room);
    if fits { Ok(()) } else { Err(format!("it makes the sizes {dims:?}, more numbers than the file is long")) }
}

/// Applies a function to each pair.
fn pairs<T: Clone, R: Clone>(
    a: &ArrayD<T>,
    b: &ArrayD<T>,
    room: usize,
    f: impl Fn(&T, &T) -> Result<R, String>,
) -> Result<ArrayD<R>, String> {
    let dims = common_dims(a.shape(), b.shape())?;
    check(&dims, room)?;
    let dims = IxDyn(&dims);
    let wrong = || "its inputs have several shapes".to_owned();
    let (a, b) = (a.broadcast(dims.clone()).ok_or_else(wrong)?, b.broadcast(dims.clone()).ok_or_else(wrong)?);
    let numbers = a.iter().zip(&b).map(|(a, b)| f(a, b)).collect::<Result<Vec<R>, _>>()?;
    ArrayD::from_shape_vec(dims, numbers).map_err(|error| error.to_string())
}

pub(super) fn arithmetic(op: &str, a: &Constant, b: &Constant, room: usize) -> Read<Constant> {
    Ok(match (a, b) {
        (Constant::Floats(a), Constant::Floats(b)) => match op {
            "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" => {
                Constant::Ints(pairs(a, b, room, |a, b| Ok(Some(compared(op, a.partial_cmp(b)))))?)
            }
            _ => Constant::Floats(pairs(a, b, room, |a, b| of_floats(op, *a, *b))?),
        },
        (Constant::Ints(a), Constant::Ints(b)) => Constant::Ints(pairs(a, b, room, |a, b| of_integers(op, *a, *b))?),
        // The exponent may be of another type.
        (Constant::Floats(_), Constant::Ints(b)) if op == "Pow" && b.iter().all(Option::is_some) => {
            let b = Constant::Floats(b.mapv(|n| n.unwrap_or_default() as f64));
            return arithmetic(op, a, &b, room);
        }
        _ => return Err("its inputs are of several types".into()),
    })
}

fn of_floats(op: &str, a: f64, b: f64) -> Result<f64, String> {
    Ok(match op {
        "Add" => a + b,
        "Sub" => a - b,
        "Mul" => a * b,
        "Div" => a / b,
        "Pow" => a.powf(b),
        "Max" if !a.is_nan() && !b.is_nan() => a.max(b),
        "Min" if !a.is_nan() && !b.is_nan() => a.min(b),
        _ => return Err("it cannot be computed for these constants".into()),
    })
}

/// 1 if a comparison is true.
fn compared(op: &str, order: Option<std::cmp::Ordering>) -> i64 {
    order
        .is_some_and(|order| match op {
            "Equal" => order.is_eq(),
            "Greater" => order.is_gt(),
            "GreaterOrEqual" => order.is_ge(),
            "Less" => order.is_lt(),
            _ => order.is_le(),
        })
        .into()
}

fn of_integers(op: &str, a: Option<i64>, b: Option<i64>) -> Result<Option<i64>, String> {
    let (Some(x), Some(y)) = (a, b) else {
        return match (op, a, b) {
            // The batch size times 1 is the batch size, which is above 0.
            ("Mul" | "Div", None, Some(1)) | ("Mul", Some(1), None) => Ok(None),
            ("Equal", Some(n), None) | ("Equal", None, Some(n)) if n <= 0 => Ok(Some(0)),
            _ => Err(format!("it computes {op} with the size of the batch")),
        };
    };
    let result = match op {
        "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" => Some(compared(op, Some(x.cmp(&y)))),
        "And" => Some((x != 0 && y != 0).into()),
        "Or" => Some((x != 0 || y != 0).into()),
        "Max" => Some(x.max(y)),
        "Min" => Some(x.min(y)),
        "Add" => x.checked_add(y),
        "Sub" => x.checked_sub(y),
        "Mul" => x.checked_mul(y),
        "Div" => x.checked_div(y),
        "Pow" => u32::try_from(y).ok().and_then(|y| x.checked_pow(y)),
        // ONNX's remainder has the sign of y.
        _ if y > 0 => x.checked_rem_euclid(y),
        _ => None,
    };
    result.map(Some).ok_or_else(|| format!("it computes {op} of {x} and {y}"))
}

/// The product of matrices, (…, n, k), with one matrix, (k, m).
pub(super) fn multiply(a: &Constant, b: &Constant, room: usize) -> Read<Constant> {
    let (Constant::Floats(a), Constant::Floats(b)) = (a, b) else {
        return Err("it is not computed for integers".into());
    };
    let (&[ref before @ .., k], &[same, m]) = (a.shape(), b.shape()) else {
        return Err("it takes matrices, with at least two axes".into());
    };
    let rows: usize = before.iter().product();
    if k != same || before.is_empty() || rows.saturating_mul(m) > room {
        return Err(format!("it multiplies the sizes {:?} and {:?}", a.shape(), b.shape()).into());
    }
    let wrong = |error: ndarray::ShapeError| Stop::from(error.to_string());
    let matrix = |x: &ArrayD<f64>, rows, columns| {
        ndarray::Array2::from_shape_vec((rows, columns), x.iter().copied().collect()).map_err(wrong)
    };
    let product = matrix(a, rows, k)?.dot(&matrix(b, k, m)?);
    let dims = [before, &[m]].concat();
    Ok(Constant::Floats(ArrayD::from_shape_vec(IxDyn(&dims), product.into_iter().collect()).map_err(wrong)?))
}

/// A function of each number.
pub(super) fn function(op: &str, x: &Constant) -> Read<Constant> {
    match (op, x) {
        ("Not", Constant::Ints(x)) if x.iter().all(Option::is_some) => {
            Ok(Constant::Ints(x.mapv(|n| n.map(|n| (n == 0).into()))))
        }
        ("Max" | "Min", x) => Ok(x.clone()),
        ("Neg" | "Abs", Constant::Ints(x)) => {
            let of = |n: i64| if op == "Neg" { n.checked_neg() } else { n.checked_abs() };
            let numbers = x.mapv(|n| n.and_then(of));
            if numbers.iter().all(Option::is_some) {
                return Ok(Constant::Ints(numbers));
            }
            Err(format!("it computes {op} of the size of the batch").into())
        }
        (_, Constant::Floats(x)) => {
            let f: fn(f64) -> f64 = match op {
                "Abs" => f64::abs,
                "Exp" => f64::exp,
                "Log" => f64::ln,
                "Neg" => |x| -x,
                "Reciprocal" => |x| 1.0 / x,
                "Sqrt" => f64::sqrt,
                _ => return Err("it cannot be computed for these constants".into()),
            };
            Ok(Constant::Floats(x.mapv(f)))
        }
        _ => Err("it is not computed for integers".into()),
    }
}

/// One of two numbers for each condition.
pub(super) fn choose(condition: &Constant, a: &Constant, b: &Constant, room: usize) -> Read<Constant> {
    fn of<T: Clone>(
        condition: &ArrayD<Option<i64>>,
        a: &ArrayD<T>,
        b: &ArrayD<T>,
        room: usize,
    ) -> Result<ArrayD<T>, String> {
        let dims = common_dims(&common_dims(condition.shape(), a.shape())?, b.shape())?;
        check(&dims, room)?;
        let wrong = || "its inputs have several shapes".to_owned();
        let condition = condition.broadcast(dims.clone()).ok_or_else(wrong)?;
        let (a, b) = (a.broadcast(dims.clone()).ok_or_else(wrong)?, b.broadcast(dims).ok_or_else(wrong)?);
        Ok(Zip::from(condition).and(a).and(b).map_collect(|c, a, b| if *c == Some(0) { b.clone() } else { a.clone() }))
    }
    match (condition, a, b) {
        (Constant::Ints(c), _, _) if c.iter().any(Option::is_none) => {
            Err("its condition is the size of the batch".into())
        }
        (Constant::Ints(c), Constant::Floats(a), Constant::Floats(b)) => Ok(Constant::Floats(of(c, a, b, room)?)),
        (Constant::Ints(c), Constant::Ints(a), Constant::Ints(b)) => Ok(Constant::Ints(of(c, a, b, room)?)),
        _ => Err("its inputs are of several types".into()),
    }
}

/// The constant, if it is one number.
pub(super) fn one(x: &Constant) -> Result<Constant, String> {
    if x.len() == 1 { Ok(x.clone()) } else { Err("its ends are not one number".into()) }
}

/// start, start + step, …, up to but without the end.
pub(super) fn ranged(ends: &[Constant], room: usize) -> Read<Constant> {
    let too_many = || Stop::from("it gives more numbers than the file is long");
    match ends {
        [Constant::Ints(a), Constant::Ints(b), Constant::Ints(c)] => {
            let ends = [a, b, c].map(|x| x.first().copied().flatten());
            let [Some(from), Some(to), Some(step)] = ends else { return Err("it counts the batch".into()) };
            let count =
                (i128::from(to) - i128::from(from)).checked_div(i128::from(step)).map_or(0, |n| n.max(0)) as u128;
            if step == 0 || count >= room as u128 {
                return Err(too_many());
            }
            let more = |x: &i64| x.checked_add(step);
            let numbers =
                std::iter::successors(Some(from), more).take_while(|&x| if step > 0 { x < to } else { x > to });
            Ok(Constant::list(numbers.map(Some).collect()))
        }
        [Constant::Floats(a), Constant::Floats(b), Constant::Floats(c)] => {
            let [from, to, step] = [a, b, c].map(|x| x.first().copied().unwrap_or(f64::NAN));
            let count = ((to - from) / step).ceil().max(0.0);
            if count.is_nan() || count >= room as f64 {
                return Err(too_many());
            }
            Ok(Constant::Floats(Array1::from_iter((0..count as usize).map(|i| from + i as f64 * step)).into_dyn()))
        }
        _ => Err("its inputs are of several types".into()),
    }
}
