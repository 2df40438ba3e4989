//! Reads models that others wrote, and compares what they predict with what their files say.
//!
//! A folder has `NAME.onnx` with `NAME.npz`: the inputs `x.INPUT` and the outputs `y.OUTPUT`. A model `NAME+1.onnx` is
//! another form of `NAME`: one of them has to be read, and all that are read have to be right.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use neuropil::io::read_npz;
use neuropil::ndarray::{Array2, ArrayD, Axis, concatenate};
use neuropil::prelude::*;

use super::{Outcome, sizes};

/// What became of a model, the best of its forms first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Panicked,
    Wrong(String),
    Right,
    Refused(String),
}

/// Prints what became of each model; an error unless `least` are right and none wrong.
pub fn run(folder: &Path, least: usize) -> Outcome {
    let mut forms: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "onnx") {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let name = stem.split('+').next().unwrap_or_default().to_owned();
            forms.entry(name).or_default().push(path);
        }
    }
    let mut fates: BTreeMap<String, Fate> = BTreeMap::new();
    for (name, mut paths) in forms {
        paths.sort();
        let of = |path: &PathBuf| catch_unwind(AssertUnwindSafe(|| fate(path))).unwrap_or(Fate::Panicked);
        // The first reason is that of the model as it is.
        let all: Vec<Fate> = paths.iter().map(of).collect();
        let worst = all.iter().find(|fate| matches!(fate, Fate::Panicked | Fate::Wrong(_)));
        let best = worst.or_else(|| all.iter().find(|fate| **fate == Fate::Right)).unwrap_or(&all[0]).clone();
        fates.insert(name, best);
    }
    for (name, fate) in &fates {
        match fate {
            Fate::Right => println!("  right     {name}"),
            Fate::Panicked => println!("  PANICKED  {name}"),
            Fate::Wrong(how) => println!("  WRONG     {name}: {how}"),
            Fate::Refused(why) => println!("  refused   {name}: {why}"),
        }
    }
    let count = |is: fn(&Fate) -> bool| fates.values().filter(|fate| is(fate)).count();
    let (right, wrong) = (count(|fate| *fate == Fate::Right), count(|fate| matches!(fate, Fate::Wrong(_))));
    let (panicked, refused) = (count(|fate| *fate == Fate::Panicked), count(|fate| matches!(fate, Fate::Refused(_))));
    let all = fates.len();
    println!("of {all} models {right} read and right, {wrong} wrong, {panicked} panicked, {refused} refused");
    if wrong + panicked > 0 || right < least {
        return Err(format!("none may be wrong, and at least {least} have to be right").into());
    }
    Ok(())
}

fn fate(path: &Path) -> Fate {
    let network = match Network::<f32>::from_onnx(path) {
        Ok(network) => network,
        Err(error) => return Fate::Refused(error.to_string().replacen(&path.display().to_string(), "it", 1)),
    };
    match compared(&network, path) {
        Ok(None) => Fate::Right,
        Ok(Some(how)) => Fate::Wrong(how),
        Err(error) => Fate::Wrong(error.to_string()),
    }
}

/// The array with the batch as its first axis: that without which it has the sizes of a sample.
fn rows_first(array: &ArrayD<f32>, shape: Shape) -> ArrayD<f32> {
    let sample = &sizes(1, shape)[1..];
    let others = |axis: usize| {
        let mut sizes = array.shape().to_vec();
        sizes.remove(axis);
        sizes
    };
    let batch = (0..array.ndim()).find(|&axis| others(axis) == sample).unwrap_or(0);
    let mut axes: Vec<usize> = (0..array.ndim()).collect();
    axes[..=batch].rotate_right(1);
    array.view().permuted_axes(axes).as_standard_layout().into_owned()
}

/// The first difference of more than 1e-5 of the value and 1e-7, or than the `tolerance` that the arrays give.
fn compared(network: &Network<f32>, path: &Path) -> Outcome<Option<String>> {
    let arrays = read_npz::<f32>(path.with_extension("npz"))?;
    let tolerance = arrays.get("tolerance").and_then(|array| array.first().copied()).unwrap_or(1e-7);
    let of = |name: String| arrays.get(&name).ok_or(format!("there is no {name}"));
    let mut parts = Vec::new();
    for (name, shape) in network.inputs() {
        let x = rows_first(of(format!("x.{name}"))?, shape);
        parts.push(Array2::from_shape_vec((x.len() / shape.len(), shape.len()), x.iter().copied().collect())?);
    }
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    let y = network.predict(&concatenate(Axis(1), &views)?)?;
    for (name, shape) in network.outputs() {
        let (want, got) = (rows_first(of(format!("y.{name}"))?, shape), network.output_of(&y, name)?);
        if got.len() != want.len() {
            return Ok(Some(format!("{name} has {:?} numbers, not {:?}", got.dim(), want.shape())));
        }
        for (i, (&got, &want)) in got.iter().zip(&want).enumerate() {
            let same = got == want || got.is_nan() && want.is_nan();
            if !(same || (got - want).abs() <= tolerance + 1e-5 * want.abs()) {
                return Ok(Some(format!("{name} has {got} at {i}, not {want}")));
            }
        }
    }
    Ok(None)
}
