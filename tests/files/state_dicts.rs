//! State dicts of PyTorch: by name, transposed, with a report; see also `tests/interop`.

use neuropil::io::{Names, SafeTensors, Unmatched};
use neuropil::ndarray::{self, Array2, ArrayD, array};
use neuropil::prelude::*;

use super::{builder, zoo};

fn there_and_back<A: Scalar>() {
    let path = builder::folder(&format!("state_dicts_{}", A::NAME)).join("x.safetensors");
    let (mut layers, mut arrays) = (0, 0);
    for entry in zoo::layers::<A>() {
        let network = &entry.network;
        for names in [Names::new(), Names::keras()] {
            let names = names.rename("model.layer", "0");
            network.save_state_dict(&path, &names).unwrap();
            let mut other = network.clone();
            other.visit_mut(&mut |_, matrix| matrix.fill(A::of(0.5)));
            assert!(other.load_state_dict(&path, &names).unwrap().is_empty(), "{}", entry.name);
            let (x, bytes) = (entry.batch(2, 1), network.to_bytes().unwrap());
            let spec = entry.layer().spec().unwrap();
            let added = matches!(spec.kind(), "rnn" | "lstm") || spec.get("reset_after").is_some();
            if added && other.to_bytes().unwrap() != bytes {
                // Keras has the sum of their biases.
                let far = (other.predict(&x).unwrap() - network.predict(&x).unwrap()).mapv(A::abs);
                assert!(far.iter().all(|&far| far < A::of(1e-6)), "{}", entry.name);
            } else {
                assert!(other.to_bytes().unwrap() == bytes, "{}", entry.name);
            }
            network.visit(&mut |_, _| arrays += 1);
        }
        layers += 1;
    }
    assert!(layers >= 40 && arrays >= 10, "{layers} layers, {arrays} arrays");
}

#[test]
fn every_layer_survives_the_journey() {
    there_and_back::<f32>();
    there_and_back::<f64>();
}

#[test]
fn matrices_are_transposed_wherever_they_are() -> Result<()> {
    let dense = |start: f64| {
        Dense::from_parameters(Array2::from_shape_fn((2, 3), |(i, j)| start + (3 * i + j) as f64), array![0., 0., 0.])
    };
    let inner = Sequential::new(3).with(Tanh)?.with(Dense::new(3, 2, &mut rng(1)))?.with(dense(10.0)?)?;
    let network = Sequential::new(2).with(dense(0.0)?)?.with(inner)?;
    let path = builder::folder("transposed").join("x");
    network.save_state_dict(&path, &Names::new().rename("head", "1.2"))?;
    let bytes = std::fs::read(&path).unwrap();
    let file = SafeTensors::parse(&bytes)?;
    assert_eq!(
        file.names().collect::<Vec<_>>(),
        ["0.bias", "0.weight", "1.1.bias", "1.1.weight", "head.bias", "head.weight"]
    );
    assert_eq!(file.metadata("format"), Some("pt"));
    assert_eq!((file.shape("0.weight"), file.numbers("0.weight")?), (Some(&[3, 2][..]), vec![0., 3., 1., 4., 2., 5.]));
    assert_eq!(file.numbers::<f64>("head.weight")?, [10., 13., 11., 14., 12., 15.]);
    Ok(())
}

#[test]
fn what_does_not_match_is_told() -> Result<()> {
    let path = builder::folder("unmatched").join("x");
    let small = Sequential::<f32>::mlp(&[2, 3], Tanh, &mut rng(1))?;
    small.save_state_dict(&path, &Names::new().rename("first", "0"))?;
    let mut network = Sequential::<f32>::mlp(&[2, 3, 1], Tanh, &mut rng(2))?;
    let before = network.to_bytes()?;
    let unmatched = network.load_state_dict(&path, &Names::new())?;
    let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let all = list(&["0.weight", "0.bias", "2.weight", "2.bias"]);
    assert_eq!(unmatched, Unmatched { missing: all, unexpected: list(&["first.bias", "first.weight"]) });
    assert!(network.to_bytes()? == before);
    let unmatched = network.load_state_dict(&path, &Names::new().rename("first", "0"))?;
    assert_eq!(unmatched, Unmatched { missing: list(&["2.weight", "2.bias"]), unexpected: Vec::new() });
    assert_eq!(network.parameter("0.weight"), small.parameter("0.weight"));

    let before = network.to_bytes()?;
    for (names, problem) in [
        (
            Names::new().rename("first", "2"),
            "its array `first.weight`, the network's `2.weight`, has the shape [3, 2], not [1, 3]",
        ),
        (Names::new().rename("first.weight", "0.bias").rename("first", "0"), "both are the network's `0.bias`"),
    ] {
        let error = network.load_state_dict(&path, &names).unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
        assert!(network.to_bytes()? == before);
    }
    Ok(())
}

