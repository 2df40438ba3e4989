//! [`Pad2d`]: padding of images.

use std::fmt;

use crate::error::check_setting_of;
use crate::kernels::rows::{Rows, each_row};
use crate::kernels::{flat, flat_mut};
use crate::layer::{Backward, Layer, Parts, Pass, Restore};
use crate::spec::Spec;
use crate::spec::onnx::{Attribute, Operators};
use crate::spec::rust::{Code, functions};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Pads images with zeros or another constant, by reflection at the edges, or by replicating the edge pixels.
///
/// The padding is `[[above, below], [left, right]]`, in pixels. With two pixels on each side of a b c, `zero` gives 0 0
/// a b c 0 0, `constant` the same with its value, `reflect` c b a b c b a, and `replicate` a a a b c c c, like
/// `PyTorch`'s `ZeroPad2d`, `ConstantPad2d`, `ReflectionPad2d` and `ReplicationPad2d`. The gradient of a pixel is the
/// sum over its copies. Convolution and pooling layers have padding of their own.
///
/// x is (samples, `[channels, height, width]`), y is (samples, `[channels, above + height + below, left + width +
/// right]`).
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let predict = |pad| Sequential::new([1, 1, 3]).with(pad)?.predict(&array![[1.0, 2.0, 3.0]]);
/// let padding = [[0, 0], [2, 1]];
/// assert_eq!(predict(Pad2d::zero(padding))?, array![[0.0, 0.0, 1.0, 2.0, 3.0, 0.0]]);
/// assert_eq!(predict(Pad2d::constant(padding, -1.0))?, array![[-1.0, -1.0, 1.0, 2.0, 3.0, -1.0]]);
/// assert_eq!(predict(Pad2d::reflect(padding))?, array![[3.0, 2.0, 1.0, 2.0, 3.0, 2.0]]);
/// assert_eq!(predict(Pad2d::replicate(padding))?, array![[1.0, 1.0, 1.0, 2.0, 3.0, 3.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, PartialEq)]
pub struct Pad2d {
    padding: [[usize; 2]; 2],
    mode: Mode,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mode {
    Constant(f64),
    Reflect,
    Replicate,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Constant(0.0) => "zero",
            Self::Constant(_) => "constant",
            Self::Reflect => "reflect",
            Self::Replicate => "replicate",
        }
    }

    /// The value of the padding, if it is constant; else 0.
    fn value(self) -> f64 {
        if let Self::Constant(value) = self { value } else { 0.0 }
    }

    /// The source of output `position` on an axis of length n with `before` pixels of padding; `None` for a constant.
    #[inline(always)]
    fn source(self, position: usize, before: usize, n: usize) -> Option<usize> {
        match (position.checked_sub(before), self) {
            (Some(pixel), _) if pixel < n => Some(pixel),
            (_, Self::Constant(_)) => None,
            (None, Self::Reflect) => Some(before - position),
            (None, Self::Replicate) => Some(0),
            (Some(beyond), Self::Reflect) => Some(2 * (n - 1) - beyond),
            (Some(_), Self::Replicate) => Some(n - 1),
        }
    }
}

impl Pad2d {
    /// Pads with zeros.
    pub fn zero(padding: [[usize; 2]; 2]) -> Self {
        Self::constant(padding, 0.0)
    }

    /// Pads with this value.
    pub fn constant(padding: [[usize; 2]; 2], value: f64) -> Self {
        Self { padding, mode: Mode::Constant(value) }
    }

    /// Reflects the image without repeating the edge pixels. The padding must be smaller than the image.
    pub fn reflect(padding: [[usize; 2]; 2]) -> Self {
        Self { padding, mode: Mode::Reflect }
    }

    /// Replicates the edge pixels.
    pub fn replicate(padding: [[usize; 2]; 2]) -> Self {
        Self { padding, mode: Mode::Replicate }
    }

    /// Calls `f` for each output position with its source pixel, or `None` for a constant.
    #[inline(always)]
    fn each_pixel(self, input: Shape, mut f: impl FnMut(usize, Option<usize>)) {
        let Shape::Image { channels, height, width } = input else { return };
        let [[above, below], [left, right]] = self.padding;
        let mut position = 0;
        for channel in 0..channels {
            for row in 0..above + height + below {
                let row = self.mode.source(row, above, height).map(|row| (channel * height + row) * width);
                for column in 0..left + width + right {
                    let column = self.mode.source(column, left, width);
                    f(position, row.and_then(|row| Some(row + column?)));
                    position += 1;
                }
            }
        }
    }
}

