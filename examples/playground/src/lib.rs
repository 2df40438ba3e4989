//! A network that learns in the browser. `page.js` calls the functions of [`exports`].

mod look;
mod playground;
mod settings;

pub use playground::Playground;
pub use settings::Settings;

#[cfg(target_family = "wasm")]
mod exports;
