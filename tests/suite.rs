//! Most tests, in one program, so that the library's generic code is compiled only once.
//!
//! A test that counts allocations, restarts itself, or needs a feature that is off by default has a program of its
//! own: see `Cargo.toml`.

#[cfg(all(feature = "files", feature = "npz"))]
#[path = "common/calls.rs"]
mod calls;
mod common;
#[path = "common/numpy_random.rs"]
mod numpy_random;
#[path = "common/passes.rs"]
mod passes;
#[path = "common/graphs.rs"]
mod random_graphs;
#[cfg(all(feature = "files", feature = "npz"))]
#[path = "common/readers.rs"]
mod readers;
#[path = "common/sequences.rs"]
mod sequence_zoo;
#[path = "common/zoo.rs"]
mod zoo;

mod activations;
mod attention;
mod attention_join;
mod attention_long;
mod backward_modes;
mod classic;
mod composition;
mod data;
mod doctor;
mod embedding;
mod error_texts;
mod errors;
#[path = "files/main.rs"]
mod files;
mod gradcheck;
mod graph;
mod graph_parts;
mod graph_views;
mod graphs;
mod huge_sizes;
#[path = "image_layers/main.rs"]
mod image_layers;
mod init;
#[cfg(all(feature = "files", feature = "npz"))]
mod limits;
#[path = "losses/main.rs"]
mod losses;
mod math;
mod metrics;
#[path = "mistakes/main.rs"]
mod mistakes;
mod names;
mod normalization;
mod notebooks;
mod numpy;
mod onnx_graphs;
mod optimizers;
#[path = "pooling/main.rs"]
mod pooling;
mod predicting_tape;
mod prepare;
mod properties;
mod recurrent;
mod regularization;
mod resume;
mod rows;
mod sampling;
mod sanity;
mod schedules;
mod sequence_data;
#[path = "sequences/main.rs"]
mod sequences;
mod spec;
mod special_layers;
mod summary;
mod tape_gradients;
mod terminal;
mod trace;
#[path = "train/main.rs"]
mod train;
mod training;
