//! Reads and writes ONNX files: a graph of operators and constants.

use std::borrow::Cow;
use std::path::Path;

use super::external::External;
use super::protobuf::{Fields, Message, Value};
use crate::io::half;
use crate::spec::onnx::{Attribute, BOOL, FLOAT, Graph, INT32, INT64, Node, Port, TEXT, Tensor};

/// The exported opset: 20, the first with GELU.
pub(super) const OPSET: i64 = 20;
/// The oldest supported opset.
const OLDEST: i64 = 6;
/// The latest supported opset.
const LATEST: i64 = 28;
/// The file format version of opset 20.
const IR_VERSION: i64 = 9;
/// The name of the batch axis.
const BATCH: &str = "batch";
/// The entry of the metadata with the declared number of steps.
const STEPS: &str = "steps";

const FLOAT16: i64 = 10;
const DOUBLE: i64 = 11;
const BFLOAT16: i64 = 16;

impl Tensor<'_> {
    /// The floating-point numbers, or an error message.
    pub(super) fn numbers(&self) -> Result<Vec<f64>, String> {
        let chunks = |size| self.data.chunks_exact(size);
        let half = |widen: fn(u16) -> f32| {
            chunks(2).map(|b| widen(u16::from_le_bytes([b[0], b[1]])).into()).collect::<Vec<f64>>()
        };
        let (numbers, size) = match self.kind {
            FLOAT => (chunks(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]).into()).collect(), 4),
            DOUBLE => (chunks(8).map(|b| f64::from_le_bytes(b.try_into().unwrap_or_default())).collect(), 8),
            FLOAT16 => (half(half::f16), 2),
            BFLOAT16 => (half(half::bf16), 2),
            other => return Err(format!("its numbers are of type {other}, not floating-point")),
        };
        self.check(size).map(|()| numbers)
    }

    /// The integers, or an error message.
    pub(super) fn integers(&self) -> Result<Vec<i64>, String> {
        let chunks = |size| self.data.chunks_exact(size);
        let (numbers, size) = match self.kind {
            INT64 => (chunks(8).map(|b| i64::from_le_bytes(b.try_into().unwrap_or_default())).collect(), 8),
            INT32 => (chunks(4).map(|b| i32::from_le_bytes(b.try_into().unwrap_or_default()).into()).collect(), 4),
            BOOL => (chunks(1).map(|b| i64::from(b[0] != 0)).collect(), 1),
            other => return Err(format!("its numbers are of type {other}, not integers")),
        };
        self.check(size).map(|()| numbers)
    }

    /// Integers or texts as names; `None` if there are others.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        if self.kind == TEXT {
            return Some(self.data.split(|&byte| byte == 0).map(|name| String::from_utf8_lossy(name).into()).collect());
        }
        Some(self.integers().ok()?.iter().map(i64::to_string).collect())
    }

    /// Checks that the number of values matches the sizes.
    fn check(&self, size: usize) -> Result<(), String> {
        // With a size of 0, the other sizes say nothing about the number of values.
        if self.dims.contains(&0) {
            return Err(format!("its sizes {:?} leave no numbers", self.dims));
        }
        let bytes = self.dims.iter().try_fold(size, |bytes, &n| bytes.checked_mul(n));
        if bytes == Some(self.data.len()) {
            return Ok(());
        }
        Err(format!("its sizes {:?} do not fit its {} bytes", self.dims, self.data.len()))
    }

    fn write(&self, name: &str) -> Message {
        let dims = self.dims.iter().fold(Message::default(), |message, &n| message.int(1, n as i64));
        dims.int(2, self.kind).text(8, name).bytes(9, &self.data)
    }
}

impl Graph<'_> {
    /// The content of an ONNX file.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut graph = Message::default();
        for (i, node) in self.nodes.iter().enumerate() {
            graph = graph.message(1, &node.write(i));
        }
        graph = graph.text(2, "network");
        for (name, tensor) in &self.constants {
            graph = graph.message(5, &tensor.write(name));
        }
        for (field, ports) in [(11, &self.inputs), (12, &self.outputs)] {
            for port in ports {
                graph = graph.message(field, &port.write());
            }
        }
        let opset = Message::default().text(1, "").int(2, OPSET);
        let model = Message::default().int(1, IR_VERSION).text(2, "neuropil").text(3, env!("CARGO_PKG_VERSION"));
        let model = model.message(7, &graph).message(8, &opset);
        match self.steps {
            Some(steps) => model.message(14, &Message::default().text(1, STEPS).text(2, &steps.to_string())).0,
            None => model.0,
        }
    }
}

