//! How PyTorch and Keras name the parameters of a layer and order their axes: [`Piece`].

use ndarray::{Array2, ArrayViewD};

use crate::Scalar;

/// The system whose names and axis orders a file uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum System {
    /// PyTorch state dicts.
    #[default]
    PyTorch,
    /// Keras weights.
    Keras,
}

/// The array of another system, or the part of one, that holds a parameter of a layer.
///
/// ```
/// use neuropil::spec::layout::Piece;
///
/// // PyTorch stores a dense layer's weight as (outputs, inputs).
/// let piece = Piece::axes("weight", &[3, 2], &[1, 0]);
/// assert_eq!(piece.shape(), [2, 3]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    turn: Turn,
    /// The other system has one array for the sum of this parameter and others.
    added: bool,
}

/// How a parameter of shape `dims` is stored in an array of the other system.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Turn {
    /// The whole array, with the axes in this order; unchanged if it is empty.
    Axes(Vec<usize>),
    /// Block `from` of the `of` blocks of columns is block `to` of the `width` blocks in each row of the other array.
    Block { from: usize, of: usize, to: usize, width: usize },
}

impl Piece {
    /// The whole parameter, with its axes unchanged.
    pub fn whole(name: impl Into<String>, dims: &[usize]) -> Self {
        Self { name: name.into(), shape: dims.to_vec(), turn: Turn::Axes(Vec::new()), added: false }
    }

    /// The whole parameter with its axes in this order: (in, out) becomes (out, in) with `[1, 0]`. An order that is not
    /// a permutation leaves the axes unchanged.
    pub fn axes(name: impl Into<String>, dims: &[usize], axes: &[usize]) -> Self {
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..dims.len()) {
            return Self::whole(name, dims);
        }
        let shape = axes.iter().map(|&axis| dims[axis]).collect();
        Self { name: name.into(), shape, turn: Turn::Axes(axes.to_vec()), added: false }
    }

    /// Block `from` of the `of` blocks of columns, which is block `to` of the `width` blocks in the rows of an array of
    /// this shape.
    pub(crate) fn block(name: &str, shape: Vec<usize>, [from, of]: [usize; 2], [to, width]: [usize; 2]) -> Self {
        Self { name: name.to_owned(), shape, turn: Turn::Block { from, of, to, width }, added: false }
    }

    /// Makes the export add the parameter to what other pieces wrote.
    pub(crate) fn added(self) -> Self {
        Self { added: true, ..self }
    }

    /// Reshapes the array.
    pub(crate) fn shaped(self, shape: &[usize]) -> Self {
        Self { shape: shape.to_vec(), ..self }
    }

    /// The name of the array, within the layer.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The shape of the whole array.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Writes a parameter of shape `dims` into the other system's array.
    pub(crate) fn export<A: Scalar>(&self, matrix: &Array2<A>, dims: &[usize], theirs: &mut [A]) {
        let ours = matrix.as_slice().expect("parameters are row-major");
        let put = |(theirs, &x): (&mut A, &A)| *theirs = if self.added { *theirs + x } else { x };
        match &self.turn {
            Turn::Axes(axes) if axes.is_empty() => theirs.iter_mut().zip(ours).for_each(put),
            Turn::Axes(axes) => {
                let ours = ArrayViewD::from_shape(dims, ours).expect("a parameter of the shape that it reports");
                theirs.iter_mut().zip(&ours.permuted_axes(&**axes)).for_each(put);
            }
            Turn::Block { .. } => {
                self.blocks(matrix.dim(), |from, to| theirs[to].iter_mut().zip(&ours[from]).for_each(put));
            }
        }
    }

    /// Reads a parameter of shape `dims` from the other system's array; an added one becomes 0.
    pub(crate) fn import<A: Scalar>(&self, matrix: &mut Array2<A>, dims: &[usize], theirs: &[A]) {
        let size = matrix.dim();
        let ours = matrix.as_slice_mut().expect("parameters are row-major");
        match &self.turn {
            _ if self.added => ours.fill(A::ZERO),
            Turn::Axes(axes) if axes.is_empty() => ours.copy_from_slice(theirs),
            Turn::Axes(axes) => {
                let shape: Vec<usize> = axes.iter().map(|&axis| dims[axis]).collect();
                let theirs = ArrayViewD::from_shape(shape, theirs).expect("as many numbers as the checked sizes say");
                let mut back = vec![0; axes.len()];
                axes.iter().enumerate().for_each(|(i, &axis)| back[axis] = i);
                ours.iter_mut().zip(theirs.permuted_axes(back)).for_each(|(ours, &x)| *ours = x);
            }
            Turn::Block { .. } => self.blocks(size, |to, from| ours[to].copy_from_slice(&theirs[from])),
        }
    }

    /// The offsets of a block in each row, in both arrays.
    fn blocks(
        &self,
        (rows, columns): (usize, usize),
        mut copy: impl FnMut(std::ops::Range<usize>, std::ops::Range<usize>),
    ) {
        let Turn::Block { from, of, to, width } = self.turn else { return };
        let size = columns / of;
        for row in 0..rows {
            let (ours, theirs) = (row * columns + from * size, (row * width + to) * size);
            copy(ours..ours + size, theirs..theirs + size);
        }
    }
}
