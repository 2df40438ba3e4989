"""Writes networks with the exporters of PyTorch, Keras and scikit-learn, and reads them with this crate:
`python models.py`."""

import os
import pathlib
import shutil
import subprocess
import sys
import warnings

os.environ["KERAS_BACKEND"] = "torch"
warnings.filterwarnings("ignore")

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).parent
OUT = HERE / "out" / "models"


class Fn(nn.Module):
    """A function of some modules as a module."""

    def __init__(self, f, **parts):
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)
        self.f = f

    def forward(self, *x):
        return self.f(self, *x)


def block(inputs, outputs, stride=1):
    """A residual block, as in a ResNet."""
    body = nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs),
    )
    if inputs == outputs and stride == 1:
        return Fn(lambda m, x: F.relu(m.body(x) + x), body=body)
    side = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
    return Fn(lambda m, x: F.relu(m.body(x) + m.side(x)), body=body, side=side)


def squeeze_excite(channels):
    gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, 2, 1), nn.ReLU(), nn.Conv2d(2, channels, 1), nn.Sigmoid())
    return Fn(lambda m, x: x * m.gate(x), gate=gate)


def mobile(channels):
    body = nn.Sequential(
        nn.Conv2d(channels, 12, 1, bias=False), nn.BatchNorm2d(12), nn.Hardswish(),
        nn.Conv2d(12, 12, 3, 1, 1, groups=12, bias=False), nn.BatchNorm2d(12), nn.Hardswish(),
        squeeze_excite(12),
        nn.Conv2d(12, channels, 1, bias=False), nn.BatchNorm2d(channels),
    )
    return Fn(lambda m, x: x + m.body(x), body=body)


def unet():
    conv = lambda a, b: nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU())

    def forward(m, x):
        a = m.a(x)
        b = m.b(F.max_pool2d(a, 2))
        c = m.c(F.max_pool2d(b, 2))
        b = m.d(torch.cat([m.up1(c), b], 1))
        return m.last(m.e(torch.cat([F.interpolate(b, scale_factor=2, mode="nearest"), a], 1)))

    return Fn(forward, a=conv(1, 4), b=conv(4, 8), c=conv(8, 8), up1=nn.ConvTranspose2d(8, 8, 2, 2), d=conv(16, 4),
              e=conv(8, 4), last=nn.Conv2d(4, 1, 1))


def tcn():
    """Causal convolutions with growing dilation."""

    def layer(dilation):
        conv = nn.Conv1d(6, 6, 3, dilation=dilation)
        return Fn(lambda m, x: x + F.relu(m.conv(F.pad(x, (2 * dilation, 0)))), conv=conv)

    return nn.Sequential(nn.Conv1d(3, 6, 1), layer(1), layer(2), layer(4), nn.Conv1d(6, 2, 1))


def recurrent(kind, **settings):
    layers = kind(4, 6, batch_first=True, **settings)
    width = 6 * (2 if settings.get("bidirectional") else 1)
    return Fn(lambda m, x: m.head(m.layers(x)[0][:, -1]), layers=layers, head=nn.Linear(width, 3))


def last_hidden(kind, **settings):
    """The classifier by the final states, as tutorials write it."""
    layers = kind(4, 6, batch_first=True, **settings)
    both = settings.get("bidirectional")

    def forward(m, x):
        h = m.layers(x)[1]
        h = h[0] if isinstance(h, tuple) else h
        return m.head(torch.cat([h[-2], h[-1]], 1) if both else h[-1])

    return Fn(forward, layers=layers, head=nn.Linear(12 if both else 6, 3))


def text_classifier():
    return Fn(lambda m, x: m.head(m.table(x).mean(1)), table=nn.Embedding(20, 8), head=nn.Linear(8, 3))


def text_lstm():
    return Fn(lambda m, x: m.head(m.lstm(m.table(x))[0][:, -1]), table=nn.Embedding(20, 8),
              lstm=nn.LSTM(8, 6, batch_first=True), head=nn.Linear(6, 3))


