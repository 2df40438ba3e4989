//! The same computations natively and in WebAssembly. `run` builds both; `compare.mjs` compares what they report.

use std::fmt::Write as _;

use neuropil::data::{digits, xor};
use neuropil::losses::class_targets;
use neuropil::metrics::Accuracy;
use neuropil::ndarray::Array2;
use neuropil::prelude::*;

/// One line for each computation: its name, the tolerance relative to the number, or to `floor` if that is greater, and
/// the numbers. A tolerance of 0 asks for the same bits.
pub fn report() -> Result<String> {
    let mut text = String::new();
    let mut line = |name: &str, tolerance: f64, floor: f64, numbers: &[f64]| {
        let _ = write!(text, "{name} {tolerance:e} {floor:e}");
        numbers.iter().for_each(|x| {
            let _ = write!(text, " {x:e}");
        });
        text.push('\n');
    };
    line("random_weights", 0.0, 0.0, &numbers(&Init::STANDARD_UNIFORM.matrix::<f32>(30, 30, &mut rng(1))));
    line("relu_network", 1e-5, 1.0, &numbers(&predictions::<f32>()?));
    line("xor", 1e-5, 1.0, &train_xor()?);
    line("digits", 1e-5, 1.0, &train_digits()?);
    line("convolution_f32", 1e-5, 1.0, &train_images::<f32>()?);
    line("lstm_f32", 1e-5, 1.0, &train_sequences::<f32>()?);
    // The functions are off by 4 units in the last place at most, in either form; so two differ by 8 at most.
    functions::<f32>(8.0, f64::from(f32::MIN_POSITIVE), &mut line);
    functions::<f64>(8.0, f64::MIN_POSITIVE, &mut line);
    Ok(text)
}

fn numbers<A: Scalar>(matrix: &Array2<A>) -> Vec<f64> {
    matrix.iter().map(|x| x.to_f64()).collect()
}

fn uniform<A: Scalar>(rows: usize, columns: usize, seed: u64) -> Array2<A> {
    Init::STANDARD_UNIFORM.matrix(rows, columns, &mut rng(seed))
}

fn predictions<A: Scalar>() -> Result<Array2<A>> {
    Sequential::mlp(&[100, 70, 30], Relu, &mut rng(2))?.predict(&uniform(33, 100, 3))
}

/// Predictions for the four samples, and the losses: `Trainer::fit` works without a clock.
fn train_xor() -> Result<Vec<f64>> {
    let data = xor::<f64>();
    let mut network = Sequential::mlp(&[2, 4, 1], Tanh, &mut rng(1))?.with(Sigmoid)?;
    let mut trainer = Trainer::new(Bce::new(), Sgd::new(0.5).momentum(0.9)).epochs(300).batch_size(4);
    let history = trainer.fit(&mut network, &data)?;
    let mut found = numbers(&network.predict(&data.x)?);
    assert!(found.iter().zip(&data.target).all(|(y, t)| (y - t).abs() < 0.1), "{found:?}");
    found.extend(history.epochs().iter().filter_map(|epoch| epoch.get("loss")));
    Ok(found)
}

/// Losses and accuracies of ten epochs, and the first predictions.
fn train_digits() -> Result<Vec<f64>> {
    let mut samples = digits::<f64>();
    samples.x /= 16.0;
    let (train, test) = samples.split(0.2, &mut rng(4))?;
    let mut network = Sequential::mlp(&[64, 32, 10], Relu, &mut rng(5))?;
    let mut trainer = Trainer::new(CrossEntropy::new(), Adam::new(0.005)).epochs(10).metric(Accuracy).validation(&test);
    let history = trainer.fit(&mut network, &train)?;
    let epochs = history.epochs().iter();
    let mut found: Vec<f64> = epochs
        .flat_map(|epoch| ["loss", "val_loss", "val_accuracy"].map(|name| epoch.get(name).unwrap_or(f64::NAN)))
        .collect();
    assert!(found.last() > Some(&0.95), "{history}");
    found.extend(numbers(&network.predict(&test.x)?));
    Ok(found)
}

