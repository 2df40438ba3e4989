//! The inputs of an operator: values of the network, and constants.

use std::rc::Rc;

use super::constants::{Constant, Ints, whole};
use super::fold::fold;
use super::{Data, Known, Node, Read, Reader, Stop};
use crate::Scalar;

impl<'g, A: Scalar> Reader<'g, A> {
    pub(super) fn has(&self, name: &str) -> bool {
        self.known.contains_key(name) || self.index.constants.contains_key(name)
    }

    /// Takes `count` values from the budget for constants.
    pub(super) fn take(&mut self, count: usize) -> Read<()> {
        let left = self.room.checked_sub(count);
        self.room = left.ok_or("the constants are used so often that they would take more memory than the file")?;
        Ok(())
    }

    /// A value of the network, of any element type.
    pub(super) fn any(&self, name: &str) -> Read<Data> {
        match self.known.get(name) {
            Some(Known::Data(data)) => Ok(data.clone()),
            Some(Known::Grouped(..)) => {
                Err(format!("it takes `{name}`, in which the batch and others are one axis").into())
            }
            None if !self.index.is_constant(name) => Err(Stop::Needs(vec![name.to_owned()])),
            _ => Err(format!("it takes `{name}`, a constant, where it should take a value").into()),
        }
    }

    /// A value of the network with floating-point numbers.
    pub(super) fn data(&self, name: &str) -> Read<Data> {
        let data = self.any(name)?;
        if data.integer { Err(format!("it takes `{name}`, which are integers").into()) } else { Ok(data) }
    }

    /// The values of all inputs; all unknown ones are requested at once.
    pub(super) fn all(&self, node: &Node<'_>) -> Read<Vec<Data>> {
        let missing: Vec<String> = node.inputs.iter().filter(|name| !self.has(name)).cloned().collect();
        if !missing.is_empty() {
            return Err(Stop::Needs(missing));
        }
        node.inputs.iter().map(|name| self.data(name)).collect()
    }

    /// A constant of any type.
    pub(super) fn constant(&mut self, name: &str) -> Read<Rc<Constant>> {
        if let Some(Known::Constant(constant)) = self.known.get(name) {
            return Ok(constant.clone());
        }
        if let Some(&tensor) = self.index.constants.get(name) {
            self.take(tensor.dims.iter().fold(1_usize, |product, &n| product.saturating_mul(n)))?;
            let constant = Constant::of(tensor).map_err(|problem| format!("the constant `{name}`: {problem}"))?;
            return Ok(Rc::new(constant));
        }
        if self.index.is_constant(name) {
            return Err(Stop::Needs(vec![name.to_owned()]));
        }
        Err(format!("its input `{name}` is not a constant").into())
    }

    /// The sizes of a constant input.
    pub(super) fn sizes(&mut self, node: &Node<'_>, input: usize) -> Read<Vec<usize>> {
        let name = node.needs(input)?;
        match self.index.constants.get(name) {
            Some(tensor) => Ok(tensor.dims.clone()),
            None => Ok(self.constant(name)?.dims().to_vec()),
        }
    }

    /// The values of a constant input.
    pub(super) fn numbers(&mut self, node: &Node<'_>, input: usize) -> Read<Vec<f64>> {
        let name = node.needs(input)?;
        let constant = self.constant(name)?;
        if !self.index.constants.contains_key(name) {
            // Each use of a computed constant is a copy, too.
            self.take(constant.len())?;
        }
        constant.floats().map_err(|problem| format!("the constant `{name}`: {problem}").into())
    }

    /// A scalar constant input.
    pub(super) fn number(&mut self, node: &Node<'_>, input: usize) -> Read<f64> {
        let many = || Stop::from(format!("its input {input} is not one number"));
        if self.sizes(node, input)?.iter().any(|&n| n != 1) {
            return Err(many());
        }
        self.numbers(node, input)?.first().copied().ok_or_else(many)
    }

    /// The integers of a constant input.
    pub(super) fn ints(&mut self, node: &Node<'_>, input: usize) -> Read<Ints> {
        let name = node.needs(input)?;
        self.constant(name)?.ints().map_err(|problem| format!("the constant `{name}`: {problem}").into())
    }

