//! Layers that leave out padding: how many steps of a sample are none is computed beside them, as `sequences.rs` writes it.

use super::products::positions;
use super::sequences::{attention, recurrent};
use super::{Read, first};
use crate::Shape;
use crate::io::onnx::import::{Found, Walk};
use crate::spec::onnx::Node;

/// The layer of a value that is also asked where its padding begins.
pub(super) fn masked<'g>(walk: &Walk<'g>, users: &[&'g Node<'g>]) -> Read<Option<Found<'g>>> {
    let of = |op: &str| users.iter().copied().filter(|node| node.op == op).collect::<Vec<_>>();
    let lengths = of("Abs").into_iter().map(|abs| lengths(walk, abs)).collect::<Read<Option<Vec<_>>>>()?;
    let Some(lengths) = lengths else { return Ok(None) };
    match (&*lengths, users.len()) {
        ([lengths], 2) => {
            let (Some(cast), [turn]) = (walk.only(lengths, "Cast"), &*of("Transpose")) else { return Ok(None) };
            if turn.ints("perm")? != [1, 0, 2] {
                return Ok(None);
            }
            recurrent(walk, first(turn), Some(first(cast)))
        }
        ([lengths], 3) => {
            let ([sum], [end]) = (&*of("Add"), &*of("Where")) else { return Ok(None) };
            let Some(seen) = seen(walk, lengths)? else { return Ok(None) };
            let whole = end.inputs == [seen, first(sum), walk.at];
            Ok(if whole {
                positions(walk, sum, true)?.map(|found| Found { output: first(end), ..found })
            } else {
                None
            })
        }
        ([keys, queries], 5) => {
            let (Some(keys), Some(queries)) = (seen(walk, keys)?, seen(walk, queries)?) else { return Ok(None) };
            attention(walk, &of("MatMul"), Some([keys, queries]))
        }
        _ => Ok(None),
    }
}

/// How many steps come before those of nothing but zeros.
fn lengths<'g>(walk: &Walk<'g>, abs: &'g Node<'g>) -> Read<Option<&'g str>> {
    let chain = |value, op| walk.only(value, op);
    let largest = chain(first(abs), "ReduceMax");
    let something = largest.and_then(|node| chain(first(node), "Greater"));
    let counted = something.and_then(|node| chain(first(node), "Where"));
    let last = counted.and_then(|node| chain(first(node), "ReduceMax"));
    let (Some(largest), Some(something), Some(counted), Some(last)) = (largest, something, counted, last) else {
        return Ok(None);
    };
    let counts = walk.numbers(counted, 1)?;
    let zeros = [walk.number(something, 1)?, walk.number(counted, 2)?] == [0.0, 0.0];
    let along = |node: &Node<'_>| Ok::<_, String>(walk.integers(node, 1)? == [-1] && node.int("keepdims", 1)? == 0);
    let ok = zeros
        && something.inputs.first() == largest.outputs.first()
        && counted.inputs.first() == something.outputs.first()
        && counts.len() == steps(walk.shape)
        && counts.iter().zip(1..).all(|(&count, n)| count == f64::from(n))
        && along(largest)?
        && along(last)?;
    Ok(ok.then(|| first(last)))
}

fn steps(shape: Shape) -> usize {
    if let Shape::Sequence { steps, .. } = shape { steps } else { 0 }
}

/// Which steps come before that.
fn seen<'g>(walk: &Walk<'g>, lengths: &str) -> Read<Option<&'g str>> {
    let alone = walk.only(lengths, "Reshape");
    let Some(less) = alone.and_then(|alone| walk.only(first(alone), "Less")) else { return Ok(None) };
    let places = walk.numbers(less, 0)?;
    let ok = places.len() == steps(walk.shape) && places.iter().zip(0..).all(|(&place, n)| place == f64::from(n));
    Ok(ok.then(|| first(less)))
}
