//! Copies of the operands in the order in which tiles read them, in per-thread buffers.

use std::cell::RefCell;

use pulp::Simd;

use super::View;
use super::element::Element;
use super::tile::ROWS;

/// Bytes for a block of b: a fraction of the L2 cache, with room for a and c.
pub(super) const B_BYTES: usize = 256 << 10;
/// Rows of a that are packed together.
pub(super) const A_ROWS: usize = 48;
/// Bytes for those rows.
pub(super) const A_BYTES: usize = A_ROWS * 512 * 4;

/// A cache line, for alignment.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[allow(dead_code, reason = "only its place is used")] [u8; 64]);

thread_local! {
    static SPACE: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// Calls `f` with this thread's packing space for a and b, of [`A_BYTES`] and [`B_BYTES`], uninitialized. Allocates
/// only on the first call in a thread.
pub(super) fn with_space<A, R>(f: impl FnOnce(*mut A, *mut A) -> R) -> R {
    SPACE.with_borrow_mut(|space| {
        space.reserve_exact((A_BYTES + B_BYTES) / size_of::<Line>());
        let start = space.as_mut_ptr();
        f(start.cast(), start.wrapping_add(A_BYTES / size_of::<Line>()).cast())
    })
}

/// Packs `columns` columns of b, of length k, as k rows of `width` contiguous elements, zero past the last column.
///
/// # Safety
/// b must hold k x `columns` readable elements, `to` have room for k x `width`, and `columns <= width`; `width` must be
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
            // In 4 x 4 blocks, along four columns at a time, to read whole cache lines.
            let (fours, line) = (columns / 4 * 4, 64);
            for first in (0..k).step_by(line) {
                let last = k.min(first + line);
                for j in (0..fours).step_by(4) {
                    let mut p = first;
                    if b.row == 1 {
                        let columns: [*const A; 4] = std::array::from_fn(|i| b.at(0, j + i).cast_const());
                        while p + 4 <= last {
                            A::transpose(columns.map(|column| column.add(p)), to.add(p * width + j), width);
                            p += 4;
                        }
                    }
                    for p in p..last {
                        for j in j..j + 4 {
                            *to.add(p * width + j) = *b.at(p, j);
                        }
                    }
                }
                for p in first..last {
                    for j in fours..width {
                        *to.add(p * width + j) = if j < columns { *b.at(p, j) } else { A::ZERO };
                    }
                }
            }
        }
    }
}

/// Packs up to [`A_ROWS`] rows of a, of length k, in column-major groups of `group` rows.
///
/// # Safety
/// a must hold `rows` x k readable elements, and `to` have room for `rows` x k rounded up to whole groups.
#[inline(always)]
pub(super) unsafe fn rows<A: Element>(a: View<A>, rows: usize, k: usize, to: *mut A, group: usize) {
    let whole = if a.row == 1 && group == ROWS { rows / ROWS * ROWS } else { 0 };
    // SAFETY: the group of row `first` starts at `first * k`; its rows and p < k stay within both.
    unsafe {
        // Column by column, to read each cache line of a once.
        for p in 0..k {
            let from = a.at(0, p);
            for first in (0..whole).step_by(ROWS) {
                to.add(first * k + p * ROWS).cast::<[A; ROWS]>().write(from.add(first).cast::<[A; ROWS]>().read());
            }
        }
        for first in (whole..rows).step_by(group) {
            let to = to.add(first * k);
            for i in 0..group.min(rows - first) {
                for p in 0..k {
                    *to.add(p * group + i) = *a.at(first + i, p);
                }
            }
        }
    }
}
