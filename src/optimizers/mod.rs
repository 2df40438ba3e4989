//! The [`Optimizer`] trait and the optimizers, one file each.
//!
//! Running averages of gradients or of their squares, and velocities, that would be subnormal become 0, because
//! arithmetic with subnormal numbers is slow.
//!
//! # A new optimizer
//! Add one file here and an entry in each of the two lists below; in another crate, one file is enough: the rule in
//! `update`, its settings checked in `begin_step` and described by `spec`, and its state in a [`Memory`].

use std::fmt::Debug;

use crate::layer::Role;
use crate::spec::Spec;
use crate::{Error, Result, Scalar};

/// The methods of an [`Optimizer`] with the fields `rate` and `memory`.
macro_rules! accessors {
    () => {
        fn learning_rate(&self) -> f64 {
            self.rate
        }

        fn set_learning_rate(&mut self, rate: f64) {
            self.rate = rate;
        }

        fn memory(&self) -> &Memory<A> {
            &self.memory
        }

        fn memory_mut(&mut self) -> &mut Memory<A> {
            &mut self.memory
        }
    };
}

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod clip;
mod decay;
mod ema;
mod lion;
mod memory;
mod nadam;
mod radam;
mod rms_prop;
mod sgd;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamax::Adamax;
pub use clip::Norm;
pub(crate) use clip::all_finite;
pub use decay::Decay;
pub use ema::Ema;
pub use lion::Lion;
pub use memory::Memory;
pub use nadam::NAdam;
pub use radam::RAdam;
pub use rms_prop::RmsProp;
pub use sgd::Sgd;

/// A rule that updates weights from gradients.
///
/// ```
/// use neuropil::layer::Role;
/// use neuropil::optimizers::Memory;
/// use neuropil::prelude::*;
/// use neuropil::spec::Spec;
///
/// /// w ← w - η·sign(g).
/// #[derive(Debug)]
/// struct SignDescent {
///     rate: f64,
///     memory: Memory<f64>,
/// }
///
/// impl Optimizer<f64> for SignDescent {
///     fn begin_step(&mut self) -> Result<()> {
///         self.memory.step += 1;
///         Ok(())
///     }
///     fn update(&mut self, _slot: usize, _role: Role, weights: &mut [f64], gradient: &[f64]) {
///         for (w, g) in weights.iter_mut().zip(gradient) {
///             *w -= self.rate * g.signum();
///         }
///     }
///     fn learning_rate(&self) -> f64 {
///         self.rate
///     }
///     fn set_learning_rate(&mut self, rate: f64) {
///         self.rate = rate;
///     }
///     fn memory(&self) -> &Memory<f64> {
///         &self.memory
///     }
///     fn memory_mut(&mut self) -> &mut Memory<f64> {
///         &mut self.memory
///     }
///     fn spec(&self) -> Spec {
///         Spec::new("sign_descent")
///     }
/// }
///
/// let mut optimizer = SignDescent { rate: 0.5, memory: Memory::default() };
/// let mut weights = [1.0, 2.0];
/// optimizer.begin_step()?;
/// optimizer.update(0, Role::Weight, &mut weights, &[0.3, -4.0]);
/// assert_eq!(weights, [0.5, 2.5]);
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an optimizer of `{A}` numbers",
    note = "a network, its data and its optimizer have one number type, `f32` or `f64`",
    note = "an optimizer of your own implements `neuropil::optimizers::Optimizer`"
)]
pub trait Optimizer<A: Scalar>: Debug + Send {
    /// Checks the settings and counts the step. It is called once before the [`update`](Self::update)s of a step.
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting outside its range; nothing is changed.
    fn begin_step(&mut self) -> Result<()>;

    /// Updates the weights of one parameter. `slot` counts a network's trainable parameters from 0, in the order of
    /// [`Layer::visit`](crate::layer::Layer::visit); it indexes the state.
    fn update(&mut self, slot: usize, role: Role, weights: &mut [A], gradient: &[A]);

    /// The learning rate.
    fn learning_rate(&self) -> f64;

    /// Sets the learning rate, for schedules.
    fn set_learning_rate(&mut self, rate: f64);

    /// The state: the number of steps, and values for each weight.
    fn memory(&self) -> &Memory<A>;

    /// Mutable access to the state, to restore an earlier one.
    fn memory_mut(&mut self) -> &mut Memory<A>;

    /// Its kind and settings, without the learning rate. A saved training run resumes only with equal ones.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let spec = Optimizer::<f32>::spec(&Adam::new(0.001));
    /// assert_eq!((spec.kind(), spec.number("epsilon")?), ("adam", 1e-8));
    /// # Ok::<(), Error>(())
    /// ```
    fn spec(&self) -> Spec;
}

/// For optimizers chosen at run time.
impl<A: Scalar, O: Optimizer<A> + ?Sized> Optimizer<A> for Box<O> {
    fn begin_step(&mut self) -> Result<()> {
        (**self).begin_step()
    }

    fn update(&mut self, slot: usize, role: Role, weights: &mut [A], gradient: &[A]) {
        (**self).update(slot, role, weights, gradient);
    }

    fn learning_rate(&self) -> f64 {
        (**self).learning_rate()
    }

    fn set_learning_rate(&mut self, rate: f64) {
        (**self).set_learning_rate(rate);
    }

    fn memory(&self) -> &Memory<A> {
        (**self).memory()
    }

    fn memory_mut(&mut self) -> &mut Memory<A> {
        (**self).memory_mut()
    }

    fn spec(&self) -> Spec {
        (**self).spec()
    }
}

fn check_rate(optimizer: &str, rate: f64) -> Result<()> {
    not_negative(optimizer, "learning rate", rate)
}

fn check_epsilon(optimizer: &str, epsilon: f64) -> Result<()> {
    not_negative(optimizer, "epsilon", epsilon)
}

fn check_betas(optimizer: &str, [first, second]: [f64; 2]) -> Result<()> {
    check_fraction(optimizer, "first beta", first)?;
    check_fraction(optimizer, "second beta", second)
}

#[inline]
fn not_negative(optimizer: &str, setting: &str, got: f64) -> Result<()> {
    let ok = (0.0..f64::INFINITY).contains(&got);
    if ok { Ok(()) } else { outside(optimizer, setting, "at least 0 and finite", got) }
}

/// Checks that a decay is in [0, 1).
#[inline]
fn check_fraction(optimizer: &str, setting: &str, got: f64) -> Result<()> {
    if (0.0..1.0).contains(&got) { Ok(()) } else { outside(optimizer, setting, "in [0, 1)", got) }
}

#[cold]
fn outside(optimizer: &str, setting: &str, wants: &'static str, got: f64) -> Result<()> {
    Err(Error::Setting { what: format!("{optimizer}'s {setting}"), wants, got })
}

/// a·m + b·g, the next value of a running average m; 0 if it would be subnormal. With zero gradients, rounding could
/// keep it subnormal forever, which changes no weight but makes every step several times slower.
#[inline(always)]
fn average<A: Scalar>(a: A, m: A, b: A, g: A) -> A {
    let next = a * m + b * g;
    if next.abs() < A::MIN_POSITIVE { A::ZERO } else { next }
}

/// xⁿ by squaring, bitwise reproducible on every machine.
fn power(mut x: f64, mut n: u64) -> f64 {
    let mut y = 1.0;
    while n > 0 {
        if n % 2 == 1 {
            y *= x;
        }
        x *= x;
        n /= 2;
    }
    y
}
