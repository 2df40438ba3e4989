//! Values in which the batch and axes of a sample are merged into one axis, as some exporters do with attention heads.

use super::{Data, Found, Known, Node, Read, Reader};
use crate::Scalar;
use crate::spec::Spec;

impl<'g, A: Scalar> Reader<'g, A> {
    /// A reshape that merges the batch with neighboring axes; `None` for any other.
    pub(super) fn group(&mut self, node: &'g Node<'g>) -> Read<Option<Known>> {
        let data = self.any(node.needs(0)?)?;
        self.grouped(&data, node)
    }

    fn grouped(&mut self, data: &Data, node: &'g Node<'g>) -> Read<Option<Known>> {
        let sizes = self.ints(node, 1)?;
        if data.view.new_sizes(&sizes, node.int("allowzero", 0)? == 0, self.batch).is_ok() {
            return Ok(None);
        }
        let Some((sizes, groups)) = groups_of(&data.view.sizes(), &sizes, self.batch) else { return Ok(None) };
        let data = self.with_sizes(data, &sizes)?;
        Ok(Some(Known::Grouped(data, groups)))
    }

    /// Reads an operator with such an input.
    pub(super) fn in_groups(&mut self, node: &'g Node<'g>) -> Read<Known> {
        let Some(Known::Grouped(data, groups)) = self.known.get(node.needs(0)?).cloned() else {
            return Err("it takes the batch and others as one axis".into());
        };
        let last_alone = groups.ends_with(&[1]);
        match &*node.op {
            "Identity" => Ok(Known::Grouped(data, groups)),
            "Transpose" => {
                let perm = node.ints("perm")?.iter().map(|&axis| usize::try_from(axis).ok());
                let perm: Vec<usize> = perm.collect::<Option<_>>().ok_or("its perm is negative")?;
                let mut sorted = perm.clone();
                sorted.sort_unstable();
                node.expect("perm", sorted.iter().copied().eq(0..groups.len()))?;
                let start = |axis: usize| groups[..axis].iter().sum::<usize>();
                let axes: Vec<i64> = perm
                    .iter()
                    .flat_map(|&axis| (start(axis)..start(axis) + groups[axis]).map(|axis| axis as i64))
                    .collect();
                let view = data.view.transposed(&axes)?;
                Ok(Known::Grouped(Data { view, ..data }, perm.iter().map(|&axis| groups[axis]).collect()))
            }
            "Reshape" => {
                let sizes = self.ints(node, 1)?;
                node.expect("shape", !sizes.contains(&Some(0)))?;
                if let Some(grouped) = self.grouped(&data, node)? {
                    return Ok(grouped);
                }
                let sizes = data.view.new_sizes(&sizes, false, self.batch)?;
                self.with_sizes(&data, &sizes).map(Known::Data)
            }
            "Softmax" => {
                node.expect("axis", last_alone && [-1, groups.len() as i64 - 1].contains(&node.int("axis", -1)?))?;
                let data = self.with_channels(&data, -1)?;
                let soft = self.elementwise(&data, &Found::new(Spec::new("softmax")))?;
                Ok(Known::Grouped(soft, groups))
            }
            "Div" if self.index.is_constant(node.needs(1)?) => {
                let factor = self.number(node, 1)?;
                self.scaled_by(&data, 1.0 / factor).map(|data| Known::Grouped(data, groups))
            }
            "Add" | "Mul" if self.index.is_constant(node.needs(1)?) => {
                node.expect("B", last_alone && self.sizes(node, 1)?.len() < 2)?;
                let (data, numbers) = self.spread_over(&data, node, 1)?;
                let sum = if node.op == "Add" {
                    self.rescale(&data, numbers.into_iter().map(|x| -x).collect(), vec![1.0])?
                } else {
                    self.rescale(&data, vec![0.0], numbers)?
                };
                Ok(Known::Grouped(sum, groups))
            }
            "Gemm" | "MatMul" if self.index.is_constant(node.needs(1)?) => {
                let scaled = node.float("alpha", 1.0)? != 1.0 || node.float("beta", 1.0)? != 1.0;
                node.expect("alpha, beta or transA", !scaled && node.int("transA", 0)? == 0 && groups.ends_with(&[1]))?;
                let product = self.product(node).ok_or("its weight is not a constant")?;
                let weights = self.weights(&product)?;
                self.dense_along(&data, data.view.0.len() - 1, weights).map(|data| Known::Grouped(data, groups))
            }
            "MatMul" => {
                let Some(Known::Grouped(other, same)) = self.known.get(node.needs(1)?).cloned() else {
                    return Err("it takes the batch and others as one axis in one input only".into());
                };
                let leading = data.view.0.len() - 2;
                let alike = groups.ends_with(&[1, 1])
                    && same == groups
                    && data.view.sizes()[..leading] == other.view.sizes()[..leading];
                node.expect("inputs", alike)?;
                self.product_of(node, &data, &other).map(|data| Known::Grouped(data, groups))
            }
            _ => Err("it takes the batch and others as one axis".into()),
        }
    }
}

/// The sizes and groups of a reshape of axes of sizes `old` that merges the batch with its neighbors.
fn groups_of(
    old: &[Option<usize>],
    new: &[Option<i64>],
    batch: Option<usize>,
) -> Option<(Vec<Option<usize>>, Vec<usize>)> {
    let before = product(&old[..old.iter().position(Option::is_none)?])?;
    let len = product(old)?;
    let open = new.iter().position(|size| *size == Some(-1));
    // The merged axis is -1 or a multiple of the fixed batch; preferably not the last one, and one that starts with the
    // batch.
    let candidates = (0..new.len()).filter_map(|at| {
        let others: Vec<Option<usize>> = new.iter().map(|size| size.and_then(|n| usize::try_from(n).ok())).collect();
        let passed = product(&others[..at])?;
        let group = len.checked_div(passed.checked_mul(product(&others[at + 1..])?)?)?;
        let lead = before.checked_div(passed).filter(|lead| lead * passed == before)?;
        let tail = group.checked_div(lead).filter(|tail| tail * lead == group && group > 1)?;
        let said = match open {
            Some(open) => open == at,
            None => others[at].is_some() && others[at] == batch.and_then(|batch| batch.checked_mul(group)),
        };
        let whole = others.iter().enumerate().all(|(i, size)| i == at || size.is_some_and(|n| n > 0));
        let fits = product(&others[..at])? * product(&others[at + 1..])? * group == len;
        (said && whole && fits).then_some((at + 1 == new.len(), lead != 1, at, [lead, tail]))
    });
    let (_, _, at, [lead, tail]) = candidates.min()?;
    let (mut sizes, mut groups) = (Vec::new(), Vec::new());
    for (i, size) in new.iter().enumerate() {
        let first = sizes.len();
        if i == at {
            sizes.extend(Some(Some(lead)).filter(|_| lead > 1));
            sizes.push(None);
            sizes.extend(Some(Some(tail)).filter(|_| tail > 1));
        } else {
            sizes.push(size.and_then(|n| usize::try_from(n).ok()));
        }
        groups.push(sizes.len() - first);
    }
    Some((sizes, groups))
}

fn product(sizes: &[Option<usize>]) -> Option<usize> {
    sizes.iter().flatten().try_fold(1_usize, |product, &n| product.checked_mul(n))
}
