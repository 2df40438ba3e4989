//! Each schedule against PyTorch's learning rates.

use crate::common;

use common::{Case, F64, assert_close, cases, numbers};
use neuropil::schedules::*;
use serde_json::Value;

fn number(config: &Value, name: &str) -> f64 {
    config[name].as_f64().unwrap_or_else(|| panic!("no number {name} in {config}"))
}

fn steps(config: &Value, name: &str) -> u64 {
    config[name].as_u64().unwrap_or_else(|| panic!("no count {name} in {config}"))
}

/// The schedule of a configuration in PyTorch's names.
fn schedule(config: &Value) -> Box<dyn Schedule> {
    let number = |name| number(config, name);
    let steps = |name| steps(config, name);
    match config["op"].as_str().unwrap() {
        "step" => Box::new(StepDecay::new(steps("step_size"), number("gamma"))),
        "multi_step" => {
            let milestones: Vec<u64> = numbers(&config["milestones"]).iter().map(|&m| m as u64).collect();
            Box::new(MultiStep::new(milestones, number("gamma")))
        }
        "exponential" => Box::new(Exponential::new(number("gamma"))),
        "linear" => Box::new(Linear::new(number("start_factor"), number("end_factor"), steps("total_iters"))),
        "polynomial" => Box::new(Polynomial::new(steps("total_iters"), number("power"))),
        "cosine_annealing" => Box::new(Cosine::new(steps("T_max")).least(number("eta_min"))),
        "cosine_annealing_warm_restarts" => {
            Box::new(CosineRestarts::new(steps("T_0"), steps("T_mult")).least(number("eta_min")))
        }
        "one_cycle" => {
            let anneal = if config["anneal_strategy"] == "linear" { Anneal::Linear } else { Anneal::Cosine };
            let cycle = OneCycle::new(number("max_lr"), steps("total_steps")).rise(number("pct_start")).anneal(anneal);
            Box::new(cycle.divisors(number("div_factor"), number("final_div_factor")))
        }
        "cyclic" => {
            let mode = match config["mode"].as_str().unwrap() {
                "triangular" => CyclicMode::Triangular,
                "triangular2" => CyclicMode::Halved,
                _ => CyclicMode::Exponential(number("gamma")),
            };
            Box::new(Cyclic::new(number("max_lr"), steps("step_size_up"), steps("step_size_down")).mode(mode))
        }
        "sequential" => {
            let parts = config["schedules"].as_array().unwrap();
            // Only the first part needs a type of its own here: the others are boxed inside.
            let first = Linear::new(
                parts[0]["start_factor"].as_f64().unwrap(),
                parts[0]["end_factor"].as_f64().unwrap(),
                parts[0]["total_iters"].as_u64().unwrap(),
            );
            let second = Cosine::new(parts[1]["T_max"].as_u64().unwrap());
            Box::new(Sequence::new(first).then(config["milestones"][0].as_u64().unwrap(), second))
        }
        "reduce_on_plateau" => {
            let mut plateau = Plateau::new(number("factor"), steps("patience"))
                .threshold(number("threshold"))
                .cooldown(steps("cooldown"))
                .least(number("min_lr"));
            if config["threshold_mode"] == "abs" {
                plateau = plateau.absolute();
            }
            if config["mode"] == "max" {
                plateau = plateau.higher_is_better();
            }
            Box::new(plateau)
        }
        op => panic!("no schedule {op}"),
    }
}

#[test]
fn schedules_agree_with_pytorch() {
    let cases = cases("schedules");
    let compared: usize = cases.iter().map(compare).sum();
    assert_eq!((cases.len(), compared), (15, 790));
}

fn compare(case: &Case) -> usize {
    let mut schedule = schedule(&case.value["config"]);
    let want = case.array("outputs", "lr").unwrap();
    let metric = case.array("inputs", "metric");
    let base = case.number("base_lr");
    let got = (0..want.len()).map(|step| {
        let rate = schedule.rate(base, step as u64);
        if let Some(metric) = &metric {
            schedule.observe(step as u64, metric[step]);
        }
        rate
    });
    assert_close(&case.name, got.collect::<Vec<_>>(), want.iter().copied(), F64)
}

#[test]
fn a_cycle_may_shrink_step_by_step() {
    let cyclic = Cyclic::new(1.0, 2, 2).mode(CyclicMode::Exponential(0.5));
    assert_eq!([0, 1, 2, 3, 4, 6].map(|step| cyclic.rate(0.0, step)), [0.0, 0.25, 0.25, 0.0625, 0.0, 0.015_625]);
}

#[test]
fn only_the_active_part_of_a_sequence_observes() {
    let mut schedule =
        Sequence::new(Linear::new(0.1, 1.0, 4)).then(4, Plateau::new(0.5, 1)).then(8, Plateau::new(0.1, 0));
    let mut rates = Vec::new();
    for step in 0..10 {
        rates.push(schedule.rate(1.0, step));
        schedule.observe(step, 1.0);
    }
    // Four steps of warm-up, of which the plateaus know nothing; the first cuts after two steps that are no better than
    // its own first.
    assert_eq!(rates[4..], [1.0, 1.0, 1.0, 0.5, 1.0, 1.0]);
    assert_eq!(schedule.rate(1.0, 10), 0.1);
}

#[test]
fn a_plateau_measures_by_its_margin() {
    let after = |mut plateau: Plateau, metrics: [f64; 2]| {
        for (step, metric) in (0..).zip(metrics) {
            plateau.rate(1.0, step);
            plateau.observe(step, metric);
        }
        plateau.rate(1.0, 2)
    };
    // From 10 to 9.5: less than a tenth, but more than 0.1.
    let plateau = || Plateau::new(0.5, 0).threshold(0.1);
    assert_eq!(after(plateau(), [10.0, 9.5]), 0.5);
    assert_eq!(after(plateau().absolute(), [10.0, 9.5]), 1.0);
    // The margin itself is not enough.
    let upwards = || plateau().threshold(0.5).absolute().higher_is_better();
    assert_eq!(after(upwards(), [1.0, 1.5]), 0.5);
    assert_eq!(after(upwards(), [1.0, 1.75]), 1.0);
}
