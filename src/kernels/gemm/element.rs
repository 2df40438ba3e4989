//! [`Element`]: the vector instructions on `f32` and `f64`.

use std::sync::LazyLock;

use pulp::{Arch, MemMask, Simd};

use crate::Scalar;

/// The widest instruction set of this machine, detected once.
pub(super) fn arch() -> Arch {
    static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);
    #[cfg(test)]
    if let Some(arch) = super::tests::ARCH.get() {
        return arch;
    }
    *ARCH
}

/// An element type with vector instructions. Lanes are independent, except in [`sum`](Element::sum).
pub(super) trait Element: Scalar {
    /// A vector register of the instruction set `S`.
    type Vector<S: Simd>: Copy;
    /// The lanes that a masked load or store accesses.
    type Mask<S: Simd>: Copy;

    /// Elements per vector.
    fn lanes<S: Simd>() -> usize {
        size_of::<Self::Vector<S>>() / size_of::<Self>()
    }
    /// x in every lane.
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Vector<S>;
    /// x * y.
    fn times<S: Simd>(simd: S, x: Self::Vector<S>, y: Self::Vector<S>) -> Self::Vector<S>;
    /// x + y.
    fn plus<S: Simd>(simd: S, x: Self::Vector<S>, y: Self::Vector<S>) -> Self::Vector<S>;
    /// x * y + z, rounded once where the instruction set supports it.
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
    /// Writes four columns of four elements as four rows with stride `width`.
    ///
    /// # Safety
    /// Four elements must be readable at each of `columns`, and writable at `to` and at the next three rows.
    #[inline(always)]
    unsafe fn transpose(columns: [*const Self; 4], to: *mut Self, width: usize) {
        for i in 0..4 {
            for (j, column) in columns.into_iter().enumerate() {
                // SAFETY: i, j < 4.
                unsafe { *to.add(i * width + j) = *column.add(i) };
            }
        }
    }
}

/// The compiler does not find the shuffles of a transposition. Every x86-64 processor has them.
#[cfg(target_arch = "x86_64")]
mod sse {
    use std::arch::x86_64::{
        _MM_TRANSPOSE4_PS, _mm_loadu_pd, _mm_loadu_ps, _mm_storeu_pd, _mm_storeu_ps, _mm_unpackhi_pd, _mm_unpacklo_pd,
    };

    #[inline(always)]
    pub(super) unsafe fn transpose_f32([a, b, c, d]: [*const f32; 4], to: *mut f32, width: usize) {
        // SAFETY: the contract of `Element::transpose`.
        unsafe {
            let (mut a, mut b, mut c, mut d) = (_mm_loadu_ps(a), _mm_loadu_ps(b), _mm_loadu_ps(c), _mm_loadu_ps(d));
            _MM_TRANSPOSE4_PS(&mut a, &mut b, &mut c, &mut d);
            for (i, row) in [a, b, c, d].into_iter().enumerate() {
                _mm_storeu_ps(to.add(i * width), row);
            }
        }
    }

    #[inline(always)]
    pub(super) unsafe fn transpose_f64([a, b, c, d]: [*const f64; 4], to: *mut f64, width: usize) {
        for (right, [a, b]) in [(0, [a, b]), (2, [c, d])] {
            for down in [0, 2] {
                // SAFETY: the contract of `Element::transpose`; 2 x 2 elements at (down, right).
                unsafe {
                    let (a, b) = (_mm_loadu_pd(a.add(down)), _mm_loadu_pd(b.add(down)));
                    let to = to.add(down * width + right);
                    _mm_storeu_pd(to, _mm_unpacklo_pd(a, b));
                    _mm_storeu_pd(to.add(width), _mm_unpackhi_pd(a, b));
                }
            }
        }
    }
}

macro_rules! element {
    ($float:ident, $vector:ident, $mask:ident, $count:ident, $splat:ident, $mul:ident, $add:ident, $mul_add:ident,
     $sum:ident, $between:ident, $load:ident, $store:ident, $transpose:ident) => {
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
                // A custom mask uses plain masked instructions, which are faster than pulp's table of calls.
                MemMask::new(simd.$between(0, count as $count).mask())
            }
            #[inline(always)]
            unsafe fn load_some<S: Simd>(simd: S, mask: Self::Mask<S>, from: *const Self) -> Self::Vector<S> {
                // SAFETY: the caller's contract.
                unsafe { simd.$load(mask, from) }
            }
            #[inline(always)]
            unsafe fn store_some<S: Simd>(simd: S, mask: Self::Mask<S>, to: *mut Self, x: Self::Vector<S>) {
                // SAFETY: the caller's contract.
                unsafe { simd.$store(mask, to, x) }
            }
            #[cfg(target_arch = "x86_64")]
            #[inline(always)]
            unsafe fn transpose(columns: [*const Self; 4], to: *mut Self, width: usize) {
                // SAFETY: the caller's contract.
                unsafe { sse::$transpose(columns, to, width) }
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
    mask_store_ptr_f32s,
    transpose_f32
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
    mask_store_ptr_f64s,
    transpose_f64
);
