"""Exchanges networks with PyTorch, Keras, onnxruntime and rten: `pip install -r requirements.txt`, then `python run.py`."""

import os
import pathlib
import shutil
import subprocess
import sys

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import onnx
import onnxruntime
import safetensors
import safetensors.numpy
import safetensors.torch
import torch

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE.parent.parent / "docs"))
import read_model  # noqa: E402

OUT = HERE / "out"


def neuropil(command, folder):
    command = ["cargo", "run", "--quiet", "--manifest-path", str(HERE / "Cargo.toml"), "--", command, str(folder)]
    subprocess.run(command, check=True)


def difference(got, want):
    return float(np.max(np.abs(got - want) / (1 + np.abs(want)), initial=0))


def check_onnx(folder):
    neuropil("onnx", folder)
    ran, worst = 0, 0.0
    for path in sorted(folder.glob("*.onnx")):
        onnx.checker.check_model(onnx.load(path), full_check=True)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        arrays = np.load(path.with_suffix(".npz"))
        for rows in "13":
            (y,) = session.run(None, {"x": arrays["x" + rows]})
            assert y.shape == arrays["y" + rows].shape, (path.name, y.shape)
            away = difference(y, arrays["y" + rows])
            assert away < 1e-5, (path.name, away)
            worst = max(worst, away)
        ran += 1
    print(f"onnxruntime ran {ran} files in batches of 1 and 3, at most {worst:.1e} away")


def run_in_onnxruntime(folder):
    """Runs each file with the arrays of its inputs and outputs beside it."""
    ran, outputs, worst = 0, 0, 0.0
    for path in sorted(folder.glob("*.onnx")):
        onnx.checker.check_model(onnx.load(path), full_check=True)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        arrays = np.load(path.with_suffix(".npz"))
        inputs = {port.name: arrays["x." + port.name] for port in session.get_inputs()}
        for port, got in zip(session.get_outputs(), session.run(None, inputs)):
            want = arrays["y." + port.name]
            assert got.shape == want.shape, (path.name, port.name, got.shape)
            away = difference(got, want)
            assert away < 1e-5, (path.name, port.name, away)
            outputs, worst = outputs + 1, max(worst, away)
        ran += 1
    return ran, outputs, worst


def check_graphs(folder):
    neuropil("graphs", folder)
    ran, outputs, worst = run_in_onnxruntime(folder)
    assert ran == 20, ran
    print(f"onnxruntime ran {ran} random graphs with {outputs} outputs, at most {worst:.1e} away from PyTorch")


def check_lengths(folder):
    neuropil("lengths", folder)
    ran, _, worst = run_in_onnxruntime(folder)
    assert ran == 60, ran
    print(f"onnxruntime ran {ran} networks of sequences with lengths, at most {worst:.1e} away")


# What is written for one number of steps only: with something for each of them, with slices, or with windows that round
# up.
FIXED = [
    "AvgPool1d without padding", "Glu", "LearnedPositions", "MaxPool1d, dilated", "SinusoidalPositions", "rotary",
    "Network(x -> y, 8 steps)",  # A transformer layer with a Glu.
]  # fmt: skip


def check_steps(folder):
    neuropil("steps", folder)
    ran, fixed, worst = 0, [], 0.0
    for path in sorted(folder.glob("*.onnx")):
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        arrays = np.load(path.with_suffix(".npz"))
        axis = model.graph.input[0].type.tensor_type.shape.dim[1]
        if axis.dim_param != "steps":
            fixed.append(path.with_suffix(".name").read_text())
        for i in range(3 if axis.dim_param == "steps" else 1):
            (y,) = session.run(None, {session.get_inputs()[0].name: arrays[f"x.{i}"]})
            assert y.shape == arrays[f"y.{i}"].shape, (path.name, y.shape)
            away = difference(y, arrays[f"y.{i}"])
            assert away < 1e-5, (path.name, i, away)
            ran, worst = ran + 1, max(worst, away)
    print(f"onnxruntime ran sequences of {ran} lengths, at most {worst:.1e} away; of one length only: {fixed}")
    assert ran > 100 and all(any(name in text for name in FIXED) for text in fixed), (ran, fixed)


