//! ONNX files of other systems: graphs that are read and give equal predictions, and graphs that are refused. `make.py`
//! beside the fixtures wrote both.

#![cfg(feature = "files")]

use std::path::{Path, PathBuf};

use neuropil::io::{read_onnx, read_onnx_steps};
use neuropil::ndarray::{self, Array2};
use neuropil::prelude::*;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx")
}

/// The models in a folder, by name.
fn models(folder: &Path) -> Vec<(String, PathBuf)> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let models = files.filter(|path| path.extension().is_some_and(|ending| ending == "onnx"));
    let mut models: Vec<_> =
        models.map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), path)).collect();
    models.sort();
    models
}

/// A batch, one sample a row.
fn rows(path: &Path) -> Array2<f32> {
    neuropil::io::read_npy(path).unwrap().into_dimensionality().unwrap()
}

fn kinds(network: &Network<f32>) -> String {
    network.layers().map(|layer| layer.spec().unwrap().kind().to_owned()).collect::<Vec<_>>().join(" ")
}

#[test]
fn models_of_other_systems_predict_the_same() {
    let mut read = 0;
    for (name, path) in models(&fixtures()) {
        let network = Network::<f32>::from_onnx(&path).unwrap_or_else(|error| panic!("{error}"));
        let want = rows(&path.with_extension("y.npy"));
        let got = network.predict(&rows(&path.with_extension("x.npy"))).unwrap();
        assert_eq!(got.dim(), want.dim(), "{name}");
        for (got, want) in got.iter().zip(&want) {
            assert!((got - want).abs() <= 3e-6 * (1.0 + want.abs()), "{name}: {got}, not {want}");
        }
        read += 1;
    }
    assert!(read >= 57, "{read}");
}

#[test]
fn operators_become_the_layers_that_they_are() {
    let kinds_of = |name: &str| kinds(&Network::from_onnx(fixtures().join(format!("{name}.onnx"))).unwrap());
    for (name, want) in [
        ("identity_9", "identity"),
        ("gru_17", "gru"),
        ("lstm_new", "lstm last_step"),
        ("block_11", "layer_norm dense gelu dense"),
        ("block_17", "layer_norm dense gelu dense"),
        ("rms_norm_new", "rms_norm"),
        ("reset_first", "gru reshape"),
        ("any_steps", "rnn global_avg_pool"),
        ("padded", "pad2d"),
        ("residual_9", "conv2d relu conv2d conv2d relu global_avg_pool dense"),
        ("norms_17", "conv2d group_norm instance_norm upsample pixel_shuffle pad2d"),
        ("scale_17", "rescale dense batch_norm"),
        ("words_9", "embedding dense"),
        ("old", "conv2d batch_norm hard_tanh upsample global_avg_pool"),
        ("joins", "tanh"),
        ("steps_first", "lstm"),
        ("outside", "dense"),
        ("sizes_only", "tanh flatten dense"),
    ] {
        assert_eq!(kinds_of(name), want, "{name}");
    }
}

/// Several operators of an exporter are the layer that they were.
#[test]
fn exports_become_few_layers() {
    let kinds_of = |name: &str| kinds(&Network::from_onnx(fixtures().join(format!("{name}.onnx"))).unwrap());
    assert_eq!(kinds_of("sklearn_missing"), "impute rescale dense relu dense softmax");
    assert_eq!(kinds_of("torch_gru_hidden"), "gru reshape strided strided flatten dense");
    let vit = kinds_of("torch_vit_batch");
    assert!(vit.starts_with("conv2d") && vit.contains("learned_tokens learned_positions layer_norm dense"), "{vit}");
}

#[test]
fn classes_are_named_and_outputs_chosen() -> Result<()> {
    let iris = read_onnx::<f32>(fixtures().join("sklearn_names.onnx"), &[])?;
    assert_eq!(iris.classes, ["setosa", "versicolor", "virginica"]);
    assert_eq!(iris.network.outputs().collect::<Vec<_>>(), [("output_probability", 3.into())]);
    let path = fixtures().join("keras_two.onnx");
    let whole = read_onnx::<f32>(&path, &[])?;
    assert!(whole.classes.is_empty());
    let names: Vec<String> = whole.network.outputs().map(|(name, _)| name.to_owned()).collect();
    let second = read_onnx::<f32>(&path, &[&names[1]])?.network;
    assert_eq!(second.outputs().map(|(name, _)| name).collect::<Vec<_>>(), [&*names[1]]);
    let x = rows(&path.with_extension("x.npy"));
    assert_eq!(second.predict(&x)?, whole.network.output_of(&whole.network.predict(&x)?, &names[1])?);
    let error = read_onnx::<f32>(&path, &["none"]).unwrap_err().to_string();
    assert!(error.contains("it has no output `none`") && error.contains(&names[0]), "{error}");
    Ok(())
}

