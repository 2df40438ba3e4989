//! [`Resize2d`]: resizes images to any size.

use std::fmt;

use crate::error::check_setting;
use crate::kernels::rows::{Rows, each_row};
use crate::kernels::{flat, flat_mut};
use crate::layer::{Backward, Layer, Parts, Pass, Restore};
use crate::spec::Spec;
use crate::spec::onnx::{Attribute, Operators, Tensor};
use crate::spec::rust::{Code, functions};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Resizes images to a given height and width, by nearest, bilinear or bicubic interpolation.
///
/// Output pixel q has its center at input coordinate (q + ½)·n/m - ½, for n input and m output pixels on the axis; with
/// [`align_corners`](Self::align_corners), at q·(n - 1)/(m - 1). Beyond the border, the border pixels are repeated. The
/// cubic kernel is that of Keys (1981) with a = -0.75. It enlarges or shrinks by any ratio, like `PyTorch`'s
/// `Upsample(size=…)`, whose mode closest to `nearest` is `nearest-exact`.
///
/// x is (samples, `[channels, height, width]`), y is (samples, `[channels, new height, new width]`).
///
/// ```
/// use neuropil::layers::Resize2d;
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let predict = |layer| Sequential::new([1, 1, 2]).with(layer)?.predict(&array![[1.0, 3.0]]);
/// assert_eq!(predict(Resize2d::bilinear([1, 3]).align_corners())?, array![[1.0, 2.0, 3.0]]);
/// assert_eq!(predict(Resize2d::nearest([1, 3]))?, array![[1.0, 1.0, 3.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, PartialEq)]
pub struct Resize2d {
    size: [usize; 2],
    /// Output pixels per input pixel; 0 for the ratio of the sizes.
    scale: [f64; 2],
    mode: Mode,
    coordinates: Coordinates,
}

/// The interpolation, named as in ONNX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Linear,
    Cubic,
    RoundPreferFloor,
    RoundPreferCeil,
    Floor,
    Ceil,
}

/// The mapping from output to input coordinates, named as in ONNX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coordinates {
    HalfPixel,
    PytorchHalfPixel,
    AlignCorners,
    Asymmetric,
}

impl Mode {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Linear, "linear"),
        (Self::Cubic, "cubic"),
        (Self::RoundPreferFloor, "round_prefer_floor"),
        (Self::RoundPreferCeil, "round_prefer_ceil"),
        (Self::Floor, "floor"),
        (Self::Ceil, "ceil"),
    ];
}

