//! PNG encoding, standalone and embedded in SVG.

use ndarray::Array2;

use crate::{Error, Matrix, Result, Scalar, Shape};

/// Encodes an image of `width` columns, three bytes per pixel, from the top left.
pub(super) fn encode(width: usize, pixels: &[u8]) -> Vec<u8> {
    let height = pixels.len() / (3 * width.max(1));
    let mut file = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_depth(::png::BitDepth::Eight);
    // Writing to memory only fails for invalid sizes.
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels[..3 * width * height]));
    if written.is_err() {
        file.clear();
    }
    file
}

/// The image as a data URL.
pub(super) fn data_address(width: usize, pixels: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("data:image/png;base64,");
    for three in encode(width, pixels).chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - three.len()));
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i)) as usize & 63];
            text.push(if i <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// A grid of images as a PNG, each pixel enlarged to `scale` x `scale`; each row of `x` is an image.
///
/// Images of one channel are gray, from black for their smallest value to white for the largest; three channels are
/// red, green and blue, with one range of values. Otherwise, every channel is an image of its own.
///
/// ```
/// use neuropil::{data, plot};
///
/// let digits = data::digits::<f32>();
/// let png = plot::png(&digits.x.slice(ndarray::s![..20, ..]), [1, 8, 8], 10, 3)?;
/// assert_eq!(&png[1..4], b"PNG");
/// # Ok::<(), neuropil::Error>(())
/// ```
///
/// # Errors
/// [`Error::Width`] unless the rows have the size of the shape; [`Error::Setting`] if there is nothing to show.
pub fn png<A: Scalar>(x: &Matrix<A>, shape: impl Into<Shape>, columns: usize, scale: usize) -> Result<Vec<u8>> {
    let pictures = Picture::all(x, shape.into())?;
    let (width, height) = (pictures[0].width * scale.max(1) + 2, pictures[0].height * scale.max(1) + 2);
    let columns = columns.clamp(1, pictures.len());
    let (across, down) = (columns * width + 2, pictures.len().div_ceil(columns) * height + 2);
    let mut pixels = vec![255; 3 * across * down];
    for (i, picture) in pictures.iter().enumerate() {
        let (left, top) = (2 + i % columns * width, 2 + i / columns * height);
        for row in 0..height - 2 {
            for column in 0..width - 2 {
                let from = 3 * (row / scale.max(1) * picture.width + column / scale.max(1));
                let to = 3 * ((top + row) * across + left + column);
                pixels[to..to + 3].copy_from_slice(&picture.pixels[from..from + 3]);
            }
        }
    }
    Ok(encode(across, &pixels))
}

/// An image, three bytes per pixel.
pub(super) struct Picture {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<u8>,
}

impl Picture {
    /// The images in the rows of a matrix.
    pub(super) fn all<A: Scalar>(x: &Matrix<A>, shape: Shape) -> Result<Vec<Self>> {
        if x.ncols() != shape.len() {
            return Err(Error::Width { wants: shape, got: x.ncols() });
        }
        let (channels, height, width) = match shape {
            Shape::Image { channels, height, width } => (channels, height, width),
            Shape::Sequence { steps, features } => (1, steps, features),
            Shape::Flat(features) => (1, 1, features),
        };
        if x.is_empty() {
            return Err(Error::Setting { what: "the number of images".into(), wants: "at least 1", got: 0.0 });
        }
        let plane = width * height;
        let mut pictures = Vec::new();
        for row in x.rows() {
            let row: Vec<f64> = row.iter().map(|x| x.to_f64()).collect();
            let together = if channels == 3 { 3 * plane } else { plane };
            for part in row.chunks(together) {
                let gray = bytes(part);
                let pixels = (0..plane).flat_map(|i| [0, 1, 2].map(|c| gray[(i + c * plane) % together]));
                pictures.push(Self { width, height, pixels: pixels.collect() });
            }
        }
        Ok(pictures)
    }

    /// Enlarges the pixels to squares, to about this width, so that they are not blurred when scaled.
    pub(super) fn enlarged(&self, width: usize) -> Self {
        let times = (width / self.width.max(1)).max(1);
        let (wide, high) = (self.width * times, self.height * times);
        let pixel = |i: usize| 3 * (i / wide / times * self.width + i % wide / times);
        let pixels = (0..wide * high).flat_map(|i| self.pixels[pixel(i)..][..3].iter().copied()).collect();
        Self { width: wide, height: high, pixels }
    }

    pub(super) fn data_address(&self) -> String {
        data_address(self.width, &self.pixels)
    }
}

/// Maps the range of the finite values to 0 to 255; other values, and equal ones, become 128.
fn bytes(x: &[f64]) -> Vec<u8> {
    let finite = x.iter().copied().filter(|x| x.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
    let byte = |x: &f64| {
        if !x.is_finite() || high <= low { 128 } else { (255.0 * (x - low) / (high - low)).round() as u8 }
    };
    x.iter().map(byte).collect()
}

/// Inverts the images, for ink on paper.
pub(super) fn negative<A: Scalar>(x: &Matrix<A>) -> Array2<A> {
    x.mapv(|x| -x)
}
