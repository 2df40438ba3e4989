//! The record of a training: a replay is equal, and whatever differs is named with its step and parameter.

use neuropil::data::Samples;
use neuropil::prelude::*;
use neuropil::train::{Callback, Context, Difference, Record};

use super::{classifier, moons, numbers};

/// Changes one weight a little, after this many steps.
#[derive(Debug)]
struct Nudge(u64, &'static str);

impl Callback<f32> for Nudge {
    fn on_batch_end(&mut self, at: &mut Context<'_, f32>) -> Result<()> {
        if at.position.step == self.0 {
            nudge(at.network, self.1);
        }
        Ok(())
    }
}

fn nudge(network: &mut Network<f32>, name: &str) {
    let mut found = 0;
    network.visit_mut(&mut |info, matrix| {
        if info.name.to_string() == name {
            matrix[[0, 1]] = matrix[[0, 1]].next_up();
            found += 1;
        }
    });
    assert_eq!(found, 1);
}

/// Ten steps: two epochs of 80 samples in batches of 16. Each gradient reaches its weight, unlike in Adam's first step.
fn with<'a>(rate: f64, momentum: f64) -> Trainer<'a, f32> {
    let sgd = Sgd::new(rate).momentum(momentum);
    Trainer::new(CrossEntropy::new(), sgd).batch_size(16).seed(3).epochs(2)
}

fn plain<'a>(every: u64) -> Trainer<'a, f32> {
    with(0.1, 0.9).record(every)
}

fn record(mut trainer: Trainer<'_, f32>, network: &Sequential<f32>, data: &Samples<f32>) -> Record {
    trainer.fit(&mut network.clone(), data).unwrap();
    trainer.recorded().unwrap().clone()
}

fn differs(settings: &[[&str; 3]], step: u64, samples: bool, parameters: &[&str]) -> Difference {
    Difference {
        settings: settings.iter().map(|setting| setting.map(String::from)).collect(),
        step: Some(step),
        samples,
        parameters: parameters.iter().map(|&name| name.to_owned()).collect(),
    }
}

const ALL: [&str; 4] = ["0.weight", "0.bias", "2.weight", "2.bias"];

#[test]
fn the_same_training_replays_equal() {
    let (data, r) = (moons(80), &mut rng(2));
    let network = Sequential::<f32>::mlp(&[2, 8, 8], Tanh, r).unwrap();
    let network = network.with(BatchNorm::new(8)).unwrap().with(Dropout::new(0.3)).unwrap();
    let network = network.with(Dense::new(8, 2, r)).unwrap();
    let with_all = || {
        let trainer = plain(3).accumulate(2).clip_norm(0.5).ema(0.9).class_weights([0.5, 2.0]).validation(&data);
        trainer.schedule_by_step(neuropil::schedules::Cosine::new(20)).metric(neuropil::metrics::Accuracy)
    };
    let first = record(with_all(), &network, &data);
    // Every three steps, and at the ends of both epochs of three.
    assert_eq!(first.steps().collect::<Vec<_>>(), [0, 3, 6]);
    assert_eq!(with_all().replay(&first, &mut network.clone(), &data).unwrap(), None);
    // A record changes nothing.
    let (mut recorded, mut without) = (network.clone(), network.clone());
    plain(1).fit(&mut recorded, &data).unwrap();
    with(0.1, 0.9).fit(&mut without, &data).unwrap();
    assert_eq!(numbers(&recorded), numbers(&without));
}

#[test]
fn a_difference_is_named_with_its_step_and_parameter() {
    let (data, network) = (moons(80), classifier());
    let first = record(plain(1), &network, &data);
    assert_eq!(first.steps().collect::<Vec<_>>(), (0..=10).collect::<Vec<_>>());
    let replay = |mut trainer: Trainer<'_, f32>, network: &Sequential<f32>, data: &Samples<f32>| {
        trainer.replay(&first, &mut network.clone(), data).unwrap()
    };
    assert_eq!(replay(plain(1), &network, &data), None);

    // A seed: the order of the samples.
    assert_eq!(replay(plain(1).seed(4), &network, &data), Some(differs(&[["seed", "3", "4"]], 1, true, &ALL)));
    // A rate.
    let settings = [["learning rate", "0.1", "0.2"]];
    assert_eq!(replay(with(0.2, 0.9), &network, &data), Some(differs(&settings, 1, false, &ALL)));
    // A setting of the optimizer, of no effect in the first step.
    let difference = replay(with(0.1, 0.8), &network, &data).unwrap();
    assert_eq!(
        (difference.step, difference.samples, &*difference.parameters),
        (Some(2), false, &ALL.map(String::from)[..])
    );
    let text = difference.to_string();
    assert!(text.starts_with("`optimizer` is sgd(momentum 0.8, "), "{text}");
    // Two settings.
    let settings = [["learning rate", "0.1", "0.2"], ["seed", "3", "9"]];
    assert_eq!(replay(with(0.2, 0.9).seed(9), &network, &data), Some(differs(&settings, 1, true, &ALL)));
    // A longer training.
    let difference = replay(plain(1).epochs(3), &network, &data);
    assert_eq!(difference, Some(differs(&[["epochs", "2", "3"]], 11, false, &[])));
    assert_eq!(difference.unwrap().to_string(), "`epochs` is 3, not 2; only one of the two takes step 11");

    // A weight at the start, and one on the way.
    let mut other = network.clone();
    nudge(&mut other, "2.weight");
    let difference = replay(plain(1), &other, &data);
    assert_eq!(difference, Some(differs(&[], 0, false, &["2.weight"])));
    assert_eq!(difference.unwrap().to_string(), "the first difference is at the start, in 2.weight");
    for (step, name) in [(1, "0.weight"), (4, "2.bias"), (5, "0.bias"), (10, "2.weight")] {
        let difference = replay(plain(1).callback(Nudge(step, name)), &network, &data);
        assert_eq!(difference, Some(differs(&[], step, false, &[name])), "{name} after step {step}");
    }
}