class Mlp(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = torch.nn.Linear(6, 16)
        self.fc2 = torch.nn.Linear(16, 3)

    def forward(self, x):
        return self.fc2(torch.tanh(self.fc1(x)))


class Lstm(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(4, 8, 2, batch_first=True)
        self.head = torch.nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.lstm(x)[1][0][-1])


class Gru(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = torch.nn.GRU(4, 8, bidirectional=True, batch_first=True)
        self.head = torch.nn.Linear(16, 3)

    def forward(self, x):
        last = self.gru(x)[1]
        return self.head(torch.cat([last[0], last[1]], dim=1))


class Images(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.features = torch.nn.Sequential(
            torch.nn.Conv2d(2, 6, 3, padding=1, stride=2),
            torch.nn.BatchNorm2d(6),
            torch.nn.ReLU(),
            torch.nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1, groups=2),
            torch.nn.GroupNorm(2, 4),
            torch.nn.PReLU(4),
            torch.nn.InstanceNorm2d(4, affine=True),
            torch.nn.Tanh(),
        )
        self.head = torch.nn.Linear(4 * 6 * 4, 3)

    def forward(self, x):
        return self.head(self.features(x).flatten(1))


class Sequences(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv1d(4, 6, 3, padding=1, groups=2)
        self.norm = torch.nn.LayerNorm(6)
        self.attention = torch.nn.MultiheadAttention(6, 2, batch_first=True)
        self.rms = torch.nn.RMSNorm(6)
        self.rnn = torch.nn.RNN(6, 5, batch_first=True)
        self.head = torch.nn.Linear(5, 3)

    def forward(self, x):
        x = self.norm(self.conv(x.transpose(1, 2)).transpose(1, 2))
        x = self.rms(x + self.attention(x, x, x, need_weights=False)[0])
        return self.head(self.rnn(x)[1][-1])


class Words(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(9, 4)
        self.lstm = torch.nn.LSTM(4, 5, 2, batch_first=True, bidirectional=True)
        self.norm = torch.nn.BatchNorm1d(10)
        self.head = torch.nn.Linear(10, 3)

    def forward(self, x):
        last = self.lstm(self.table(x.long()))[1][0]
        return self.head(self.norm(torch.cat([last[-2], last[-1]], dim=1)))


MODULES = {
    "mlp": (Mlp, (6,)),
    "lstm": (Lstm, (7, 4)),
    "gru": (Gru, (7, 4)),
    "images": (Images, (2, 6, 4)),
    "sequences": (Sequences, (7, 4)),
    "words": (Words, (5,)),
}


def check_torch(folder):
    torch.manual_seed(1)
    for name, (module, shape) in MODULES.items():
        net = module()
        x, target = torch.randn(32, *shape), torch.randn(32, 3)
        if name == "words":
            x = torch.randint(0, 9, (32, *shape)).float()
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        for _ in range(50):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(net(x), target).backward()
            optimizer.step()
        net.eval()
        for kind, dtype in [("f32", torch.float32), ("f64", torch.float64), ("f16", torch.float16), ("bf16", torch.bfloat16)]:
            state = net.state_dict().items()
            state = {key: value.to(dtype).contiguous() if value.is_floating_point() else value for key, value in state}
            safetensors.torch.save_file(state, folder / f"{name}-{kind}.safetensors")
            net_of_kind = module().eval()
            net_of_kind.load_state_dict({key: value.float() for key, value in state.items()})
            with torch.no_grad():
                # In float64, so that the difference is this crate's rounding, not that of both.
                y = net_of_kind.double()(x.double()).float()
                np.savez(folder / f"{name}-{kind}.npz", x=x.numpy(), y=y.numpy())
    neuropil("from-torch", folder)
    neuropil("to-torch", folder)
    for name, (module, _) in MODULES.items():
        net = module().eval()
        net.load_state_dict(safetensors.torch.load_file(folder / f"{name}-back.safetensors"))
        arrays = np.load(folder / f"{name}-back.npz")
        with torch.no_grad():
            # In float64, as above.
            away = difference(net.double()(torch.from_numpy(arrays["x"]).double()).numpy(), arrays["y"])
        assert away < 1e-6, (name, away)
        print(f"{name} trained here: PyTorch's predictions at most {away:.1e} away")


def keras_images():
    layers = keras.layers
    return keras.Sequential([
        keras.Input((6, 4, 2)),
        layers.Conv2D(3, (3, 2), name="conv"),
        layers.BatchNormalization(name="norm"),
        layers.ReLU(),
        layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", name="depthwise"),
        layers.Conv2DTranspose(4, (3, 2), strides=(2, 1), name="transposed"),
        layers.Activation("tanh"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3, name="head"),
    ])


def keras_sequences():
    layers = keras.layers
    x = words = keras.Input((7,))
    x = layers.Embedding(9, 6, name="words")(x)
    x = layers.Conv1D(6, 3, name="conv")(x)
    x = x + layers.MultiHeadAttention(2, 3, name="attention")(x, x)
    x = layers.LayerNormalization(name="norm")(x)
    x = layers.Bidirectional(layers.LSTM(5, return_sequences=True, name="lstm"), name="both")(x)
    x = layers.GRU(4, return_sequences=True, name="gru")(x)
    x = layers.GRU(4, reset_after=False, return_sequences=True, name="gru_before")(x)
    x = layers.SimpleRNN(3, name="rnn")(x)
    return keras.Model(words, layers.Dense(3, name="head")(x))


def path(weight):
    return weight.path.removeprefix("sequential/")


def check_keras(folder):
    keras.utils.set_random_seed(1)
    models = {"images": keras_images(), "sequences": keras_sequences()}
    generator = np.random.default_rng(1)
    for name, model in models.items():
        shape = (32, *model.input_shape[1:])
        x = generator.normal(size=shape) if name == "images" else generator.integers(0, 9, shape)
        x = x.astype("float32")
        model.compile("adam", "mse")
        model.fit(x, generator.normal(size=(32, 3)), epochs=20, verbose=0)
        # Biases begin at 0, and some stay there.
        model.set_weights([w + 0.1 * generator.normal(size=w.shape) ** 2 for w in model.get_weights()])
        arrays = {path(weight): np.ascontiguousarray(weight.numpy()) for weight in model.weights}
        safetensors.numpy.save_file(arrays, folder / f"{name}-keras.safetensors")
        mine = x.transpose(0, 3, 1, 2) if name == "images" else x
        np.savez(folder / f"{name}-keras.npz", x=np.ascontiguousarray(mine), y=model.predict(x, verbose=0))
    neuropil("from-keras", folder)
    neuropil("to-keras", folder)
    for name, model in models.items():
        weights = safetensors.numpy.load_file(folder / f"{name}-back.safetensors")
        assert len(weights) == len(model.weights), (sorted(weights), [path(weight) for weight in model.weights])
        for weight in model.weights:
            weight.assign(weights[path(weight).replace("/", ".")])
        arrays = np.load(folder / f"{name}-back.npz")
        x = arrays["x"].transpose(0, 2, 3, 1) if name == "images" else arrays["x"]
        away = difference(model.predict(x, verbose=0), arrays["y"])
        assert away < 1e-6, (name, away)
        print(f"{name} trained here: Keras's predictions at most {away:.1e} away")


def check_model_file(folder):
    """Reads a model file with the safetensors package alone, and with NumPy alone, and predicts with NumPy."""
    architecture, ours = read_model.read(folder / "mlp.safetensors")
    assert architecture["kind"] == "sequential" and len(ours) == 4, (architecture, list(ours))
    with safetensors.safe_open(folder / "mlp.safetensors", "numpy") as file:
        print("the metadata of a model file:", file.metadata())
        get = file.get_tensor
        assert set(file.keys()) == set(ours) and all(np.array_equal(get(name), ours[name]) for name in ours)
        arrays = np.load(folder / "mlp-back.npz")
        hidden = np.tanh(arrays["x"] @ get("0.weight") + get("0.bias"))
        away = difference(hidden @ get("2.weight") + get("2.bias"), arrays["y"])
    assert away < 1e-6, away
    print(f"numpy predicts from its arrays, at most {away:.1e} away")


if __name__ == "__main__":
    shutil.rmtree(OUT, ignore_errors=True)
    for name in ["onnx", "graphs", "lengths", "steps", "torch", "keras"]:
        (OUT / name).mkdir(parents=True)
    check_onnx(OUT / "onnx")
    check_graphs(OUT / "graphs")
    check_lengths(OUT / "lengths")
    check_steps(OUT / "steps")
    check_torch(OUT / "torch")
    check_keras(OUT / "keras")
    check_model_file(OUT / "torch")
