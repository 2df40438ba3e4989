//! Every path against direct summation, in every layout.

use std::cell::Cell;

use ndarray::{Array2, ArrayRef2, ArrayView2, ArrayViewMut2, ShapeBuilder, Slice, s};
use pulp::Arch;
use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};

use super::{gemm, gemm_fused};
use crate::Scalar;

thread_local! {
    /// Overrides the instruction set for products on this thread, which then use one thread.
    pub(super) static ARCH: Cell<Option<Arch>> = const { Cell::new(None) };
}

type Rng = Xoshiro256PlusPlus;

/// A random matrix inside a larger one: row-major or column-major, with gaps, forwards or backwards.
struct Scattered<A> {
    storage: Array2<A>,
    by_columns: bool,
    rows: Slice,
    columns: Slice,
}

impl<A: Scalar> Scattered<A> {
    fn new(rows: usize, columns: usize, rng: &mut Rng) -> Self {
        let by_columns = rng.random();
        let mut place = |len: usize| {
            let step = [1, 1, 1, 1, 1, 2, -1, -1, 3, -2][rng.random_range(0..10)];
            let start = rng.random_range(0..4_usize).cast_signed();
            let end = start + len.cast_signed() * isize::abs(step);
            (end as usize + rng.random_range(0..3), Slice::new(start, Some(end), step))
        };
        let ((height, rows), (width, columns)) = (place(rows), place(columns));
        let dim = if by_columns { (width, height) } else { (height, width) };
        Self { storage: random(dim, rng), by_columns, rows, columns }
    }

    fn view(&self) -> ArrayView2<'_, A> {
        let view = self.storage.view();
        (if self.by_columns { view.reversed_axes() } else { view }).slice_move(s![self.rows, self.columns])
    }

    fn view_mut(&mut self) -> ArrayViewMut2<'_, A> {
        let view = self.storage.view_mut();
        (if self.by_columns { view.reversed_axes() } else { view }).slice_move(s![self.rows, self.columns])
    }
}

fn random<A: Scalar>(dim: (usize, usize), rng: &mut Rng) -> Array2<A> {
    Array2::from_shape_simple_fn(dim, || A::of(rng.random_range(-1.0..1.0)))
}

/// Compares c, previously `old`, with sums in f64. Returns the number of compared elements.
fn check<A: Scalar>(
    alpha: A,
    a: &ArrayRef2<A>,
    b: &ArrayRef2<A>,
    beta: A,
    old: &ArrayRef2<A>,
    c: &ArrayRef2<A>,
) -> usize {
    let k = a.ncols();
    for ((i, j), &c) in c.indexed_iter() {
        let (mut sum, mut size) = (0.0, 0.0);
        for p in 0..k {
            let term = a[[i, p]].to_f64() * b[[p, j]].to_f64();
            sum += term;
            size += term.abs();
        }
        let kept = if beta == A::ZERO { 0.0 } else { beta.to_f64() * old[[i, j]].to_f64() };
        let expected = alpha.to_f64() * sum + kept;
        // k roundings each in the product and the expected value, and a few more.
        let bound = A::EPSILON.to_f64() * (2.0 * (k + 2) as f64 * alpha.to_f64().abs() * size + 4.0 * kept.abs());
        let error = (c.to_f64() - expected).abs();
        assert!(
            error <= bound,
            "element ({i}, {j}) of {:?} x {:?}: {c} for {expected}, off by {error:e} > {bound:e}",
            a.dim(),
            b.dim()
        );
    }
    c.len()
}

fn random_products<A: Scalar>(products: usize, seed: u64) {
    let rng = &mut Rng::seed_from_u64(seed);
    let (mut compared, mut empty) = (0, 0);
    for round in 0..products {
        // Mostly near the sizes of tiles, sometimes long in one direction.
        let mut side = |long: usize| {
            let most = [1, 2, 5, 9, 20, 40, 70, long][rng.random_range(0..8)];
            rng.random_range(usize::from(round % 20 != 0)..=most)
        };
        let (m, k, n) = (side(150), side(1100), side(300));
        let a = Scattered::<A>::new(m, k, rng);
        let b = Scattered::<A>::new(k, n, rng);
        let mut c = Scattered::<A>::new(m, n, rng);
        let number = |rng: &mut Rng| A::of([0.0, 1.0, 1.0, -1.0, rng.random_range(-2.0..2.0)][rng.random_range(0..5)]);
        let (alpha, beta) = (number(rng), number(rng));
        let old = c.view().to_owned();
        let around = c.storage.clone();
        if beta == A::ZERO {
            c.view_mut().fill(A::NAN);
        }
        gemm(alpha, &a.view(), &b.view(), beta, &mut c.view_mut());
        compared += check(alpha, &a.view(), &b.view(), beta, &old, &c.view());
        empty += usize::from(m * n * k == 0);
        // The memory around c is untouched.
        c.view_mut().assign(&old);
        assert_eq!(c.storage, around);
    }
    assert!(compared > products * 100 && empty > products / 100, "{compared} elements, {empty} empty products");
}

