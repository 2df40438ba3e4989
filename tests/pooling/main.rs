//! Pools and layers that change the shape: against reference values, finite differences, definitions written out as
//! plain loops, and every way to build them wrong.

mod definitions;
mod errors;
mod goldens;
mod gradients;
mod random;
mod rearranged;
mod recording;
