//! Each optimizer against PyTorch's steps.

use crate::common;

use common::{Case, F32, F64, Tolerance, assert_close, cases};
use neuropil::layer::Role;
use neuropil::prelude::*;

/// The optimizer of a configuration in PyTorch's names.
fn optimizer<A: Scalar>(case: &Case) -> Box<dyn Optimizer<A>> {
    let rate = case.number("lr");
    let number = |name| case.number(name);
    let flag = |name| case.config(name).as_bool().unwrap();
    let betas = || (case.config("betas")[0].as_f64().unwrap(), case.config("betas")[1].as_f64().unwrap());
    let l2 = Decay::l2(number("weight_decay"));
    match case.op() {
        "sgd" => {
            let sgd = Sgd::new(rate).momentum(number("momentum")).dampening(number("dampening")).decay(l2);
            Box::new(if flag("nesterov") { sgd.nesterov() } else { sgd })
        }
        op @ ("adam" | "adamw") => {
            let decay = if op == "adam" { l2 } else { Decay::decoupled(number("weight_decay")) };
            let adam = Adam::new(rate).betas(betas().0, betas().1).epsilon(number("eps")).decay(decay);
            Box::new(if flag("amsgrad") { adam.amsgrad() } else { adam })
        }
        "rmsprop" => {
            let rms = RmsProp::new(rate).alpha(number("alpha")).epsilon(number("eps")).decay(l2);
            let rms = rms.momentum(number("momentum"));
            Box::new(if flag("centered") { rms.centered() } else { rms })
        }
        "adagrad" => Box::new(
            Adagrad::new(rate)
                .rate_decay(number("lr_decay"))
                .initial_accumulator(number("initial_accumulator_value"))
                .epsilon(number("eps"))
                .decay(l2),
        ),
        "adadelta" => Box::new(Adadelta::new(rate).rho(number("rho")).epsilon(number("eps")).decay(l2)),
        "adamax" => Box::new(Adamax::new(rate).betas(betas().0, betas().1).epsilon(number("eps")).decay(l2)),
        "nadam" => Box::new(
            NAdam::new(rate)
                .betas(betas().0, betas().1)
                .epsilon(number("eps"))
                .momentum_decay(number("momentum_decay"))
                .decay(l2),
        ),
        "radam" => Box::new(RAdam::new(rate).betas(betas().0, betas().1).epsilon(number("eps")).decay(l2)),
        op => panic!("no optimizer {op}"),
    }
}

/// Runs a case, and returns how many weights were compared.
fn compare<A: Scalar + Into<f64>>(case: &Case, tolerance: Tolerance) -> usize {
    let mut optimizer = optimizer::<A>(case);
    let rates = case.array("inputs", "lr");
    let roles = [("w", "grad_w", Role::Weight), ("b", "grad_b", Role::Bias)];
    let mut weights = roles.map(|(name, ..)| {
        let start = case.array("parameters", name).unwrap();
        start.iter().map(|&w| A::of(w)).collect::<Vec<_>>()
    });
    let snapshots: Vec<u64> =
        case.config("snapshot_steps").as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
    let (mut compared, mut at) = (0, 0);
    for step in 0..case.config("steps").as_u64().unwrap() {
        if let Some(rates) = &rates {
            optimizer.set_learning_rate(rates[step as usize]);
        }
        optimizer.begin_step().unwrap();
        for (slot, (_, gradient, role)) in roles.iter().enumerate() {
            let gradient = case.array("inputs", gradient).unwrap();
            let gradient: Vec<A> =
                gradient.outer_iter().nth(step as usize).unwrap().iter().map(|&g| A::of(g)).collect();
            optimizer.update(slot, *role, &mut weights[slot], &gradient);
        }
        if snapshots.get(at) == Some(&(step + 1)) {
            for (got, (name, ..)) in weights.iter().zip(roles) {
                let want = case.array("outputs", name).unwrap();
                let want = want.outer_iter().nth(at).unwrap();
                let what = format!("{} {} after {} steps: {name}", case.name, A::NAME, step + 1);
                compared += assert_close(&what, got.iter().copied(), want.iter().copied(), tolerance);
            }
            at += 1;
        }
    }
    assert_eq!(at, snapshots.len());
    compared
}