#[test]
fn random_products_agree_f32() {
    random_products::<f32>(2500, 1);
}

#[test]
fn random_products_agree_f64() {
    random_products::<f64>(2500, 2);
}

/// The shapes of the layers, with every transpose.
fn layouts<A: Scalar>() {
    let rng = &mut Rng::seed_from_u64(3);
    for (m, k, n) in
        [(64, 784, 128), (784, 64, 128), (64, 128, 10), (1, 784, 128), (1, 1, 300), (33, 1, 65), (7, 1030, 1)]
    {
        let (a, b): (Array2<A>, Array2<A>) = (random((m, k), rng), random((k, n), rng));
        let (at, bt) = (a.t().as_standard_layout().into_owned(), b.t().as_standard_layout().into_owned());
        let mut c = random((m, n), rng);
        let old = c.clone();
        gemm(A::ONE, &a, &b, A::ONE, &mut c);
        check(A::ONE, &a, &b, A::ONE, &old, &c);
        for (a, b) in [(a.view(), bt.t()), (at.t(), b.view()), (at.t(), bt.t())] {
            let mut by_rows = old.clone();
            gemm(A::ONE, &a, &b, A::ONE, &mut by_rows);
            let mut by_columns = old.t().as_standard_layout().into_owned();
            gemm(A::ONE, &a, &b, A::ONE, &mut by_columns.view_mut().reversed_axes());
            if m > 1 && n > 1 {
                assert!(by_rows == c && by_columns.t() == c, "the bits of {m}x{k}x{n} depend on the layout");
            } else {
                check(A::ONE, &a, &b, A::ONE, &old, &by_rows);
                check(A::ONE, &a, &b, A::ONE, &old, &by_columns.t());
            }
        }
    }
}

#[test]
fn layouts_do_not_matter() {
    layouts::<f32>();
    layouts::<f64>();
}

/// Compares rows of a batch with the same rows alone and in smaller batches, and returns the number of elements.
fn rows_alone<A: Scalar>(batch: usize, k: usize, n: usize, beta: A, rng: &mut Rng) -> usize {
    let (a, b): (Array2<A>, Array2<A>) = (random((batch, k), rng), random((k, n), rng));
    let old: Array2<A> = random((batch, n), rng);
    let mut c = old.clone();
    gemm(A::ONE, &a, &b, beta, &mut c);
    let mut compared = 0;
    for (from, to) in [(0, 1), (batch - 1, batch), (batch / 2, batch / 2 + 1), (1, 3), (0, batch / 2), (1, batch)] {
        let mut part = old.slice(s![from..to, ..]).to_owned();
        gemm(A::ONE, &a.slice(s![from..to, ..]), &b, beta, &mut part);
        assert_eq!(part, c.slice(s![from..to, ..]), "rows {from}..{to} of {batch}x{k}x{n}");
        compared += part.len();
        // A row is contiguous in both orders.
        if to == from + 1 {
            let by_columns = Array2::from_shape_vec((1, k).f(), a.row(from).to_vec()).unwrap();
            let mut part = old.slice(s![from..to, ..]).to_owned();
            gemm(A::ONE, &by_columns, &b, beta, &mut part);
            assert_eq!(part, c.slice(s![from..to, ..]), "row {from} of {batch}x{k}x{n}, by columns");
        }
    }
    compared
}

#[test]
fn a_row_alone_is_the_row_of_the_batch() {
    fn rows<A: Scalar>() {
        let rng = &mut Rng::seed_from_u64(4);
        let mut compared = 0;
        for (k, n) in [(784, 128), (128, 10), (1300, 70), (16, 33), (12, 70_000), (3000, 1), (385, 15)] {
            compared += rows_alone(65, k, n, A::ZERO, rng);
        }
        for k in [1, 2, 3, 4, 5, 8, 16, 31, 64, 127, 128, 129] {
            for n in [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33, 64, 127, 128, 129] {
                for batch in [3, 7, 8, 64] {
                    compared += rows_alone(batch, k, n, A::of((batch % 2) as f64), rng);
                }
            }
        }
        // Columns that many rows make a stream.
        for k in 1..=9 {
            compared += rows_alone(300, k, 1, A::ZERO, rng) + rows_alone(65, k, 1, A::of(0.5), rng);
        }
        assert!(compared > 500_000, "{compared}");
    }
    rows::<f32>();
    rows::<f64>();
}