#[test]
fn a_changed_sample_is_named_with_its_step() {
    let (data, network) = (moons(80), classifier());
    let first = record(plain(1).in_order(), &network, &data);
    let mut compared = 0;
    for sample in [0, 15, 16, 40, 79] {
        for target in [false, true] {
            let mut other = data.clone();
            if target {
                other.target[[sample, 0]] = 1.0 - other.target[[sample, 0]];
            } else {
                other.x[[sample, 1]] = other.x[[sample, 1]].next_up();
            }
            let difference = plain(1).in_order().replay(&first, &mut network.clone(), &other).unwrap().unwrap();
            // The smallest change of an input need not reach every weight.
            assert_eq!((difference.step, difference.samples), (Some(sample as u64 / 16 + 1), true), "{difference}");
            assert!(difference.settings.is_empty() && (!target || difference.parameters == ALL), "{difference}");
            compared += 1;
        }
    }
    assert_eq!(compared, 10);
}

#[test]
fn a_record_at_intervals_finds_the_next_recorded_step() {
    let (data, network) = (moons(80), classifier());
    let first = record(plain(4), &network, &data);
    assert_eq!(first.steps().collect::<Vec<_>>(), [0, 4, 5, 8, 10]);
    for (nudged, found) in [(4, 4), (6, 8), (9, 10)] {
        let mut other = plain(1).callback(Nudge(nudged, "0.bias"));
        let difference = other.replay(&first, &mut network.clone(), &data).unwrap().unwrap();
        assert_eq!((difference.step, difference.samples), (Some(found), false), "{difference}");
    }
    // A record without a training.
    let empty = plain(1).recorded().unwrap().clone();
    assert!(matches!(plain(1).replay(&empty, &mut network.clone(), &data), Err(Error::Order { .. })));
    assert_eq!(empty.difference(&empty), None);
}

#[cfg(feature = "files")]
#[test]
fn files_show_the_record() -> Result<()> {
    use neuropil::io::Model;

    let (data, network) = (moons(80), classifier());
    let path = |name: &str| std::env::temp_dir().join(format!("neuropil-record-{}-{name}", std::process::id()));
    let (mut whole, mut one) = (plain(2), network.clone());
    whole.fit(&mut one, &data)?;
    let state = path("state");
    whole.save_state(&state, &one)?;
    assert_eq!(Model::<f32>::load(&state)?.record(), whole.recorded());
    whole.fit(&mut one, &data)?;

    // What resumes goes on recording.
    let (mut later, mut two) = (plain(2), network.clone());
    later.load_state(&state, &mut two)?;
    later.fit(&mut two, &data)?;
    assert_eq!(later.recorded(), whole.recorded());
    assert_eq!(whole.recorded().unwrap().steps().last(), Some(20));

    let model = path("model");
    Model::new(two).with_record(later.recorded()).save(&model)?;
    let loaded = Model::<f32>::load(&model)?;
    assert_eq!(loaded.record(), whole.recorded());
    let text = loaded.record().unwrap().to_string();
    for line in ["seed                  3\n", "steps                 20\n", "batch size            16\n"] {
        assert!(text.contains(line), "{text}");
    }
    loaded.network.save(&model)?;
    assert_eq!(Model::<f32>::load(&model)?.record(), None);
    for file in [state, model] {
        std::fs::remove_file(file).unwrap();
    }
    Ok(())
}
