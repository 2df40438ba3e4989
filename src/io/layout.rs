//! How other systems name a layer's parameters and order their numbers: [`Layout`].

use ndarray::{Array2, ArrayViewD};

use crate::Scalar;
use crate::kernels::{flat, flat_mut};
use crate::spec::Spec;

/// Whose names and orders an array file has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Layout {
    #[default]
    PyTorch,
    Keras,
}

/// An array of the other system, or a part of one, that a parameter of a layer becomes.
#[derive(Debug)]
pub(super) struct Piece {
    /// Its name, in the place of the layer.
    pub(super) name: String,
    /// The sizes of the whole array.
    pub(super) shape: Vec<usize>,
    turn: Turn,
}

/// How a parameter, a matrix whose true sizes are `dims`, lies in an array of the other system.
#[derive(Debug)]
enum Turn {
    /// All of it, the axes in this order: (in, out) becomes (out, in) by `[1, 0]`.
    Axes(&'static [usize]),
    /// A block of the columns, `from` of `of`, which is the block `to` in as many rows of `width` such blocks.
    Block { from: usize, of: usize, to: usize, width: usize },
    /// It is added to what is there: the other system has one array for two parameters here.
    Added,
}

/// The kinds of layers with a parameter of this name; the other system's name for it; the order of axes there.
type Line = (&'static [&'static str], &'static str, &'static str, &'static [usize]);

/// All others are as they are here.
const PYTORCH: [Line; 4] = [
    (&["dense"], "weight", "weight", &[1, 0]),
    (&["conv1d"], "weight", "weight", &[2, 1, 0]),
    (&["multi_head_attention"], "in_proj_weight", "in_proj_weight", &[1, 0]),
    (&["multi_head_attention"], "out_proj.weight", "out_proj.weight", &[1, 0]),
];

const NORMS: &[&str] = &["batch_norm", "layer_norm", "group_norm", "instance_norm"];
const KERAS: [Line; 9] = [
    (&["dense", "conv1d"], "weight", "kernel", &[]),
    (&["conv2d", "conv_transpose2d"], "weight", "kernel", &[2, 3, 1, 0]),
    (&["embedding"], "weight", "embeddings", &[]),
    (&["p_relu"], "weight", "alpha", &[]),
    (&["rms_norm"], "weight", "scale", &[]),
    (NORMS, "weight", "gamma", &[]),
    (NORMS, "bias", "beta", &[]),
    (NORMS, "running_mean", "moving_mean", &[]),
    (NORMS, "running_var", "moving_variance", &[]),
];

impl Layout {
    /// What the parameter of a layer of this description becomes, all of it together.
    pub(super) fn pieces(self, spec: &Spec, name: &str, dims: &[usize]) -> Vec<Piece> {
        let special = match (self, spec.kind()) {
            (Self::PyTorch, "rnn" | "lstm" | "gru") if dims.len() == 2 && name.starts_with("weight_") => {
                return vec![Piece::whole(name, dims, &[1, 0])];
            }
            (Self::Keras, "rnn" | "lstm" | "gru") => keras_recurrent(spec, name, dims),
            (Self::Keras, "multi_head_attention") => keras_attention(spec, name, dims),
            _ => None,
        };
        let table: &[Line] = if self == Self::PyTorch { &PYTORCH } else { &KERAS };
        special.unwrap_or_else(|| {
            let line = table.iter().find(|(kinds, ours, ..)| kinds.contains(&spec.kind()) && *ours == name);
            let line = line.filter(|(.., axes)| [0, dims.len()].contains(&axes.len()));
            let mut piece = line
                .map_or_else(|| Piece::whole(name, dims, &[]), |(_, _, theirs, axes)| Piece::whole(theirs, dims, axes));
            // A convolution of each channel by itself is a layer of its own there, with the channels before what each
            // gives: the same numbers.
            if let (Self::Keras, "conv2d", "weight", &[outputs, 1, _, _]) = (self, spec.kind(), name, dims) {
                let channels = spec.count("groups").unwrap_or(1).max(1);
                piece.shape[2..].copy_from_slice(&[channels, outputs / channels]);
            }
            vec![piece]
        })
    }
}

/// One kernel each for inputs and states; an LSTM's two biases added up, a GRU's (2, 3·units), whose gates go z, r, n.
fn keras_recurrent(spec: &Spec, name: &str, dims: &[usize]) -> Option<Vec<Piece>> {
    let (own, reverse) = match name.strip_suffix("_reverse") {
        Some(own) => (own, true),
        None => (name, false),
    };
    let (what, layer) = own.rsplit_once("_l")?;
    let mut place = String::new();
    if spec.count("layers").ok()? > 1 {
        place = format!("layer{layer}.");
    }
    if spec.flag("bidirectional").ok()? {
        place += if reverse { "backward." } else { "forward." };
    }
    let (gru, state) = (spec.kind() == "gru", what.ends_with("_hh"));
    let theirs = match what {
        "weight_ih" => "kernel",
        "weight_hh" => "recurrent_kernel",
        _ => "bias",
    };
    let theirs = format!("{place}{theirs}");
    let whole = || Piece::whole(&theirs, dims, &[]);
    Some(match (gru, theirs.ends_with("bias")) {
        (false, true) if state => vec![Piece { turn: Turn::Added, ..whole() }],
        (false, _) => vec![whole()],
        (true, bias) => {
            // Its biases lie one after the other.
            let (shape, width) = if bias { (vec![2, dims[0]], 6) } else { (dims.to_vec(), 3) };
            let start = if bias && state { 3 } else { 0 };
            let blocks = [1, 0, 2].into_iter().enumerate();
            blocks
                .map(|(from, gate)| {
                    let turn = Turn::Block { from, of: 3, to: start + gate, width };
                    Piece { name: theirs.clone(), shape: shape.clone(), turn }
                })
                .collect()
        }
    })
}

/// Kernels (features, heads, width) for query, key and value, and (heads, width, features) for what comes out.
fn keras_attention(spec: &Spec, name: &str, dims: &[usize]) -> Option<Vec<Piece>> {
    let (features, heads) = (spec.count("features").ok()?, spec.count("heads").ok()?);
    let parts = [heads, features.checked_div(heads)?];
    let what = if name.ends_with("bias") { "bias" } else { "kernel" };
    if name.starts_with("out_proj") {
        let mut piece = Piece::whole(&format!("attention_output.{what}"), dims, &[]);
        if what == "kernel" {
            piece.shape = vec![parts[0], parts[1], features];
        }
        return Some(vec![piece]);
    }
    let blocks = ["query", "key", "value"].into_iter().enumerate();
    let piece = |(from, part)| Piece {
        name: format!("{part}.{what}"),
        shape: dims[..dims.len() - 1].iter().chain(&parts).copied().collect(),
        turn: Turn::Block { from, of: 3, to: 0, width: 1 },
    };
    Some(blocks.map(piece).collect())
}

impl Piece {
    fn whole(name: &str, dims: &[usize], axes: &'static [usize]) -> Self {
        let shape = if axes.is_empty() { dims.to_vec() } else { axes.iter().map(|&axis| dims[axis]).collect() };
        Self { name: name.to_owned(), shape, turn: Turn::Axes(axes) }
    }

