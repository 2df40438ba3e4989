//! Every activation with its derivative, in one picture.
//!
//! ```text
//! cargo run --features plot --example activation_gallery [-- FOLDER]
//! ```

use neuropil::plot;

fn main() -> std::io::Result<()> {
    let folder = std::path::PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".into()));
    let path = folder.join("activation_gallery.svg");
    std::fs::write(&path, plot::activation_gallery())?;
    println!("{}", path.display());
    Ok(())
}
