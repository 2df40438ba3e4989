//! ONNX there and back; other runtimes read the same files in `tests/interop`.

use neuropil::activations::Threshold;
use neuropil::layers::Padding;
use neuropil::ndarray::{Array2, array};
use neuropil::prelude::*;
use neuropil::spec::Spec;

use super::{readers, zoo};

/// How far a layer may be after the journey: settings were rounded to `f32`, and some layers became others.
fn close(name: &str, got: &Array2<f32>, want: &Array2<f32>) {
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() <= 1e-6 + 2e-6 * want.abs(), "{name}: {got}, not {want}");
    }
}

#[test]
fn every_layer_goes_there_and_back() {
    let mut layers = 0;
    for entry in zoo::layers::<f32>() {
        let network = &entry.network;
        let bytes = network.to_onnx_bytes().unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        let again = Network::<f32>::from_onnx_bytes(&bytes).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        let ends = |network: &Network<f32>| (network.input_shape(), network.prediction_shape());
        assert_eq!(ends(&again), ends(network), "{}", entry.name);
        let mut x = entry.batch(3, 1);
        if entry.indices.is_none() {
            // Some end with what may be padding.
            let columns = x.ncols();
            x.row_mut(0).iter_mut().skip(columns / 2).for_each(|x| *x = 0.0);
        }
        close(entry.name, &again.predict(&x).unwrap(), &network.predict(&x).unwrap());
        layers += 1;
    }
    assert!(layers >= 120, "{layers}");
}

#[test]
fn a_deep_chain_comes_back_as_it_was() -> Result<()> {
    let r = &mut rng(1);
    let inner = Sequential::mlp(&[5, 6, 5], Silu, r)?.with(Softplus::new(2.0, 1.0))?;
    let network = Sequential::<f32>::new([3, 4])
        .with(Dense::new(4, 5, r))?
        .with(PRelu::per_channel(5))?
        .with(Gelu)?
        .with(Flatten)?
        .with(Dense::new(15, 5, r).without_bias())?
        .with(inner)?
        .with(TanhShrink)?
        .with(LogSoftmax)?;
    let again = Sequential::<f32>::from_onnx_bytes(&network.to_onnx_bytes()?)?;
    let want = "dense p_relu gelu flatten dense dense silu dense softplus tanh_shrink log_softmax";
    assert_eq!(kinds(&again), want);
    let x = zoo::random(4, 12, 1);
    close("chain", &again.predict(&x)?, &network.predict(&x)?);
    Ok(())
}

fn kinds(network: &Network<f32>) -> String {
    network.layers().map(|layer| layer.spec().unwrap().kind().to_owned()).collect::<Vec<_>>().join(" ")
}

/// The kinds of the layers inside of all blocks.
fn inner_kinds(network: &Network<f32>) -> String {
    fn of(spec: &Spec, kinds: &mut Vec<String>) {
        let lists = [spec.layers("layers"), spec.layers("branches")].into_iter().flatten().flatten();
        let parts = [spec.layer("body"), spec.layer("projection")].into_iter().flatten();
        let inner: Vec<&Spec> = lists.chain(parts).collect();
        if inner.is_empty() && !["identity", "parallel"].contains(&spec.kind()) {
            kinds.push(spec.kind().to_owned());
        }
        inner.into_iter().for_each(|spec| of(spec, kinds));
    }
    let mut kinds = Vec::new();
    of(&network.spec().unwrap(), &mut kinds);
    kinds.join(" ")
}

fn sorted(kinds: &str) -> Vec<&str> {
    let mut kinds: Vec<&str> = kinds.split(' ').collect();
    kinds.sort_unstable();
    kinds
}

/// Branches in branches, which begin with layers of several operators, or of none.
#[test]
fn branches_come_back_as_they_were() -> Result<()> {
    let r = &mut rng(1);
    let deep = Residual::new(Residual::new(Sequential::new(6).with(Silu)?.with(Dense::new(6, 6, r))?));
    let block = Parallel::concat()
        .branch(Sequential::new(6).with(deep)?.with(TanhShrink)?)
        .branch(Identity)
        .branch(Parallel::sum().branch(Softplus::new(1.0, 1.0)).branch(Tanh).branch(Identity))
        .branch(Softsign);
    let network = Sequential::<f32>::new(3)
        .with(Embedding::new(5, 6, r))?
        .with(LastStep)?
        .with(block)?
        .with(Residual::new(Identity))?
        .with(Parallel::concat().branch(RmsNorm::new(24)))?
        .with(Residual::new(Silu).projection(Threshold::new(0.1, 2.0)))?
        .with(Dense::new(24, 2, r))?;
    let again = Network::<f32>::from_onnx_bytes(&network.to_onnx_bytes()?)?;
    let want = "embedding last_step silu dense tanh_shrink softplus tanh softsign rms_norm threshold silu dense";
    assert_eq!(sorted(&kinds(&again)), sorted(want));
    // The sums of the residual blocks and of the branches, and the concatenation.
    let joins = |name: &str| again.to_string().lines().filter(|row| row.contains(&format!(" {name} of "))).count();
    assert_eq!((joins("Add"), joins("Concat")), (5, 1), "{again}");
    let x = array![[0.0, 2.0, 1.0], [4.0, 4.0, 3.0]];
    close("branches", &again.predict(&x)?, &network.predict(&x)?);
    Ok(())
}

