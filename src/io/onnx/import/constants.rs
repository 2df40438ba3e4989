//! Constants: arrays of numbers, some of which may be the size of the batch.

use ndarray::{ArrayD, Axis, IxDyn};

use super::Read;
use crate::spec::onnx::{Attribute, BOOL, INT32, INT64, Node, Tensor};

/// An array of any shape; an integer may be the batch size, `None`.
#[derive(Debug, Clone)]
pub(super) enum Constant {
    Floats(ArrayD<f64>),
    Ints(ArrayD<Option<i64>>),
}

/// A list of integers; `None` is the batch size.
pub(super) type Ints = Vec<Option<i64>>;

impl Constant {
    pub(super) fn of(tensor: &Tensor<'_>) -> Result<Self, String> {
        let dims = IxDyn(&tensor.dims);
        let wrong = |error: ndarray::ShapeError| error.to_string();
        Ok(match tensor.kind {
            INT64 | INT32 | BOOL => {
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

    /// The upper or lower triangle of each matrix, from a diagonal on; all else becomes 0.
    pub(super) fn triangle(&self, upper: bool, diagonal: i64) -> Result<Self, String> {
        fn of<T: Clone>(array: &ArrayD<T>, zero: &T, keep: impl Fn(i64, i64) -> bool) -> Result<ArrayD<T>, String> {
            let rank = array.ndim().checked_sub(2).ok_or("it takes matrices, with at least two axes")?;
            let mut array = array.clone();
            for (at, x) in array.indexed_iter_mut() {
                if !keep(at[rank] as i64, at[rank + 1] as i64) {
                    *x = zero.clone();
                }
            }
            Ok(array)
        }
        let keep = |row: i64, column: i64| {
            let from = row.saturating_add(diagonal);
            if upper { column >= from } else { column <= from }
        };
        Ok(match self {
            Self::Floats(array) => Self::Floats(of(array, &0.0, keep)?),
            Self::Ints(array) => Self::Ints(of(array, &Some(0), keep)?),
        })
    }

    pub(super) fn moved(&self, to: &Move) -> Result<Self, String> {
        Ok(match self {
            Self::Floats(array) => Self::Floats(to.of(array)?),
            Self::Ints(array) => Self::Ints(to.of(array)?),
        })
    }
}

/// A reordering, reshaping or selection of values.
pub(super) enum Move {
    Shape(Vec<usize>),
    Axes(Vec<usize>),
    /// Broadcasts axes of size 1 to these sizes.
    Repeat(Vec<usize>),
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
            Self::Repeat(dims) => {
                let repeated = array.broadcast(IxDyn(dims));
                repeated.map(|array| array.to_owned()).ok_or_else(|| format!("it does not make {dims:?}"))
            }
            Self::Positions(axis, positions) => Ok(array.select(Axis(*axis), positions)),
        }
    }
}

/// The value of a `Constant`.
pub(super) fn value(node: &Node<'_>) -> Read<Constant> {
    let [(name, attribute)] = &*node.attributes else {
        return Err("it does not have exactly one value".to_owned().into());
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

/// The integers of a list; an error if one is the batch size.
pub(super) fn whole(list: &[Option<i64>]) -> Result<Vec<i64>, String> {
    let list: Option<Vec<i64>> = list.iter().copied().collect();
    list.ok_or_else(|| "it takes the size of the batch for a number".to_owned())
}

/// Sizes of at most `room` values, none of them 0.
pub(super) fn sizes(list: &[Option<i64>], room: usize) -> Result<Vec<usize>, String> {
    let sizes = whole(list)?.into_iter().map(|n| usize::try_from(n).ok().filter(|&n| n > 0));
    let sizes: Option<Vec<usize>> = sizes.collect();
    let fits = |sizes: &Vec<usize>| {
        sizes.len() <= 16
            && sizes.iter().try_fold(1, |product: usize, &n| product.checked_mul(n)).is_some_and(|n| n <= room)
    };
    sizes.filter(fits).ok_or_else(|| "its sizes are not valid".to_owned())
}