class Attention(nn.Module):
    """Causal attention, as in nanoGPT."""

    def __init__(self, width, heads, steps, flash=False):
        super().__init__()
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.heads, self.flash = heads, flash
        self.register_buffer("mask", torch.tril(torch.ones(steps, steps)).view(1, 1, steps, steps))

    def forward(self, x):
        b, t, c = x.size()
        q, k, v = (y.view(b, t, self.heads, c // self.heads).transpose(1, 2) for y in self.qkv(x).split(c, dim=2))
        if self.flash:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = (q @ k.transpose(-2, -1)) / (k.size(-1) ** 0.5)
            scores = scores.masked_fill(self.mask[:, :, :t, :t] == 0, float("-inf"))
            y = F.softmax(scores, dim=-1) @ v
        return self.out(y.transpose(1, 2).contiguous().view(b, t, c))


def gpt(flash):
    def layer():
        mlp = nn.Sequential(nn.Linear(8, 32), nn.GELU(), nn.Linear(32, 8))
        parts = dict(norm1=nn.LayerNorm(8), attention=Attention(8, 2, 6, flash), norm2=nn.LayerNorm(8), mlp=mlp)

        def forward(m, x):
            x = x + m.attention(m.norm1(x))
            return x + m.mlp(m.norm2(x))

        return Fn(forward, **parts)

    def forward(m, x):
        positions = torch.arange(0, x.size(1), dtype=torch.long)
        return m.head(m.norm(m.blocks(m.words(x) + m.places(positions))))

    return Fn(forward, words=nn.Embedding(11, 8), places=nn.Embedding(6, 8), blocks=nn.Sequential(layer(), layer()),
              norm=nn.LayerNorm(8), head=nn.Linear(8, 11, bias=False))


def vit():
    def forward(m, x):
        x = m.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([m.token.expand(x.shape[0], -1, -1), x], dim=1) + m.places
        return m.head(m.norm(m.encoder(x)[:, 0]))

    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu", norm_first=True)
    encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    return Fn(forward, patches=nn.Conv2d(1, 8, 4, 4), token=nn.Parameter(torch.randn(1, 1, 8)),
              places=nn.Parameter(torch.randn(1, 5, 8)), encoder=encoder, norm=nn.LayerNorm(8), head=nn.Linear(8, 10))


def activations(*kinds):
    layers = [nn.Linear(5, 8)]
    for kind in kinds:
        layers += [kind, nn.Linear(8, 8)]
    return nn.Sequential(*layers)


def siamese():
    body = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4))
    return Fn(lambda m, a, b: torch.sqrt(((m.body(a) - m.body(b)) ** 2).sum(1, keepdim=True)), body=body)


def attended():
    """Attention over the steps of a recurrent layer."""

    def forward(m, x):
        y = m.gru(x)[0]
        return m.head((F.softmax(m.score(y), dim=1) * y).sum(1))

    return Fn(forward, gru=nn.GRU(4, 6, batch_first=True, bidirectional=True), score=nn.Linear(12, 1), head=nn.Linear(12, 2))


