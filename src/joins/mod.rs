//! The joins, one file each: functions of several values in a [`Network`](crate::Network).
//!
//! [`MultiHeadAttention`](crate::layers::MultiHeadAttention) is also a join, of query, key and value.
//! [`Join`](crate::layer::Join) has an example of a custom one.
//!
//! # A new join
//! Add one file here and one entry in the list below.

use crate::kernels::simd::each;
use crate::kernels::{flat, flat_mut};
use crate::layer::JoinBackward;
use crate::{Error, Result, Scalar, Shape};

/// Declares joins: the file and the join in it.
macro_rules! joins {
    ($($file:ident: $join:ident;)+) => {
        $(
            mod $file;
            pub use $file::$join;
        )+

        /// Registers how each join is restored.
        pub(crate) fn register<A: crate::Scalar>(registry: &mut crate::layer::Registry<A>) {
            $(registry.register_join::<$join>();)+
        }
    };
}

joins! {
    add: Add;
    concat: Concat;
    distance: Distance;
    divide: Divide;
    dot: Dot;
    lengths: Lengths;
    mat_mul: MatMul;
    maximum: Maximum;
    minimum: Minimum;
    multiply: Multiply;
    select: Select;
    subtract: Subtract;
}

/// Returns the shape of all values, which must be the same.
fn same_shape(join: &str, inputs: &[Shape]) -> Result<Shape> {
    let first = inputs.first().copied().unwrap_or(Shape::Flat(0));
    match inputs.iter().position(|shape| *shape != first) {
        None => Ok(first),
        Some(at) => {
            let wants = format!("values of one shape (value 0 has {first}, value {at} differs)");
            Err(Error::Input { layer: join.to_owned(), wants, got: inputs[at] })
        }
    }
}

/// Returns the shape of exactly two values, which must be the same.
fn pair(join: &str, inputs: &[Shape]) -> Result<Shape> {
    pair_of(join, inputs)?;
    same_shape(join, inputs)
}

/// Returns an error unless there are exactly two values.
fn pair_of(join: &str, inputs: &[Shape]) -> Result<()> {
    if inputs.len() == 2 {
        return Ok(());
    }
    let step = format!("the join {join}");
    Err(Error::Graph { step, problem: format!("it takes two values, got {}", inputs.len()) })
}

/// The backward pass of a maximum or minimum: dy goes to the element that `wins`; equal elements get half each.
fn to_winner<A: Scalar>(at: JoinBackward<'_, A>, wins: impl Fn(A, A) -> bool + Copy + Sync) {
    let (a, b, dy) = (flat(at.inputs.get(0)), flat(at.inputs.get(1)), flat(at.dy));
    for (i, (own, other)) in [(a, b), (b, a)].into_iter().enumerate() {
        each(
            (flat_mut(&mut at.dx[i]), (dy, (own, other))),
            #[inline(always)]
            move |(dx, (&dy, (&own, &other)))| {
                let tie = if own == other { A::of(0.5) * dy } else { A::ZERO };
                *dx = if wins(own, other) { dy } else { tie };
            },
        );
    }
}

/// □1 + □2 + □3, separated by `sign`.
fn separated(inputs: usize, sign: &str) -> String {
    (1..=inputs).map(|i| format!("□{i}")).collect::<Vec<_>>().join(sign)
}
