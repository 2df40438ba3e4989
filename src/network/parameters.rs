//! Access to the parameters of a [`Network`] by name: reading, setting, averaging, freezing.

use ndarray::Array2;

use super::Network;
use super::nodes::Node;
#[cfg(feature = "files")]
use super::nodes::{Op, as_network};
use crate::error::check_setting;
use crate::layer::{Layer, count_parameters};
#[cfg(feature = "files")]
use crate::spec::layout::{Piece, System};
use crate::{Error, Matrix, Result, Scalar};

const EMPTY: &str = "a name must not be empty, nor contain a dot";

/// Whether `name` is that of a layer in the block `block`.
fn within(name: &str, block: &str) -> bool {
    name.strip_prefix(block).is_some_and(|rest| rest.starts_with('.'))
}

impl<A: Scalar> Network<A> {
    /// A copy of the parameter or running statistic with this name, such as `2.weight`.
    pub fn parameter(&self, name: &str) -> Option<Array2<A>> {
        let mut found = None;
        self.visit(&mut |info, matrix| {
            if info.name.to_string() == name {
                found = Some(matrix.clone());
            }
        });
        found
    }

    /// Sets the parameter or running statistic with this name.
    ///
    /// ```
    /// use neuropil::prelude::*;
    /// use ndarray::array;
    ///
    /// let mut network = Sequential::<f64>::mlp(&[2, 1], Tanh, &mut rng(7))?;
    /// network.set_parameter("0.weight", &array![[1.0], [2.0]])?;
    /// network.set_parameter("0.bias", &array![[0.5]])?;
    /// assert_eq!(network.predict(&array![[10.0, 1.0]])?, array![[12.5]]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unknown`] for an unknown name; [`Error::Dimensions`] for a matrix of the wrong shape.
    pub fn set_parameter(&mut self, name: &str, values: &Matrix<A>) -> Result<()> {
        let mut result = None;
        let mut known = Vec::new();
        self.visit_mut(&mut |info, matrix| {
            let own = info.name.to_string();
            if own != name {
                known.push(own);
            } else if matrix.dim() == values.dim() {
                matrix.assign(values);
                result = Some(Ok(()));
            } else {
                let (wants, got) = (matrix.dim().into(), values.dim().into());
                result = Some(Err(Error::Dimensions { what: format!("the parameter {own}"), wants, got }));
            }
        });
        result.unwrap_or_else(|| Err(Error::Unknown { what: "parameter", name: name.to_owned(), known }))
    }

    /// Interpolates every parameter and running statistic with those of a network of the same structure: w ← (1 -
    /// share)·w + share·w'. Called after each step with a small share, it is Polyak averaging.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let online = Sequential::<f64>::mlp(&[2, 1], Tanh, &mut rng(1))?;
    /// let mut target = Sequential::<f64>::mlp(&[2, 1], Tanh, &mut rng(2))?;
    /// target.blend(&online, 1.0)?;
    /// assert_eq!(target.parameter("0.weight"), online.parameter("0.weight"));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for a share outside 0 to 1; [`Error::Dimensions`] for another structure. The network is not
    /// changed.
    pub fn blend(&mut self, other: &Self, share: f64) -> Result<()> {
        check_setting("the share of the other network", share, "from 0 to 1", (0.0..=1.0).contains(&share))?;
        let sizes = |network: &Self| {
            let mut sizes = Vec::new();
            network.visit(&mut |info, matrix| sizes.push((info.name.to_string(), <[usize; 2]>::from(matrix.dim()))));
            sizes
        };
        let (own, theirs) = (sizes(self), sizes(other));
        for (i, (name, wants)) in own.iter().enumerate() {
            let got = theirs.get(i).map_or([0, 0], |(_, size)| *size);
            if got != *wants {
                let what = format!("the other network's parameter {name}");
                return Err(Error::Dimensions { what, wants: *wants, got });
            }
        }
        if own.len() != theirs.len() {
            let what = "the other network's list of parameters".into();
            return Err(Error::Dimensions { what, wants: [own.len(), 1], got: [theirs.len(), 1] });
        }
        let (stay, more) = (A::of(1.0 - share), A::of(share));
        let mut moved = Vec::with_capacity(own.len());
        other.visit(&mut |_, matrix| moved.push(matrix.mapv(|w| more * w)));
        let mut moved = moved.into_iter();
        self.visit_mut(&mut |_, matrix| {
            if let Some(moved) = moved.next() {
                matrix.zip_mut_with(&moved, |w, &moved| *w = stay * *w + moved);
            }
        });
        Ok(())
    }

    /// The number of trainable parameters.
    pub fn parameter_count(&self) -> usize {
        count_parameters(self)
    }

    /// Sets the learning rate of a layer to `rate` times the optimizer's; 0 freezes it.
    ///
    /// The name of a layer is its position unless it was renamed. The name of an [included](Self::include) block sets
    /// the rate of all its layers.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let mut network = Sequential::<f64>::mlp(&[2, 4, 1], Tanh, &mut rng(7))?;
    /// network.set_layer_rate(2, 0.1)?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unknown`] for an unknown layer; [`Error::Setting`] for a rate that is negative or not finite.
    pub fn set_layer_rate(&mut self, name: impl ToString, rate: f64) -> Result<()> {
        check_setting("a layer's learning rate", rate, "at least 0 and finite", rate >= 0.0 && rate.is_finite())?;
        for at in self.find(&name.to_string())? {
            self.nodes[at].rate = rate;
        }
        self.changed();
        Ok(())
    }