impl<A: Scalar> Layer<A> for Pad2d {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let value = self.mode.value();
        check_setting_of(self, "value", value, "a number", !value.is_nan())?;
        let wrong = |wants: String| Error::Input { layer: format!("{self:?}"), wants, got: input };
        let Shape::Image { channels, height, width } = input else {
            return Err(wrong("images [channels, height, width]".into()));
        };
        let [least_height, least_width] = self.padding.map(|[before, after]| match self.mode {
            Mode::Constant(_) => 0,
            Mode::Replicate => usize::from(before > 0 || after > 0),
            Mode::Reflect => before.max(after).saturating_add(usize::from(before > 0 || after > 0)),
        });
        if height < least_height || width < least_width {
            return Err(wrong(format!("images of at least {} x {} pixels", least_height.max(1), least_width.max(1))));
        }
        let [height, width] = [(height, self.padding[0]), (width, self.padding[1])]
            .map(|(n, [before, after])| n.saturating_add(before).saturating_add(after));
        Ok([channels, height, width].into())
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let (input, before, after) = (pass.input, x.ncols(), y.ncols());
        let value = A::of(self.mode.value());
        each_row(
            (Rows(flat(x), before), Rows(flat_mut(y), after)),
            after,
            #[inline(always)]
            |(x, y)| self.each_pixel(input, |position, pixel| y[position] = pixel.map_or(value, |pixel| x[pixel])),
        );
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let Some(dx) = at.dx else { return Ok(()) };
        let (input, before, after) = (pass.input, dx.ncols(), at.dy.ncols());
        each_row(
            (Rows(flat_mut(dx), before), Rows(flat(at.dy), after)),
            after,
            #[inline(always)]
            |(dx, dy)| {
                dx.fill(A::ZERO);
                self.each_pixel(input, |position, pixel| {
                    if let Some(pixel) = pixel {
                        dx[pixel] += dy[position];
                    }
                });
            },
        );
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        let [[above, below], [left, right]] = self.padding;
        let name = self.mode.name();
        let spec = Spec::new("pad2d").set("mode", name).set("cells", [above, below, left, right]);
        Some(if name == "constant" { spec.set("value", self.mode.value()) } else { spec })
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let [[above, below], [left, right]] = self.padding.map(|padding| padding.map(|n| n as i64));
        let padding = operators.integers(&[0, 0, above, left, 0, 0, below, right]);
        let mode = match self.mode {
            Mode::Constant(_) => "constant",
            Mode::Reflect => "reflect",
            Mode::Replicate => "edge",
        };
        let mode = [("mode", Attribute::Text(mode.into()))];
        if self.mode.name() == "constant" {
            let value = operators.number(self.mode.value());
            operators.then("Pad", &[&padding, &value], mode);
        } else {
            operators.then("Pad", &[&padding], mode);
        }
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let Shape::Image { channels, height, width } = code.input() else { return Err(Error::not_rust(&self)) };
        let [[above, below], [left, right]] = self.padding;
        let outputs = channels * (above + height + below) * (left + width + right);
        let (padding, source) = (format!("{:?}", self.padding), format!("kernels::{}", self.mode.name()));
        let value = code.number(self.mode.value());
        code.then(&functions::PAD2D, outputs, &[&format!("[{height}, {width}]"), &padding, &source, &value]);
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for Pad2d {
    const KIND: &'static str = "pad2d";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let [above, below, left, right] = spec.counts("cells")?;
        let mode = match spec.text("mode")? {
            "zero" => Mode::Constant(0.0),
            "constant" => Mode::Constant(spec.number("value")?),
            "reflect" => Mode::Reflect,
            "replicate" => Mode::Replicate,
            name => {
                let problem = format!("there is no mode {name}; take zero, constant, reflect or replicate");
                return Err(spec.problem(problem));
            }
        };
        Ok(Self { padding: [[above, below], [left, right]], mode })
    }
}

impl fmt::Debug for Pad2d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [[above, below], [left, right]] = self.padding;
        let (name, value) = (self.mode.name(), self.mode.value());
        let value = if name == "constant" { format!(" {value}") } else { String::new() };
        write!(f, "Pad2d({name}{value}, {above}+{below} x {left}+{right})")
    }
}
