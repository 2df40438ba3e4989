//! Draws as of `numpy.random.seed`: the notebooks' arrays come from there.

#![allow(dead_code)] // Each user has its own part.

use neuropil::ndarray::Array2;

/// The Mersenne Twister MT19937 of Matsumoto and Nishimura (1998), with numpy's way to make numbers of its words.
#[derive(Debug)]
pub(crate) struct NumpyRandom {
    state: [u32; N],
    next: usize,
    /// Normal numbers come in pairs: the one that is left.
    left: Option<f64>,
}

const N: usize = 624;
const M: usize = 397;

impl NumpyRandom {
    /// `np.random.seed(seed)`
    pub(crate) fn new(seed: u32) -> Self {
        let mut state = [seed; N];
        for i in 1..N {
            let last = state[i - 1];
            state[i] = 1_812_433_253_u32.wrapping_mul(last ^ (last >> 30)).wrapping_add(i as u32);
        }
        Self { state, next: N, left: None }
    }

    fn word(&mut self) -> u32 {
        if self.next == N {
            for i in 0..N {
                let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
                let twist = if y % 2 == 1 { 0x9908_b0df } else { 0 };
                self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ twist;
            }
            self.next = 0;
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// `np.random.random()`
    pub(crate) fn random(&mut self) -> f64 {
        let (a, b) = (f64::from(self.word() >> 5), f64::from(self.word() >> 6));
        (a * 67_108_864.0 + b) / 9_007_199_254_740_992.0
    }

    /// `np.random.randn()`
    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(left) = self.left.take() {
            return left;
        }
        loop {
            let (x1, x2) = (2.0 * self.random() - 1.0, 2.0 * self.random() - 1.0);
            let r2 = x1 * x1 + x2 * x2;
            if r2 < 1.0 && r2 != 0.0 {
                let f = (-2.0 * r2.ln() / r2).sqrt();
                self.left = Some(f * x1);
                return f * x2;
            }
        }
    }

    /// `np.random.randint(0, 2)`
    pub(crate) fn coin(&mut self) -> f64 {
        f64::from(self.word() & 1)
    }

    /// `np.random.random((rows, columns))`
    pub(crate) fn uniforms(&mut self, rows: usize, columns: usize) -> Array2<f64> {
        Array2::from_shape_simple_fn((rows, columns), || self.random())
    }

    /// `np.random.randn(rows, columns)`
    pub(crate) fn normals(&mut self, rows: usize, columns: usize) -> Array2<f64> {
        Array2::from_shape_simple_fn((rows, columns), || self.normal())
    }
}
