//! What a training prints: plain lines into a pipe, a bar on a terminal, and nothing unless asked.

use std::process::{Command, Output};

use neuropil::data;
use neuropil::prelude::*;
use neuropil::train::ProgressBar;

const RUN: &str = "NEUROPIL_PROGRESS";

/// Not a test of its own: the training whose output the others look at.
#[test]
#[ignore = "run by the other tests"]
fn training() {
    let mut network = Sequential::<f32>::mlp(&[2, 8, 2], Tanh, &mut rng(7)).unwrap();
    let trainer = Trainer::new(CrossEntropy::new(), Adam::new(0.01)).epochs(12).batch_size(8);
    let asked = std::env::var(RUN).is_ok_and(|run| run == "bar");
    let mut trainer = if asked { trainer.callback(ProgressBar::new()) } else { trainer };
    println!("begin");
    trainer.fit(&mut network, &data::moons(800, 0.1, &mut rng(1))).unwrap();
    println!("end");
}

/// Runs `training`, by way of `through` if it is a command that runs another.
fn run(through: Option<&[&str]>, what: &str) -> std::io::Result<Output> {
    let test = std::env::current_exe()?.display().to_string();
    let arguments = ["--exact", "training", "--ignored", "--nocapture"];
    match through {
        None => Command::new(test).args(arguments).env(RUN, what).output(),
        Some([program, before @ ..]) => {
            let whole = [&[&*test][..], &arguments].concat().join(" ");
            Command::new(program).args(before).args([&whole, "/dev/null"]).env(RUN, what).env("TERM", "xterm").output()
        }
        Some([]) => unreachable!("a command has a name"),
    }
}

/// What was printed between begin and end.
fn between(output: &Output) -> String {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let (_, text) = text.split_once("begin").unwrap_or_else(|| panic!("{text}"));
    text.split_once("end").unwrap_or_else(|| panic!("{text}")).0.to_owned()
}

#[test]
fn a_pipe_gets_plain_lines() {
    let text = between(&run(None, "bar").unwrap());
    let lines: Vec<&str> = text.trim().lines().collect();
    assert_eq!(lines.len(), 12, "{text}");
    for (i, line) in lines.iter().enumerate() {
        assert!(line.starts_with(&format!("epoch {:>2}/12  loss 0.", i + 1)), "{line}");
        assert!(line.ends_with(" s"), "{line}");
    }
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
}

#[test]
fn nothing_is_printed_unless_asked() {
    assert_eq!(between(&run(None, "quiet").unwrap()).trim(), "");
}

/// In a pseudo-terminal, which util-linux's `script` makes; without it there is nothing to test with.
#[cfg(all(feature = "progress", target_os = "linux"))]
#[test]
fn a_terminal_gets_a_bar() {
    let output = match run(Some(&["script", "--quiet", "--return", "--command"]), "bar") {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return eprintln!("no `script` on this machine"),
        output => output.unwrap(),
    };
    let text = between(&output);
    assert!(text.contains('\u{1b}'), "no control characters: {text:?}");
    for part in ["epoch 1/12", "[", "/100 ", "loss 0.", "samples/s", "left", "epoch 12/12  loss 0."] {
        assert!(text.contains(part), "no {part:?} in {text:?}");
    }
}