#[test]
fn inputs_and_outputs_keep_their_names() -> Result<()> {
    let network = Network::<f32>::from_onnx(fixtures().join("two_inputs_17.onnx"))?;
    assert_eq!(network.inputs().map(|(name, shape)| format!("{name} {shape}")).collect::<Vec<_>>(), ["in0 4", "in1 4"]);
    let network = Network::<f32>::from_onnx(fixtures().join("two_outputs_11.onnx"))?;
    let shapes: Vec<Shape> = network.outputs().map(|(_, shape)| shape).collect();
    assert_eq!(shapes, [2.into(), 4.into()]);
    let error = Sequential::<f32>::from_onnx(fixtures().join("two_outputs_11.onnx")).unwrap_err().to_string();
    assert!(error.contains("is a graph, not a chain"), "{error}");
    Sequential::<f32>::from_onnx(fixtures().join("old.onnx"))?;
    Ok(())
}

/// Every join, with two inputs and two outputs, through this crate's own writer.
#[test]
fn joins_come_back_as_joins() -> Result<()> {
    use neuropil::joins::{Add, Distance, Dot, Multiply, Subtract};
    let r = &mut rng(3);
    let mut g = Network::<f32>::new();
    let (a, b) = (g.input("a", [3, 4]), g.input("b", [3, 4]));
    let wide = g.add(a, Dense::new(4, 4, r))?;
    let sum = g.join(Add, [wide, b, a])?;
    let gated = g.join(Multiply, [sum, a])?;
    let difference = g.join(Subtract, [gated, b])?;
    let side = g.join(Concat, [difference, wide])?;
    let (dot, distance) = (g.join(Dot, [a, difference])?, g.join(Distance, [b, wide])?);
    let both = g.join(Concat, [dot, distance])?;
    g.output("side", side)?;
    g.output("both", both)?;
    let again = Network::<f32>::from_onnx_bytes(&g.to_onnx_bytes()?)?;
    assert_eq!(again.inputs().collect::<Vec<_>>(), g.inputs().collect::<Vec<_>>());
    assert_eq!(again.outputs().collect::<Vec<_>>(), g.outputs().collect::<Vec<_>>());
    let x = Array2::from_shape_fn((2, 24), |(i, j)| ((7 * i + 3 * j) as f32).sin());
    for (got, want) in again.predict(&x)?.iter().zip(&g.predict(&x)?) {
        assert!((got - want).abs() < 1e-5, "{got}, not {want}");
    }
    assert_eq!(again.to_string(), g.to_string());
    Ok(())
}

/// A layer at two places, which sees samples of several shapes, and names that the writer would give itself.
#[test]
fn a_shared_layer_is_written_once() -> Result<()> {
    let mut g = Network::<f32>::new();
    let (a, b) = (g.input("v1", [3, 4]), g.input("c2", [3, 4]));
    let both = g.share(Dense::new(4, 2, &mut rng(1)));
    let pool = g.share(AdaptiveAvgPool2d::new([2, 2]));
    let (u, v) = (g.apply(both, a)?, g.apply(both, b)?);
    let distance = g.join(neuropil::joins::Distance, [u, v])?;
    let (large, small) = (g.input("large", [1, 5, 7]), g.input("small", [1, 3, 4]));
    let (large, small) = (g.apply(pool, large)?, g.apply(pool, small)?);
    let pooled = g.join(neuropil::joins::Add, [large, small])?;
    g.output("v3", distance)?;
    g.output("pooled", pooled)?;
    let bytes = g.to_onnx_bytes()?;
    let count = |name: &str| bytes.windows(name.len()).filter(|part| *part == name.as_bytes()).count();
    // Each constant's name once where it is, and where operators take it.
    assert_eq!([count("0.weight"), count("0.bias")], [3, 3]);
    let again = Network::<f32>::from_onnx_bytes(&bytes)?;
    let x = Array2::from_shape_fn((2, 24 + 35 + 12), |(i, j)| ((7 * i + 3 * j) as f32).sin());
    for (got, want) in again.predict(&x)?.iter().zip(&g.predict(&x)?) {
        assert!((got - want).abs() < 1e-5, "{got}, not {want}");
    }
    Ok(())
}