    /// Freezes the parameters and running statistics of a layer: `set_layer_rate(name, 0.0)`.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let (x, target) = (ndarray::array![[0.0, 1.0]], ndarray::array![[1.0]]);
    /// let mut network = Sequential::<f64>::mlp(&[2, 4, 1], Tanh, &mut rng(7))?;
    /// network.rename(0, "encoder")?;
    /// network.freeze("encoder")?;
    /// let before = network.clone();
    /// Tape::new(&network, 0).train(&mut network, &x, &target, &Mse, &mut Sgd::new(0.1))?;
    /// assert_eq!(network.parameter("encoder.weight"), before.parameter("encoder.weight"));
    /// assert_ne!(network.parameter("2.weight"), before.parameter("2.weight"));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unknown`] for an unknown layer.
    pub fn freeze(&mut self, name: impl ToString) -> Result<()> {
        self.set_layer_rate(name, 0.0)
    }

    /// Renames a layer or an [included](Self::include) block, in parameter names, errors and files.
    ///
    /// # Errors
    /// [`Error::Unknown`] for an unknown layer; [`Error::Graph`] for a name that is empty, contains a dot, is taken, or
    /// is the position of another layer.
    pub fn rename(&mut self, name: impl ToString, new: &str) -> Result<()> {
        let name = name.to_string();
        let group = self.find(&name)?;
        if new.contains('.') {
            return Err(self.wrong_name(new, EMPTY));
        }
        self.check_name(&group, new)?;
        for at in group {
            let rest = self.nodes[at].name.split_off(name.len());
            self.nodes[at].name = format!("{new}{rest}");
        }
        self.changed();
        Ok(())
    }

    /// Sets the name of a layer, which contains dots if the layer is of an included block.
    pub(super) fn set_name(&mut self, at: usize, new: &str) -> Result<()> {
        self.check_name(&[at], new)?;
        new.clone_into(&mut self.nodes[at].name);
        self.changed();
        Ok(())
    }

    /// Checks a new name of these layers, or the prefix of their names.
    fn check_name(&self, group: &[usize], new: &str) -> Result<()> {
        if new.split('.').any(str::is_empty) {
            return Err(self.wrong_name(new, EMPTY));
        }
        // A number is the default name of the layer at that position, even of one that is added later.
        let (first, inner) = new.split_once('.').map_or((new, false), |(first, _)| (first, true));
        let later = |position: usize| if inner { position > group[0] } else { position != group[0] };
        if first.parse().is_ok_and(later) {
            return Err(self.wrong_name(new, "a number names the layer at that position; take another name"));
        }
        let mut others = self.nodes.iter().enumerate().filter(|(at, _)| !group.contains(at));
        if others.any(|(_, other)| other.name == new || within(&other.name, new) || within(new, &other.name)) {
            return Err(self.wrong_name(new, "another layer has it; take another name"));
        }
        Ok(())
    }

    fn wrong_name(&self, name: &str, problem: &str) -> Error {
        self.problem(&format!("the name `{name}`"), problem.to_owned())
    }

    /// The indices of the layer or join with this name, or of those of the included block with this name.
    fn find(&self, name: &str) -> Result<Vec<usize>> {
        let named = |(at, node): (usize, &Node<A>)| (node.name == name || within(&node.name, name)).then_some(at);
        let group: Vec<usize> = self.nodes.iter().enumerate().filter_map(named).collect();
        if group.is_empty() {
            let known = self.nodes.iter().map(|node| node.name.clone()).collect();
            return Err(Error::Unknown { what: "layer", name: name.to_owned(), known });
        }
        Ok(group)
    }

    /// Calls `f` with each parameter: the path and the name, its true shape, and its layout in another system.
    #[cfg(feature = "files")]
    pub(crate) fn visit_layouts(&self, system: System, path: &str, f: &mut LayoutVisitor<'_, A>) {
        for Node { op, name, .. } in &self.nodes {
            let path = format!("{path}{name}.");
            if let Some(network) = op.as_layer().and_then(as_network) {
                network.visit_layouts(system, &path, f);
                continue;
            }
            op.visit(&mut |info, matrix| {
                let name = info.name.to_string();
                let pieces = match op {
                    Op::Layer(layer) => layer.layout(system, &name, info.dims),
                    Op::Join(join) => join.layout(system, &name, info.dims),
                };
                f(&path, &name, info.dims, matrix, &pieces);
            });
        }
    }

    /// The first layer without a [`Layer::spec`]: its path and its `Debug` text.
    #[cfg(feature = "files")]
    pub(crate) fn without_spec(&self) -> Option<(Vec<String>, String)> {
        let node = self.nodes.iter().find(|node| node.op.spec().is_none())?;
        let inner = node.op.as_layer().and_then(as_network).and_then(Self::without_spec);
        let (mut path, text) = inner.unwrap_or_else(|| (Vec::new(), node.op.text()));
        path.insert(0, node.name.clone());
        Some((path, text))
    }
}

/// Path, name, true shape, matrix and pieces of a parameter.
#[cfg(feature = "files")]
type LayoutVisitor<'f, A> = dyn FnMut(&str, &str, &[usize], &Array2<A>, &[Piece]) + 'f;
