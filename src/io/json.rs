//! A [`Spec`] as JSON: an object with the layer's `kind` and its settings.

use std::fmt;
use std::fmt::Write as _;

use serde_core::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::spec::{Setting, Spec};

/// The description as JSON, such as `{"kind":"elu","alpha":1.5}`.
pub(super) fn write(spec: &Spec) -> String {
    let mut text = String::new();
    write_layer(&mut text, spec);
    text
}

/// The description as JSON, after a check that it can be read back.
pub(super) fn write_checked(spec: &Spec) -> Result<String, crate::Error> {
    let text = write(spec);
    match read(&text) {
        Ok(again) if again == *spec => Ok(text),
        Ok(_) => Err(spec.problem("a setting has the name of another".into())),
        Err(error) => Err(spec.problem(format!("{error}; all its numbers have to be finite"))),
    }
}

/// A setting as JSON.
pub(super) fn write_setting(value: &Setting) -> String {
    let mut text = String::new();
    write_value(&mut text, value);
    text
}

fn write_layer(text: &mut String, spec: &Spec) {
    let _ = write!(text, r#"{{"kind":{}"#, quoted(spec.kind()));
    for (name, value) in spec.settings() {
        let _ = write!(text, ",{}:", quoted(name));
        write_value(text, value);
    }
    text.push('}');
}

fn write_value(text: &mut String, value: &Setting) {
    match value {
        Setting::Flag(value) => text.push_str(if *value { "true" } else { "false" }),
        Setting::Count(value) => _ = write!(text, "{value}"),
        // With a point or an exponent, so that it is not read as a count, and with enough digits to be exact.
        Setting::Number(value) => _ = write!(text, "{value:?}"),
        Setting::Text(value) => text.push_str(&quoted(value)),
        Setting::List(values) => {
            text.push('[');
            for (i, value) in values.iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                write_value(text, value);
            }
            text.push(']');
        }
        Setting::Layer(spec) => write_layer(text, spec),
    }
}

/// The text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Parses a description.
pub(super) fn read(text: &str) -> Result<Spec, String> {
    match serde_json::from_str(text) {
        Ok(Value(Setting::Layer(spec))) => Ok(spec),
        Ok(_) => Err("it is not an object".into()),
        Err(error) => Err(error.to_string()),
    }
}

struct Value(Setting);

impl<'d> Deserialize<'d> for Value {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor).map(Self)
    }
}

struct ValueVisitor;

impl<'d> Visitor<'d> for ValueVisitor {
    type Value = Setting;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a setting or a layer")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Setting, E> {
        Ok(Setting::Flag(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Setting, E> {
        Ok(Setting::Count(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Setting, E> {
        Ok(Setting::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Setting, E> {
        Ok(Setting::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Setting, E> {
        Ok(Setting::Text(value.to_owned()))
    }

    fn visit_seq<S: SeqAccess<'d>>(self, mut list: S) -> Result<Setting, S::Error> {
        let mut values = Vec::new();
        while let Some(Value(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Setting::List(values))
    }

    fn visit_map<M: MapAccess<'d>>(self, mut map: M) -> Result<Setting, M::Error> {
        let (mut kind, mut settings) = (None, Vec::new());
        while let Some(name) = map.next_key::<String>()? {
            if name == "kind" {
                if kind.replace(map.next_value::<String>()?).is_some() {
                    return Err(M::Error::custom("a layer has two kinds"));
                }
            } else {
                settings.push((name, map.next_value::<Value>()?.0));
            }
        }
        if let Some(name) = repeated(settings.iter().map(|(name, _)| name.as_str())) {
            return Err(M::Error::custom(format!("a layer has `{name}` twice")));
        }
        let spec = Spec::new(kind.ok_or_else(|| M::Error::missing_field("kind"))?);
        Ok(Setting::Layer(settings.into_iter().fold(spec, |spec, (name, value)| spec.set(name, value))))
    }
}

/// The first repeated name.
pub(super) fn repeated<'n>(names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}
