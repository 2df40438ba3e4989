//! The losses: reference values of PyTorch, finite differences, kinks and extremes, and every error.

mod edges;
mod errors;
mod goldens;
mod gradients;
mod zoo;
