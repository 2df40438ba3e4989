//! Where a value goes several ways, and where they meet again.

use std::collections::BTreeMap;
use std::ptr;

use super::import::Walk;
use crate::spec::onnx::Node;

/// Branches that begin at one value and all end in one operator.
pub(super) struct Fork<'g> {
    pub(super) join: &'g Node<'g>,
    /// One for each input of the join.
    pub(super) branches: Vec<Branch<'g>>,
}

pub(super) struct Branch<'g> {
    /// The operators that take the value; none if the join takes it.
    pub(super) first: Vec<&'g Node<'g>>,
    /// What the join takes.
    pub(super) end: &'g str,
}

impl<'g> Fork<'g> {
    /// The fork at the walk's value, if all ways from it lead through one operator, whose inputs they are.
    pub(super) fn at(walk: &Walk<'g>) -> Option<Self> {
        let here = walk.users(walk.at);
        let mut ways = Ways::default();
        // Values that operators further on take. The first operator that takes the last of them is the join: operators
        // are in an order in which each comes after those whose outputs it takes.
        let mut open = here.len();
        for node in walk.operators() {
            let begins = here.iter().any(|&first| ptr::eq(first, node));
            let way = ways.through(node);
            if !begins && way.taken == 0 {
                continue;
            }
            open = open.checked_sub(usize::from(begins) + way.taken)?;
            if open == 0 {
                return Self::ending(walk, node, &mut ways);
            }
            let way = ways.joined(&way.ids);
            for output in node.outputs.iter().filter(|output| !output.is_empty()) {
                ways.of_values.insert(output, way);
                open += walk.users(output).len();
            }
        }
        None
    }

    fn ending(walk: &Walk<'g>, join: &'g Node<'g>, ways: &mut Ways<'g>) -> Option<Self> {
        let mut firsts: BTreeMap<usize, Vec<&Node>> = BTreeMap::new();
        for &node in walk.users(walk.at).iter().filter(|&&node| !ptr::eq(node, join)) {
            // All of an operator's outputs are of one way; those without a name are left out.
            let output = node.outputs.iter().find(|output| !output.is_empty())?;
            firsts.entry(ways.of(output)?).or_default().push(node);
        }
        let branches = join.inputs.iter().map(|end| {
            // Each way is one branch.
            let first = if end == walk.at { Vec::new() } else { firsts.remove(&ways.of(end)?)? };
            Some(Branch { first, end })
        });
        let branches = branches.collect::<Option<_>>()?;
        firsts.is_empty().then_some(Self { join, branches })
    }
}

/// Which values belong together: there is a way from one to the other, or to a third one, that is not through the fork.
#[derive(Default)]
struct Ways<'g> {
    of_values: BTreeMap<&'g str, usize>,
    /// The way that each has become part of; itself if of none.
    parents: Vec<usize>,
}

/// What an operator takes of the values on ways.
struct Through {
    taken: usize,
    ids: Vec<usize>,
}

impl Ways<'_> {
    fn through(&mut self, node: &Node<'_>) -> Through {
        let mut inputs: Vec<&str> = node.inputs.iter().map(String::as_str).collect();
        inputs.sort_unstable();
        inputs.dedup();
        let ids: Vec<usize> = inputs.iter().filter_map(|input| self.of(input)).collect();
        Through { taken: ids.len(), ids }
    }

    fn of(&mut self, value: &str) -> Option<usize> {
        let mut id = *self.of_values.get(value)?;
        while self.parents[id] != id {
            // Halves the way for the next time.
            self.parents[id] = self.parents[self.parents[id]];
            id = self.parents[id];
        }
        Some(id)
    }

    /// One way of these; a new one if there are none.
    fn joined(&mut self, ids: &[usize]) -> usize {
        let Some(&one) = ids.first() else {
            self.parents.push(self.parents.len());
            return self.parents.len() - 1;
        };
        for &other in ids {
            self.parents[other] = one;
        }
        one
    }
}