#[test]
fn optimizers_agree_with_pytorch() {
    let cases = cases("optimizers");
    let f64: usize = cases.iter().map(|case| compare::<f64>(case, F64)).sum();
    let f32: usize = cases.iter().map(|case| compare::<f32>(case, F32)).sum();
    assert_eq!((cases.len(), f64), (26, f32));
    assert_eq!(f64, 26 * 8 * (6 + 2));
}

#[test]
fn a_spec_tells_every_setting_but_the_learning_rate() {
    type Boxed = Box<dyn Optimizer<f32>>;
    fn boxed(optimizer: impl Optimizer<f32> + 'static) -> Boxed {
        Box::new(optimizer)
    }
    let decay = Decay::l1(0.1);
    let kinds: Vec<Vec<Boxed>> = vec![
        vec![
            boxed(Sgd::new(0.1)),
            boxed(Sgd::new(0.1).momentum(0.5)),
            boxed(Sgd::new(0.1).dampening(0.5)),
            boxed(Sgd::new(0.1).nesterov()),
            boxed(Sgd::new(0.1).decay(decay)),
            boxed(Sgd::new(0.1).decay(Decay::l2(0.1))),
            boxed(Sgd::new(0.1).decay(Decay::decoupled(0.1))),
            boxed(Sgd::new(0.1).decay(decay.spare_biases())),
        ],
        vec![
            boxed(Adam::new(0.1)),
            boxed(Adam::new(0.1).betas(0.5, 0.999)),
            boxed(Adam::new(0.1).betas(0.9, 0.5)),
            boxed(Adam::new(0.1).epsilon(0.1)),
            boxed(Adam::new(0.1).amsgrad()),
            boxed(Adam::new(0.1).decay(decay)),
        ],
        vec![
            boxed(Adamax::new(0.1)),
            boxed(Adamax::new(0.1).betas(0.5, 0.5)),
            boxed(Adamax::new(0.1).epsilon(0.1)),
            boxed(Adamax::new(0.1).decay(decay)),
        ],
        vec![
            boxed(NAdam::new(0.1)),
            boxed(NAdam::new(0.1).betas(0.5, 0.5)),
            boxed(NAdam::new(0.1).epsilon(0.1)),
            boxed(NAdam::new(0.1).momentum_decay(0.1)),
            boxed(NAdam::new(0.1).decay(decay)),
        ],
        vec![
            boxed(RAdam::new(0.1)),
            boxed(RAdam::new(0.1).betas(0.5, 0.5)),
            boxed(RAdam::new(0.1).epsilon(0.1)),
            boxed(RAdam::new(0.1).decay(decay)),
        ],
        vec![
            boxed(RmsProp::new(0.1)),
            boxed(RmsProp::new(0.1).alpha(0.5)),
            boxed(RmsProp::new(0.1).epsilon(0.1)),
            boxed(RmsProp::new(0.1).momentum(0.5)),
            boxed(RmsProp::new(0.1).centered()),
            boxed(RmsProp::new(0.1).decay(decay)),
        ],
        vec![
            boxed(Adagrad::new(0.1)),
            boxed(Adagrad::new(0.1).rate_decay(0.1)),
            boxed(Adagrad::new(0.1).initial_accumulator(0.1)),
            boxed(Adagrad::new(0.1).epsilon(0.1)),
            boxed(Adagrad::new(0.1).decay(decay)),
        ],
        vec![
            boxed(Adadelta::new(0.1)),
            boxed(Adadelta::new(0.1).rho(0.5)),
            boxed(Adadelta::new(0.1).epsilon(0.1)),
            boxed(Adadelta::new(0.1).decay(decay)),
        ],
        vec![boxed(Lion::new(0.1)), boxed(Lion::new(0.1).betas(0.5, 0.5)), boxed(Lion::new(0.1).decay(decay))],
    ];
    for (i, kind) in kinds.iter().enumerate() {
        for (j, optimizer) in kind.iter().enumerate() {
            assert_eq!(optimizer.spec().kind(), kind[0].spec().kind());
            for other in &kind[..j] {
                assert_ne!(optimizer.spec(), other.spec());
            }
        }
        assert!(kinds[..i].iter().all(|other| other[0].spec().kind() != kind[0].spec().kind()));
    }
    assert_eq!(boxed(Adam::new(0.1)).spec(), boxed(Adam::new(0.2)).spec());
}