#[test]
fn numbers_of_two_bytes_are_read_and_integers_refused() -> Result<()> {
    let path = builder::folder("half").join("x");
    let header = |kind| {
        format!(
            r#"{{"0.weight":{{"dtype":"{kind}","shape":[1,2],"data_offsets":[0,4]}},"0.num_batches_tracked":{{"dtype":"I64","shape":[],"data_offsets":[4,12]}}}}"#
        )
    };
    let mut network = Sequential::<f64>::new(2).with(Dense::new(2, 1, &mut rng(1)).without_bias())?;
    for (kind, halves, want) in [("F16", [0x3e00_u16, 0xc100], [1.5, -2.5]), ("BF16", [0x3fc0, 0xc020], [1.5, -2.5])] {
        let mut bytes = builder::file(&header(kind), 12);
        let end = bytes.len() - 12;
        bytes[end..end + 4].copy_from_slice(&[halves[0].to_le_bytes(), halves[1].to_le_bytes()].concat());
        std::fs::write(&path, bytes).unwrap();
        assert!(network.load_state_dict(&path, &Names::new())?.is_empty());
        assert_eq!(network.parameter("0.weight").unwrap(), array![[want[0]], [want[1]]]);
    }
    std::fs::write(&path, builder::file(&header("I16"), 12)).unwrap();
    let error = network.load_state_dict(&path, &Names::new()).unwrap_err();
    assert!(error.to_string().contains("its numbers are I16"), "{error}");
    Ok(())
}

/// A file of what a network of one layer becomes, and an element of an array in it.
struct File(Vec<u8>);

impl File {
    fn of(name: &str, names: &Names, network: &Sequential<f64>) -> Self {
        let path = builder::folder(name).join("x");
        network.save_state_dict(&path, names).unwrap();
        Self(std::fs::read(&path).unwrap())
    }

    fn names(&self) -> String {
        SafeTensors::parse(&self.0).unwrap().names().collect::<Vec<_>>().join(" ")
    }

    fn array(&self, name: &str) -> ArrayD<f64> {
        let file = SafeTensors::parse(&self.0).unwrap();
        let shape = file.shape(name).unwrap_or_else(|| panic!("{name} is not in {}", self.names()));
        ArrayD::from_shape_vec(shape, file.numbers(name).unwrap()).unwrap()
    }
}

/// The element of a parameter whose sizes are `dims`.
fn element<const N: usize>(matrix: &Array2<f64>, dims: [usize; N], at: [usize; N]) -> f64 {
    let place = dims.iter().zip(at).fold(0, |place, (&n, i)| place * n + i);
    *matrix.iter().nth(place).unwrap()
}

