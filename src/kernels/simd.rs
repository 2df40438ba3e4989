//! Runs a loop with the widest vector instructions of the machine.

/// Calls `f` compiled for the widest instruction set that this machine has. What `f` calls must be `#[inline(always)]`.
#[inline(always)]
pub(crate) fn vectorize<R>(f: impl FnOnce() -> R) -> R {
    f()
}