fn train_images<A: Scalar>() -> Result<Vec<f64>> {
    let r = &mut rng(6);
    let network = Sequential::new([1, 12, 12])
        .with(Conv2d::new(1, 6, [3, 3], r).padding(1))?
        .with(BatchNorm::new(6))?
        .with(Gelu)?
        .with(MaxPool2d::new([2, 2]))?
        .with(Flatten)?
        .with(Dense::new(216, 10, r))?;
    steps(network, &uniform::<A>(16, 144, 7))
}

fn train_sequences<A: Scalar>() -> Result<Vec<f64>> {
    let r = &mut rng(8);
    let shape = Shape::Sequence { steps: 9, features: 5 };
    let network = Sequential::new(shape).with(Lstm::new(5, 12, r).last_state())?.with(Dense::new(12, 10, r))?;
    steps(network, &uniform::<A>(16, 45, 9))
}

/// The losses of ten steps.
fn steps<A: Scalar>(mut network: Sequential<A>, x: &Array2<A>) -> Result<Vec<f64>> {
    let target = class_targets(&(0..x.nrows()).map(|i| i * 7 % 10).collect::<Vec<_>>());
    let (mut tape, mut adam) = (Tape::new(&network, 1), Adam::new(0.002));
    let step = |_| Ok(tape.train(&mut network, x, &target, &CrossEntropy::new(), &mut adam)?.to_f64());
    (0..10).map(step).collect()
}

/// All functions of [`Scalar`] on a range of numbers.
fn functions<A: Scalar>(units: f64, floor: f64, line: &mut impl FnMut(&str, f64, f64, &[f64])) {
    let x: Vec<A> = (-4000..=4000).map(|i| A::of(f64::from(i) * 0.003_7)).collect();
    macro_rules! each {
        ($($name:ident)*) => {$(
            let y: Vec<f64> = x.iter().map(|&x| Scalar::$name(x).to_f64()).collect();
            line(concat!("function_", stringify!($name)), units * A::EPSILON.to_f64(), floor, &y);
        )*};
    }
    each!(exp exp_m1 ln ln_1p tanh sigmoid erf erfc normal_cdf gelu silu mish);
}

/// A step of 784-128-10 on 64 samples.
pub struct Step {
    network: Sequential<f32>,
    tape: Tape<f32>,
    x: Array2<f32>,
    target: Array2<f32>,
    sgd: Sgd<f32>,
}

impl Step {
    pub fn new() -> Result<Self> {
        let network = Sequential::mlp(&[784, 128, 10], Relu, &mut rng(2))?;
        let target = class_targets(&(0..64).map(|i| i * 7 % 10).collect::<Vec<_>>());
        Ok(Self { tape: Tape::new(&network, 3), network, x: uniform(64, 784, 1), target, sgd: Sgd::new(0.01) })
    }

    pub fn run(&mut self, times: usize) -> Result<f32> {
        let mut loss = 0.0;
        for _ in 0..times {
            loss = self.tape.train(&mut self.network, &self.x, &self.target, &CrossEntropy::new(), &mut self.sgd)?;
        }
        Ok(loss)
    }
}

/// What JavaScript calls. Memory that is handed over stays allocated.
#[cfg(target_family = "wasm")]
mod exports {
    use super::{Step, report};

    /// The address of the report; its length is in the four bytes before it.
    #[unsafe(no_mangle)]
    extern "C" fn report_text() -> *const u8 {
        let text = report().expect("a report");
        let mut bytes = (text.len() as u32).to_le_bytes().to_vec();
        bytes.extend(text.bytes());
        bytes.leak()[4..].as_ptr()
    }

    #[unsafe(no_mangle)]
    extern "C" fn new_step() -> *mut Step {
        Box::into_raw(Box::new(Step::new().expect("a network")))
    }

    /// # Safety
    /// `step` comes from `new_step`.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn run_steps(step: *mut Step, times: u32) -> f32 {
        // SAFETY: passed on.
        unsafe { &mut *step }.run(times as usize).expect("a step")
    }
}