#[test]
fn convolutions_have_the_axes_of_pytorch_and_keras() -> Result<()> {
    let r = &mut rng(1);
    let mut compared = 0;
    // (kernel, inputs, outputs) here and in Keras; the reverse in PyTorch.
    let network = Sequential::new([6, 4]).with(Conv1d::grouped(4, 6, 3, 2, r))?;
    let weight = network.parameter("0.weight").unwrap();
    let [torch, keras] = [Names::new(), Names::keras()].map(|names| File::of("conv1d", &names, &network));
    assert_eq!((torch.names(), keras.names()), ("0.bias 0.weight".into(), "0.bias 0.kernel".into()));
    let (torch, keras) = (torch.array("0.weight"), keras.array("0.kernel"));
    assert_eq!((torch.shape(), keras.shape()), (&[6, 2, 3][..], &[3, 2, 6][..]));
    for ((i, j, k), _) in ndarray::Array3::<f64>::zeros((3, 2, 6)).indexed_iter() {
        let want = element(&weight, [3, 2, 6], [i, j, k]);
        assert_eq!([torch[[k, j, i]], keras[[i, j, k]]], [want; 2]);
        compared += 1;
    }
    // (outputs, inputs, height, width) as in PyTorch, and of transposed ones (inputs, outputs, height, width); Keras has
    // height and width first, then those two the other way round.
    let convolution = Sequential::new([3, 5, 5]).with(Conv2d::new(3, 4, [2, 3], r))?;
    let transposed = Sequential::new([3, 5, 5]).with(ConvTranspose2d::new(3, 4, [2, 3], r))?;
    for (network, [a, b]) in [(convolution, [4, 3]), (transposed, [3, 4])] {
        let weight = network.parameter("0.weight").unwrap();
        let torch = File::of("conv2d", &Names::new(), &network).array("0.weight");
        let keras = File::of("conv2d", &Names::keras(), &network).array("0.kernel");
        assert_eq!((torch.shape(), keras.shape()), (&[a, b, 2, 3][..], &[2, 3, b, a][..]));
        for ((i, j, h, w), _) in ndarray::Array4::<f64>::zeros((a, b, 2, 3)).indexed_iter() {
            let want = element(&weight, [a, b, 2, 3], [i, j, h, w]);
            assert_eq!([torch[[i, j, h, w]], keras[[h, w, j, i]]], [want; 2]);
            compared += 1;
        }
    }
    // Depthwise: (height, width, channels, outputs of each).
    let network = Sequential::new([3, 5, 5]).with(Conv2d::grouped(3, 6, [2, 3], 3, r))?;
    let weight = network.parameter("0.weight").unwrap();
    let keras = File::of("depthwise", &Names::keras(), &network).array("0.kernel");
    assert_eq!(keras.shape(), [2, 3, 3, 2]);
    for ((h, w, channel, one), &x) in keras.view().into_dimensionality::<ndarray::Ix4>().unwrap().indexed_iter() {
        assert_eq!(x, element(&weight, [6, 1, 2, 3], [channel * 2 + one, 0, h, w]));
        compared += 1;
    }
    assert_eq!(compared, 36 + 72 + 72 + 36);
    Ok(())
}

