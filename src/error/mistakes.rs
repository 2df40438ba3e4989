//! Mistakes that the compiler finds.
//!
//! A forgotten `?`:
//! ```compile_fail,E0277
//! use neuropil::prelude::*;
//!
//! let mlp = Sequential::<f32>::mlp(&[4, 8, 2], Tanh, &mut rng(1));
//! let network = Sequential::<f32>::new(4).with(mlp)?;
//! # Ok::<(), Error>(())
//! ```
//!
//! Two number types:
//! ```compile_fail,E0277
//! use neuropil::prelude::*;
//!
//! let network = Sequential::<f64>::new(4).with(Dense::<f32>::new(4, 2, &mut rng(1)))?;
//! # Ok::<(), Error>(())
//! ```
//!
//! An optimizer of another number type:
//! ```compile_fail,E0277
//! use neuropil::prelude::*;
//!
//! let trainer = Trainer::<f64>::new(Mse, Adam::<f32>::new(1e-3));
//! ```
//!
//! An activation in place of a loss:
//! ```compile_fail,E0277
//! use neuropil::prelude::*;
//!
//! let trainer = Trainer::<f32>::new(Softmax, Sgd::new(0.1));
//! ```
//!
//! Integers:
//! ```compile_fail,E0277
//! use neuropil::prelude::*;
//!
//! let network = Sequential::<i32>::new(4);
//! ```
