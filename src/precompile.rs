//! For the feature `precompile`: programs on `f32` and `f64` that use each layer, loss and optimizer, training and files.
//!
//! Generic code is compiled in each program that uses it, unless the program is built with an optimization level of 0
//! or 1 and finds that code here.

use crate::data::Samples;
use crate::layer::Registry;
use crate::losses::{
    Bce, BceWithLogits, Contrastive, CosineEmbedding, CrossEntropy, GaussianNll, HingeEmbedding, Huber, KlDivergence,
    Loss, Mae, Mse, MultiClassHinge, Nll, PoissonNll, SmoothL1, SoftMargin,
};
use crate::metrics::Accuracy;
use crate::optimizers::{Adadelta, Adagrad, Adam, Adamax, Lion, NAdam, Optimizer, RAdam, RmsProp, Sgd};
use crate::train::Trainer;
use crate::{Network, Result, Scalar, Summary, Tape, Trace, doctor};

/// Nobody calls them: it is enough that they are compiled.
#[used]
static PROGRAM_F32: Program<f32> = program;
#[used]
static PROGRAM_F64: Program<f64> = program;

type Program<A> = fn(&mut Network<A>, &Samples<A>) -> Result<()>;

fn program<A: Scalar>(network: &mut Network<A>, samples: &Samples<A>) -> Result<()> {
    let _ = Registry::<A>::new();
    train(network, samples)?;
    network.predict_one(network.predict(&samples.x)?.row(0).as_slice().unwrap_or_default())?;
    network.layer_outputs(&samples.x)?;
    let _ = (network.to_string(), Summary::new(network, 1)?.to_string());
    #[cfg(feature = "files")]
    files(network)?;
    Ok(())
}

fn train<A: Scalar>(network: &mut Network<A>, samples: &Samples<A>) -> Result<()> {
    let losses: [&dyn Loss<A>; 16] = [
        &Bce::new(),
        &BceWithLogits::new(),
        &Contrastive::default(),
        &CosineEmbedding { margin: 0.0 },
        &CrossEntropy::new(),
        &GaussianNll::new(),
        &HingeEmbedding::default(),
        &Huber::default(),
        &KlDivergence::new(),
        &Mae,
        &Mse,
        &MultiClassHinge::new(),
        &Nll::new(),
        &PoissonNll::new(),
        &SmoothL1::default(),
        &SoftMargin,
    ];
    let mut optimizers: [Box<dyn Optimizer<A>>; 9] = [
        Box::new(Adadelta::new(0.1)),
        Box::new(Adagrad::new(0.1)),
        Box::new(Adam::new(0.1)),
        Box::new(Adamax::new(0.1)),
        Box::new(Lion::new(0.1)),
        Box::new(NAdam::new(0.1)),
        Box::new(RAdam::new(0.1)),
        Box::new(RmsProp::new(0.1)),
        Box::new(Sgd::new(0.1)),
    ];
    let mut tape = Tape::new(network, 1);
    for loss in losses {
        for optimizer in &mut optimizers {
            tape.train(network, &samples.x, &samples.target, loss, &mut **optimizer)?;
            doctor::examine(network, &samples.x, &samples.target, loss, &mut **optimizer)?;
            let trace = Trace::step(&mut tape, network, &samples.x, &samples.target, loss, &mut **optimizer)?;
            let _ = (trace.to_string(), trace.svg());
        }
        loss.evaluate(&samples.x, &samples.target)?;
        loss.gradient(&samples.x, &samples.target)?;
        loss.per_sample(&samples.x, &samples.target)?;
    }
    Trainer::new(CrossEntropy::new(), Sgd::new(0.1)).metric(Accuracy).validation(samples).fit(network, samples)?;
    Ok(())
}

#[cfg(feature = "files")]
fn files<A: Scalar>(network: &mut Network<A>) -> Result<()> {
    use crate::Sequential;
    use crate::io::{Names, read_onnx};

    network.save("")?;
    network.to_bytes()?;
    network.to_onnx("")?;
    network.to_rust()?;
    network.save_state_dict("", &Names::new())?;
    network.load_state_dict("", &Names::new())?;
    *network = Network::load("")?;
    *network = Network::from_bytes(&[])?;
    *network = Sequential::load("")?.into();
    *network = Sequential::from_bytes(&[])?.into();
    *network = read_onnx("", &[])?.network;
    *network = Network::from_onnx_bytes(&[])?;
    *network = Sequential::from_onnx("")?.into();
    let mut trainer = Trainer::new(CrossEntropy::new(), Sgd::new(0.1));
    trainer.save_state("", network)?;
    trainer.load_state("", network)
}