/// What is refused, with words of the reason.
const REFUSED: [(&str, &str); 24] = [
    ("another_domain", "operator Relu: it is of com.example"),
    ("batch_norm_training", "operator BatchNormalization: it has a value of training_mode"),
    ("batch_second", "output `y`: the batch is not its first axis"),
    ("bias_of_rows", "operator Add: its constant has the shape [3, 1]"),
    ("circle", "its operators form a cycle, at Add"),
    ("clipped_state", "operator LSTM: it has the attribute clip"),
    ("dropout_training", "operator Dropout: it has a value of training_mode"),
    ("flatten_of_the_batch", "operator Flatten: it mixes the batch with other axes"),
    ("groups_of_old", "operator GroupNormalization: it has a value of opset"),
    ("integers", "operator Add: it takes `x`, which are integers"),
    ("mean_of_steps", "any number of steps, of which its operators make use; give the number with `read_onnx_steps`"),
    ("outside_above", "the constant `w`: it is in `../outside.data`, which is not in the model's own folder"),
    ("outside_missing", "the constant `w`: `none`: "),
    ("outside_root", "the constant `w`: it is in `/etc/hostname`, which is not in"),
    ("places_of_a_pool", "operator MaxPool: its output 1 is used"),
    ("pooled_gemm", "operator Gemm: it has a value of A"),
    ("reshape_of_the_batch", "output `y`: it takes `y`, in which the batch and others are one axis"),
    ("resize_of_axes", "operator Resize: it has a value of scales"),
    ("started_state", "operator LSTM: it has a value of initial_h"),
    ("too_new", "opset 29"),
    ("too_old", "opset 5"),
    ("unknown_attribute", "operator Relu: it has the attribute limit"),
    ("unknown_operator", "operator Det: no layer of this crate corresponds to it"),
    ("whole_numbers", "operator Cast: it converts to integers"),
];

#[test]
fn what_is_not_certain_is_refused() {
    let folder = fixtures().join("refused");
    let names: Vec<String> = models(&folder).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, REFUSED.map(|(name, _)| name));
    for (name, problem) in REFUSED {
        let error = Network::<f32>::from_onnx(folder.join(format!("{name}.onnx"))).expect_err(name).to_string();
        assert!(error.contains(problem), "{error}, not: {problem}");
    }
}

/// A file that is another network for each number of steps, for one of them; and a file without any choice.
#[test]
fn a_number_of_steps_is_chosen() -> Result<()> {
    let path = fixtures().join("refused/mean_of_steps.onnx");
    let network = read_onnx_steps::<f32>(&path, &[], 4)?.network;
    let (steps, features) = (4, 3);
    assert_eq!(network.input_shape(), Shape::Sequence { steps, features });
    let x = [1.0, 2.0, 3.0, 1.0, 4.0, 3.0, 1.0, 6.0, 3.0, 5.0, 8.0, 3.0];
    assert_eq!(
        network.predict(&Array2::from_shape_vec((1, 12), x.to_vec()).unwrap())?,
        ndarray::array![[2.0, 5.0, 3.0]]
    );
    let error = read_onnx_steps::<f32>(fixtures().join("joins.onnx"), &[], 4).unwrap_err().to_string();
    assert!(error.ends_with("it has no variable number of steps to be given"), "{error}");
    Ok(())
}

#[test]
fn bytes_alone_have_no_other_files() {
    let bytes = std::fs::read(fixtures().join("outside.onnx")).unwrap();
    let error = Network::<f32>::from_onnx_bytes(&bytes).unwrap_err().to_string();
    assert!(error.contains("read the model by its path"), "{error}");
}

/// Whatever a file says after some of its bytes were changed, reading it returns.
#[test]
fn damaged_models_are_read_or_refused() {
    let mut seed = 1_u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    for (_, path) in models(&fixtures()) {
        let whole = std::fs::read(&path).unwrap();
        for _ in 0..40 {
            let mut bytes = whole.clone();
            for _ in 0..=next(4) {
                let at = next(bytes.len());
                bytes[at] = [0, 1, 2, 127, 128, 255, bytes[at] ^ 1, bytes[at].wrapping_add(1)][next(8)];
            }
            let _ = Network::<f32>::from_onnx_bytes(&bytes);
        }
    }
}
