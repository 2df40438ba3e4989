//! ONNX files that no exporter writes, or that mean something else than they seem to: piece by piece.

use neuropil::ndarray::array;
use neuropil::prelude::*;

fn varint(mut x: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while x > 127 {
        bytes.push((x & 127) as u8 | 128);
        x >>= 7;
    }
    bytes.push(x as u8);
    bytes
}

fn int(field: u64, x: i64) -> Vec<u8> {
    [varint(field << 3), varint(x.cast_unsigned())].concat()
}

fn bytes(field: u64, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    [&varint(field << 3 | 2), &varint(content.len() as u64), content].concat()
}

fn tensor(name: &str, kind: i64, sizes: &[i64], data: Vec<u8>) -> Vec<u8> {
    let sizes: Vec<u8> = sizes.iter().flat_map(|&n| int(1, n)).collect();
    [sizes, int(2, kind), bytes(8, name), bytes(9, data)].concat()
}

/// As many ones as the constant's sizes say.
fn ones(name: &str, sizes: &[i64]) -> Vec<u8> {
    let count = sizes.iter().copied().try_fold(1, i64::checked_mul).unwrap_or_default();
    tensor(name, 1, sizes, (0..count).flat_map(|_| 1_f32.to_le_bytes()).collect())
}

fn number(name: &str, x: f32) -> Vec<u8> {
    tensor(name, 1, &[], x.to_le_bytes().to_vec())
}

fn integers(name: &str, list: &[i64]) -> Vec<u8> {
    tensor(name, 7, &[list.len() as i64], list.iter().flat_map(|x| x.to_le_bytes()).collect())
}

/// An attribute that is an integer, or a list of them.
fn one(name: &str, x: i64) -> Vec<u8> {
    [bytes(1, name), int(3, x), int(20, 2)].concat()
}

fn list(name: &str, list: &[i64]) -> Vec<u8> {
    let items: Vec<u8> = list.iter().flat_map(|&x| int(8, x)).collect();
    [bytes(1, name), items, int(20, 7)].concat()
}

fn float(name: &str, x: f32) -> Vec<u8> {
    [bytes(1, name), varint(2 << 3 | 5), x.to_le_bytes().to_vec(), int(20, 1)].concat()
}

/// An operator: its kind, inputs and outputs in words.
fn node(words: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut node = Vec::new();
    let (operator, outputs) = words.split_once(" -> ").unwrap();
    let mut inputs = operator.split(' ');
    node.extend(bytes(4, inputs.next().unwrap()));
    // A dash stands for one that is left out.
    let name = |name: &str| name.replace('-', "");
    inputs.for_each(|input| node.extend(bytes(1, name(input))));
    outputs.split(' ').for_each(|output| node.extend(bytes(2, name(output))));
    attributes.iter().for_each(|attribute| node.extend(bytes(5, attribute)));
    node
}

/// A file whose input `x` has samples of these sizes, and whose output is `y`.
fn model(opset: Option<i64>, sizes: &[i64], constants: &[Vec<u8>], nodes: &[Vec<u8>]) -> Vec<u8> {
    let mut shape = bytes(1, bytes(2, "batch"));
    sizes.iter().for_each(|&n| shape.extend(bytes(1, int(1, n))));
    let mut graph: Vec<u8> = nodes.iter().flat_map(|node| bytes(1, node)).collect();
    constants.iter().for_each(|constant| graph.extend(bytes(5, constant)));
    let kind = bytes(1, [int(1, 1), bytes(2, shape)].concat());
    graph.extend(bytes(11, [bytes(1, "x"), bytes(2, kind)].concat()));
    graph.extend(bytes(12, bytes(1, "y")));
    let mut file = bytes(7, graph);
    if let Some(version) = opset {
        // Another domain's version says nothing about these operators.
        file.extend(bytes(8, [bytes(1, "com.example"), int(2, 1)].concat()));
        file.extend(bytes(8, int(2, version)));
    }
    file
}

fn read(file: &[u8]) -> Result<Sequential<f32>> {
    Sequential::from_onnx_bytes(file)
}

/// A file of opset 20 is refused with this problem among the words.
fn refused(sizes: &[i64], constants: &[Vec<u8>], nodes: &[Vec<u8>], problem: &str) {
    let error = read(&model(Some(20), sizes, constants, nodes)).expect_err(problem).to_string();
    assert!(error.contains(problem), "{error}, not: {problem}");
}

