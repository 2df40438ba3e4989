/// A weight: a number, or an eight-bit integer to be multiplied by the scale of its channel.
pub trait Weight: Copy {
    fn number(self) -> Number;
}

impl Weight for Number {
    #[inline(always)]
    fn number(self) -> Number {
        self
    }
}

impl Weight for i8 {
    #[inline(always)]
    fn number(self) -> Number {
        Number::from(self)
    }
}

/// The larger number; NaN if either is.
#[inline(always)]
pub fn maximum(x: Number, y: Number) -> Number {
    if x > y || x.is_nan() { x } else { y }
}

/// The smaller number; NaN if either is.
#[inline(always)]
pub fn minimum(x: Number, y: Number) -> Number {
    if x < y || x.is_nan() { x } else { y }
}

/// y = y·scale + bias, elementwise; an empty scale or bias is left out.
#[inline]
pub fn finish(y: &mut [Number], scale: &[Number], bias: &[Number]) {
    for (y, scale) in y.iter_mut().zip(scale) {
        *y *= scale;
    }
    for (y, bias) in y.iter_mut().zip(bias) {
        *y += bias;
    }
}

/// y = y·scale + bias for all elements of one channel.
#[inline]
pub fn finish_channel(y: &mut [Number], channel: usize, scale: &[Number], bias: &[Number]) {
    let (scale, bias) = (scale.get(channel).copied().unwrap_or(1.0), bias.get(channel).copied().unwrap_or(0.0));
    for y in y {
        *y = *y * scale + bias;
    }
}
