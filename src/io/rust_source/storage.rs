//! [`Storage`]: where each array of a [`Program`] is: in the input, an output, or a buffer in the scratch memory.

use crate::spec::rust::{Numbers, Program, Step};

/// Where an array is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Input,
    /// The output with this index.
    Output(usize),
    /// The buffer with this index.
    Buffer(usize),
}

/// Where each array is, and the lengths of the buffers.
#[derive(Debug)]
pub(super) struct Storage {
    pub(super) places: Vec<Place>,
    pub(super) buffers: Vec<usize>,
    /// Whether each output is copied at the end: an input, or all or part of an array that is stored elsewhere.
    pub(super) copied: Vec<bool>,
}

impl Storage {
    pub(super) fn new(program: &Program, outputs: &[Numbers]) -> Self {
        let count = program.lens.len();
        let mut storage =
            Self { places: vec![Place::Input; count], buffers: Vec::new(), copied: vec![true; outputs.len()] };
        let last = last_uses(program, outputs);
        let classes = classes(program, &last, outputs);
        // The last use of a class is the latest use of its arrays.
        let mut ends = vec![0; count];
        (0..count).for_each(|memory| ends[classes[memory]] = ends[classes[memory]].max(last[memory]));
        let mut placed = vec![false; count];
        placed[0] = true;
        for (i, output) in outputs.iter().enumerate() {
            let class = classes[output.memory];
            if program.is_whole(*output) && !placed[class] {
                (storage.places[class], placed[class], storage.copied[i]) = (Place::Output(i), true, false);
            }
        }
        let mut free: Vec<usize> = Vec::new();
        for (at, step) in program.steps.iter().enumerate() {
            for memory in std::iter::once(step.gives).chain(step.memory.iter().copied()) {
                let class = classes[memory];
                if !std::mem::replace(&mut placed[class], true) {
                    storage.places[class] = storage.take(&mut free, program.lens[memory]);
                }
            }
            let used = step.takes.iter().map(|numbers| numbers.memory).chain([step.gives]);
            let mut done: Vec<usize> = used.map(|memory| classes[memory]).filter(|&class| ends[class] == at).collect();
            done.extend(step.memory.iter().map(|&memory| classes[memory]));
            done.sort_unstable();
            done.dedup();
            free.extend(done.into_iter().filter_map(|class| match storage.places[class] {
                Place::Buffer(buffer) => Some(buffer),
                _ => None,
            }));
        }
        (0..count).for_each(|memory| storage.places[memory] = storage.places[classes[memory]]);
        storage
    }

    /// A free buffer: the smallest that is large enough, or else the largest, which grows, or else a new one.
    fn take(&mut self, free: &mut Vec<usize>, len: usize) -> Place {
        let large = |&(_, buffer): &(usize, &usize)| self.buffers[*buffer] >= len;
        let best = free.iter().enumerate().filter(large).min_by_key(|(_, buffer)| self.buffers[**buffer]);
        let best = best.or_else(|| free.iter().enumerate().max_by_key(|(_, buffer)| self.buffers[**buffer]));
        let buffer = if let Some((index, _)) = best {
            free.swap_remove(index)
        } else {
            self.buffers.push(0);
            self.buffers.len() - 1
        };
        self.buffers[buffer] = self.buffers[buffer].max(len);
        Place::Buffer(buffer)
    }
}

/// The index of the last step that uses each array; for outputs, the number of steps.
fn last_uses(program: &Program, outputs: &[Numbers]) -> Vec<usize> {
    let mut last = vec![0; program.lens.len()];
    for (at, step) in program.steps.iter().enumerate() {
        step.takes.iter().for_each(|numbers| last[numbers.memory] = at);
        last[step.gives] = at;
    }
    outputs.iter().for_each(|output| last[output.memory] = program.steps.len());
    last
}

/// For each array, the first one that shares its place: a step that can work in place does so if its input is not used
/// later.
fn classes(program: &Program, last: &[usize], outputs: &[Numbers]) -> Vec<usize> {
    let mut classes: Vec<usize> = (0..program.lens.len()).collect();
    for (at, step) in program.steps.iter().enumerate() {
        if overwrites(program, last, outputs, at, step) {
            classes[step.gives] = classes[step.takes[0].memory];
        }
    }
    classes
}

fn overwrites(program: &Program, last: &[usize], outputs: &[Numbers], at: usize, step: &Step) -> bool {
    let first = step.takes[0];
    let kept = first.memory == 0 || last[first.memory] > at || outputs.iter().any(|out| out.memory == first.memory);
    let again = step.takes[1..].iter().any(|other| other.memory == first.memory);
    step.in_place && program.is_whole(first) && !kept && !again
}