TORCH = {
    "mlp": (lambda: nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3), nn.Softmax(dim=1)), [(4,)]),
    "activations_1": (lambda: activations(nn.ReLU(), nn.Tanh(), nn.Sigmoid(), nn.ELU(), nn.SELU(), nn.CELU(2.0), nn.GELU(), nn.GELU(approximate="tanh")), [(5,)]),
    "activations_2": (lambda: activations(nn.SiLU(), nn.Mish(), nn.Hardswish(), nn.Hardsigmoid(), nn.Hardtanh(), nn.ReLU6(), nn.LeakyReLU(0.2), nn.PReLU(8)), [(5,)]),
    "activations_3": (lambda: activations(nn.Softplus(), nn.Softsign(), nn.Softshrink(), nn.Hardshrink(), nn.Tanhshrink(), nn.LogSigmoid(), nn.Threshold(0.1, 2.0), nn.Softmax(1), nn.LogSoftmax(1)), [(5,)]),
    "glu": (lambda: nn.Sequential(nn.Linear(5, 8), nn.GLU(), nn.Linear(4, 2)), [(5,)]),
    "lenet": (lambda: nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(64, 20), nn.Tanh(), nn.Linear(20, 10)), [(1, 16, 16)]),
    "lenet_view": (lambda: Fn(lambda m, x: m.fc(F.max_pool2d(F.relu(m.conv(x)), 2).view(x.size(0), -1)), conv=nn.Conv2d(1, 4, 3), fc=nn.Linear(36, 5)), [(1, 8, 8)]),
    "vgg": (lambda: nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d((2, 2)), nn.Flatten(), nn.Dropout(), nn.Linear(32, 10)), [(3, 16, 16)]),
    "resnet": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), block(4, 4), block(4, 8, 2), block(8, 8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)), [(3, 8, 8)]),
    "mobilenet": (lambda: nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), mobile(6), mobile(6), Fn(lambda m, x: x.mean([2, 3])), nn.Linear(6, 4)), [(3, 8, 8)]),
    "squeeze_excite": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3), squeeze_excite(4), nn.Flatten(), nn.Linear(144, 3)), [(3, 8, 8)]),
    "unet": (unet, [(1, 8, 8)]),
    "conv1d": (lambda: nn.Sequential(nn.Conv1d(3, 8, 3, padding=1), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(8, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(8, 2)), [(3, 12)]),
    "tcn": (tcn, [(3, 10)]),
    "rnn": (lambda: recurrent(nn.RNN), [(5, 4)]),
    "lstm": (lambda: recurrent(nn.LSTM), [(5, 4)]),
    "gru": (lambda: recurrent(nn.GRU), [(5, 4)]),
    "lstm_2": (lambda: recurrent(nn.LSTM, num_layers=2), [(5, 4)]),
    "lstm_both": (lambda: recurrent(nn.LSTM, bidirectional=True), [(5, 4)]),
    "lstm_hidden": (lambda: last_hidden(nn.LSTM, num_layers=2), [(5, 4)]),
    "gru_hidden": (lambda: last_hidden(nn.GRU, bidirectional=True), [(5, 4)]),
    "gru_2_both": (lambda: recurrent(nn.GRU, num_layers=2, bidirectional=True), [(5, 4)]),
    "rnn_relu": (lambda: last_hidden(nn.RNN, nonlinearity="relu"), [(5, 4)]),
    "attended": (attended, [(5, 4)]),
    "text_mean": (text_classifier, [("words", 20, 7)]),
    "text_lstm": (text_lstm, [("words", 20, 7)]),
    "encoder_layer": (lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), [(5, 8)]),
    "attention": (lambda: Fn(lambda m, x: m.attention(x, x, x, need_weights=False)[0], attention=nn.MultiheadAttention(8, 2, batch_first=True)), [(5, 8)]),
    "attention_weights": (lambda: Fn(lambda m, x: m.attention(x, x, x)[0], attention=nn.MultiheadAttention(8, 2, batch_first=True)), [(5, 8)]),
    "gpt": (lambda: gpt(False), [("words", 11, 6)]),
    "gpt_flash": (lambda: gpt(True), [("words", 11, 6)]),
    "vit": (vit, [(1, 8, 8)]),
    "autoencoder": (lambda: nn.Sequential(nn.Linear(12, 6), nn.ReLU(), nn.Linear(6, 2), nn.Linear(2, 6), nn.ReLU(), nn.Linear(6, 12), nn.Sigmoid()), [(12,)]),
    "conv_autoencoder": (lambda: nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.ReLU(), nn.ConvTranspose2d(4, 1, 3, 2, 1, output_padding=1), nn.Sigmoid()), [(1, 8, 8)]),
    "siamese": (siamese, [(6,), (6,)]),
    "two_outputs": (lambda: Fn(lambda m, x: (m.a(torch.tanh(m.body(x))), m.b(torch.tanh(m.body(x)))), body=nn.Linear(5, 6), a=nn.Linear(6, 2), b=nn.Linear(6, 3)), [(5,)]),
    "norms": (lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.GroupNorm(2, 4), nn.InstanceNorm2d(4, affine=True), nn.LayerNorm([4, 4, 4]), nn.PReLU(4), nn.Upsample(scale_factor=2, mode="bilinear"), nn.PixelShuffle(2), nn.ReflectionPad2d(1)), [(2, 6, 6)]),
    "rms_norm": (lambda: nn.Sequential(nn.RMSNorm(6), nn.Linear(6, 6), nn.RMSNorm(6)), [(4, 6)]),
    "swiglu": (lambda: Fn(lambda m, x: m.c(F.silu(m.a(x)) * m.b(x)), a=nn.Linear(6, 9), b=nn.Linear(6, 9), c=nn.Linear(9, 6)), [(6,)]),
    "mixed": (lambda: Fn(lambda m, x: torch.clamp(torch.exp(-(m.a(x) ** 2) / 2), 0.01, 1.0) / (1 + torch.abs(m.b(x))), a=nn.Linear(6, 5), b=nn.Linear(6, 5)), [(6,)]),
}