impl Coordinates {
    const ALL: [(Self, &'static str); 4] = [
        (Self::HalfPixel, "half_pixel"),
        (Self::PytorchHalfPixel, "pytorch_half_pixel"),
        (Self::AlignCorners, "align_corners"),
        (Self::Asymmetric, "asymmetric"),
    ];
}

/// The name of `value` in one of these lists.
fn name<T: PartialEq + Copy>(all: &[(T, &'static str)], value: T) -> &'static str {
    all.iter().find(|(other, _)| *other == value).map_or("", |(_, name)| name)
}

/// The input pixels of an output pixel on one axis, and their weights; unused taps have weight 0.
type Taps<A> = [(usize, A); 4];

/// The taps of all output rows and columns.
#[derive(Debug)]
struct Sources<A> {
    rows: Vec<Taps<A>>,
    columns: Vec<Taps<A>>,
}

impl<A> Default for Sources<A> {
    fn default() -> Self {
        Self { rows: Vec::new(), columns: Vec::new() }
    }
}

impl Resize2d {
    const fn new(size: [usize; 2], mode: Mode) -> Self {
        Self { size, scale: [0.0; 2], mode, coordinates: Coordinates::HalfPixel }
    }

    /// Takes the nearest pixel; in a tie, the first.
    pub const fn nearest(size: [usize; 2]) -> Self {
        Self::new(size, Mode::RoundPreferFloor)
    }

    /// Interpolates linearly between two pixels on each axis.
    pub const fn bilinear(size: [usize; 2]) -> Self {
        Self::new(size, Mode::Linear)
    }

    /// Interpolates by a cubic polynomial between four pixels on each axis.
    pub const fn bicubic(size: [usize; 2]) -> Self {
        Self::new(size, Mode::Cubic)
    }

    /// Aligns the centers of the corner pixels of input and output.
    pub const fn align_corners(mut self) -> Self {
        self.coordinates = Coordinates::AlignCorners;
        self
    }

    /// The input coordinate of an output pixel on an axis of `n` pixels.
    fn coordinate(&self, axis: usize, position: usize, n: usize) -> f64 {
        let (q, m) = (position as f64, self.size[axis]);
        let scale = if self.scale[axis] == 0.0 { m as f64 / n as f64 } else { self.scale[axis] };
        match self.coordinates {
            Coordinates::AlignCorners | Coordinates::PytorchHalfPixel if m == 1 => 0.0,
            // ONNX does not round the scaled size here.
            Coordinates::AlignCorners => q * (n - 1) as f64 / (n as f64 * scale - 1.0),
            Coordinates::Asymmetric => q / scale,
            Coordinates::HalfPixel | Coordinates::PytorchHalfPixel => (q + 0.5) / scale - 0.5,
        }
    }

    fn taps<A: Scalar>(&self, axis: usize, position: usize, n: usize) -> Taps<A> {
        let x = self.coordinate(axis, position, n);
        let pixel = |at: f64| at.clamp(0.0, (n - 1) as f64) as usize;
        let (low, part) = (x.floor(), x - x.floor());
        let weights = match self.mode {
            Mode::Linear => [0.0, 1.0 - part, part, 0.0],
            Mode::Cubic => [1.0 + part, part, 1.0 - part, 2.0 - part].map(keys),
            nearest => {
                let at = match nearest {
                    Mode::Floor => low,
                    Mode::Ceil => x.ceil(),
                    Mode::RoundPreferCeil => (x + 0.5).floor(),
                    _ => (x - 0.5).ceil(),
                };
                return [(pixel(at), A::ONE), (0, A::ZERO), (0, A::ZERO), (0, A::ZERO)];
            }
        };
        let mut at = low - 1.0;
        weights.map(|weight| {
            at += 1.0;
            (pixel(at - 1.0), A::of(weight))
        })
    }

    fn fill<A: Scalar>(&self, sources: &mut Sources<A>, sizes: [usize; 2]) {
        for (axis, taps) in [&mut sources.rows, &mut sources.columns].into_iter().enumerate() {
            taps.clear();
            taps.extend((0..self.size[axis]).map(|position| self.taps(axis, position, sizes[axis])));
        }
    }
}

/// The cubic kernel at this distance.
fn keys(distance: f64) -> f64 {
    const A: f64 = -0.75;
    if distance <= 1.0 {
        ((A + 2.0) * distance - (A + 3.0)) * distance * distance + 1.0
    } else {
        ((A * distance - 5.0 * A) * distance + 8.0 * A) * distance - 4.0 * A
    }
}

/// The taps with nonzero weights. Others must be skipped, because 0·∞ is NaN.
#[inline(always)]
fn used<A: Scalar>(taps: &Taps<A>) -> impl Iterator<Item = (usize, A)> {
    taps.iter().copied().filter(|(_, weight)| *weight != A::ZERO)
}

impl<A: Scalar> Layer<A> for Resize2d {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        for (what, size) in ["the height of Resize2d", "the width of Resize2d"].into_iter().zip(self.size) {
            check_setting(what, size as f64, "at least 1", size > 0)?;
        }
        for scale in self.scale {
            check_setting(
                "the scale of Resize2d",
                scale,
                "finite and not negative",
                scale >= 0.0 && scale.is_finite(),
            )?;
        }
        match input {
            Shape::Image { channels, .. } if input.len() > 0 && input.len() < usize::MAX => {
                Ok([channels, self.size[0], self.size[1]].into())
            }
            _ => {
                let wants = "images [channels, height, width]".into();
                Err(Error::Input { layer: format!("{self:?}"), wants, got: input })
            }
        }
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let Shape::Image { height, width, .. } = pass.input else { return Ok(()) };
        let sources = pass.cache.get::<Sources<A>>();
        self.fill(sources, [height, width]);
        let (sources, [rows, columns]) = (&*sources, self.size);
        each_row((Rows(flat(x), height * width), Rows(flat_mut(y), rows * columns)), rows * columns, move |(x, y)| {
            for (y, down) in y.chunks_exact_mut(columns).zip(&sources.rows) {
                for (y, across) in y.iter_mut().zip(&sources.columns) {
                    *y = A::ZERO;
                    for (row, down) in used(down) {
                        for (column, across) in used(across) {
                            *y += x[row * width + column] * (down * across);
                        }
                    }
                }
            }
        });
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let (Some(dx), Shape::Image { height, width, .. }) = (at.dx, pass.input) else { return Ok(()) };
        let sources = pass.cache.get::<Sources<A>>();
        self.fill(sources, [height, width]);
        let (sources, [rows, columns]) = (&*sources, self.size);
        each_row(
            (Rows(flat_mut(dx), height * width), Rows(flat(at.dy), rows * columns)),
            rows * columns,
            move |(dx, dy)| {
                dx.fill(A::ZERO);
                for (dy, down) in dy.chunks_exact(columns).zip(&sources.rows) {
                    for (&dy, across) in dy.iter().zip(&sources.columns) {
                        for (row, down) in used(down) {
                            for (column, across) in used(across) {
                                dx[row * width + column] += dy * (down * across);
                            }
                        }
                    }
                }
            },
        );
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        let spec = Spec::new("resize2d").set("size", self.size).set("scale", self.scale);
        let spec = spec.set("mode", name(&Mode::ALL, self.mode));
        Some(spec.set("coordinates", name(&Coordinates::ALL, self.coordinates)))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let by_size = self.scale == [0.0; 2];
        let inputs = if by_size {
            let sizes = operators.integers(&self.size.map(|n| n as i64));
            vec![String::new(), String::new(), sizes]
        } else {
            vec![String::new(), operators.unnamed(Tensor::floats(&[2], self.scale.map(|scale| scale as f32)))]
        };
        let inputs: Vec<&str> = inputs.iter().map(|name| &**name).collect();
        let text = |text: &str| Attribute::Text(text.to_owned());
        let (mode, rounded) = match self.mode {
            Mode::Linear => ("linear", "round_prefer_floor"),
            Mode::Cubic => ("cubic", "round_prefer_floor"),
            nearest => ("nearest", name(&Mode::ALL, nearest)),
        };
        let coordinates = text(name(&Coordinates::ALL, self.coordinates));
        let attributes = [
            ("axes", Attribute::Ints(vec![2, 3])),
            ("coordinate_transformation_mode", coordinates),
            ("mode", text(mode)),
            ("nearest_mode", text(rounded)),
        ];
        operators.then("Resize", &inputs, attributes);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let Shape::Image { channels, height, width } = code.input() else { return Ok(()) };
        let mut sources = Sources::<f64>::default();
        self.fill(&mut sources, [height, width]);
        let pixels = [&sources.rows, &sources.columns].map(|all| {
            let pixels: Vec<[usize; 4]> = all.iter().map(|taps| taps.map(|(pixel, _)| pixel)).collect();
            format!("&{pixels:?}")
        });
        let weights = [("rows", &sources.rows), ("columns", &sources.columns)]
            .map(|(name, all)| code.constant(name, all.iter().flatten().map(|(_, weight)| *weight).collect()));
        let list = |[rows, columns]: [String; 2]| format!("[{rows}, {columns}]");
        let outputs = channels * self.size[0] * self.size[1];
        let size = format!("[{height}, {width}]");
        code.then(&functions::RESIZE2D, outputs, &[&size, &list(pixels), &list(weights)]);
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for Resize2d {
    const KIND: &'static str = "resize2d";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let (mode, coordinates) = (spec.text("mode")?, spec.text("coordinates")?);
        let unknown = |what: &str| spec.problem(format!("there is no {what}"));
        let mode = Mode::ALL.into_iter().find(|(_, name)| *name == mode).ok_or_else(|| unknown(mode))?.0;
        let found = Coordinates::ALL.into_iter().find(|(_, name)| *name == coordinates);
        let coordinates = found.ok_or_else(|| unknown(coordinates))?.0;
        let scale = spec.numbers("scale")?.try_into().map_err(|_| unknown("scale of two axes"))?;
        Ok(Self { size: spec.counts("size")?, scale, mode, coordinates })
    }
}

impl fmt::Debug for Resize2d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [height, width] = self.size;
        write!(f, "Resize2d({height} x {width}, {})", name(&Mode::ALL, self.mode))
    }
}
