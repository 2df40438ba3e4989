//! The subset of Python's pickle format in which PyTorch writes state dicts.
//!
//! A pickle is a program for a stack machine that may call any function. This interpreter implements the operations
//! that build numbers, strings, tuples, lists and dicts, and recognizes the names of the few functions that build
//! tensors; it calls no function, and rejects everything else.

use std::cmp::Ordering;

/// The largest number of axes of a tensor.
const AXES: usize = 8;
/// The largest number of operations, which bounds the memory.
const MOST: usize = 1 << 19;

const CUT: &str = "its pickle is cut off";
const NOT_UTF8: &str = "its pickle has a text that is not UTF-8";
const EMPTY: &str = "its pickle takes a value from an empty stack";

/// A value on the stack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'b> {
    /// `None`, or anything else that a state dict does not need.
    Other,
    Flag,
    Int(i64),
    Text(&'b str),
    /// The module and name of a function or class, in two lines.
    Global(&'b str),
    /// A tuple or list: its index in [`Heap::lists`].
    List(usize),
    /// A dict: its index in [`Heap::dicts`].
    Dict(usize),
    /// The index of a list that describes a storage.
    Storage(usize),
    /// A tensor: its index in [`Heap::tensors`].
    Tensor(usize),
}

/// A tensor: a part of a storage.
#[derive(Debug, Clone)]
pub(super) struct Tensor<'b> {
    /// The class of the storage, such as `FloatStorage`.
    pub(super) class: &'b str,
    /// The name of its record in the archive.
    pub(super) record: &'b str,
    /// The number of elements of the storage.
    pub(super) numbers: usize,
    /// The index of the tensor's first element.
    pub(super) offset: usize,
    pub(super) sizes: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// Composite values, which refer to each other by index, so that deep nesting needs no recursion.
#[derive(Debug, Default)]
pub(super) struct Heap<'b> {
    pub(super) lists: Vec<Vec<Value<'b>>>,
    pub(super) dicts: Vec<Vec<(Value<'b>, Value<'b>)>>,
    pub(super) tensors: Vec<Tensor<'b>>,
}

/// Reads a pickle: its value, and the composite values in it.
pub(super) fn read(bytes: &[u8]) -> Result<(Value<'_>, Heap<'_>), String> {
    let mut machine =
        Machine { rest: bytes, stack: Vec::new(), marks: Vec::new(), memo: Vec::new(), heap: Heap::default() };
    for _ in 0..MOST {
        if let Some(value) = machine.step()? {
            return Ok((value, machine.heap));
        }
    }
    Err(format!("its pickle has more than {MOST} operations"))
}

struct Machine<'b> {
    rest: &'b [u8],
    stack: Vec<Value<'b>>,
    /// The height of the stack at each mark.
    marks: Vec<usize>,
    /// The memoized values, by their number.
    memo: Vec<Value<'b>>,
    heap: Heap<'b>,
}