# How a model is exported: the defaults of the current exporter; with a dynamic batch; and the older exporter.
WAYS = {
    "": {},
    "_batch": {"dynamic": True},
    "_old": {"dynamic": True, "dynamo": False},
}


def samples(shapes, rows, seed):
    generator = torch.Generator().manual_seed(seed)
    draw = lambda s: torch.randint(0, s[1], (rows, *s[2:]), generator=generator) if s[0] == "words" else torch.randn((rows, *s), generator=generator)
    return tuple(draw(shape) for shape in shapes)


def train_a_little(net, shapes):
    """So that no weight and no statistic has its first value."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    net.train()
    for seed in range(3):
        y = net(*samples(shapes, 8, seed))
        loss = sum((part**2).mean() for part in (y if isinstance(y, tuple) else (y,)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()


def write_torch(names):
    for name, (make, shapes) in TORCH.items():
        if names and name not in names:
            continue
        torch.manual_seed(1)
        net = make()
        train_a_little(net, shapes)
        for way, settings in WAYS.items():
            path = OUT / f"torch_{name}{way}.onnx"
            settings = dict(settings)
            rows = 3 if settings.pop("dynamic", False) else 1
            x = samples(shapes, 2 if rows > 1 else 1, 9)
            if rows > 1 and settings.get("dynamo", True):
                settings["dynamic_shapes"] = tuple({0: torch.export.Dim.DYNAMIC} for _ in x)
                if isinstance(net, Fn):
                    settings["dynamic_shapes"] = (settings["dynamic_shapes"],)
            elif rows > 1:
                settings["input_names"] = [f"x{i}" for i in range(len(x))]
                settings["dynamic_axes"] = {name: {0: "batch"} for name in settings["input_names"]}
            try:
                torch.onnx.export(net, x, path, verbose=False, **settings)
            except Exception as error:
                print(f"  not written {path.stem}: {type(error).__name__}: {str(error)[:300]}")
                path.unlink(missing_ok=True)
                continue
            run(path, [part.numpy() for part in samples(shapes, rows, 5)])


def keras_models():
    import keras

    L, S = keras.layers, keras.Sequential
    image = keras.Input((8, 8, 3))
    x = L.Conv2D(4, 3, padding="same", use_bias=False)(image)
    x = L.Activation("relu")(L.BatchNormalization()(x))
    y = L.Activation("relu")(L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(x)))
    gate = L.Dense(4, activation="sigmoid")(L.Dense(2, activation="relu")(L.GlobalAveragePooling2D()(y)))
    y = L.Multiply()([y, L.Reshape((1, 1, 4))(gate)])
    functional = keras.Model(image, L.Dense(5, activation="softmax")(L.Flatten()(L.MaxPooling2D(2)(L.Add()([x, y])))))
    steps = keras.Input((6, 8))
    x = L.LayerNormalization()(steps + L.MultiHeadAttention(2, 4)(steps, steps))
    x = L.LayerNormalization()(x + L.Dense(8)(L.Dense(16, activation="gelu")(x)))
    transformer = keras.Model(steps, L.Dense(3)(L.GlobalAveragePooling1D()(x)))
    a, b = keras.Input((4,)), keras.Input((3,))
    joined = L.Concatenate()([L.Dense(5, activation="tanh")(a), L.Dense(5, activation="elu")(b)])
    two = keras.Model([a, b], [L.Dense(2)(joined), L.Dense(3, activation="softmax")(joined)])
    words = lambda rnn: S([keras.Input((6,), dtype="int32"), L.Embedding(12, 5), rnn, L.Dense(2)])
    conv = lambda *layers: S([keras.Input((12, 12, 1)), *layers])
    return {
        "mlp": S([keras.Input((4,)), L.Dense(8, activation="relu"), L.Dropout(0.2), L.Dense(3, activation="softmax")]),
        "activations": S([keras.Input((4,))] + [L.Dense(6, activation=a) for a in "elu selu gelu silu softplus softsign tanh sigmoid hard_sigmoid leaky_relu relu6".split()]),
        "lenet": conv(L.Conv2D(4, 3, activation="tanh"), L.AveragePooling2D(2), L.Conv2D(6, 3, activation="tanh"), L.Flatten(), L.Dense(10, activation="softmax")),
        "separable": conv(L.SeparableConv2D(4, 3, strides=2, padding="same"), L.BatchNormalization(), L.ReLU(6.0), L.DepthwiseConv2D(3), L.GlobalMaxPooling2D(), L.Dense(3)),
        "decoder": conv(L.Conv2D(4, 3, strides=2, padding="same", activation="relu"), L.Conv2DTranspose(3, 3, strides=2, padding="same", activation="relu"), L.UpSampling2D(), L.ZeroPadding2D(), L.Conv2D(1, 3)),
        "conv1d": S([keras.Input((12, 3)), L.Conv1D(6, 3, padding="causal", activation="relu"), L.MaxPooling1D(2), L.Conv1D(4, 3), L.GlobalAveragePooling1D(), L.Dense(2)]),
        "lstm": words(L.LSTM(4)), "gru": words(L.GRU(4)), "rnn": words(L.SimpleRNN(4)),
        "lstm_both": words(L.Bidirectional(L.LSTM(3))),
        "functional": functional, "transformer": transformer, "two": two,
    }


def write_keras(names):
    import keras

    keras.utils.set_random_seed(1)
    generator = np.random.default_rng(1)
    for name, model in keras_models().items():
        if names and name not in names:
            continue
        path = OUT / f"keras_{name}.onnx"
        sizes = [tuple(x.shape[1:]) for x in model.inputs]
        integers = model.inputs[0].dtype == "int32"
        draw = lambda: [generator.integers(0, 12, (3, *s)).astype("int32") if integers else generator.normal(size=(3, *s)).astype("float32") for s in sizes]
        model.set_weights([w + 0.1 * generator.normal(size=w.shape) ** 2 for w in model.get_weights()])
        try:
            x = draw()
            model(x if len(x) > 1 else x[0])
            model.export(path, format="onnx", verbose=False)
        except Exception as error:
            print(f"  not written {path.stem}: {type(error).__name__}: {str(error)[:300]}")
            path.unlink(missing_ok=True)
            continue
        run(path, draw())


def write_sklearn(names):
    from skl2onnx import to_onnx
    from sklearn import datasets, impute, linear_model, neural_network, pipeline, preprocessing

    x, y = datasets.load_iris(return_X_y=True)
    x = x.astype("float32")
    mlp = lambda **settings: neural_network.MLPClassifier(hidden_layer_sizes=(6,), max_iter=100, random_state=1, **settings)
    of = pipeline.make_pipeline
    models = {
        "mlp": (mlp(), y), "scaled": (of(preprocessing.StandardScaler(), mlp(activation="tanh")), y),
        "binary": (of(preprocessing.MinMaxScaler(), mlp(activation="logistic")), y > 0),
        "names": (of(preprocessing.StandardScaler(), mlp()), np.array(["setosa", "versicolor", "virginica"])[y]),
        "regressor": (of(preprocessing.RobustScaler(), neural_network.MLPRegressor(hidden_layer_sizes=(5, 4), max_iter=100, random_state=1)), x[:, 0]),
        "missing": (of(impute.SimpleImputer(), preprocessing.StandardScaler(), mlp()), y),
        "normalized": (of(preprocessing.Normalizer(), mlp()), y), "absolute": (of(preprocessing.Normalizer("l1"), preprocessing.MaxAbsScaler(), mlp()), y),
        "logistic": (of(preprocessing.StandardScaler(), linear_model.LogisticRegression()), y), "linear": (linear_model.LinearRegression(), y),
    }
    for name, (model, target) in models.items():
        if names and name not in names:
            continue
        given = x.copy()
        if name == "missing":
            given[::7, 1] = np.nan
        model.fit(given, target)
        path = OUT / f"sklearn_{name}.onnx"
        path.write_bytes(to_onnx(model, x[:1]).SerializeToString())
        run(path, [given[::10]])


def run(path, inputs):
    """Saves the inputs and what onnxruntime makes of them."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    given = dict(zip([port.name for port in session.get_inputs()], inputs))
    arrays = {"x." + name: np.asarray(x, dtype="float32") for name, x in given.items()}
    for port, y in zip(session.get_outputs(), session.run(None, given)):
        if isinstance(y, list):
            y = np.array([list(row.values()) for row in y], dtype="float32")
        if y.dtype == np.float32:
            arrays["y." + port.name] = y
    np.savez(path.with_suffix(".npz"), **arrays)