impl Node<'_> {
    fn write(&self, position: usize) -> Message {
        let mut node = self.inputs.iter().fold(Message::default(), |node, input| node.text(1, input));
        node = self.outputs.iter().fold(node, |node, output| node.text(2, output));
        node = node.text(3, &format!("{position}_{}", self.op)).text(4, &self.op);
        for (name, attribute) in &self.attributes {
            let message = Message::default().text(1, name);
            let message = match attribute {
                Attribute::Float(x) => message.float(2, *x).int(20, 1),
                Attribute::Int(x) => message.int(3, *x).int(20, 2),
                Attribute::Text(text) => message.text(4, text).int(20, 3),
                Attribute::Tensor(tensor) => message.message(5, &tensor.write("")).int(20, 4),
                Attribute::Floats(list) => list.iter().fold(message, |message, &x| message.float(7, x)).int(20, 6),
                Attribute::Ints(list) => list.iter().fold(message, |message, &x| message.int(8, x)).int(20, 7),
                Attribute::Texts(list) => list.iter().fold(message, |message, x| message.text(9, x)).int(20, 8),
                Attribute::Other => message,
            };
            node = node.message(5, &message);
        }
        node
    }
}

impl Port {
    fn write(&self) -> Message {
        let shape = self.dims.iter().enumerate().fold(Message::default(), |shape, (axis, dim)| {
            let size = Message::default();
            shape.message(
                1,
                &match dim {
                    Some(n) => size.int(1, *n as i64),
                    None if axis == 0 => size.text(2, BATCH),
                    None => size.text(2, &self.variable),
                },
            )
        });
        let tensor = Message::default().int(1, self.kind).message(2, &shape);
        Message::default().text(1, &self.name).message(2, &Message::default().message(1, &tensor))
    }
}

/// Reads the graph of an ONNX file, its opset, and the length of the file with its external data, or returns an error
/// message. `folder` may contain external data.
pub(super) fn read<'b>(bytes: &'b [u8], folder: Option<&Path>) -> Result<(Graph<'b>, i64, usize), String> {
    let (mut graph, mut version, mut steps) = (None, None, None);
    for field in Fields(bytes) {
        match field? {
            (7, value) => graph = Some(value.bytes()?),
            (8, value) => version = read_version(value)?.or(version),
            (14, value) => {
                let (key, text) = read_entry(value)?;
                steps = if key == STEPS { text.parse().ok() } else { steps };
            }
            _ => {}
        }
    }
    let graph = graph.ok_or("it has no graph")?;
    // The default is 1.
    let version = version.unwrap_or(1);
    if !(OLDEST..=LATEST).contains(&version) {
        return Err(format!(
            "its operators are of opset {version}, where some may mean something else; export it again with an opset from {OLDEST} to {LATEST}"
        ));
    }
    let (mut read, mut more) = (Graph { steps, ..Graph::default() }, External::new(folder));
    for field in Fields(graph) {
        match field? {
            (1, value) => read.nodes.push(read_node(value, &mut more)?),
            (5, value) => {
                let (name, tensor) = read_tensor(value, &mut more)?;
                read.constants.push((name, tensor));
            }
            (11, value) => read.inputs.push(read_port(value)?),
            (12, value) => read.outputs.push(read_port(value)?),
            (15, _) => return Err("it has sparse constants, which are not read".into()),
            _ => {}
        }
    }
    let size = bytes.len().saturating_add(more.size());
    Ok((read, version, size))
}

/// The version of an operator set, if it is that of ONNX itself.
fn read_version(value: Value<'_>) -> Result<Option<i64>, String> {
    let (mut domain, mut version) = (String::new(), 0);
    for field in Fields(value.bytes()?) {
        match field? {
            (1, value) => domain = value.text()?,
            (2, value) => version = value.int()?,
            _ => {}
        }
    }
    Ok(matches!(&*domain, "" | "ai.onnx").then_some(version))
}

fn read_node<'b>(value: Value<'b>, more: &mut External) -> Result<Node<'b>, String> {
    let mut node = Node::default();
    for field in Fields(value.bytes()?) {
        match field? {
            (1, value) => node.inputs.push(value.text()?),
            (2, value) => node.outputs.push(value.text()?),
            (4, value) => node.op = value.text()?,
            (5, value) => node.attributes.push(read_attribute(value, more)?),
            (7, value) => node.domain = value.text()?,
            _ => {}
        }
    }
    Ok(node)
}