#[test]
fn hostile_sizes_are_errors_at_once() {
    let huge = 1 << 62;
    let turn = |words| node(words, &[list("perm", &[0, 2, 1])]);
    let conv = [turn("Transpose x -> a"), node("Conv a w -> b", &[]), turn("Transpose b -> y")];
    refused(&[3, 2], &[ones("w", &[0, huge, 1])], &conv, "leave no numbers");
    refused(&[3, 2], &[ones("w", &[0, huge, huge])], &conv, "the constant `w` is too large");
    let gemm = [node("Gemm x w -> y", &[one("transB", 1)])];
    refused(&[2], &[ones("w", &[0, huge])], &gemm, "leave no numbers");
    refused(&[2], &[ones("w", &[0])], &[node("PRelu x w -> y", &[])], "leave no numbers");
    let regions = [node("MatMul x a -> b", &[]), node("MatMul c b -> y", &[])];
    refused(
        &[1, 4, huge],
        &[ones("a", &[1, 4]), ones("c", &[1, 4])],
        &regions,
        "a batch and otherwise fixed ones are needed",
    );
    for axes in [[0, i64::MIN, 1], [0, 0, 1], [0, -1, 1]] {
        refused(&[3, 2], &[], &[node("Transpose x -> y", &[list("perm", &axes)])], "is not a permutation of 3 axes");
    }
    let conv = [node("Conv x w -> y", &[one("group", -1)])];
    refused(&[1, 3, 3], &[ones("w", &[1, 1, 2, 2])], &conv, "operator Conv: its group is -1");
    let shuffle = [node("DepthToSpace x -> y", &[one("blocksize", -2), [bytes(1, "mode"), bytes(4, "CRD")].concat()])];
    refused(&[4, 3, 3], &[], &shuffle, "operator DepthToSpace: its blocksize is -2");
    let sizes = [integers("a", &[0, -1]), tensor("b", 7, &[], 2_i64.to_le_bytes().to_vec())];
    let ranks = [node("Concat a b -> c", &[one("axis", 0)]), node("Reshape x c -> y", &[])];
    refused(&[4], &sizes, &ranks, "its inputs have 1 and 0 axes");
    let norm = [node("Reshape x a -> b", &[]), node("InstanceNormalization b c d -> y", &[])];
    let constants = [integers("a", &[0, 2, -1]), ones("c", &[2]), ones("d", &[2])];
    refused(
        &[3, huge],
        &constants,
        &norm,
        "its input `x` has samples [3, 4611686018427387904], which nothing can hold",
    );
}

/// What is small in a file and large when it is computed.
#[test]
fn sizes_grow_no_memory() {
    let long = 1 << 13;
    let outer = [node("Mul a b -> c", &[]), node("Add x c -> y", &[])];
    let (a, b) = (ones("a", &[1, long]), ones("b", &[long, 1]));
    refused(&[4], &[a, b], &outer, "more numbers than the file is long");
    let range = [node("Range a b c -> d", &[]), node("Gather x d -> y", &[one("axis", 1)])];
    let ends = [("a", 0), ("b", 1 << 40), ("c", 1)].map(|(name, n)| tensor(name, 7, &[], i64::to_le_bytes(n).to_vec()));
    refused(&[4], &ends, &range, "more numbers than the file is long");
    // A long axis is sliced without a list of its indices.
    let bounds = [integers("a", &[-1]), integers("b", &[0]), integers("c", &[1]), integers("d", &[-3])];
    let network = read(&model(Some(20), &[1 << 20], &bounds, &[node("Slice x a b c d -> y", &[])])).unwrap();
    assert_eq!(network.output(), ((1_usize << 20) - 1).div_ceil(3).into());
    let sizes = [integers("s", &[1, 1 << 40, 1 << 40])];
    refused(&[1, 1], &sizes, &[node("Expand x s -> y", &[])], "");
}