# Small files that `cargo test` reads, too.
FIXTURES = """
    torch_attended_old torch_encoder_layer torch_gpt torch_gru_hidden torch_lstm_hidden torch_mixed torch_mobilenet_batch
    torch_siamese torch_tcn torch_text_lstm_batch torch_unet_old torch_vit_batch keras_functional keras_lstm
    keras_two sklearn_missing sklearn_names
""".split()


def write_fixtures():
    """Copies models without the notes of their exporters, which name files of the machine that wrote them."""
    folder = HERE.parent / "fixtures" / "onnx"
    for name in FIXTURES:
        path = OUT / f"{name}.onnx"
        model = onnx.load(path, load_external_data=False)
        for part in [model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer]:
            part.ClearField("metadata_props")
            part.ClearField("doc_string")
        del model.functions[:]
        del model.graph.value_info[:]
        onnx.save(model, folder / path.name)
        data = path.with_name(path.name + ".data")
        if any(tensor.external_data for tensor in model.graph.initializer):
            shutil.copy(data, folder)
        arrays = np.load(path.with_suffix(".npz"))
        for side in "xy":
            parts = [arrays[key] for key in arrays if key.startswith(side + ".")]
            np.save(folder / f"{name}.{side}.npy", np.concatenate([part.reshape(len(part), -1) for part in parts], 1))


if __name__ == "__main__":
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    names = [name for name in sys.argv[1:] if name != "--fixtures"]
    write_torch(names)
    write_keras(names)
    write_sklearn(names)
    if "--fixtures" in sys.argv:
        write_fixtures()
    # Of all models, as many as there are now.
    least = "0" if names else "136"
    command = ["cargo", "run", "--quiet", "--manifest-path", str(HERE / "Cargo.toml"), "--", "vectors", str(OUT), least]
    sys.exit(subprocess.run(command).returncode)