#[test]
fn norms_and_tables_have_the_names_of_keras() -> Result<()> {
    let r = &mut rng(1);
    let network = Sequential::new(2)
        .with(Embedding::new(5, 4, r))?
        .with(BatchNorm::new(4))?
        .with(Residual::new(LayerNorm::new(4)))?
        .with(Parallel::sum().branch(RmsNorm::new(4)).branch(Dense::new(4, 4, r)))?
        .with(GroupNorm::new(2, 4))?;
    let file = File::of("norms", &Names::keras(), &network);
    let want = "0.embeddings 1.beta 1.gamma 1.moving_mean 1.moving_variance 2.body.beta 2.body.gamma \
                3.branch0.scale 3.branch1.bias 3.branch1.kernel 4.beta 4.gamma";
    assert_eq!(file.names(), want);
    for (theirs, ours) in [
        ("0.embeddings", "0.weight"),
        ("1.moving_mean", "1.running_mean"),
        ("1.moving_variance", "1.running_var"),
        ("3.branch1.kernel", "3.branch1.weight"),
    ] {
        assert_eq!(file.array(theirs).as_slice(), network.parameter(ours).unwrap().as_slice(), "{theirs}");
    }
    let torch = File::of("norms", &Names::new(), &network);
    assert_eq!(torch.array("3.branch1.weight"), network.parameter("3.branch1.weight").unwrap().t().into_dyn());
    assert_eq!(torch.array("1.running_var").shape(), [4]);
    Ok(())
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The last state of Keras's LSTM, or of its GRU with `reset_after`, by their arrays.
fn keras_states(file: &File, place: &str, x: &Array2<f64>, gru: bool) -> Vec<f64> {
    let matrix = |name| file.array(&format!("{place}{name}")).into_dimensionality::<ndarray::Ix2>().unwrap();
    let (kernel, recurrent) = (matrix("kernel"), matrix("recurrent_kernel"));
    let bias = file.array(&format!("{place}bias"));
    let units = recurrent.nrows();
    let (mut h, mut c) = (ndarray::Array1::<f64>::zeros(units), vec![0.0; units]);
    for x in x.rows() {
        let (inputs, states) = (x.dot(&kernel), h.dot(&recurrent));
        let before = h.clone();
        for u in 0..units {
            if gru {
                // Gates z, r, h; the first row of the bias is of the inputs, the second of the states.
                let input = |gate: usize| inputs[gate * units + u] + bias[[0, gate * units + u]];
                let state = |gate: usize| states[gate * units + u] + bias[[1, gate * units + u]];
                let (z, r) = (sigmoid(input(0) + state(0)), sigmoid(input(1) + state(1)));
                h[u] = z * before[u] + (1.0 - z) * (input(2) + r * state(2)).tanh();
            } else {
                // Gates i, f, c, o.
                let sum = |gate: usize| {
                    let at = gate * units + u;
                    inputs[at] + states[at] + bias[[at]]
                };
                c[u] = sigmoid(sum(1)) * c[u] + sigmoid(sum(0)) * sum(2).tanh();
                h[u] = sigmoid(sum(3)) * c[u].tanh();
            }
        }
    }
    h.to_vec()
}

#[test]
fn recurrent_layers_have_the_gates_of_keras() -> Result<()> {
    let r = &mut rng(3);
    let lstm = Sequential::new([4, 3]).with(Lstm::new(3, 5, r).bidirectional(r).last_state())?;
    let gru = Sequential::new([4, 3]).with(Gru::new(3, 5, r).bidirectional(r).last_state())?;
    for (network, is_gru) in [(lstm, false), (gru, true)] {
        let file = File::of("recurrent", &Names::keras(), &network);
        let x: Array2<f64> = zoo::random(1, 12, 4);
        let steps = x.to_shape((4, 3)).unwrap().to_owned();
        let backward = steps.slice(ndarray::s![..;-1, ..]).to_owned();
        let mut want = keras_states(&file, "0.forward.", &steps, is_gru);
        want.extend(keras_states(&file, "0.backward.", &backward, is_gru));
        for (got, want) in network.predict(&x)?.iter().zip(&want) {
            assert!((got - want).abs() < 1e-12, "{got}, not {want}");
        }
    }
    let stacked = Sequential::new([4, 3]).with(Rnn::new(3, 5, r).stacked(2, r))?;
    let file = File::of("recurrent", &Names::keras(), &stacked);
    let want = "0.layer0.bias 0.layer0.kernel 0.layer0.recurrent_kernel 0.layer1.bias 0.layer1.kernel \
                0.layer1.recurrent_kernel";
    assert_eq!(file.names(), want);
    let sum = stacked.parameter("0.bias_ih_l1").unwrap() + stacked.parameter("0.bias_hh_l1").unwrap();
    assert_eq!(file.array("0.layer1.bias").as_slice(), sum.as_slice());
    Ok(())
}

#[test]
fn attention_has_the_kernels_of_keras() -> Result<()> {
    let network = Sequential::new([5, 6]).with(MultiHeadAttention::new(6, 2, &mut rng(3)))?;
    let [torch, keras] = [Names::new(), Names::keras()].map(|names| File::of("attention", &names, &network));
    let packed = network.parameter("0.in_proj_weight").unwrap();
    assert_eq!(torch.array("0.in_proj_weight"), packed.t().into_dyn());
    for (part, name) in ["query", "key", "value"].into_iter().enumerate() {
        let kernel = keras.array(&format!("0.{name}.kernel"));
        assert_eq!((kernel.shape(), keras.array(&format!("0.{name}.bias")).shape()), (&[6, 2, 3][..], &[2, 3][..]));
        for ((feature, head, i), &x) in kernel.view().into_dimensionality::<ndarray::Ix3>().unwrap().indexed_iter() {
            assert_eq!(x, packed[[feature, part * 6 + head * 3 + i]]);
        }
    }
    let (kernel, own) = (keras.array("0.attention_output.kernel"), network.parameter("0.out_proj.weight").unwrap());
    assert_eq!((kernel.shape(), kernel.as_slice()), (&[2, 3, 6][..], own.as_slice()));
    assert_eq!(keras.array("0.attention_output.bias").shape(), [6]);
    Ok(())
}

/// Paths of Keras have slashes.
#[test]
fn weights_of_keras_are_loaded_by_their_paths() -> Result<()> {
    let path = builder::folder("keras").join("x");
    let network = Sequential::<f64>::new([4, 3]).with(Gru::new(3, 2, &mut rng(1)).last_state())?;
    let network = network.with(Dense::new(2, 1, &mut rng(1)))?;
    network.save_state_dict(&path, &Names::keras().rename("gru/gru_cell", "0").rename("head", "1"))?;
    let mut other = Sequential::<f64>::new([4, 3]).with(Gru::new(3, 2, &mut rng(2)).last_state())?;
    other = other.with(Dense::new(2, 1, &mut rng(2)))?;
    let names = Names::keras().rename("gru.gru_cell", "0").rename("head", "1");
    assert_eq!(other.load_state_dict(&path, &names)?, Unmatched::default());
    assert!(other.to_bytes()? == network.to_bytes()?);
    let unmatched = other.load_state_dict(&path, &Names::keras().rename("head", "1"))?;
    assert_eq!((unmatched.missing.len(), unmatched.unexpected.len()), (4, 3));
    Ok(())
}
