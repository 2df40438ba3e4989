//! What the Rust peers share: the command line, the clock, the printed line and the random numbers.

use std::hint::black_box;
use std::time::{Duration, Instant};

const WARM_UP: Duration = Duration::from_millis(300); // and at least three calls
const MEASURE: Duration = Duration::from_millis(600); // and at least REPETITIONS
const REPETITIONS: usize = 30;
const LIMIT: Duration = Duration::from_secs(6); // a slow workload stops here, with at least five repetitions
const SHORTEST: f64 = 50e-6; // seconds: shorter calls are timed several at a time

/// The command line `[--threads N] [NAME...]`.
pub struct Bench {
    threads: usize,
    names: Vec<String>,
    done: Vec<String>,
}

impl Bench {
    /// Reads the command line and sets the number of threads. To be called first in `main`.
    pub fn from_arguments() -> Self {
        let (mut threads, mut names) = (1, Vec::new());
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            if argument == "--threads" {
                let number = arguments.next().and_then(|number| number.parse().ok());
                threads = number.expect("--threads takes a number");
            } else {
                names.push(argument);
            }
        }
        // SAFETY: nothing has started a thread yet.
        unsafe { std::env::set_var("RAYON_NUM_THREADS", threads.to_string()) };
        Self { threads, names, done: Vec::new() }
    }

    /// Measures the call that `prepare` returns, if `name` is wanted, and prints its line.
    pub fn run<T, F: FnMut() -> T>(&mut self, name: &str, prepare: impl FnOnce() -> F) {
        if !self.names.is_empty() && !self.names.iter().any(|wanted| wanted == name) {
            return;
        }
        self.done.push(name.to_string());
        let (median, minimum) = measure(prepare());
        println!("{name}\t{}\t{:.3}\t{:.3}", self.threads, 1e6 * median, 1e6 * minimum);
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        for name in self.names.iter().filter(|name| !self.done.contains(name)) {
            eprintln!("{name}: not here");
        }
    }
}

/// Median and minimum seconds of `call`.
fn measure<T>(mut call: impl FnMut() -> T) -> (f64, f64) {
    let mut run = |times: usize| {
        let start = Instant::now();
        for _ in 0..times {
            black_box(call());
        }
        start.elapsed().as_secs_f64()
    };

    let (mut calls, start) = (0, Instant::now());
    while calls < 3 || start.elapsed() < WARM_UP {
        run(1);
        calls += 1;
        if start.elapsed() > LIMIT {
            break;
        }
    }
    let once = (0..3).map(|_| run(1)).fold(f64::INFINITY, f64::min);
    let times = if once >= SHORTEST { 1 } else { ((SHORTEST / once.max(1e-8)).round() as usize).max(1) };

    let (mut seconds, start) = (Vec::new(), Instant::now());
    loop {
        seconds.push(run(times) / times as f64);
        let (count, elapsed) = (seconds.len(), start.elapsed());
        if count >= REPETITIONS && elapsed >= MEASURE || count >= 5 && elapsed >= LIMIT {
            break;
        }
    }
    seconds.sort_by(f64::total_cmp);
    let middle = seconds.len() / 2;
    let median = if seconds.len() % 2 == 1 { seconds[middle] } else { (seconds[middle - 1] + seconds[middle]) / 2.0 };
    (median, seconds[0])
}

/// Random numbers, the same for every library (splitmix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// `count` numbers, uniform in [0, 1).
    pub fn uniform(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| (self.next() >> 40) as f32 / (1u32 << 24) as f32).collect()
    }

    /// `count` normal numbers.
    pub fn normal(&mut self, count: usize) -> Vec<f32> {
        (0..count)
            .map(|_| {
                let (radius, angle) = (1.0 - self.unit(), self.unit());
                ((-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()) as f32
            })
            .collect()
    }

    /// `count` labels in 0..10.
    pub fn labels(&mut self, count: usize) -> Vec<u32> {
        (0..count).map(|_| (self.next() % 10) as u32).collect()
    }
}

/// The four samples of XOR.
pub const XOR_X: [[f32; 2]; 4] = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
pub const XOR_Y: [[f32; 1]; 4] = [[0.0], [1.0], [1.0], [0.0]];

/// The classifiers: name without the optimizer, layer sizes, batch.
pub const CLASSIFIERS: [(&str, &[usize], usize); 3] = [
    ("mlp-784-128-10-b64", &[784, 128, 10], 64),
    ("mlp-784-512-512-10-b128", &[784, 512, 512, 10], 128),
    ("mlp-784-1024-1024-10-b256", &[784, 1024, 1024, 10], 256),
];
