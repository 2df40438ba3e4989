//! [`rasterize`] and [`save`]: convert pictures to PNG.

use std::io;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, Options, Tree, fontdb::Database};

use super::png::encode;
use crate::{Error, Result};

/// The largest supported width and height.
const LARGEST: u32 = 16_384;

/// The bundled font, independent of the machine.
static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(include_bytes!("font/DejaVuSans.ttf").to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    Arc::new(fonts)
});

/// Renders an SVG as a PNG of `width` pixels and proportional height.
///
/// It accepts the pictures of this module, of [`Graph`](crate::graph::Graph), [`Trace`](crate::Trace) and
/// [`Summary`](crate::Summary), and others that resvg supports. Text is set in the bundled DejaVu Sans: Latin, Greek
/// and Russian letters and symbols. An animation is rendered as a still: see [`Film::frames`](super::Film::frames) for
/// single frames.
///
/// ```
/// use neuropil::plot::{self, Chart};
///
/// let svg = Chart::new("A line", "x", "y").line("", [(0.0, 1.0), (1.0, 2.0)]).svg();
/// let png = plot::rasterize(&svg, 920)?;
/// assert_eq!(&png[1..4], b"PNG");
/// # Ok::<(), neuropil::Error>(())
/// ```
///
/// # Errors
/// [`Error::Setting`] for a width or height of 0 or above 16,384; [`Error::Format`] for an invalid SVG.
pub fn rasterize(svg: &str, width: u32) -> Result<Vec<u8>> {
    let tree = parse(svg)?;
    let height = (f64::from(width) * f64::from(tree.size().height()) / f64::from(tree.size().width())).round();
    for (what, got) in [("the width of a picture", f64::from(width)), ("the height of a picture", height)] {
        if !(1.0..=f64::from(LARGEST)).contains(&got) {
            return Err(Error::Setting { what: what.into(), wants: "from 1 to 16384 pixels", got });
        }
    }
    Ok(paint(&tree, width, height as u32))
}

/// Writes an SVG picture to a file: unchanged for the extension `.svg`, rasterized at twice its size for `.png`.
///
/// ```no_run
/// use neuropil::plot;
///
/// let gallery = plot::activation_gallery();
/// plot::save("gallery.svg", &gallery)?;
/// plot::save("gallery.png", &gallery)?;
/// # Ok::<(), neuropil::Error>(())
/// ```
///
/// # Errors
/// [`Error::Save`] for another extension, or if the file cannot be written; those of [`rasterize`].
pub fn save(path: impl AsRef<Path>, svg: &str) -> Result<()> {
    let path = path.as_ref();
    let ending = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    let written = match ending.as_ref().and_then(|ending| ending.to_str()) {
        Some("svg") => std::fs::write(path, svg),
        Some("png") => {
            let width = 2.0 * parse(svg)?.size().width();
            std::fs::write(path, rasterize(svg, width.round() as u32)?)
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "pictures are written as .svg or .png")),
    };
    written.map_err(|error| Error::save(path, error))
}

fn parse(svg: &str) -> Result<Tree> {
    let options = Options { fontdb: FONTS.clone(), font_family: "DejaVu Sans".into(), ..Options::default() };
    let wrong = |error: usvg::Error| Error::Format { what: "the picture".into(), problem: error.to_string() };
    Tree::from_str(svg, &options).map_err(wrong)
}

/// Renders the picture on white.
fn paint(tree: &Tree, width: u32, height: u32) -> Vec<u8> {
    let (x, y) = (width as f32 / tree.size().width(), height as f32 / tree.size().height());
    let Some(mut paper) = Pixmap::new(width, height) else { return Vec::new() };
    paper.fill(resvg::tiny_skia::Color::WHITE);
    resvg::render(tree, Transform::from_scale(x, y), &mut paper.as_mut());
    let pixels: Vec<u8> = paper.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
    encode(width as usize, &pixels)
}
