//! Operators that only move numbers: other shapes, other orders of axes.

use super::norms::group_norm;
use super::sequences::recurrent;
use super::windows::conv1d;
use super::{Read, first};
use crate::Shape;
use crate::io::onnx::import::{Found, Walk};
use crate::spec::Spec;
use crate::spec::onnx::Node;
use crate::spec::onnx::dims;

/// A reshape that flattens or does nothing, or begins a group norm.
pub(super) fn reshape<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Option<Found<'g>>> {
    if walk.only(first(node), "InstanceNormalization").is_some() {
        return group_norm(walk, node);
    }
    let (sizes, old) = (walk.integers(node, 1)?, dims(walk.shape));
    // The first size is the batch, whatever it says.
    let shape = sizes.get(1..).and_then(|sizes| fill(sizes, &old)).and_then(|sizes| shape_of(&sizes).ok());
    let problem = || format!("its operator Reshape makes {sizes:?} of (batch, {old:?}), which no layer here does");
    let shape = shape.ok_or_else(problem)?;
    Ok(Some(match shape {
        _ if shape == walk.shape => Found::nothing(first(node)),
        Shape::Flat(_) => Found::layer(Spec::new("flatten"), first(node)),
        _ => Found::layer(Spec::new("reshape").set("shape", shape), first(node)),
    }))
}

/// The sizes that `Reshape` makes of others: 0 is the one that was there, -1 as many as are left.
pub(super) fn fill(sizes: &[i64], old: &[usize]) -> Option<Vec<usize>> {
    let mut new = Vec::new();
    for (i, &n) in sizes.iter().enumerate() {
        new.push(match n {
            -1 => None,
            0 => Some(*old.get(i)?),
            n => Some(usize::try_from(n).ok()?),
        });
    }
    let product =
        |mut sizes: std::slice::Iter<'_, usize>| sizes.try_fold(1, |product: usize, &n| product.checked_mul(n));
    let known: Vec<usize> = new.iter().copied().flatten().collect();
    let left = product(old.iter())?.checked_div(product(known.iter())?)?;
    Some(new.into_iter().map(|n| n.unwrap_or(left)).collect())
}

/// A change of axes, or the beginning of a layer that wants its axes in another order.
pub(super) fn transpose<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Option<Found<'g>>> {
    let perm = node.ints("perm")?;
    if let Some(node) = walk.only(first(node), "Conv").filter(|_| perm == [0, 2, 1])
        && let Some(found) = conv1d(walk, node)?
    {
        return Ok(Some(found));
    }
    let norm = if perm == [0, 2, 1] { walk.only(first(node), "Reshape") } else { None };
    if let Some(start) = norm
        && let Some(found) = group_norm(walk, start)?
    {
        return Ok(Some(found));
    }
    let [0, axes @ ..] = &*perm else { return recurrent(walk, first(node), None) };
    // Without the batch, which stays where it is.
    let axes: Option<Vec<usize>> = axes.iter().map(|&axis| usize::try_from(axis).ok()?.checked_sub(1)).collect();
    let axes = axes.ok_or_else(|| format!("its operator Transpose has the order {perm:?}, which is none of axes"))?;
    Ok(Some(Found::layer(Spec::new("permute").set("axes", axes), first(node))))
}

/// Sizes as a shape.
pub(super) fn shape_of(dims: &[usize]) -> Read<Shape> {
    match *dims {
        [n] => Ok(n.into()),
        [steps, features] => Ok([steps, features].into()),
        [channels, height, width] => Ok([channels, height, width].into()),
        _ => Err(format!("the sizes {dims:?} are no shape of a sample")),
    }
}
