/// A weight: a number, or eight bits that are multiplied by a scale of their channel.
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

/// y = y·scale + bias, elementwise; what is empty is left out.
#[inline]
pub fn finish(y: &mut [Number], scale: &[Number], bias: &[Number]) {
    for (y, scale) in y.iter_mut().zip(scale) {
        *y *= scale;
    }
    for (y, bias) in y.iter_mut().zip(bias) {
        *y += bias;
    }
}

/// y = y·scale + bias for all of one channel.
#[inline]
pub fn finish_channel(y: &mut [Number], channel: usize, scale: &[Number], bias: &[Number]) {
    let (scale, bias) = (scale.get(channel).copied().unwrap_or(1.0), bias.get(channel).copied().unwrap_or(0.0));
    for y in y {
        *y = *y * scale + bias;
    }
}
