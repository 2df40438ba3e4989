"""Reads the `onnx` package's own test vectors with this crate: `python vectors.py`. See README.md for the rules."""

import collections
import pathlib
import shutil
import subprocess
import sys
import warnings

import numpy as np
import onnx
from onnx import numpy_helper

HERE = pathlib.Path(__file__).parent
OUT = HERE / "out" / "vectors"

# The operators that layers, joins and activations of this crate are made of. A vector with any other is not counted.
OPERATORS = set(
    """
    Abs Add And AveragePool BatchNormalization Cast CastLike Celu Clip Concat Constant ConstantOfShape Conv
    ConvTranspose DepthToSpace Div Dropout Elu Erf Exp Expand Flatten GRU Gather Gelu Gemm GlobalAveragePool
    GlobalMaxPool Greater GreaterOrEqual GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization LSTM
    LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax MatMul Max MaxPool Mean Min Mish Mod Mul Neg Not Or
    PRelu Pad Pow RMSNormalization RNN Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax
    ReduceMean ReduceMin ReduceSum ReduceSumSquare Relu Reshape Resize Selu Shape Shrink Sigmoid Sign Size Slice Softmax
    Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Swish Tanh ThresholdedRelu Tile Transpose Unsqueeze
    Upsample Where
    """.split()
)
# Vectors whose numbers are given with so many decimals only.
ROUNDED = {"test_averagepool_2d_ceil_last_window_starts_on_pad": 4}
FLOAT = onnx.TensorProto.FLOAT
KINDS = {FLOAT, onnx.TensorProto.INT32, onnx.TensorProto.INT64, onnx.TensorProto.BOOL}


def cases():
    """The vectors of the package: name, model, inputs and outputs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        for case in collect_testcases(None):
            if case.model is not None:
                yield case.name, case.model, *case.data_sets[0]
    data = pathlib.Path(onnx.__file__).parent / "backend/test/data"
    for kind in ["simple", "pytorch-converted", "pytorch-operator"]:
        for folder in sorted((data / kind).iterdir()):
            model = onnx.load(folder / "model.onnx")
            if not (folder / "test_data_set_0").exists():
                continue
            lists = []
            for side in ["input", "output"]:
                count = len(list((folder / "test_data_set_0").glob(f"{side}_*.pb")))
                files = [folder / "test_data_set_0" / f"{side}_{i}.pb" for i in range(count)]
                lists.append([onnx.load_tensor(file) for file in files])
            try:
                yield folder.name, model, *[[numpy_helper.to_array(x) for x in tensors] for tensors in lists]
            except Exception:  # Sequences are no tensors.
                continue


def concerns_us(model, inputs, outputs):
    graph = model.graph
    kinds = [port.type.tensor_type.elem_type for port in graph.input]
    return (
        {node.op_type for node in graph.node} <= OPERATORS
        and all(node.domain in ("", "ai.onnx") for node in graph.node)
        and set(kinds) <= KINDS
        and FLOAT in kinds
        and all(port.type.tensor_type.elem_type == FLOAT for port in graph.output)
        and all(x.size for x in [*inputs, *outputs])
    )


def variants(model, inputs):
    """The model as it is; and with one input only, where the others are constants."""
    names = [port.name for port in model.graph.input]
    constants = {tensor.name for tensor in model.graph.initializer}
    names = [name for name in names if name not in constants]
    given = dict(zip(names, inputs))
    yield "", model, given
    for kept, name in enumerate(names) if len(names) > 1 else []:
        one = onnx.ModelProto()
        one.CopyFrom(model)
        del one.graph.input[:]
        one.graph.input.extend(port for port in model.graph.input if port.name == name)
        others = [other for other in names if other != name]
        one.graph.initializer.extend(numpy_helper.from_array(given[other], other) for other in others)
        yield f"+{kept}", one, {name: given[name]}


def write():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    count = collections.Counter()
    for name, model, inputs, outputs in cases():
        count["all"] += 1
        if any(isinstance(x, (list, tuple, dict)) or x is None for x in [*inputs, *outputs]):
            continue
        inputs, outputs = [np.asarray(x) for x in inputs], [np.asarray(y) for y in outputs]
        if not concerns_us(model, inputs, outputs):
            continue
        count["ours"] += 1
        for ending, variant, given in variants(model, inputs):
            path = OUT / f"{name}{ending}.onnx"
            onnx.save(variant, path)
            arrays = {"x." + key: np.asarray(x, dtype="float32") for key, x in given.items()}
            ports = [port.name for port in model.graph.output]
            arrays |= {"y." + key: np.asarray(y, dtype="float32") for key, y in zip(ports, outputs)}
            if name in ROUNDED:
                arrays["tolerance"] = np.float32(10.0 ** -ROUNDED[name])
            np.savez(path.with_suffix(".npz"), **arrays)
    print(f"of {count['all']} vectors {count['ours']} concern operators of this crate")


if __name__ == "__main__":
    write()
    least = "550"
    command = ["cargo", "run", "--quiet", "--manifest-path", str(HERE / "Cargo.toml"), "--", "vectors", str(OUT), least]
    sys.exit(subprocess.run(command).returncode)