fn read_attribute<'b>(value: Value<'b>, more: &mut External) -> Result<(String, Attribute<'b>), String> {
    let (mut name, mut attribute) = (String::new(), Attribute::Other);
    let (mut floats, mut ints, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    let mut kind = 0;
    for field in Fields(value.bytes()?) {
        match field? {
            (1, value) => name = value.text()?,
            (2, value) => attribute = Attribute::Float(value.float()?),
            (3, value) => attribute = Attribute::Int(value.int()?),
            (4, value) => attribute = Attribute::Text(value.text()?),
            (5, value) => attribute = Attribute::Tensor(read_tensor(value, more)?.1),
            (7, value) => value.add_floats(&mut floats)?,
            (8, value) => value.add_ints(&mut ints)?,
            (9, value) => texts.push(value.text()?),
            (20, value) => kind = value.int()?,
            _ => {}
        }
    }
    match kind {
        6 => attribute = Attribute::Floats(floats),
        7 => attribute = Attribute::Ints(ints),
        8 => attribute = Attribute::Texts(texts),
        _ => {}
    }
    Ok((name, attribute))
}

fn read_tensor<'b>(value: Value<'b>, more: &mut External) -> Result<(String, Tensor<'b>), String> {
    let (mut name, mut dims, mut kind) = (String::new(), Vec::new(), 0);
    let (mut data, mut floats): (Option<&[u8]>, Vec<u8>) = (None, Vec::new());
    let (mut ints, mut texts): (Vec<i64>, Vec<String>) = (Vec::new(), Vec::new());
    let (mut outside, mut entries) = (false, Vec::new());
    for field in Fields(value.bytes()?) {
        match field? {
            (1, value) => value.add_ints(&mut dims)?,
            (2, value) => kind = value.int()?,
            // Values one by one, or packed: raw data are then in the same byte order.
            (4, Value::Float(x)) => floats.extend(x.to_le_bytes()),
            (4 | 9 | 10, value) => data = Some(value.bytes()?),
            (6, value) => texts.push(value.text()?),
            (5 | 7, value) => value.add_ints(&mut ints)?,
            (8, value) => name = value.text()?,
            (13, value) => entries.push(read_entry(value)?),
            (14, value) => outside = value.int()? == 1,
            _ => {}
        }
    }
    let dims: Result<Vec<usize>, _> = dims.into_iter().map(usize::try_from).collect();
    let dims = dims.map_err(|_| format!("the constant `{name}` has a negative size"))?;
    // A size of 0 does not excuse the others: they are multiplied in any order.
    if dims.iter().filter(|&&n| n > 0).try_fold(1_usize, |product, &n| product.checked_mul(n)).is_none() {
        return Err(format!("the constant `{name}` is too large, {dims:?}"));
    }
    let data = match data {
        _ if outside => {
            let data = more.read(&entries).map_err(|problem| format!("the constant `{name}`: {problem}"))?;
            Cow::Owned(data)
        }
        Some(data) => Cow::Borrowed(data),
        // Numbers are sign-extended, so that their first bytes are those of a smaller type.
        None if !ints.is_empty() => {
            let size = match kind {
                BOOL => 1,
                FLOAT16 | BFLOAT16 => 2,
                INT32 => 4,
                _ => 8,
            };
            ints.iter().flat_map(|x| x.to_le_bytes().into_iter().take(size)).collect()
        }
        // Texts are separated by zeros.
        None if kind == TEXT => texts.join("\0").into_bytes().into(),
        None => floats.into(),
    };
    Ok((name, Tensor { dims, kind, data }))
}

/// A key and its value.
fn read_entry(value: Value<'_>) -> Result<(String, String), String> {
    let (mut name, mut text) = (String::new(), String::new());
    for field in Fields(value.bytes()?) {
        match field? {
            (1, value) => name = value.text()?,
            (2, value) => text = value.text()?,
            _ => {}
        }
    }
    Ok((name, text))
}

fn read_port(value: Value<'_>) -> Result<Port, String> {
    let mut port = Port::default();
    for field in Fields(value.bytes()?) {
        match field? {
            (1, value) => port.name = value.text()?,
            // Through the type, the tensor and its shape to the sizes.
            (2, value) => (port.kind, port.dims) = read_type(value)?,
            _ => {}
        }
    }
    Ok(port)
}

/// The element type and the sizes.
fn read_type(value: Value<'_>) -> Result<(i64, Vec<Option<usize>>), String> {
    let inner = |bytes, number| -> Result<Option<&[u8]>, String> {
        for field in Fields(bytes) {
            match field? {
                (found, value) if found == number => return value.bytes().map(Some),
                _ => {}
            }
        }
        Ok(None)
    };
    let Some(tensor) = inner(value.bytes()?, 1)? else { return Ok((0, Vec::new())) };
    let mut kind = 0;
    for field in Fields(tensor) {
        if let (1, value) = field? {
            kind = value.int()?;
        }
    }
    let Some(shape) = inner(tensor, 2)? else { return Ok((kind, Vec::new())) };
    let mut dims = Vec::new();
    for field in Fields(shape) {
        let (1, value) = field? else { continue };
        let mut dim = None;
        for field in Fields(value.bytes()?) {
            if let (1, value) = field? {
                dim = usize::try_from(value.int()?).ok();
            }
        }
        dims.push(dim);
    }
    Ok((kind, dims))
}
