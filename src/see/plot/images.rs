//! Grids of images with captions: data, predictions, templates, feature maps.

use ndarray::s;

use super::png::{Picture, negative};
use crate::data::Samples;
use crate::metrics::argmax;
use crate::see::plane::class_of;
use crate::svg::{GRADIENT, INK, Svg, VALUE};
use crate::{Error, Matrix, Network, Result, Scalar, Shape};

/// A grid of images with `columns` columns and a caption below each, as an SVG; each row of `x` is an image. For the
/// colors see [`png`](super::png).
///
/// ```
/// use neuropil::{data, plot};
///
/// let digits = data::digits::<f32>();
/// let captions = ["zero", "one", "two"].map(String::from);
/// let svg = plot::images(&digits.x.slice(ndarray::s![..3, ..]), [1, 8, 8], &captions, 3)?;
/// assert!(svg.contains(">two<"));
/// # Ok::<(), neuropil::Error>(())
/// ```
///
/// # Errors
/// Those of [`png`](super::png).
pub fn images<A: Scalar>(
    x: &Matrix<A>,
    shape: impl Into<Shape>,
    captions: &[String],
    columns: usize,
) -> Result<String> {
    let captions: Vec<_> = captions.iter().map(|caption| (caption.clone(), INK)).collect();
    Ok(draw(&Picture::all(x, shape.into())?, &captions, columns))
}

/// Images of samples with the classes predicted by a network with one output per class: green if correct; red if not,
/// with the target in parentheses. Large values are dark, like ink.
///
/// ```
/// use neuropil::prelude::*;
/// use neuropil::{data, plot};
///
/// let digits = data::digits::<f32>().select(&[0, 1, 2])?;
/// let network = Sequential::new(64).with(Dense::new(64, 10, &mut rng(1)))?;
/// let svg = plot::predictions(&network, &digits, [1, 8, 8], 3)?;
/// assert_eq!(svg.matches("<image").count(), 3);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Dimensions`] if the network has fewer outputs than there are classes; those of [`Network::predict`] and
/// [`png`](super::png).
pub fn predictions<A: Scalar>(
    network: &Network<A>,
    samples: &Samples<A>,
    shape: impl Into<Shape>,
    columns: usize,
) -> Result<String> {
    let y = network.predict(&samples.x)?;
    let truths: Vec<usize> = samples.target.rows().into_iter().map(class_of).collect();
    let classes = truths.iter().max().map_or(2, |&class| (class + 1).max(2));
    if y.ncols() < classes {
        let what = "the outputs, one column per class,".into();
        return Err(Error::Dimensions { what, wants: [y.nrows(), classes], got: y.dim().into() });
    }
    let caption = |(answer, truth): (usize, usize)| {
        if answer == truth { (answer.to_string(), VALUE) } else { (format!("{answer} (is {truth})"), GRADIENT) }
    };
    let captions: Vec<_> = argmax(&y).into_iter().zip(truths).map(caption).collect();
    Ok(draw(&Picture::all(&negative(&samples.x), shape.into())?, &captions, columns))
}

/// The templates of a linear classifier: the columns of its weights, (features, classes), as images. Light pixels are
/// evidence for the class.
///
/// ```
/// use neuropil::plot;
/// use neuropil::prelude::*;
///
/// let network = Sequential::<f32>::new(64).with(Dense::new(64, 10, &mut rng(1)))?;
/// let svg = plot::templates(&network.parameter("0.weight").unwrap(), [1, 8, 8], 5)?;
/// assert!(svg.contains(">class 9<"));
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// Those of [`png`](super::png).
pub fn templates<A: Scalar>(weights: &Matrix<A>, shape: impl Into<Shape>, columns: usize) -> Result<String> {
    let captions: Vec<_> = (0..weights.ncols()).map(|class| (format!("class {class}"), INK)).collect();
    Ok(draw(&Picture::all(&weights.t().as_standard_layout(), shape.into())?, &captions, columns))
}

/// The feature maps of step `index`, a layer or join, for one sample: each channel of its output as an image.
///
/// ```
/// use neuropil::plot;
/// use neuropil::prelude::*;
///
/// let network = Sequential::<f32>::new([1, 8, 8]).with(Conv2d::new(1, 4, [3, 3], &mut rng(1)))?;
/// let svg = plot::feature_maps(&network, 0, &[0.5; 64], 4)?;
/// assert!(svg.contains(">map 3<"));
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Setting`] unless `index` is below the number of steps; those of [`Network::layer_outputs`].
pub fn feature_maps<A: Scalar>(network: &Network<A>, index: usize, sample: &[A], columns: usize) -> Result<String> {
    let x = ndarray::aview1(sample).insert_axis(ndarray::Axis(0));
    let outputs = network.layer_outputs(&x)?;
    let Some(output) = outputs.get(index) else {
        let (what, wants) = ("the index of a layer".into(), "below the number of layers");
        return Err(Error::Setting { what, wants, got: index as f64 });
    };
    // Channel by channel: three channels are not colors here.
    let maps = match network.steps(network.input_shape())?[index].output {
        Shape::Image { channels, height, width } => {
            let maps = output.slice(s![0, ..]).to_owned().into_shape_with_order((channels, height * width));
            (maps.unwrap_or_default(), Shape::Image { channels: 1, height, width })
        }
        shape => (output.clone(), shape),
    };
    let captions: Vec<_> = (0..maps.0.nrows()).map(|channel| (format!("map {channel}"), INK)).collect();
    Ok(draw(&Picture::all(&maps.0, maps.1)?, &captions, columns))
}

fn draw(pictures: &[Picture], captions: &[(String, &str)], columns: usize) -> String {
    const GAP: f64 = 12.0;
    let columns = columns.clamp(1, pictures.len().max(1));
    let side = 84.0;
    let (width, height) = pictures.first().map_or((1, 1), |picture| (picture.width, picture.height));
    let scale = side / width.max(height) as f64;
    let (w, h) = ((width as f64 * scale).max(4.0), (height as f64 * scale).max(4.0));
    let cell = (side.max(w) + GAP, h + 18.0 + GAP);
    let rows = pictures.len().div_ceil(columns);
    let mut svg = Svg::new(GAP + cell.0 * columns as f64, GAP + cell.1 * rows as f64);
    for (i, picture) in pictures.iter().enumerate() {
        let (x, y) = (GAP + cell.0 * (i % columns) as f64, GAP + cell.1 * (i / columns) as f64);
        let left = x + (cell.0 - GAP - w) / 2.0;
        let address = picture.enlarged(96).data_address();
        svg.element(
            "image",
            format_args!(
                r#"x="{left:.2}" y="{y:.2}" width="{w:.2}" height="{h:.2}" preserveAspectRatio="none" href="{address}""#
            ),
        );
        svg.rect((left, y), (w, h), r##"fill="none" stroke="#d0d7de""##);
        if let Some((caption, color)) = captions.get(i) {
            let at = (x + (cell.0 - GAP) / 2.0, y + h + 14.0);
            svg.text(at, caption, format_args!(r#"text-anchor="middle" fill="{color}""#));
        }
    }
    svg.finish()
}
