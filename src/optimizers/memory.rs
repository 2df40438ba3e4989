//! [`Memory`]: the state of an optimizer.

use std::collections::BTreeMap;

use crate::Scalar;

/// The state of an optimizer: the number of steps, and a few values per weight.
///
/// Besides its settings, it is all that an optimizer needs to resume training exactly: clone it to save it, and restore
/// it with [`Optimizer::memory_mut`](crate::optimizers::Optimizer::memory_mut).
#[derive(Debug, Clone, PartialEq)]
pub struct Memory<A> {
    /// The number of steps taken.
    pub step: u64,
    /// A running product over the steps, for optimizers that need one; initially 1.
    pub product: f64,
    /// The values of each slot that was updated: one vector per kind, each as long as the parameter, concatenated.
    pub slots: BTreeMap<usize, Vec<A>>,
}

impl<A> Default for Memory<A> {
    fn default() -> Self {
        Self { step: 0, product: 1.0, slots: BTreeMap::new() }
    }
}

impl<A: Scalar> Memory<A> {
    /// Increments the number of steps.
    pub(crate) fn begin_step(&mut self) {
        self.step = self.step.saturating_add(1);
    }

    /// `N` values for each of the `len` weights of a parameter, initially `start`, and whether they are new.
    pub(crate) fn of<const N: usize>(&mut self, slot: usize, len: usize, start: A) -> ([&mut [A]; N], bool) {
        let numbers = self.slots.entry(slot).or_default();
        let new = numbers.len() != N * len || len == 0;
        if new {
            numbers.clear();
            numbers.resize(N * len, start);
        }
        let mut rest = &mut numbers[..];
        let parts = std::array::from_fn(|_| {
            let (part, after) = std::mem::take(&mut rest).split_at_mut(len);
            rest = after;
            part
        });
        (parts, new)
    }
}
