//! Recurrent layers as calls to Rust functions.

use super::{Cell, Recurrent};
use crate::spec::rust::{Channels, Code, functions};
use crate::{Error, Result, Scalar};

impl<A: Scalar, C: Cell> Recurrent<A, C> {
    /// One call per layer, for both directions.
    pub(super) fn write_rust(&self, code: &mut Code) -> Result<()> {
        let cell = self.cell.rust().ok_or_else(|| Error::not_rust(self))?;
        let (original, steps, units) = (code.current(), code.input().positions(), self.units);
        let cell = code.function(&cell);
        let sizes = format!("[{steps}, {units}, {}]", if self.masked { self.inputs } else { 0 });
        for layer in 0..self.layers() {
            let directions = (0..self.directions()).map(|d| direction::<C>(code, layer, d, units));
            let directions = format!("&[{}]", directions.collect::<Result<Vec<_>>>()?.join(", "));
            let last = self.last_state && layer + 1 == self.layers();
            let outputs = self.directions() * units * if last { 1 } else { steps };
            let (inputs, memory) = ([code.current(), original], [2 * units + 2 * C::GATES * units]);
            let flags = format!("[{last}, {}]", self.cell.resets());
            let arguments: [&dyn std::fmt::Display; 4] = [&cell, &directions, &sizes, &flags];
            let y = code.call_with(&functions::RECURRENT, &inputs, outputs, &memory, &arguments);
            code.set_current(y);
        }
        Ok(())
    }
}

/// The weights of one direction as a Rust expression.
fn direction<C: Cell>(code: &mut Code, layer: usize, d: usize, units: usize) -> Result<String> {
    let suffix = format!("l{layer}{}", if d == 1 { "_reverse" } else { "" });
    let mut part = |side: &str| {
        let [weight, scale] = code.weight(&format!("weight_{side}_{suffix}"), Channels::columns(C::GATES * units))?;
        Ok(format!("({weight}, {scale}, {})", code.optional(&format!("bias_{side}_{suffix}"))))
    };
    Ok(format!("kernels::Direction {{ of_x: {}, of_h: {} }}", part("ih")?, part("hh")?))
}
