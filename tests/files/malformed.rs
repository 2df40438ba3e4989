//! Files corrupted by hand: each gives an error that says what is wrong.

use std::collections::BTreeSet;

use neuropil::io::SafeTensors;
use neuropil::prelude::*;

use super::builder;

/// A file is refused with this problem among the words.
fn refused(what: &str, result: Result<()>, problem: &str) {
    let error = result.expect_err(what);
    let typed = match &error {
        Error::Layer { error, .. } => &**error,
        error => error,
    };
    let typed = matches!(typed, Error::Format { .. } | Error::Input { .. } | Error::Setting { .. } | Error::Empty);
    assert!(typed, "{what}: {error:?}");
    assert!(error.to_string().contains(problem), "{what}: {error}, not: {problem}");
}

/// Headers of safetensors files, how many bytes of data follow, and what is wrong.
const HEADERS: [(&str, usize, &str); 100] = [
    // No object.
    ("", 0, "does not begin with {"),
    (" {}", 0, "does not begin with {"),
    ("[]", 0, "does not begin with {"),
    ("null", 0, "does not begin with {"),
    ("0", 0, "does not begin with {"),
    ("\u{feff}{}", 0, "does not begin with {"),
    ("{", 0, "EOF"),
    ("{}}", 0, "trailing"),
    ("{}{}", 0, "trailing"),
    ("{} x", 0, "trailing"),
    ("{,}", 0, "key must be a string"),
    ("{a:1}", 0, "key must be a string"),
    ("{1:1}", 0, "key must be a string"),
    ("{\"a\"}", 0, "expected `:`"),
    ("{\"a\":}", 0, "expected value"),
    ("{\"a", 0, "EOF"),
    ("{\"a\n\":1}", 0, "control character"),
    ("{\"\\q\":1}", 0, "invalid escape"),
    ("{\"\\ud800\":1}", 0, "hex escape"),
    // Entries that are no arrays.
    (r#"{"a":1}"#, 0, "expected an array with"),
    (r#"{"a":null}"#, 0, "expected an array with"),
    (r#"{"a":"F32"}"#, 0, "expected an array with"),
    (r#"{"a":[]}"#, 0, "expected an array with"),
    (r#"{"a":true}"#, 0, "expected an array with"),
    (r#"{"a":{}}"#, 0, "missing field `dtype`"),
    (r#"{"a":{"dtype":"F32"}}"#, 0, "missing field `shape`"),
    (r#"{"a":{"dtype":"F32","shape":[0]}}"#, 0, "missing field `data_offsets`"),
    (r#"{"a":{"shape":[0],"data_offsets":[0,0]}}"#, 0, "missing field `dtype`"),
    (r#"{"a":{"dtype":"F32","data_offsets":[0,0]}}"#, 0, "missing field `shape`"),
    (r#"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"x":1}}"#, 0, "unknown field `x`"),
    (r#"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"dtype":"F32"}}"#, 0, "`dtype` appears twice"),
    (r#"{"a":{"dtype":"F32","shape":[0],"shape":[0],"data_offsets":[0,0]}}"#, 0, "`shape` appears twice"),
    (
        r#"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"data_offsets":[0,0]}}"#,
        0,
        "`data_offsets` appears twice",
    ),
    // Number types.
    (r#"{"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}}"#, 4, "`f32` is not a number type"),
    (r#"{"a":{"dtype":"F128","shape":[1],"data_offsets":[0,16]}}"#, 16, "`F128` is not a number type"),
    (r#"{"a":{"dtype":"","shape":[1],"data_offsets":[0,4]}}"#, 4, "`` is not a number type"),
    (r#"{"a":{"dtype":32,"shape":[1],"data_offsets":[0,4]}}"#, 4, "expected a string"),
    (r#"{"a":{"dtype":null,"shape":[1],"data_offsets":[0,4]}}"#, 4, "expected a string"),
    // Sizes.
    (r#"{"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}}"#, 4, "expected a sequence"),
    (r#"{"a":{"dtype":"F32","shape":"1","data_offsets":[0,4]}}"#, 4, "expected a sequence"),
    (r#"{"a":{"dtype":"F32","shape":{},"data_offsets":[0,4]}}"#, 4, "expected a sequence"),
    (r#"{"a":{"dtype":"F32","shape":null,"data_offsets":[0,4]}}"#, 4, "expected a sequence"),
    (r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, "expected usize"),
    (r#"{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#, 4, "expected usize"),
    (r#"{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}"#, 4, "expected usize"),
    (r#"{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}"#, 4, "expected value"),
    (r#"{"a":{"dtype":"F32","shape":["NaN"],"data_offsets":[0,4]}}"#, 4, "expected usize"),
    (r#"{"a":{"dtype":"F32","shape":[Infinity],"data_offsets":[0,4]}}"#, 4, "expected value"),
    (r#"{"a":{"dtype":"F32","shape":[null],"data_offsets":[0,4]}}"#, 4, "expected usize"),
    (r#"{"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}}"#, 4, "expected usize"),
    (r#"{"a":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}"#, 4, "invalid number"),
    (r#"{"a":{"dtype":"F32","shape":[+1],"data_offsets":[0,4]}}"#, 4, "expected value"),
    (r#"{"a":{"dtype":"F32","shape":[0x1],"data_offsets":[0,4]}}"#, 4, "expected `,` or `]`"),
    (r#"{"a":{"dtype":"F32","shape":[1,],"data_offsets":[0,4]}}"#, 4, "trailing comma"),
    (r#"{"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}}"#, 4, "expected usize"),
    (r#"{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,4]}}"#, 4, "number out of range"),
    (r#"{"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]}}"#, 4, "overflow"),
    (r#"{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}"#, 0, "overflow"),
    (r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#, 0, "overflow"),
    (r#"{"a":{"dtype":"I8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#, 0, "overflow"),
    (r#"{"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}}"#, 0, "overflow"),
    (r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}"#, 0, "overflow"),
    (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, "`a` takes 8 bytes"),
    (r#"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,4]}}"#, 4, "`a` takes 0 bytes"),
    (r#"{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,4]}}"#, 4, "`a` takes 8 bytes"),
    (r#"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,0]}}"#, 0, "`a` takes 4 bytes"),
    (r#"{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4]}}"#, 4, "`a` takes 4000000000000 bytes"),
    // Places.
    (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[]}}"#, 4, "invalid length 0"),
    (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, 4, "invalid length 1"),
    (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}"#, 4, "its header"),
    (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":4}}"#, 4, "expected an array of length 2"),
    (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":"0,4"}}"#, 4, "expected an array of length 2"),
    (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,-4]}}"#, 4, "expected usize"),
    (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#, 4, "expected usize"),
    (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4.0]}}"#, 4, "expected usize"),
    (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4, "`a` leaves a hole before it"),
    (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, "`a` leaves a hole before it"),
    (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}"#, 8, "`a` takes 4 bytes"),
    (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 3, "beyond the 3 bytes"),
    (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 0, "beyond the 0 bytes"),
    (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 5, "there are 5 bytes of data"),
    (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]}}"#, 4, "`a` takes 4 bytes"),
    (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551615,3]}}"#, 4, "hole"),
    (
        r#"{"a":{"dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,18446744073709551615]}}"#,
        4,
        "beyond the 4",
    ),
    (
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        4,
        "`b` overlaps",
    ),
    (
        r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
        8,
        "`b` overlaps",
    ),
    (
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#,
        12,
        "`b` leaves a hole",
    ),
    (
        r#"{"b":{"dtype":"F32","shape":[1],"data_offsets":[5,9]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        9,
        "`b` leaves a hole",
    ),
    (
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[0],"data_offsets":[2,2]}}"#,
        4,
        "`b` overlaps",
    ),
    (
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
        8,
        "`a` appears twice",
    ),
    (
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
        8,
        "`a` appears twice",
    ),
    // Texts.
    (r#"{"__metadata__":1}"#, 0, "expected an object of texts"),
    (r#"{"__metadata__":null}"#, 0, "expected an object of texts"),
    (r#"{"__metadata__":[]}"#, 0, "expected an object of texts"),
    (r#"{"__metadata__":"x"}"#, 0, "expected an object of texts"),
    (r#"{"__metadata__":{"a":1}}"#, 0, "expected a string"),
    (r#"{"__metadata__":{"a":{}}}"#, 0, "expected a string"),
    (r#"{"__metadata__":{"a":"1","a":"1"}}"#, 0, "the text `a` appears twice"),
    (r#"{"__metadata__":{},"__metadata__":{}}"#, 0, "`__metadata__` appears twice"),
    (r"{}", 1, "there are 1 bytes of data"),
];

/// Architectures of a model file with one array `0.weight` of 2 x 1 and one `0.bias`, and what is wrong with them.
const ARCHITECTURES: [(&str, &str); 62] = [
    ("", "EOF"),
    ("{", "EOF"),
    ("nonsense", "expected ident"),
    ("null", "invalid type: null"),
    ("1", "it is not an object"),
    ("\"dense\"", "it is not an object"),
    ("[]", "it is not an object"),
    ("{}", "missing field `kind`"),
    ("{}x", "missing field `kind`"),
    (r#"{"kind":"dense"}"#, "a dense is not a network; a network or sequential is needed"),
    (r#"{"kind":1}"#, "expected a string"),
    (r#"{"kind":null}"#, "expected a string"),
    (r#"{"kind":"sequential","kind":"sequential"}"#, "a layer has two kinds"),
    (r#"{"kind":"sequential"}"#, "`layers` is missing"),
    (r#"{"kind":"sequential","layers":1}"#, "`layers` is of another type"),
    (r#"{"kind":"sequential","layers":{}}"#, "missing field `kind`"),
    (r#"{"kind":"sequential","layers":[1]}"#, "`layers` is of another type"),
    (r#"{"kind":"sequential","layers":["tanh"]}"#, "`layers` is of another type"),
    (r#"{"kind":"sequential","layers":[]}"#, "`rates` is missing"),
    (r#"{"kind":"sequential","layers":[],"rates":[]}"#, "`input` is missing"),
    (r#"{"kind":"sequential","layers":[],"rates":[1]}"#, "1 rates for 0 layers"),
    (r#"{"kind":"sequential","layers":[],"rates":["x"]}"#, "`rates` is of another type"),
    (r#"{"kind":"sequential","layers":[],"rates":1}"#, "`rates` is of another type"),
    (r#"{"kind":"sequential","layers":[],"rates":[],"input":[]}"#, "`input` is of another type"),
    (r#"{"kind":"sequential","layers":[],"rates":[],"input":2}"#, "`input` is of another type"),
    (r#"{"kind":"sequential","layers":[],"rates":[],"input":[1,2,3,4]}"#, "`input` is of another type"),
    (r#"{"kind":"sequential","layers":[],"rates":[],"input":[2.5]}"#, "`input` is of another type"),
    (r#"{"kind":"sequential","layers":[],"rates":[],"input":[-2]}"#, "`input` is of another type"),
    (r#"{"kind":"sequential","layers":[],"rates":[],"input":["2"]}"#, "`input` is of another type"),
    (r#"{"kind":"sequential","layers":[],"rates":[],"input":[2],"input":[2]}"#, "a layer has `input` twice"),
    (r#"{"kind":"sequential","input":[2],"layers":[],"rates":[]}"#, "`0.bias`, which no layer takes"),
    (r#"{"kind":"sequential","input":[2],"layers":[{"kind":"tanh"}],"rates":[1]}"#, "`0.bias`, which no layer takes"),
    (r#"{"kind":"sequential","input":[2],"layers":[{"kind":"tanh"}],"rates":[]}"#, "0 rates for 1 layers"),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"tanh"}],"rates":[-1.0]}"#,
        "learning rate must be at least 0",
    ),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"tanh"}],"rates":["nan"]}"#,
        "learning rate must be at least 0",
    ),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"tanh"}],"rates":["inf"]}"#,
        "learning rate must be at least 0",
    ),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"Dense"}],"rates":[1]}"#,
        "layer 0, the layer Dense: no layer of this kind is known",
    ),
    (r#"{"kind":"sequential","input":[2],"layers":[{"kind":""}],"rates":[1]}"#, "no layer of this kind is known"),
    (r#"{"kind":"sequential","input":[2],"layers":[{"kind":"dense"}],"rates":[1]}"#, "`inputs` is missing"),
    (r#"{"kind":"sequential","input":[2],"layers":[{"kind":"dense","inputs":2}],"rates":[1]}"#, "`outputs` is missing"),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"dense","inputs":2.0,"outputs":1,"bias":true}],"rates":[1]}"#,
        "`inputs` is of another type",
    ),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"dense","inputs":-2,"outputs":1,"bias":true}],"rates":[1]}"#,
        "`inputs` is of another type",
    ),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"dense","inputs":"NaN","outputs":1,"bias":true}],"rates":[1]}"#,
        "`inputs` is of another type",
    ),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"dense","inputs":2,"outputs":1}],"rates":[1]}"#,
        "`bias` is missing",
    ),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"dense","inputs":2,"outputs":1,"bias":1}],"rates":[1]}"#,
        "`bias` is of another type",
    ),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"dense","inputs":2,"outputs":1,"bias":false}],"rates":[1]}"#,
        "`0.bias`, which no layer takes",
    ),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"dense","inputs":1,"outputs":2,"bias":true}],"rates":[1]}"#,
        "`0.bias` has the shape [1], not 1 x 2",
    ),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"dense","inputs":3,"outputs":1,"bias":true}],"rates":[1]}"#,
        "`0.weight` has the shape [2, 1], not 3 x 1",
    ),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"dense","inputs":1000000000000,"outputs":1000000000000,"bias":true}],"rates":[1]}"#,
        "`0.weight` has the shape",
    ),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"dense","inputs":18446744073709551615,"outputs":2,"bias":true}],"rates":[1]}"#,
        "`0.weight` has the shape",
    ),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"dense","inputs":0,"outputs":1,"bias":true}],"rates":[1]}"#,
        "`0.weight` has the shape",
    ),
    (
        r#"{"kind":"sequential","input":[3],"layers":[{"kind":"dense","inputs":2,"outputs":1,"bias":true}],"rates":[1]}"#,
        "layer 0, Dense(2 -> 1), takes 2 features",
    ),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"tanh"},{"kind":"dense","inputs":2,"outputs":1,"bias":true}],"rates":[1,1]}"#,
        "layer 1, the model: it lacks the array `1.weight`",
    ),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"sequential","input":[2],"layers":[],"rates":[]}],"rates":[1]}"#,
        "the network has no layers",
    ),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"elu"}],"rates":[1]}"#,
        "layer 0, the layer elu: `alpha` is missing",
    ),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"elu","alpha":"one"}],"rates":[1]}"#,
        "`alpha` is of another type",
    ),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"elu","alpha":"nan"}],"rates":[1]}"#,
        "Elu's alpha must be finite",
    ),
    (r#"{"kind":"sequential","input":[2],"layers":[{"kind":"elu","alpha":NaN}],"rates":[1]}"#, "expected value"),
    (r#"{"kind":"sequential","input":[2],"layers":[{"kind":"elu","alpha":1e999}],"rates":[1]}"#, "number out of range"),
    (r#"{"kind":"sequential","input":[2],"layers":[{"kind":"elu","alpha":null}],"rates":[1]}"#, "invalid type: null"),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"p_relu","slopes":1000000000000000}],"rates":[1]}"#,
        "`0.weight` has the shape [2, 1], not 1 x 1000000000000000",
    ),
    (
        r#"{"kind":"sequential","input":[2],"layers":[{"kind":"p_relu","slopes":2}],"rates":[1]}"#,
        "which no layer takes",
    ),
];

const DENSE: &str =
    r#"{"kind":"sequential","input":[2],"layers":[{"kind":"dense","inputs":2,"outputs":1,"bias":true}],"rates":[1]}"#;
const ARRAYS: &str = r#","0.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"0.bias":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}"#;

/// The texts of a right model file, but for one.
fn texts<'t>(name: &str, text: Option<&'t str>) -> Vec<(&'static str, &'t str)> {
    let right = [
        ("format", "neuropil model"),
        ("format_version", "1"),
        ("crate_version", "0.1.0"),
        ("scalar", "f32"),
        ("architecture", DENSE),
    ];
    right.into_iter().filter_map(|(other, right)| Some((other, if other == name { text? } else { right }))).collect()
}

