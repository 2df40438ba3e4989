//! [`Constant`]: a constant learning rate.

use crate::schedules::Schedule;

/// A constant rate: the base rate at every step.
///
/// ```
/// use neuropil::schedules::{Constant, Schedule};
///
/// assert_eq!(Constant.rate(0.1, 1000), 0.1);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Constant;

impl Schedule for Constant {
    fn kind(&self) -> &'static str {
        "constant"
    }

    fn rate(&self, base: f64, _: u64) -> f64 {
        base
    }
}
