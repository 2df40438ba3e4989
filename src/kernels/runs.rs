//! Normalization of contiguous runs, with parameters per position in a run, for layer norm and RMS norm. The formulas
//! are those of [`normalize`](super::normalize), with statistics of runs instead of channels.

use super::channels::block_sums;
use super::normalize::{Plain, deviation, rstd, split};
use super::rows::{Rows, each_row};
use super::simd::rows;
use super::streams::Streams;
use crate::Scalar;

/// Rows of three streams.
type Three<'s, A> = (Rows<&'s [A]>, Rows<&'s [A]>, Rows<&'s [A]>);

/// The normalization of runs; unless `centered`, the mean is taken as 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Runs {
    pub(crate) centered: bool,
    pub(crate) eps: f64,
}

/// What [`Runs`] keeps for the backward pass.
#[derive(Debug)]
pub(crate) struct RunsState<A> {
    /// hi, lo and rstd of each run.
    statistics: Vec<A>,
    partial: Vec<f64>,
    sums: Vec<f64>,
    /// w = 1 and b = 0, for norms without parameters.
    plain: Plain<A>,
}

impl<A> Default for RunsState<A> {
    fn default() -> Self {
        Self { statistics: Vec::new(), partial: Vec::new(), sums: Vec::new(), plain: Plain::default() }
    }
}

impl Runs {
    /// y = x̂·w + b for runs of `size` elements.
    pub(crate) fn forward<A: Scalar>(
        self,
        (x, y): (&[A], &mut [A]),
        size: usize,
        parameters: [Option<&[A]>; 2],
        state: &mut RunsState<A>,
    ) {
        let (w, b) = state.plain.or(parameters, size);
        state.statistics.resize(x.len() / size * 3, A::ZERO);
        let n = size as f64;
        let runs = (Rows(x, size), Rows(y, size), Rows(&mut state.statistics[..], 3));
        each_row(
            runs,
            size,
            #[inline(always)]
            move |(x, y, statistics)| {
                let mean = if self.centered { rows::sum(x, |&x| x) / n } else { 0.0 };
                let (hi, lo) = split(mean);
                let squares = rows::sum(
                    x,
                    #[inline(always)]
                    |&x| {
                        let deviation = deviation(x, hi, lo).to_f64();
                        deviation * deviation
                    },
                );
                let rstd = A::of(rstd(squares / n, self.eps));
                statistics.copy_from_slice(&[hi, lo, rstd]);
                rows::each(
                    (x, y, w, b),
                    #[inline(always)]
                    |(&x, y, &w, &b)| *y = deviation(x, hi, lo) * rstd * w + b,
                );
            },
        );
    }

    /// Whether the last forward pass had this number and size of runs.
    pub(crate) fn fits<A>(x: &[A], size: usize, state: &RunsState<A>) -> bool {
        state.statistics.len() == x.len() / size * 3
    }

    /// dx, and dw and db for parameters, if any.
    pub(crate) fn backward<A: Scalar>(
        self,
        (x, dy, dx): (&[A], &[A], Option<&mut [A]>),
        size: usize,
        parameters: [Option<&[A]>; 2],
        [dw, db]: [Option<&mut [A]>; 2],
        state: &mut RunsState<A>,
    ) {
        let RunsState { statistics, partial, sums, plain } = state;
        let (statistics, n) = (Rows(&statistics[..], 3), size as f64);
        if let Some(dw) = dw {
            sums.resize(2 * size, 0.0);
            let runs = (Rows(x, size), Rows(dy, size), statistics);
            block_sums(
                runs,
                size,
                partial,
                sums,
                #[inline(always)]
                |runs: Three<'_, A>, sums| {
                    let (dw, db) = sums.split_at_mut(size);
                    for (x, dy, statistics) in runs.items() {
                        let &[hi, lo, rstd] = statistics else { continue };
                        rows::each(
                            (x, dy, &mut *dw, &mut *db),
                            #[inline(always)]
                            |(&x, &dy, dw, db)| {
                                *dw += (dy * (deviation(x, hi, lo) * rstd)).to_f64();
                                *db += dy.to_f64();
                            },
                        );
                    }
                },
            );
            dw.iter_mut().zip(&sums[..size]).for_each(|(dw, &sum)| *dw = A::of(sum));
            if let Some(db) = db {
                db.iter_mut().zip(&sums[size..]).for_each(|(db, &sum)| *db = A::of(sum));
            }
        }
        let Some(dx) = dx else { return };
        let (w, _) = plain.or(parameters, size);
        let runs = (Rows(x, size), Rows(dy, size), Rows(dx, size), statistics);
        each_row(
            runs,
            size,
            #[inline(always)]
            move |(x, dy, dx, statistics)| {
                let &[hi, lo, rstd] = statistics else { return };
                let m1 = if self.centered { rows::sum((dy, w), |(&dy, &w)| w * dy) / n } else { 0.0 };
                let m2 = rows::sum(
                    (x, dy, w),
                    #[inline(always)]
                    |(&x, &dy, &w)| w * dy * (deviation(x, hi, lo) * rstd),
                );
                let (m1, m2) = (A::of(m1), A::of(m2 / n));
                rows::each(
                    (x, dy, dx, w),
                    #[inline(always)]
                    |(&x, &dy, dx, &w)| *dx = rstd * (w * dy - m1 - deviation(x, hi, lo) * rstd * m2),
                );
            },
        );
    }
}
