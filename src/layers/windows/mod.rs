//! What the layers with a window that moves over images or sequences have in common: convolutions and pools.

mod spec;