fn read(bytes: &[u8]) -> Result<()> {
    Sequential::<f32>::from_bytes(bytes).map(|_| ())
}

#[test]
#[allow(clippy::too_many_lines)] // A list.
fn each_of_more_than_200_malformed_files_is_an_error() {
    let mut cases = BTreeSet::new();
    let right = builder::model(&texts("", None), ARRAYS, 12);
    read(&right).unwrap();
    assert!(SafeTensors::parse(&builder::file("{}", 0)).is_ok());

    for (header, data, problem) in HEADERS {
        let bytes = builder::file(header, data);
        refused(header, SafeTensors::parse(&bytes).map(|_| ()), problem);
        refused(header, read(&bytes), problem);
        cases.insert(bytes);
    }
    for (architecture, problem) in ARCHITECTURES {
        let bytes = builder::model(&texts("architecture", Some(architecture)), ARRAYS, 12);
        refused(architecture, read(&bytes), problem);
        cases.insert(bytes);
    }
    let long = format!("{DENSE}{}", " ".repeat(1 << 20));
    let deep = format!("{}{}", r#"{"kind":"sequential","layers":["#.repeat(200), "]}".repeat(200));
    let wide = format!(r#"{{"kind":"sequential","layers":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    for (name, text, problem) in [
        ("architecture", None, "lacks `architecture`"),
        ("architecture", Some(&*long), "the longest have 1048576"),
        ("architecture", Some(&*deep), "recursion limit"),
        ("architecture", Some(&*wide), "recursion limit"),
        ("format", None, "this is not a neuropil model file"),
        ("format", Some("pt"), "this is not a neuropil model file"),
        ("format", Some("Neuropil model"), "this is not a neuropil model file"),
        ("format_version", None, "lacks `format_version`"),
        ("format_version", Some("2"), "use the version that wrote it, 0.1.0, or a later one"),
        ("format_version", Some("0"), "version 0"),
        ("format_version", Some(""), "version "),
        ("format_version", Some("1.0"), "version 1.0"),
        ("format_version", Some("NaN"), "version NaN"),
        ("scalar", None, "lacks `scalar`"),
        ("scalar", Some("f64"), "load it as f64"),
        ("scalar", Some("F32"), "its numbers are F32"),
        ("scalar", Some(""), "its numbers are , not f32"),
    ] {
        let bytes = builder::model(&texts(name, text), ARRAYS, 12);
        refused(name, read(&bytes), problem);
        cases.insert(bytes);
    }
    for (arrays, data, problem) in [
        ("", 0, "lacks the array `0.weight`"),
        (r#","0.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}"#, 8, "lacks the array `0.bias`"),
        (r#","0.bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#, 4, "lacks the array `0.weight`"),
        (
            r#","0.weight":{"dtype":"F64","shape":[2,1],"data_offsets":[0,16]},"0.bias":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}"#,
            20,
            "`0.weight` is not f32",
        ),
        (
            r#","0.weight":{"dtype":"I32","shape":[2,1],"data_offsets":[0,8]},"0.bias":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}"#,
            12,
            "`0.weight` is not f32",
        ),
        (
            r#","0.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"0.bias":{"dtype":"BF16","shape":[1],"data_offsets":[8,10]}"#,
            10,
            "`0.bias` is not f32",
        ),
        (
            r#","0.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"0.bias":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}"#,
            12,
            "the shape [1, 2], not [2, 1]",
        ),
        (
            r#","0.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"0.bias":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}"#,
            12,
            "the shape [2], not [2, 1]",
        ),
        (
            r#","0.weight":{"dtype":"F32","shape":[2,1,1],"data_offsets":[0,8]},"0.bias":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}"#,
            12,
            "the shape [2, 1, 1], not [2, 1]",
        ),
        (
            r#","0.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"0.bias":{"dtype":"F32","shape":[],"data_offsets":[8,12]}"#,
            12,
            "the shape [], not [1]",
        ),
        (
            r#","0.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"0.bias":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}"#,
            8,
            "the shape [0], not 1 x 1",
        ),
        (
            r#","0.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"0.bias":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},"0.scale":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}"#,
            16,
            "`0.scale`, which no layer takes",
        ),
        (
            r#","0.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"0.bias":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},"":{"dtype":"F32","shape":[0],"data_offsets":[12,12]}"#,
            12,
            "``, which no layer takes",
        ),
        (
            r#","weight":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"bias":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}"#,
            12,
            "lacks the array `0.weight`",
        ),
    ] {
        let bytes = builder::model(&texts("", None), arrays, data);
        refused(arrays, read(&bytes), problem);
        cases.insert(bytes);
    }
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = right.clone();
        change(&mut bytes);
        bytes
    };
    let length = |length: u64| with(&|bytes: &mut Vec<u8>| bytes[..8].copy_from_slice(&length.to_le_bytes()));
    let digits = |digits: &'static [u8; 8]| with(&|bytes: &mut Vec<u8>| bytes[37..45].copy_from_slice(digits));
    for (what, bytes, problem) in [
        ("nothing", Vec::new(), "it has 0 bytes"),
        ("a piece of a length", vec![2, 0, 0, 0, 0, 0, 0], "it has 7 bytes"),
        ("no header", vec![0; 8], "does not begin with {"),
        ("a length of 0", length(0), "does not begin with {"),
        ("a length that is too short", length(100), "EOF"),
        ("a length beyond the end", length(right.len() as u64), "after its length"),
        ("the longest length", length(100_000_000), "after its length"),
        ("a longer length", length(100_000_001), "the longest are"),
        ("a length of 2^32", length(1 << 32), "the longest are"),
        ("a length of 2^63", length(1 << 63), "the longest are"),
        ("the largest length", length(u64::MAX), "the longest are"),
        ("bytes that are no UTF-8", with(&|bytes| bytes[12] = 0xff), "its header"),
        ("a cut", with(&|bytes| bytes.truncate(bytes.len() - 1)), "beyond the 11 bytes"),
        ("no data", with(&|bytes| bytes.truncate(bytes.len() - 12)), "beyond the 0 bytes"),
        ("more data", with(&|bytes| bytes.push(0)), "there are 13 bytes of data"),
        ("an npy file", b"\x93NUMPY\x01\x00v\x00{'descr': '<f4'}".to_vec(), "the longest are"),
        ("a zip file", b"PK\x03\x04\x14\x00\x00\x00\x08\x00".to_vec(), "the longest are"),
        ("a pickle", b"\x80\x02}q\x00(X\x06\x00\x00\x00weight".to_vec(), "the longest are"),
        ("a text", b"{\"kind\":\"sequential\"}".to_vec(), "the longest are"),
        ("a checksum of zeros", digits(b"00000000"), "it is damaged"),
        ("a checksum of letters", digits(b"checksum"), "it is damaged"),
        ("a checksum with spaces", digits(b"       0"), "it is damaged"),
        ("another number", with(&|bytes| *bytes.last_mut().unwrap() = 99), "it is damaged"),
        ("another text", with(&|bytes| bytes[58] = b'N'), "this is not a neuropil model file"),
        (
            "no checksum",
            {
                let header = r#"{"__metadata__":{"format":"neuropil model"}}"#;
                builder::file(header, 0)
            },
            "its header lacks the eight digits of `checksum`",
        ),
        (
            "a checksum elsewhere",
            {
                let header = r#"{"__metadata__":{"format":"neuropil model","checksum":"00000000"}}"#;
                builder::file(header, 0)
            },
            "it is damaged",
        ),
        (
            "a short checksum",
            {
                let header = r#"{"__metadata__":{"checksum":"0000000","format":"neuropil model"}}"#;
                builder::file(header, 0)
            },
            "its header lacks the eight digits of `checksum`",
        ),
    ] {
        refused(what, read(&bytes), problem);
        cases.insert(bytes);
    }
    assert!(cases.len() >= 200, "only {} different files", cases.len());
}
