//! [`Memory`]: what an optimizer remembers from step to step.

use crate::Scalar;

/// What an optimizer remembers: how many steps it has taken, and some numbers for each weight.
///
/// It is all that training needs, beside the network, to go on exactly where it stopped: clone it to keep it, and put it
/// back with [`Optimizer::memory_mut`](crate::optimizers::Optimizer::memory_mut).
#[derive(Debug, Clone, PartialEq)]
pub struct Memory<A> {
    /// Steps taken.
    pub step: u64,
    /// A running product over the steps, for optimizers that need one; 1 at first.
    pub product: f64,
    /// By slot: the numbers for each weight, one kind after the other, each as long as the parameter.
    pub slots: Vec<Vec<A>>,
}

impl<A> Default for Memory<A> {
    fn default() -> Self {
        Self { step: 0, product: 1.0, slots: Vec::new() }
    }
}

impl<A: Scalar> Memory<A> {
    /// `N` numbers for each of the `len` weights of a parameter, all `start` at first, and whether they are new.
    pub(crate) fn of<const N: usize>(&mut self, slot: usize, len: usize, start: A) -> ([&mut [A]; N], bool) {
        if self.slots.len() <= slot {
            self.slots.resize(slot + 1, Vec::new());
        }
        let numbers = &mut self.slots[slot];
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