impl<'b> Machine<'b> {
    /// Runs one operation; the last one gives the result.
    fn step(&mut self) -> Result<Option<Value<'b>>, String> {
        let operation = self.take(1)?[0];
        let value = match operation {
            b'.' => return self.pop().map(Some),
            // The protocol version and the length of a frame are ignored.
            0x80 => return self.take(1).map(|_| None),
            0x95 => return self.take(8).map(|_| None),
            b'(' => {
                self.marks.push(self.stack.len());
                return Ok(None);
            }
            b'N' => Value::Other,
            0x88 | 0x89 => Value::Flag,
            b'G' => self.take(8).map(|_| Value::Other)?,
            b'K' | b'M' | b'J' | 0x8a => Value::Int(self.integer(operation)?),
            b'X' | 0x8c => Value::Text(self.text(if operation == b'X' { 4 } else { 1 })?),
            b'}' => self.dict(),
            b')' | b']' => self.list(Vec::new()),
            b't' => {
                let items = self.marked()?;
                self.list(items)
            }
            0x85..=0x87 => {
                let items = self.last(usize::from(operation - 0x84))?;
                self.list(items)
            }
            b'c' => Value::Global(self.two_lines()?),
            b'h' | b'j' => {
                let index = self.number(if operation == b'h' { 1 } else { 4 })?;
                *self.memo.get(index).ok_or("its pickle refers to a value that it does not have")?
            }
            b'Q' => match self.pop()? {
                Value::List(list) => Value::Storage(list),
                _ => return Err("its pickle has a storage that is not described as one".to_owned()),
            },
            b'R' | 0x81 => self.call()?,
            b'q' | b'r' | 0x94 => return self.remember(operation).map(|()| None),
            b's' | b'u' | b'a' | b'e' | b'b' => return self.fill(operation).map(|()| None),
            other => return Err(format!("its pickle has the operation {other:#04x}, which no state dict needs")),
        };
        self.stack.push(value);
        Ok(None)
    }

    fn take(&mut self, count: usize) -> Result<&'b [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(CUT)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Reads a little-endian number of `count` bytes.
    fn number(&mut self, count: usize) -> Result<usize, String> {
        let bytes = self.take(count)?;
        Ok(bytes.iter().rev().fold(0, |number, &byte| number << 8 | usize::from(byte)))
    }

    fn integer(&mut self, operation: u8) -> Result<i64, String> {
        match operation {
            b'K' => self.number(1).map(|n| n as i64),
            b'M' => self.number(2).map(|n| n as i64),
            b'J' => self.number(4).map(|n| i64::from(n as u32 as i32)),
            _ => {
                let count = self.number(1)?;
                let bytes = self.take(count)?;
                let sign = if bytes.last().is_some_and(|&last| last > 127) { -1 } else { 0 };
                if count > 8 {
                    return Err(format!("its pickle has an integer of {count} bytes"));
                }
                Ok(bytes.iter().rev().fold(sign, |number, &byte| number << 8 | i64::from(byte)))
            }
        }
    }

    fn text(&mut self, size: usize) -> Result<&'b str, String> {
        let len = self.number(size)?;
        str::from_utf8(self.take(len)?).map_err(|_| NOT_UTF8.to_owned())
    }

    /// The text up to the end of the next line.
    fn two_lines(&mut self) -> Result<&'b str, String> {
        let mut ends = self.rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
        let end = ends.nth(1).ok_or(CUT)?;
        let lines = self.take(end + 1)?;
        str::from_utf8(&lines[..end]).map_err(|_| NOT_UTF8.to_owned())
    }

    fn pop(&mut self) -> Result<Value<'b>, String> {
        let value = self.stack.last().copied().filter(|_| self.above_mark() > 0).ok_or(EMPTY)?;
        self.stack.pop();
        Ok(value)
    }

    /// The number of values above the last mark.
    fn above_mark(&self) -> usize {
        self.stack.len() - self.marks.last().copied().unwrap_or(0)
    }

    /// Pops the last `count` values.
    fn last(&mut self, count: usize) -> Result<Vec<Value<'b>>, String> {
        if self.above_mark() < count {
            return Err(EMPTY.to_owned());
        }
        Ok(self.stack.split_off(self.stack.len() - count))
    }

    /// Pops the values above the last mark.
    fn marked(&mut self) -> Result<Vec<Value<'b>>, String> {
        let mark = self.marks.pop().ok_or("its pickle ends a list that it did not begin")?;
        Ok(self.stack.split_off(mark))
    }

    fn list(&mut self, items: Vec<Value<'b>>) -> Value<'b> {
        self.heap.lists.push(items);
        Value::List(self.heap.lists.len() - 1)
    }

    fn dict(&mut self) -> Value<'b> {
        self.heap.dicts.push(Vec::new());
        Value::Dict(self.heap.dicts.len() - 1)
    }

    /// Memoizes the value on top of the stack, under the number in the operation or the next one.
    fn remember(&mut self, operation: u8) -> Result<(), String> {
        let index = match operation {
            b'q' => self.number(1)?,
            b'r' => self.number(4)?,
            _ => self.memo.len(),
        };
        let value = *self.stack.last().ok_or("its pickle remembers a value that it does not have")?;
        match index.cmp(&self.memo.len()) {
            Ordering::Less => self.memo[index] = value,
            Ordering::Equal => self.memo.push(value),
            Ordering::Greater => return Err("its pickle does not number its values in order".to_owned()),
        }
        Ok(())
    }

    /// Adds the values above the mark to the list or dict below it.
    fn fill(&mut self, operation: u8) -> Result<(), String> {
        let items = match operation {
            b's' => self.last(2)?,
            b'a' | b'b' => self.last(1)?,
            _ => self.marked()?,
        };
        match (operation, self.stack.last()) {
            // The attributes of an ordered dict, which are versions of modules, are ignored.
            (b'b', Some(Value::Dict(_))) => Ok(()),
            (b's' | b'u', Some(&Value::Dict(dict))) if items.len().is_multiple_of(2) => {
                self.heap.dicts[dict].extend(items.as_chunks().0.iter().map(|&[key, value]| (key, value)));
                Ok(())
            }
            (b'a' | b'e', Some(&Value::List(list))) => {
                self.heap.lists[list].extend(items);
                Ok(())
            }
            _ => Err("its pickle adds to a value that is neither a list nor a dict".to_owned()),
        }
    }

    /// The result of a call of one of the supported functions.
    fn call(&mut self) -> Result<Value<'b>, String> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let (Value::List(list), Value::Global(function)) = (arguments, function) else {
            return Err("its pickle calls a value that is not a function".to_owned());
        };
        let arguments = &self.heap.lists[list];
        match (function, &arguments[..]) {
            ("collections\nOrderedDict", []) => Ok(self.dict()),
            ("torch._utils\n_rebuild_parameter", [tensor @ Value::Tensor(_), ..]) => Ok(*tensor),
            ("torch._utils\n_rebuild_tensor_v2", &[Value::Storage(storage), offset, sizes, strides, ..]) => {
                let tensor = self.tensor(storage, offset, sizes, strides);
                self.heap.tensors.push(tensor.ok_or("its pickle has a tensor that is not described as one")?);
                Ok(Value::Tensor(self.heap.tensors.len() - 1))
            }
            ("torch\nSize", &[sizes @ Value::List(_)]) => Ok(sizes),
            _ => Err(format!(
                "it has an object of {}, which is not read; save `model.state_dict()` alone",
                function.replace('\n', ".")
            )),
        }
    }

    fn tensor(&self, storage: usize, offset: Value<'b>, sizes: Value<'b>, strides: Value<'b>) -> Option<Tensor<'b>> {
        let count = |value: Value<'b>| if let Value::Int(n) = value { usize::try_from(n).ok() } else { None };
        let counts = |value: Value<'b>| {
            let Value::List(list) = value else { return None };
            let items = &self.heap.lists[list];
            (items.len() <= AXES).then(|| items.iter().map(|&value| count(value)).collect::<Option<Vec<_>>>())?
        };
        let &[Value::Text("storage"), Value::Global(class), Value::Text(record), _, numbers] =
            &self.heap.lists[storage][..]
        else {
            return None;
        };
        let class = class.strip_prefix("torch\n")?;
        let (sizes, strides) = (counts(sizes)?, counts(strides)?);
        let tensor = Tensor { class, record, numbers: count(numbers)?, offset: count(offset)?, sizes, strides };
        (tensor.sizes.len() == tensor.strides.len()).then_some(tensor)
    }
}
