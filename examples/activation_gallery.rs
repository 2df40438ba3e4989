//! Every activation with its derivative, in one picture.
//!
//! ```text
//! cargo run --features plot --example activation_gallery [-- FOLDER]
//! ```
//!
//! Without a folder, it is written to the folder for temporary files.

use std::path::PathBuf;

use neuropil::plot;

fn main() -> neuropil::Result<()> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let path = folder.join("activation_gallery.svg");
    plot::save(&path, &plot::activation_gallery())?;
    println!("{}", path.display());
    Ok(())
}