/// The weights after two steps with these gradients.
fn two_steps(mut optimizer: impl Optimizer<f64>, weights: [f64; 3], gradients: [[f64; 3]; 2]) -> [f64; 3] {
    let mut weights = weights;
    for gradient in gradients {
        optimizer.begin_step().unwrap();
        optimizer.update(0, Role::Weight, &mut weights, &gradient);
    }
    weights
}

#[test]
fn lion_remembers_with_its_second_factor() {
    // m = (1 - b2)·g after the first step, and the second step goes along b1·m + (1 - b1)·g. With b2 = 0.5 the memory
    // of 1 outweighs the new gradient of -0.4; with b2 = 0.99 it does not.
    let gradients = [[1.0, -1.0, 1.0], [-0.4, 0.4, 0.4]];
    let weights = |keep| two_steps(Lion::new(0.1).betas(0.5, keep), [0.0; 3], gradients);
    assert_eq!(weights(0.5), [-0.2, 0.2, -0.2]);
    assert_eq!(weights(0.99), [0.0, 0.0, -0.2]);
}

#[test]
fn l1_decay_pulls_towards_zero_and_leaves_zero_alone() {
    let none = [[0.0; 3]; 2];
    let close = |got: [f64; 3], want: [f64; 3]| got.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-15);
    let weights = two_steps(Sgd::new(0.5).decay(Decay::l1(0.2)), [1.0, -1.0, 0.0], none);
    assert!(close(weights, [0.8, -0.8, 0.0]), "{weights:?}");
    // The gradient is added, with its sign.
    let weights = two_steps(Sgd::new(0.5).decay(Decay::l1(0.2)), [1.0, -1.0, 0.0], [[0.1, 0.1, 0.0]; 2]);
    assert!(close(weights, [0.7, -0.9, 0.0]), "{weights:?}");
    let weights = two_steps(Sgd::new(0.5).decay(Decay::l2(0.2)), [1.0, -1.0, 0.0], none);
    assert!(close(weights, [0.81, -0.81, 0.0]), "{weights:?}");
}

/// Without gradients, averages decay to 0, and never stay among the slow subnormal numbers.
#[test]
fn averages_without_gradients_decay_to_zero() {
    fn settled(mut optimizer: impl Optimizer<f32>) -> usize {
        let mut weights = [1.0; 20];
        for step in 0..1200 {
            let gradient = if step < 3 { [0.5; 20] } else { [0.0; 20] };
            optimizer.begin_step().unwrap();
            optimizer.update(0, Role::Weight, &mut weights, &gradient);
            assert!(!optimizer.memory().slots[&0].iter().any(|m| m.is_subnormal()), "{optimizer:?}, step {step}");
        }
        optimizer.memory().slots[&0].iter().filter(|m| **m == 0.0).count()
    }
    assert_eq!(settled(Sgd::new(0.01).momentum(0.9)), 20);
    // The averages of squares decay more slowly.
    assert_eq!(settled(Adam::new(0.01).betas(0.9, 0.9)), 40);
    assert_eq!(settled(Adam::new(0.01)), 20);
    assert_eq!(settled(Adam::new(0.01).amsgrad()), 20);
    assert_eq!(settled(NAdam::new(0.01)), 20);
    assert_eq!(settled(RAdam::new(0.01)), 20);
    assert_eq!(settled(Adamax::new(0.01)), 20);
    assert_eq!(settled(RmsProp::new(0.01).alpha(0.9)), 20);
    assert_eq!(settled(RmsProp::new(0.01).alpha(0.9).momentum(0.9).centered()), 60);
    assert_eq!(settled(Adadelta::new(0.01)), 40);
    assert_eq!(settled(Lion::new(0.01).betas(0.9, 0.9)), 20);
}

#[test]
fn decays_add_up() {
    assert_eq!(Decay::l1(2.0).and(Decay::l1(3.0)), Decay::l1(5.0));
    assert_eq!(Decay::l2(2.0).and(Decay::l2(3.0)), Decay::l2(5.0));
    assert_eq!(Decay::decoupled(2.0).and(Decay::decoupled(3.0)), Decay::decoupled(5.0));
    let spared = Decay::l1(2.0).spare_biases();
    assert_ne!(spared, Decay::l1(2.0));
    assert_eq!(spared.and(Decay::l1(3.0)), Decay::l1(5.0).spare_biases());
    assert_eq!(Decay::l1(3.0).and(spared), Decay::l1(5.0).spare_biases());
}
