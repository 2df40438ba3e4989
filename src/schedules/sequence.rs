//! [`Sequence`]: schedules in sequence.

use crate::Result;
use crate::schedules::{Schedule, wrong_state};

/// Runs schedules in sequence, each from its own step 0 (`PyTorch`'s `SequentialLR`). Each observes only its own steps.
///
/// ```
/// use neuropil::schedules::{Cosine, Linear, Schedule, Sequence};
///
/// let schedule = Sequence::new(Linear::new(0.1, 1.0, 10)).then(10, Cosine::new(50));
/// assert_eq!(schedule.rate(0.1, 10), 0.1); // the cosine's first step
/// ```
#[derive(Debug)]
pub struct Sequence {
    /// The first step of each part.
    parts: Vec<(u64, Box<dyn Schedule>)>,
}

impl Sequence {
    /// Creates a sequence that starts with this schedule.
    pub fn new(first: impl Schedule + 'static) -> Self {
        Self { parts: vec![(0, Box::new(first))] }
    }

    /// Appends a schedule that starts at step `from`, which must increase with each call.
    #[must_use]
    pub fn then(mut self, from: u64, next: impl Schedule + 'static) -> Self {
        self.parts.push((from, Box::new(next)));
        self
    }
}

impl Schedule for Sequence {
    fn kind(&self) -> &'static str {
        "sequence"
    }

    fn rate(&self, base: f64, step: u64) -> f64 {
        let part = self.parts.iter().rev().find(|(from, _)| *from <= step);
        part.map_or(base, |(from, schedule)| schedule.rate(base, step - from))
    }

    fn observe(&mut self, step: u64, metric: f64) {
        if let Some((from, schedule)) = self.parts.iter_mut().rev().find(|(from, _)| *from <= step) {
            schedule.observe(step - *from, metric);
        }
    }

    fn state(&self) -> Vec<f64> {
        // The state of each part, prefixed by its length.
        let with_length = |(_, part): &(u64, Box<dyn Schedule>)| {
            let state = part.state();
            std::iter::once(state.len() as f64).chain(state)
        };
        self.parts.iter().flat_map(with_length).collect()
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        let before: Vec<_> = self.parts.iter().map(|(_, part)| part.state()).collect();
        let result = restore_parts(&mut self.parts, state);
        if result.is_err() {
            for ((_, part), state) in self.parts.iter_mut().zip(&before) {
                part.restore(state)?;
            }
        }
        result
    }
}

/// Restores the state of each part.
fn restore_parts(parts: &mut [(u64, Box<dyn Schedule>)], mut state: &[f64]) -> Result<()> {
    let wrong = || wrong_state("a Sequence");
    for (_, part) in parts {
        let (&len, rest) = state.split_first().ok_or_else(wrong)?;
        let (own, rest) = rest.split_at_checked(len as usize).ok_or_else(wrong)?;
        part.restore(own)?;
        state = rest;
    }
    if state.is_empty() { Ok(()) } else { Err(wrong()) }
}
