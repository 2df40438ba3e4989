//! Model files: what is saved comes back, what is damaged is noticed, and nothing is ever half written.

#![cfg(all(feature = "files", feature = "npz"))]

use crate::readers;
use crate::zoo;

mod builder;
mod bundle;
mod corpus;
mod crash;
mod damage;
mod hostile_onnx;
mod malformed;
mod mutations;
mod onnx;
mod onnx_sequences;
mod round_trips;
mod rust_source;
mod state_dicts;
mod torch;
