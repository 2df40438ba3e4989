//! [`Element`]: the vector instructions on `f32` and `f64`.

use pulp::{MemMask, Simd};

use crate::Scalar;

/// A number type with vector instructions. The lanes of a vector never mix, but in [`sum`](Element::sum).
pub(super) trait Element: Scalar {
    /// A vector register of the instruction set `S`.
    type Vector<S: Simd>: Copy;
    /// Which lanes a masked load or store touches.
    type Mask<S: Simd>: Copy;

    /// Numbers in a vector.
    fn lanes<S: Simd>() -> usize {
        size_of::<Self::Vector<S>>() / size_of::<Self>()
    }
    /// x in every lane.
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Vector<S>;
    /// x * y.
    fn times<S: Simd>(simd: S, x: Self::Vector<S>, y: Self::Vector<S>) -> Self::Vector<S>;
    /// x + y.
    fn plus<S: Simd>(simd: S, x: Self::Vector<S>, y: Self::Vector<S>) -> Self::Vector<S>;
    /// x * y + z, rounded once where the instruction set can.
    fn mul_add<S: Simd>(simd: S, x: Self::Vector<S>, y: Self::Vector<S>, z: Self::Vector<S>) -> Self::Vector<S>;
    /// The sum of the lanes.
    fn sum<S: Simd>(simd: S, x: Self::Vector<S>) -> Self;
    /// The first `count` lanes.
    fn first<S: Simd>(simd: S, count: usize) -> Self::Mask<S>;
    /// Loads the lanes of the mask, zero elsewhere.
    ///
    /// # Safety
    /// Those lanes must be readable at `from`.
    unsafe fn load_some<S: Simd>(simd: S, mask: Self::Mask<S>, from: *const Self) -> Self::Vector<S>;
    /// Stores the lanes of the mask.
    ///
    /// # Safety
    /// Those lanes must be writable at `to`.
    unsafe fn store_some<S: Simd>(simd: S, mask: Self::Mask<S>, to: *mut Self, x: Self::Vector<S>);
}

macro_rules! element {
    ($float:ident, $vector:ident, $mask:ident, $count:ident, $splat:ident, $mul:ident, $add:ident, $mul_add:ident,
     $sum:ident, $between:ident, $load:ident, $store:ident) => {
        impl Element for $float {
            type Vector<S: Simd> = S::$vector;
            type Mask<S: Simd> = MemMask<S::$mask>;

            #[inline(always)]
            fn splat<S: Simd>(simd: S, x: Self) -> Self::Vector<S> {
                simd.$splat(x)
            }
            #[inline(always)]
            fn times<S: Simd>(simd: S, x: Self::Vector<S>, y: Self::Vector<S>) -> Self::Vector<S> {
                simd.$mul(x, y)
            }
            #[inline(always)]
            fn plus<S: Simd>(simd: S, x: Self::Vector<S>, y: Self::Vector<S>) -> Self::Vector<S> {
                simd.$add(x, y)
            }
            #[inline(always)]
            fn mul_add<S: Simd>(
                simd: S,
                x: Self::Vector<S>,
                y: Self::Vector<S>,
                z: Self::Vector<S>,
            ) -> Self::Vector<S> {
                simd.$mul_add(x, y, z)
            }
            #[inline(always)]
            fn sum<S: Simd>(simd: S, x: Self::Vector<S>) -> Self {
                simd.$sum(x)
            }
            #[inline(always)]
            fn first<S: Simd>(simd: S, count: usize) -> Self::Mask<S> {
                // A mask of one's own takes the plain masked instructions, which are faster than pulp's table of calls.
                MemMask::new(simd.$between(0, count as $count).mask())
            }
            #[inline(always)]
            unsafe fn load_some<S: Simd>(simd: S, mask: Self::Mask<S>, from: *const Self) -> Self::Vector<S> {
                // SAFETY: passed on.
                unsafe { simd.$load(mask, from) }
            }
            #[inline(always)]
            unsafe fn store_some<S: Simd>(simd: S, mask: Self::Mask<S>, to: *mut Self, x: Self::Vector<S>) {
                // SAFETY: passed on.
                unsafe { simd.$store(mask, to, x) }
            }
        }
    };
}

element!(
    f32,
    f32s,
    m32s,
    u32,
    splat_f32s,
    mul_f32s,
    add_f32s,
    mul_add_e_f32s,
    reduce_sum_f32s,
    mask_between_m32s,
    mask_load_ptr_f32s,
    mask_store_ptr_f32s
);
element!(
    f64,
    f64s,
    m64s,
    u64,
    splat_f64s,
    mul_f64s,
    add_f64s,
    mul_add_e_f64s,
    reduce_sum_f64s,
    mask_between_m64s,
    mask_load_ptr_f64s,
    mask_store_ptr_f64s
);