/// What is not the same for each sample, or puts samples together.
#[test]
fn the_batch_stays_apart() {
    let sum = [node("Add x w -> y", &[])];
    refused(&[2], &[ones("w", &[3, 2])], &sum, "with numbers for each sample");
    let rows = [node("Reshape x s -> a", &[]), node("Relu a -> y", &[])];
    refused(&[3, 4], &[integers("s", &[-1, 4])], &rows, "it takes the batch and others as one axis");
    let zeros = [
        node("Shape x -> s", &[]),
        node("ConstantOfShape s -> z", &[]),
        node("Transpose z -> n", &[]),
        node("Shape n -> t", &[]),
        node("Reshape x t -> y", &[]),
    ];
    refused(&[2], &[], &zeros, "of what is repeated for each sample");
    for (words, problem) in [
        ("ReduceSum x i -> y", "it combines samples of the batch"),
        ("Gather x i -> y", "it takes some samples of the batch"),
        ("Softmax x -> y", "it works along the batch"),
        ("Split x -> y z", "it splits the batch"),
    ] {
        let axis = if words.starts_with("Reduce") { vec![] } else { vec![one("axis", 0)] };
        refused(&[2], &[integers("i", &[0])], &[node(words, &axis)], problem);
    }
}

#[test]
fn old_operators_are_refused() {
    let relu = [node("Relu x -> y", &[])];
    for (opset, problem) in [(None, "opset 1,"), (Some(5), "opset 5,"), (Some(29), "opset 29,")] {
        let error = read(&model(opset, &[2], &[], &relu)).unwrap_err().to_string();
        assert!(error.contains(problem) && error.contains("an opset from 6 to 28"), "{error}");
    }
    read(&model(Some(6), &[2], &[], &relu)).unwrap();
}

#[test]
fn operators_that_mean_something_else_are_refused() {
    // The steps of a sequence are its channels: what is normalized lies the other way round here.
    let norm = [node("BatchNormalization x w w w w -> y", &[])];
    assert_eq!(read(&model(Some(20), &[3, 2], &[ones("w", &[3])], &norm)).unwrap().layers().len(), 3);
    let slopes = [node("PRelu x w -> y", &[])];
    refused(&[3, 2, 3], &[ones("w", &[2])], &slopes, "has the shape [2]");
    let conv = [node("Conv x w -> y", &[list("kernel_shape", &[3, 2])])];
    refused(&[1, 4, 4], &[ones("w", &[1, 1, 2, 3])], &conv, "kernel_shape [3, 2] and weights of [2, 3]");
    let dense = [node("Gemm x w b -> y", &[])];
    refused(&[2], &[ones("w", &[2, 3]), ones("b", &[2])], &dense, "operator Gemm: its constant has the shape [2]");
    let lstm = [
        node("Transpose x -> a", &[list("perm", &[1, 0, 2])]),
        node("LSTM a w r -> y", &[one("hidden_size", 1), float("clip", 2.0)]),
    ];
    refused(&[3, 2], &[ones("w", &[1, 4, 2]), ones("r", &[1, 4, 1])], &lstm, "clip");
    let squeezed = [one("keepdims", 0)];
    let mean = |keep| {
        let nodes = ["Mul x x -> a", "ReduceMean a i -> b", "Add b e -> c", "Sqrt c -> d", "Div x d -> y"];
        nodes.map(|words| node(words, if words.contains("Mean") { keep } else { &[] }))
    };
    refused(&[3, 2], &[integers("i", &[0]), number("e", 0.1)], &mean(&[]), "it combines samples of the batch");
    refused(&[3, 2], &[integers("i", &[-1]), number("e", 0.1)], &mean(&squeezed), "its values have the sizes");
    read(&model(Some(20), &[3, 2], &[integers("i", &[-1]), number("e", 0.1)], &mean(&[]))).unwrap();
}

#[test]
fn what_may_be_left_out_is() -> Result<()> {
    let conv = [node("Conv x w -> y", &[])];
    let network = read(&model(Some(20), &[1, 4, 4], &[ones("w", &[2, 1, 2, 3])], &conv))?;
    assert_eq!(network.output(), [2, 3, 2].into());
    // Inputs and outputs without names are not the same value.
    let nodes = [node("Dropout x -> a -", &[]), node("Clip x - m -> b", &[]), node("Add a b -> y", &[])];
    let network = Network::<f32>::from_onnx_bytes(&model(Some(20), &[2], &[number("m", 1.0)], &nodes))?;
    assert_eq!(network.predict(&array![[-3.0, 2.0]])?, array![[-6.0, 3.0]]);
    Ok(())
}

