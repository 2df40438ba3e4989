//! The names of activations, metrics and schedules.

use neuropil::activations::{Abs, Erf, Exp, Log, Power, Sign, Step, Threshold};
use neuropil::metrics::{
    Accuracy, Average, BinaryAccuracy, F1, FromLogits, LogLoss, Matthews, MeanAbsoluteError, MeanSquaredError, Metric,
    Perplexity, Precision, R2, Recall, RocAuc, RootMeanSquaredError, TopK,
};
use neuropil::prelude::*;
use neuropil::schedules::{
    Constant, Cosine, CosineRestarts, Cyclic, Exponential, Linear, MultiStep, OneCycle, Plateau, Polynomial, Sequence,
    StepDecay,
};

/// What the summary and the graph of a network call them.
#[test]
fn activations_have_their_formulas() {
    let formulas: [(Box<dyn Layer<f64>>, &str); 24] = [
        (Box::new(Abs), "|□|"),
        (Box::new(Erf), "erf(□)"),
        (Box::new(Exp), "e^□"),
        (Box::new(Gelu), "□·Φ(□)"),
        (Box::new(HardShrink::default()), "□ if |□| > λ, else 0"),
        (Box::new(HardSigmoid), "min(max(□ + 3, 0), 6)/6"),
        (Box::new(HardSwish), "□·min(max(□ + 3, 0), 6)/6"),
        (Box::new(HardTanh::default()), "min(max(□, min), max)"),
        (Box::new(Identity), "□"),
        (Box::new(LeakyRelu::default()), "□ if □ > 0, else slope·□"),
        (Box::new(Log), "ln □"),
        (Box::new(LogSigmoid), "−ln(1 + e^(−□))"),
        (Box::new(Mish), "□·tanh(ln(1 + e^□))"),
        (Box::new(Power::new(1.5)), "□^1.5"),
        (Box::new(Relu), "max(0, □)"),
        (Box::new(Relu6), "min(max(□, 0), 6)"),
        (Box::new(Sigmoid), "1/(1 + e^(−□))"),
        (Box::new(Sign), "sign(□)"),
        (Box::new(Silu), "□/(1 + e^(−□))"),
        (Box::new(SoftShrink::default()), "sign(□)·max(|□| − λ, 0)"),
        (Box::new(Softplus::default()), "ln(1 + e^(β□))/β"),
        (Box::new(Softsign), "□/(1 + |□|)"),
        (Box::new(Tanh), "tanh(□)"),
        (Box::new(TanhShrink), "□ − tanh(□)"),
    ];
    for (layer, text) in formulas {
        assert_eq!(layer.formula().map(|formula| formula.forward.text).as_deref(), Some(text), "{layer:?}");
    }
    let bent: [Box<dyn Layer<f64>>; 6] = [
        Box::new(Celu::default()),
        Box::new(Elu::default()),
        Box::new(GeluTanh),
        Box::new(Selu),
        Box::new(Step::default()),
        Box::new(Threshold::default()),
    ];
    assert!(bent.iter().all(|layer| layer.formula().is_some_and(|formula| formula.forward.text.contains('□'))));
}

/// What a history and a progress bar call them, and which way is better.
#[test]
fn metrics_have_their_names() {
    let metrics: [(Box<dyn Metric<f64>>, &str, bool); 15] = [
        (Box::new(Accuracy), "accuracy", true),
        (Box::new(BinaryAccuracy::LOGITS), "accuracy", true),
        (Box::new(F1(Average::Macro)), "f1_macro", true),
        (Box::new(FromLogits(LogLoss)), "log_loss", false),
        (Box::new(LogLoss), "log_loss", false),
        (Box::new(Matthews), "matthews", true),
        (Box::new(MeanAbsoluteError), "mae", false),
        (Box::new(MeanSquaredError), "mse", false),
        (Box::new(Perplexity(CrossEntropy::new())), "perplexity", false),
        (Box::new(Precision(Average::Micro)), "precision_micro", true),
        (Box::new(R2), "r2", true),
        (Box::new(Recall(Average::Class(2))), "recall_2", true),
        (Box::new(RocAuc(Average::Weighted)), "roc_auc", true),
        (Box::new(RootMeanSquaredError), "rmse", false),
        (Box::new(TopK(5)), "top_5", true),
    ];
    for (metric, name, higher_is_better) in metrics {
        assert_eq!((metric.name(), metric.higher_is_better()), (name.to_string(), higher_is_better), "{metric:?}");
    }
}

/// What files call them.
#[test]
fn schedules_have_their_kinds() {
    let schedules: [(Box<dyn Schedule>, &str); 12] = [
        (Box::new(Constant), "constant"),
        (Box::new(Cosine::new(9)), "cosine"),
        (Box::new(CosineRestarts::new(9, 2)), "cosine_restarts"),
        (Box::new(Cyclic::new(1.0, 2, 2)), "cyclic"),
        (Box::new(Exponential::new(0.5)), "exponential"),
        (Box::new(Linear::new(0.1, 1.0, 4)), "linear"),
        (Box::new(MultiStep::new([3, 5], 0.5)), "multi_step"),
        (Box::new(OneCycle::new(1.0, 9)), "one_cycle"),
        (Box::new(Plateau::new(0.5, 1)), "plateau"),
        (Box::new(Polynomial::new(9, 2.0)), "polynomial"),
        (Box::new(Sequence::new(Constant)), "sequence"),
        (Box::new(StepDecay::new(3, 0.5)), "step_decay"),
    ];
    for (schedule, kind) in schedules {
        assert_eq!(schedule.kind(), kind, "{schedule:?}");
    }
}
