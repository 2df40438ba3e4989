//! Copies of the operands in the order in which the tiles read them, in space that each thread keeps.

use std::cell::RefCell;

use pulp::Simd;

use super::View;
use super::element::Element;
use super::tile::ROWS;

/// Bytes for a block of b: half of a usual second-level cache.
pub(super) const B_BYTES: usize = 512 << 10;
/// Rows of a that are packed together.
pub(super) const A_ROWS: usize = 48;
/// Bytes for them.
pub(super) const A_BYTES: usize = A_ROWS * 512 * 4;

/// A cache line, for alignment.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[allow(dead_code, reason = "only its place is used")] [u8; 64]);

thread_local! {
    static SPACE: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// Calls `f` with this thread's packing space for a and for b, of [`A_BYTES`] and [`B_BYTES`]; what they hold is not
/// initialized. Allocates on the first call in a thread only.
pub(super) fn with_space<A, R>(f: impl FnOnce(*mut A, *mut A) -> R) -> R {
    SPACE.with_borrow_mut(|space| {
        space.reserve_exact((A_BYTES + B_BYTES) / size_of::<Line>());
        let start = space.as_mut_ptr();
        f(start.cast(), start.wrapping_add(A_BYTES / size_of::<Line>()).cast())
    })
}

/// Packs `columns` columns of b, k long, as k rows of `width` contiguous numbers, zero where there is no column.
///
/// # Safety
/// b must hold k x `columns` readable numbers, `to` have room for k x `width`, and `columns <= width`; `width` must be
/// a multiple of the lanes.
#[inline(always)]
pub(super) unsafe fn columns<A: Element, S: Simd>(
    simd: S,
    b: View<A>,
    k: usize,
    columns: usize,
    to: *mut A,
    width: usize,
) {
    let lanes = A::lanes::<S>();
    // SAFETY: p < k, j < columns and j < width stay within both.
    unsafe {
        if b.column == 1 {
            let full = columns / lanes * lanes;
            let rest = A::first(simd, columns - full);
            for p in 0..k {
                let (from, to) = (b.at(p, 0), to.add(p * width));
                for j in (0..full).step_by(lanes) {
                    to.add(j)
                        .cast::<A::Vector<S>>()
                        .write_unaligned(from.add(j).cast::<A::Vector<S>>().read_unaligned());
                }
                if full < width {
                    let mut j = full;
                    if columns > full {
                        to.add(j).cast::<A::Vector<S>>().write_unaligned(A::load_some(simd, rest, from.add(j)));
                        j += lanes;
                    }
                    while j < width {
                        to.add(j).cast::<A::Vector<S>>().write_unaligned(A::splat(simd, A::ZERO));
                        j += lanes;
                    }
                }
            }
        } else {
            for j in 0..columns {
                let mut from = b.at(0, j);
                for p in 0..k {
                    *to.add(p * width + j) = *from;
                    from = from.wrapping_offset(b.row);
                }
            }
            for j in columns..width {
                for p in 0..k {
                    *to.add(p * width + j) = A::ZERO;
                }
            }
        }
    }
}

/// Packs up to [`A_ROWS`] rows of a, k long, in groups of [`ROWS`]: within a group column after column.
///
/// # Safety
/// a must hold `rows` x k readable numbers, and `to` have room for `rows` x k rounded up to whole groups.
#[inline(always)]
pub(super) unsafe fn rows<A: Element>(a: View<A>, rows: usize, k: usize, to: *mut A) {
    for first in (0..rows).step_by(ROWS) {
        let count = ROWS.min(rows - first);
        // SAFETY: group `first / ROWS` starts at `first * k`; i < count and p < k stay within both.
        unsafe {
            let to = to.add(first * k);
            if count == ROWS && a.row == 1 {
                for p in 0..k {
                    to.add(p * ROWS).cast::<[A; ROWS]>().write(a.at(first, p).cast::<[A; ROWS]>().read());
                }
            } else {
                for i in 0..count {
                    for p in 0..k {
                        *to.add(p * ROWS + i) = *a.at(first + i, p);
                    }
                }
            }
        }
    }
}
