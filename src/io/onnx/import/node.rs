//! Access to the attributes and inputs of an operator, with type checks.

use super::Read;
use crate::spec::onnx::{Attribute, Node};

impl<'g> Node<'g> {
    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute<'g>> {
        self.attributes.iter().find(|(other, _)| other == name).map(|(_, attribute)| attribute)
    }

    /// The name of an input; `None` if it is omitted.
    pub(super) fn input(&self, input: usize) -> Option<&str> {
        self.inputs.get(input).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The name of a required input.
    pub(super) fn needs(&self, input: usize) -> Read<&str> {
        self.input(input).ok_or_else(|| format!("its input {input} is missing").into())
    }

    /// The name of a required output.
    pub(super) fn needs_output(&self, output: usize) -> Read<&str> {
        let name = self.outputs.get(output).map(String::as_str).filter(|name| !name.is_empty());
        name.ok_or_else(|| format!("its output {output} is missing").into())
    }

    fn read<'a, T>(&'a self, name: &str, default: T, read: impl Fn(&'a Attribute<'g>) -> Option<T>) -> Read<T> {
        let Some(attribute) = self.attribute(name) else { return Ok(default) };
        read(attribute).ok_or_else(|| format!("its attribute {name} is of another type").into())
    }

    pub(super) fn float(&self, name: &str, default: f64) -> Read<f64> {
        // The shortest decimal is what was meant: 0.01, not 0.009999999776.
        self.read(name, default, |attribute| match attribute {
            Attribute::Float(x) => x.to_string().parse().ok(),
            _ => None,
        })
    }

    pub(super) fn int(&self, name: &str, default: i64) -> Read<i64> {
        self.read(name, default, |attribute| if let Attribute::Int(x) = attribute { Some(*x) } else { None })
    }

    /// An attribute that is a count.
    pub(super) fn count(&self, name: &str, default: usize) -> Read<usize> {
        let n = self.int(name, default as i64)?;
        usize::try_from(n).map_err(|_| format!("its {name} is {n}, which is negative").into())
    }

    pub(super) fn text<'a>(&'a self, name: &str, default: &'a str) -> Read<&'a str> {
        self.read(name, default, |attribute| if let Attribute::Text(text) = attribute { Some(text) } else { None })
    }

    pub(super) fn texts(&self, name: &str) -> Read<&[String]> {
        self.read(name, &[], |attribute| if let Attribute::Texts(list) = attribute { Some(&**list) } else { None })
    }

    pub(super) fn ints(&self, name: &str) -> Read<&[i64]> {
        self.read(name, &[], |attribute| if let Attribute::Ints(list) = attribute { Some(&**list) } else { None })
    }

    /// A list of `count` sizes; if it is missing, copies of `default`.
    pub(super) fn sizes(&self, name: &str, count: usize, default: usize) -> Read<Vec<usize>> {
        if self.attribute(name).is_none() {
            return Ok(vec![default; count]);
        }
        let list = self.ints(name)?;
        let sizes: Option<Vec<usize>> = list.iter().map(|&n| usize::try_from(n).ok()).collect();
        let sizes = sizes.filter(|sizes| sizes.len() == count);
        sizes.ok_or_else(|| format!("its {name} is {list:?}, not {count} sizes").into())
    }

    /// Returns an error unless an attribute or input has the only supported value.
    #[allow(clippy::unused_self)] // Reads as a sentence.
    pub(super) fn expect(&self, name: &str, ok: bool) -> Read<()> {
        if ok { Ok(()) } else { Err(format!("it has a value of {name} that no layer here has").into()) }
    }
}