    /// A list that is an attribute in old files, later an input; `None` if it is omitted.
    pub(super) fn list(&mut self, node: &Node<'_>, name: &str, input: usize) -> Read<Option<Vec<i64>>> {
        match (node.attribute(name), node.input(input)) {
            (Some(_), None) => Ok(Some(node.ints(name)?.to_vec())),
            (None, Some(_)) => Ok(Some(whole(&self.ints(node, input)?)?)),
            (None, None) => Ok(None),
            _ => Err(format!("its {name} are an attribute and an input").into()),
        }
    }

    /// Computes an operator whose inputs are constants.
    pub(super) fn folded(&mut self, node: &'g Node<'g>) -> Read<Constant> {
        if node.op == "Shape" {
            let name = node.needs(0)?;
            let sizes: Ints = match self.per_sample.get(name) {
                Some(sizes) if sizes.is_empty() => {
                    return Err("it takes the sizes of what is repeated for each sample".into());
                }
                Some(sizes) => sizes.clone(),
                None if self.index.is_constant(name) => {
                    self.sizes(node, 0)?.into_iter().map(|n| Some(n as i64)).collect()
                }
                None => self.any(name)?.view.sizes().iter().map(|n| n.map(|n| n as i64)).collect(),
            };
            let position =
                |n: i64| if n < 0 { n.saturating_add(sizes.len() as i64) } else { n }.clamp(0, sizes.len() as i64);
            let (start, end) = (position(node.int("start", 0)?), position(node.int("end", i64::MAX)?));
            return match sizes.get(start as usize..end as usize) {
                Some(sizes) if !sizes.is_empty() => Ok(Constant::list(sizes.to_vec())),
                _ => Err("it gives no sizes".into()),
            };
        }
        let mut names: Vec<String> = node.inputs.clone();
        if node.op == "CastLike" && !self.index.is_constant(node.needs(1)?) {
            node.expect("target_type", !self.any(node.needs(1)?)?.integer)?;
            names.truncate(1);
        }
        let missing = names.iter().filter(|name| !name.is_empty() && !self.has(name)).cloned().collect::<Vec<_>>();
        if !missing.is_empty() {
            return Err(Stop::Needs(missing));
        }
        let inputs = names
            .iter()
            .map(|name| if name.is_empty() { Ok(None) } else { self.constant(name).map(Some) })
            .collect::<Read<Vec<_>>>()?;
        let inputs: Vec<Option<&Constant>> = inputs.iter().map(Option::as_deref).collect();
        let constant = fold(node, &inputs, self.opset, self.room)?;
        if let Some(sizes) = self.sizes_per_sample(node, &names, &inputs, constant.dims()) {
            self.per_sample.extend(node.outputs.iter().map(|output| (output.clone(), sizes.clone())));
        }
        self.take(constant.len())?;
        Ok(constant)
    }

    /// The sizes in the file of a constant that it repeats for each sample, empty if unknown; `None` for any other
    /// constant.
    fn sizes_per_sample(
        &self,
        node: &Node<'_>,
        names: &[String],
        inputs: &[Option<&Constant>],
        dims: &[usize],
    ) -> Option<Ints> {
        // The index of the batch, counted from the last axis.
        let from_the_end = |sizes: &Ints| sizes.iter().rev().position(Option::is_none);
        let batch = match (&*node.op, inputs.last().copied().flatten().map(Constant::ints)) {
            ("ConstantOfShape" | "Expand", Some(Ok(list))) if list.contains(&None) => from_the_end(&list),
            (op, _) => {
                let mut before = names.iter().filter_map(|name| self.per_sample.get(name));
                let first = before.next()?;
                let alone = before.next().is_none();
                let kept = match op {
                    "Add" | "Cast" | "Div" | "Identity" | "Max" | "Min" | "Mul" | "Neg" | "Sub" => true,
                    "MatMul" => self.per_sample.contains_key(&*names[0]),
                    _ => false,
                };
                Some(first).filter(|_| alone && kept).and_then(from_the_end)
            }
        };
        let sized = |batch: usize| {
            let at =
                dims.len().checked_sub(batch + 1).filter(|&at| dims[at] == 1 && (node.op != "MatMul" || batch > 0))?;
            Some(dims.iter().enumerate().map(|(i, &n)| if i == at { None } else { Some(n as i64) }).collect())
        };
        Some(batch.and_then(sized).unwrap_or_default())
    }
}
