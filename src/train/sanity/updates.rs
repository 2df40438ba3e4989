//! [`updates`]: how far does a step move each weight?

use super::Report;
use crate::layer::{Layer, Role};
use crate::losses::Loss;
use crate::optimizers::Optimizer;
use crate::{Matrix, Network, Result, Scalar, Tape};

/// The ratios of a step to the weights that are usual: about 10⁻³, and for the first steps of a training more.
const USUAL: std::ops::RangeInclusive<f64> = 1e-5..=0.1;

/// How long the step of each weight matrix is beside the matrix itself, both as L2 norms, for one step on this batch.
///
/// A ratio of about 10⁻³ is usual. The report has one for each weight that learns, such as `0.weight`; biases, which begin
/// at 0, are left out. The optimizer stays as it is, too.
///
/// # Errors
/// Those of [`Tape::train`].
pub fn updates<A: Scalar>(
    network: &Network<A>,
    x: &Matrix<A>,
    target: &Matrix<A>,
    loss: &dyn Loss<A>,
    optimizer: &mut dyn Optimizer<A>,
) -> Result<Report> {
    let (mut copy, memory) = (network.clone(), optimizer.memory().clone());
    let result = Tape::new(network, 0).train(&mut copy, x, target, loss, optimizer);
    *optimizer.memory_mut() = memory;
    result?;

    let (mut before, mut slots) = (Vec::new(), 0);
    network.visit(&mut |info, w| {
        before.push(w.clone());
        slots += usize::from(info.role.is_trainable());
    });
    let mut rates = vec![1.0; slots];
    network.scale_rates(&mut rates);

    let mut report = Report::new("updates beside weights");
    let (mut before, mut rates) = (before.iter(), rates.iter());
    copy.visit(&mut |info, after| {
        let (Some(before), rate) = (before.next(), if info.role.is_trainable() { rates.next() } else { None }) else {
            return;
        };
        if info.role != Role::Weight || rate.is_none_or(|&rate| rate == 0.0) {
            return;
        }
        let ratio = norm((after - before).iter()) / norm(before.iter());
        let name = info.name.to_string();
        if ratio == 0.0 {
            report.advice.push(format!("{name} does not move: no gradient arrives; look for dead units after it"));
        } else if !USUAL.contains(&ratio) {
            let (size, remedy) = if ratio < *USUAL.start() { ("hardly moves", "larger") } else { ("jumps", "smaller") };
            report.advice.push(format!("{name} {size}: use a {remedy} learning rate, or scale inputs and targets"));
        }
        report.value(name, ratio);
    });
    Ok(report)
}

fn norm<'a, A: Scalar>(numbers: impl Iterator<Item = &'a A>) -> f64 {
    numbers.map(|x| x.to_f64().powi(2)).sum::<f64>().sqrt()
}