#[test]
fn branches_that_are_none_here_are_told() -> Result<()> {
    let nodes = [node("Relu x -> a", &[]), node("Tanh x -> b", &[]), node("Pow a b -> y", &[])];
    refused(&[2], &[], &nodes, "operator Pow: it has a value of exponent");
    // Branches in branches are no deeper than a chain is long.
    let mut network = Sequential::<f32>::new(2).with(Mish)?;
    for _ in 0..33 {
        network = Sequential::new(2).with(Mish)?.with(Residual::new(network))?;
    }
    let again = Network::<f32>::from_onnx_bytes(&network.to_onnx_bytes()?)?;
    let x = array![[0.5, -1.0]];
    assert_eq!(again.predict(&x)?, network.predict(&x)?);
    Ok(())
}

/// Attention of 2 features and 3 steps with a bias of the keys alone.
fn attention(mask: Vec<u8>, axis: i64, order: &[i64]) -> Vec<u8> {
    let turn = |words, order: &[i64]| node(words, &[list("perm", order)]);
    let nodes = [
        node("MatMul x w -> q0", &[]),
        node("MatMul x w -> k00", &[]),
        node("MatMul x w -> v0", &[]),
        node("Add k00 b -> k0", &[]),
        node("Reshape q0 cut -> q1", &[]),
        node("Reshape k0 cut -> k1", &[]),
        node("Reshape v0 cut -> v1", &[]),
        turn("Transpose q1 -> q", &[0, 2, 1, 3]),
        turn("Transpose k1 -> k", &[0, 2, 3, 1]),
        turn("Transpose v1 -> v", &[0, 2, 1, 3]),
        node("MatMul q k -> s0", &[]),
        node("Mul s0 scale -> s1", &[]),
        node("Add s1 mask -> s2", &[]),
        node("Softmax s2 -> s", &[one("axis", axis)]),
        node("MatMul s v -> o0", &[]),
        turn("Transpose o0 -> o1", order),
        node("Reshape o1 whole -> o", &[]),
        node("MatMul o w -> y", &[]),
    ];
    let constants = [
        ones("w", &[2, 2]),
        ones("b", &[2]),
        integers("cut", &[0, 0, 1, 2]),
        integers("whole", &[0, 0, 2]),
        number("scale", 0.5_f32.sqrt()),
        mask,
    ];
    model(Some(20), &[3, 2], &constants, &nodes)
}

#[test]
fn attention_keeps_each_bias_and_its_mask() -> Result<()> {
    let hidden = [0.0, f32::NEG_INFINITY, f32::NEG_INFINITY, 0.0, 0.0, f32::NEG_INFINITY, 0.0, 0.0, 0.0];
    let mask = || tensor("mask", 1, &[3, 3], hidden.iter().flat_map(|x| x.to_le_bytes()).collect());
    let network = read(&attention(mask(), -1, &[0, 2, 1, 3]))?;
    assert_eq!(network.parameter("0.in_proj_bias").unwrap(), array![[0.0, 0.0, 1.0, 1.0, 0.0, 0.0]]);
    assert_eq!(network.parameter("0.out_proj.bias").unwrap(), array![[0.0, 0.0]]);
    // Any other is read operator by operator.
    let kinds = |file: &[u8]| -> Result<String> {
        let network = Network::<f32>::from_onnx_bytes(file)?;
        Ok(network.layers().map(|layer| layer.spec().unwrap().kind().to_owned()).collect::<Vec<_>>().join(" "))
    };
    let nothing = tensor("mask", 1, &[1, 1], vec![0; 4]);
    for file in [attention(nothing, -1, &[0, 2, 1, 3]), attention(mask(), 1, &[0, 2, 1, 3])] {
        let kinds = kinds(&file)?;
        assert!(kinds.contains("softmax") && !kinds.contains("multi_head"), "{kinds}");
    }
    let error = Network::<f32>::from_onnx_bytes(&attention(mask(), -1, &[0, 1, 2, 3])).unwrap_err().to_string();
    assert!(error.contains("MatMul") || error.contains("Reshape"), "{error}");
    Ok(())
}
