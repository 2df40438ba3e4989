//! The subset of the protobuf encoding that ONNX needs: a message is a list of numbered fields.

/// A message being written.
#[derive(Debug, Default)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    fn varint(&mut self, mut x: u64) {
        while x > 127 {
            self.0.push(x as u8 | 128);
            x >>= 7;
        }
        self.0.push(x as u8);
    }

    pub(super) fn int(mut self, field: u32, x: i64) -> Self {
        self.varint(u64::from(field) << 3);
        self.varint(x.cast_unsigned());
        self
    }

    pub(super) fn float(mut self, field: u32, x: f32) -> Self {
        self.varint(u64::from(field) << 3 | 5);
        self.0.extend(x.to_le_bytes());
        self
    }

    pub(super) fn bytes(mut self, field: u32, bytes: &[u8]) -> Self {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    pub(super) fn text(self, field: u32, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    pub(super) fn message(self, field: u32, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }
}

/// The value of a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'b> {
    Int(u64),
    Float(f32),
    Double,
    Bytes(&'b [u8]),
}

impl<'b> Value<'b> {
    pub(super) fn int(self) -> Result<i64, String> {
        if let Self::Int(x) = self { Ok(x.cast_signed()) } else { Err("a field is not an integer".into()) }
    }

    pub(super) fn float(self) -> Result<f32, String> {
        if let Self::Float(x) = self { Ok(x) } else { Err("a field is not a floating-point number".into()) }
    }

    pub(super) fn bytes(self) -> Result<&'b [u8], String> {
        if let Self::Bytes(bytes) = self { Ok(bytes) } else { Err("a field is neither text nor a message".into()) }
    }

    pub(super) fn text(self) -> Result<String, String> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| "a text is not UTF-8".into())
    }

    /// Appends one integer, or a packed list.
    pub(super) fn add_ints(self, list: &mut Vec<i64>) -> Result<(), String> {
        match self {
            Self::Bytes(bytes) => {
                let mut fields = Fields(bytes);
                while !fields.0.is_empty() {
                    list.push(fields.varint()?.cast_signed());
                }
            }
            value => list.push(value.int()?),
        }
        Ok(())
    }
}

impl Value<'_> {
    /// Appends one number, or a packed list.
    pub(super) fn add_floats(self, list: &mut Vec<f32>) -> Result<(), String> {
        match self {
            Self::Bytes(bytes) => {
                let numbers = bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap_or_default()));
                list.extend(numbers);
            }
            value => list.push(value.float()?),
        }
        Ok(())
    }
}

/// An iterator over the numbered fields of a message.
pub(super) struct Fields<'b>(pub(super) &'b [u8]);

impl<'b> Fields<'b> {
    fn varint(&mut self) -> Result<u64, String> {
        let mut x = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or("a number is cut off")?;
            self.0 = rest;
            x |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Ok(x);
            }
        }
        Err("a number has too many bytes".into())
    }

    fn take(&mut self, count: u64) -> Result<&'b [u8], String> {
        let parts = usize::try_from(count).ok().and_then(|count| self.0.split_at_checked(count));
        let (bytes, rest) = parts.ok_or_else(|| format!("a field of {count} bytes is cut off"))?;
        self.0 = rest;
        Ok(bytes)
    }

    fn field(&mut self) -> Result<(u64, Value<'b>), String> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Int(self.varint()?),
            1 => self.take(8).map(|_| Value::Double)?,
            2 => {
                let count = self.varint()?;
                Value::Bytes(self.take(count)?)
            }
            5 => Value::Float(f32::from_le_bytes(self.take(4)?.try_into().unwrap_or_default())),
            other => return Err(format!("it is not an ONNX model: a field has the unknown type {other}")),
        };
        Ok((tag >> 3, value))
    }
}

impl<'b> Iterator for Fields<'b> {
    type Item = Result<(u64, Value<'b>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        let field = (!self.0.is_empty()).then(|| self.field())?;
        if field.is_err() {
            // Nothing after it can be parsed.
            self.0 = &[];
        }
        Some(field)
    }
}