/// The columns of the other kind of product.
#[test]
fn a_fused_column_is_the_column_of_more() {
    let rng = &mut Rng::seed_from_u64(9);
    for (m, k) in [(8, 8), (8, 400), (40, 9), (3, 2)] {
        let (a, b): (Array2<f32>, Array2<f32>) = (random((m, k), rng), random((k, 70), rng));
        let mut c = Array2::zeros((m, 70));
        gemm_fused(&a, &b, &mut c);
        for (from, to) in [(0, 2), (5, 8), (13, 70)] {
            let (b, mut part) = (b.slice(s![.., from..to]).to_owned(), Array2::zeros((m, to - from)));
            gemm_fused(&a, &b, &mut part);
            assert_eq!(part, c.slice(s![.., from..to]), "columns {from}..{to} of {m}x{k}");
        }
    }
}

#[test]
fn not_a_number_passes_through() {
    for (m, k, n) in [(2, 2, 2), (1, 784, 128), (40, 50, 60), (50, 300, 1)] {
        let a = Array2::from_elem((m, k), 0.0_f32);
        let mut b = Array2::from_elem((k, n), 1.0_f32);
        b[[k - 1, n - 1]] = f32::INFINITY;
        let bt = b.t().as_standard_layout().into_owned();
        for b in [b.view(), bt.t()] {
            let mut c = Array2::zeros((m, n));
            gemm(1.0, &a, &b, 0.0, &mut c);
            for ((_, j), c) in c.indexed_iter() {
                assert_eq!(c.is_nan(), j == n - 1, "0 times infinity in {m}x{k}x{n}");
            }
            // alpha = 0 still propagates NaN, and beta scales c.
            c.fill(2.0);
            gemm(0.0, &a, &b, 0.5, &mut c);
            for ((_, j), &c) in c.indexed_iter() {
                assert!(if j == n - 1 { c.is_nan() } else { c == 1.0 });
            }
        }
    }
}

#[test]
fn broadcast_operands() {
    let rng = &mut Rng::seed_from_u64(5);
    for (m, k, n) in [(3, 2, 4), (70, 90, 80), (1, 500, 64), (64, 500, 1)] {
        let (row, column): (Array2<f32>, Array2<f32>) = (random((1, k), rng), random((k, 1), rng));
        let (a, b) = (row.broadcast((m, k)).unwrap(), column.broadcast((k, n)).unwrap());
        let mut c = Array2::zeros((m, n));
        gemm(1.0, &a, &b, 0.0, &mut c);
        check(1.0, &a, &b, 0.0, &Array2::zeros((m, n)), &c);
    }
}

#[test]
#[should_panic(expected = "(2, 3) x (4, 2) does not give (2, 2)")]
fn shapes_must_fit() {
    let (a, b) = (Array2::<f32>::zeros((2, 3)), Array2::zeros((4, 2)));
    gemm(1.0, &a, &b, 0.0, &mut Array2::zeros((2, 2)));
}

#[cfg(feature = "parallel")]
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    fn products<A: Scalar>(pool: &rayon::ThreadPool) -> Vec<Array2<A>> {
        let rng = &mut Rng::seed_from_u64(6);
        // The sides, and whether a and b are column-major; that of 3 rows has a single row in some part.
        let shapes = [
            (64, 784, 128, false, false),
            (784, 64, 128, true, false),
            (129, 127, 257, false, true),
            (10, 3000, 100, true, true),
            (2000, 300, 10, false, false),
            (2000, 300, 10, true, false),
            (1, 1500, 1500, false, true),
            (1, 1500, 1500, false, false),
            (3, 500_000, 2, false, true),
            (6000, 601, 1, false, false),
            (300_001, 3, 1, false, false),
        ];
        let products = shapes.map(|(m, k, n, a_by_columns, b_by_columns)| {
            let [a, b] = [(m, k, a_by_columns), (k, n, b_by_columns)].map(|(rows, columns, by_columns)| {
                if by_columns { random((columns, rows), rng).reversed_axes() } else { random((rows, columns), rng) }
            });
            let mut c = random((m, n), rng);
            pool.install(|| gemm(A::of(0.5), &a, &b, A::ONE, &mut c));
            c
        });
        products.into()
    }
    fn check<A: Scalar>() {
        let [one, rest @ ..] = [1, 2, 3, 8].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            products::<A>(&pool)
        });
        for (threads, results) in [2, 3, 8].into_iter().zip(rest) {
            assert!(one == results, "{threads} threads change the bits");
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn narrower_instruction_sets_agree() {
    let mut sets = vec![Arch::Scalar];
    #[cfg(target_arch = "x86_64")]
    sets.extend(pulp::x86::V3::try_new().map(Arch::V3));
    for arch in sets {
        ARCH.set(Some(arch));
        random_products::<f32>(300, 7);
        random_products::<f64>(300, 8);
        layouts::<f32>();
        layouts::<f64>();
        ARCH.set(None);
    }
}