    /// Writes a parameter of these sizes into the other system's array.
    pub(super) fn export<A: Scalar>(&self, matrix: &Array2<A>, dims: &[usize], theirs: &mut [A]) {
        match self.turn {
            Turn::Axes([]) => theirs.copy_from_slice(flat(matrix)),
            Turn::Axes(axes) => {
                let ours = ArrayViewD::from_shape(dims, flat(matrix)).expect("a parameter of the sizes that it tells");
                theirs.iter_mut().zip(ours.permuted_axes(axes)).for_each(|(theirs, &x)| *theirs = x);
            }
            Turn::Block { .. } => {
                let columns = matrix.ncols();
                self.blocks(columns, |ours, to| theirs[to].copy_from_slice(&flat(matrix)[ours]), matrix.nrows());
            }
            Turn::Added => theirs.iter_mut().zip(matrix).for_each(|(theirs, &x)| *theirs += x),
        }
    }

    /// Reads a parameter of these sizes from the other system's array; what is added there is 0 here.
    pub(super) fn import<A: Scalar>(&self, matrix: &mut Array2<A>, dims: &[usize], theirs: &[A]) {
        match self.turn {
            Turn::Axes([]) => flat_mut(matrix).copy_from_slice(theirs),
            Turn::Axes(axes) => {
                let shape: Vec<usize> = axes.iter().map(|&axis| dims[axis]).collect();
                let theirs = ArrayViewD::from_shape(shape, theirs).expect("as many numbers as the checked sizes say");
                let mut back = vec![0; axes.len()];
                axes.iter().enumerate().for_each(|(i, &axis)| back[axis] = i);
                flat_mut(matrix).iter_mut().zip(theirs.permuted_axes(back)).for_each(|(ours, &x)| *ours = x);
            }
            Turn::Block { .. } => {
                let (rows, columns) = matrix.dim();
                self.blocks(columns, |ours, from| flat_mut(matrix)[ours].copy_from_slice(&theirs[from]), rows);
            }
            Turn::Added => matrix.fill(A::ZERO),
        }
    }

    /// The places of a block in each row, here and there.
    fn blocks(
        &self,
        columns: usize,
        mut copy: impl FnMut(std::ops::Range<usize>, std::ops::Range<usize>),
        rows: usize,
    ) {
        let Turn::Block { from, of, to, width } = self.turn else { return };
        let size = columns / of;
        for row in 0..rows {
            let (ours, theirs) = (row * columns + from * size, (row * width + to) * size);
            copy(ours..ours + size, theirs..theirs + size);
        }
    }
}