/// A transformer's blocks, and the blocks of residual and inception networks of images.
#[test]
fn networks_of_blocks_come_back() -> Result<()> {
    let r = &mut rng(2);
    let attend = Sequential::new([5, 4]).with(LayerNorm::new(4))?.with(MultiHeadAttention::new(4, 2, r))?;
    let feed = Sequential::new([5, 4]).with(LayerNorm::new(4))?.with(Dense::new(4, 8, r))?;
    let feed = feed.with(Gelu)?.with(Dense::new(8, 4, r))?;
    let transformer = Sequential::<f32>::new([5, 4]).with(Residual::new(attend))?.with(Residual::new(feed))?;
    let convolve =
        |inputs, outputs, kernel, r: &mut _| Conv2d::new(inputs, outputs, [kernel; 2], r).padding(Padding::Same);
    let body = Sequential::new([3, 6, 5]).with(convolve(3, 4, 3, r))?.with(BatchNorm::new(4))?.with(Relu)?;
    let inception = Parallel::concat().branch(convolve(4, 2, 1, r)).branch(convolve(4, 3, 3, r)).branch(Identity);
    let images = Sequential::<f32>::new([3, 6, 5])
        .with(Residual::new(body).projection(convolve(3, 4, 1, r)))?
        .with(inception)?
        .with(GlobalAvgPool)?;
    for (name, network) in [("transformer", transformer), ("images", images)] {
        let again = Network::<f32>::from_onnx_bytes(&network.to_onnx_bytes()?)?;
        assert_eq!(sorted(&kinds(&again)), sorted(&inner_kinds(&network)), "{name}");
        let x = zoo::random(3, network.input().len(), 1);
        close(name, &again.predict(&x)?, &network.predict(&x)?);
    }
    Ok(())
}

#[test]
fn what_is_no_chain_of_layers_is_told() {
    let read = |bytes: &[u8]| Sequential::<f32>::from_onnx_bytes(bytes).unwrap_err().to_string();
    assert_eq!(read(b""), "the ONNX file: it has no graph");
    assert_eq!(read(b"\x3a\x00\x42\x02\x10\x14"), "the ONNX file: it has no input");
    assert_eq!(read(b"\x3a\x05\x00"), "the ONNX file: a field of 5 bytes is cut off");
    assert_eq!(read(b"\xff"), "the ONNX file: a number is cut off");
    assert_eq!(read(b"\x07"), "the ONNX file: it is not an ONNX model: a field has the unknown type 7");
    // An operator of another name.
    let network = Sequential::<f32>::new(2).with(Softsign).unwrap().with(Tanh).unwrap();
    let mut bytes = network.to_onnx_bytes().unwrap();
    for window in (0..bytes.len() - 4).filter(|&i| &bytes[i..i + 4] == b"Tanh").collect::<Vec<_>>() {
        bytes[window..window + 4].copy_from_slice(b"Erfc");
    }
    let error = read(&bytes);
    assert!(error.contains("its operator Erfc: "), "{error}");
}

#[test]
fn cut_files_are_errors() {
    let network = Sequential::<f32>::mlp(&[2, 3, 1], Tanh, &mut rng(1)).unwrap();
    let bytes = network.to_onnx_bytes().unwrap();
    let mut refused = 0;
    for length in 0..bytes.len() {
        refused += usize::from(!readers::onnx(&bytes[..length]));
    }
    // Without the version at its end, a graph would be of the first.
    assert_eq!(refused, bytes.len());
}

#[test]
fn an_output_of_an_inputs_name_is_refused() {
    let mut g = Network::<f32>::new();
    let x = g.input("x", 2);
    let y = g.add(x, Tanh).unwrap();
    g.output("x", y).unwrap();
    assert!(g.predict(&array![[0.0, 0.0]]).is_ok());
    assert!(matches!(g.to_onnx_bytes(), Err(Error::Graph { .. })));
}
