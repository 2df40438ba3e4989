"""PyTorch on the CPU, eager; `--compile` puts every model through `torch.compile`."""

import harness

arguments = harness.arguments(compile="compile the models with torch.compile")

import torch  # noqa: E402  (after the thread variables)
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

torch.set_num_threads(arguments.threads)
torch.set_num_interop_threads(1)
torch.manual_seed(0)


def compiled(function):
    return torch.compile(function) if arguments.compile else function


def train(model, loss, optimizer, x, y):
    """One step on one batch: forward, loss, backward, update."""
    forward = compiled(lambda x, y: loss(model(x), y))

    def step():
        optimizer.zero_grad()
        forward(x, y).backward()
        optimizer.step()

    return step


# `fused` is one kernel per step over all parameters: the fastest that PyTorch has on a CPU.
def sgd(model, lr=0.01):
    return torch.optim.SGD(model.parameters(), lr=lr, fused=True)


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=0.001, fused=True)


def mlp(*sizes):
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def classifier(sizes, batch, optimizer):
    model = mlp(*sizes)
    x, y = torch.rand(batch, sizes[0]), torch.randint(0, 10, (batch,))
    return train(model, F.cross_entropy, optimizer(model), x, y)


def regression():
    model = mlp(10, 32, 16, 1)
    return train(model, F.mse_loss, sgd(model), torch.rand(32, 10), torch.rand(32, 1))


def xor(batch):
    model = nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1), nn.Sigmoid())
    optimizer = sgd(model, 0.5)
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
    if batch == 4:
        return train(model, F.mse_loss, optimizer, x, y)
    steps = [train(model, F.mse_loss, optimizer, x[i : i + 1], y[i : i + 1]) for i in range(4)]
    turn = 0

    def step():
        nonlocal turn
        steps[turn]()
        turn = (turn + 1) % 4

    return step


def predict(rows):
    model = mlp(784, 128, 10).eval()
    forward, x = compiled(model), torch.rand(rows, 784)

    def call():
        with torch.inference_mode():
            return forward(x)

    return call


def elementwise(function, *shape):
    x, function = 2 * torch.randn(*(shape or (1_000_000,))), compiled(function)

    def call():
        with torch.inference_mode():
            return function(x)

    return call


def neuron():
    x, w = torch.rand(5_000_000, 3), torch.tensor([0.7, 0.3, -0.9])
    function = compiled(lambda x: x @ w > 0)

    def call():
        with torch.inference_mode():
            return function(x)

    return call


def images(model):
    # What PyTorch recommends for convolutions, and the faster order here.
    model = model.to(memory_format=torch.channels_last)
    x = torch.rand(64, 1, 28, 28).to(memory_format=torch.channels_last)
    y = torch.randint(0, 10, (64,))
    return train(model, F.cross_entropy, sgd(model), x, y)


def cnn():
    return images(
        nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(64 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10),
        )
    )  # fmt: skip


def lenet():
    return images(
        nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
        )
    )  # fmt: skip


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.recurrent = kind(32, 64, batch_first=True)
        self.dense = nn.Linear(64, 1)

    def forward(self, x):
        return self.dense(self.recurrent(x)[0][:, -1])


def recurrent(kind):
    model = Recurrent(kind)
    return train(model, F.mse_loss, sgd(model), torch.rand(32, 20, 32), torch.rand(32, 1))


def forward_backward(model, x, backward):
    """Forward and backward, to the parameters and to the input."""
    x.requires_grad_()

    def call():
        model.zero_grad()
        x.grad = None
        backward(model(x))

    return call


def batch_norm():
    dy = torch.randn(64, 784)
    return forward_backward(compiled(nn.BatchNorm1d(784)), torch.randn(64, 784), lambda y: y.backward(dy))


def attention(batch, steps, features, heads):
    layer = nn.MultiheadAttention(features, heads, batch_first=True)
    model = compiled(layer)
    model_of = lambda x: model(x, x, x, need_weights=False)[0]  # noqa: E731
    model_of.zero_grad = layer.zero_grad
    return forward_backward(model_of, torch.randn(batch, steps, features), lambda y: y.sum().backward())


def encoder():
    layer = nn.TransformerEncoderLayer(256, 8, 1024, dropout=0.0, batch_first=True)
    return forward_backward(compiled(layer), torch.randn(32, 128, 256), lambda y: y.sum().backward())


class Block(nn.Module):
    """A pre-norm decoder block for one step at a time; keys and values of the steps before are in buffers."""

    def __init__(self):
        super().__init__()
        self.norm, self.qkv, self.out = nn.LayerNorm(256), nn.Linear(256, 768), nn.Linear(256, 256)
        self.feed = nn.Sequential(nn.LayerNorm(256), nn.Linear(256, 1024), nn.GELU(), nn.Linear(1024, 256))
        self.keys, self.values = torch.randn(1, 8, 576, 32), torch.randn(1, 8, 576, 32)

    def forward(self, x, step):
        q, k, v = self.qkv(self.norm(x)).view(3, 1, 8, 1, 32)
        self.keys[:, :, step], self.values[:, :, step] = k[:, :, 0], v[:, :, 0]
        y = F.scaled_dot_product_attention(q, self.keys[:, :, : step + 1], self.values[:, :, : step + 1])
        x = x + self.out(y.view(1, 256))
        return x + self.feed(x)


def token():
    blocks, x, step = [compiled(Block().eval()) for _ in range(4)], torch.rand(1, 256), 448

    def call():
        nonlocal step
        y = x
        with torch.inference_mode():
            for block in blocks:
                y = block(y, step)
        step = step + 1 if step < 575 else 448
        return y

    return call


def lstm_step():
    cell, dense = nn.LSTMCell(32, 64), nn.Linear(64, 1)
    x, state = torch.rand(1, 32), (torch.zeros(1, 64), torch.zeros(1, 64))
    forward = compiled(cell)

    def call():
        nonlocal state
        with torch.inference_mode():
            state = forward(x, state)
            return dense(state[0])

    return call


MLPS = {
    "mlp-784-128-10-b64": ((784, 128, 10), 64),
    "mlp-784-512-512-10-b128": ((784, 512, 512, 10), 128),
    "mlp-784-1024-1024-10-b256": ((784, 1024, 1024, 10), 256),
}

workloads = {}
for optimizer in (sgd, adam):
    for name, (sizes, batch) in MLPS.items():
        workloads[f"{name}-{optimizer.__name__}"] = lambda s=sizes, b=batch, o=optimizer: classifier(s, b, o)
workloads |= {
    "mlp-10-32-16-1-b32-sgd": regression,
    "xor-2-4-1-b1-sgd": lambda: xor(1),
    "xor-2-4-1-b4-sgd": lambda: xor(4),
    "predict-784-128-10-b1": lambda: predict(1),
    "predict-784-128-10-b64": lambda: predict(64),
    "predict-784-128-10-b10000": lambda: predict(10_000),
    "sigmoid-1m": lambda: elementwise(torch.sigmoid),
    "tanh-1m": lambda: elementwise(torch.tanh),
    "gelu-1m": lambda: elementwise(F.gelu),
    "exp-1m": lambda: elementwise(torch.exp),
    "relu-1m": lambda: elementwise(torch.relu),
    "log_softmax-4096x10": lambda: elementwise(lambda x: F.log_softmax(x, 1), 4096, 10),
    "neuron-5mx3": neuron,
    "cnn-32-64-b64-sgd": cnn,
    "lenet-b64-sgd": lenet,
    "lstm-32-64-t20-b32-sgd": lambda: recurrent(nn.LSTM),
    "gru-32-64-t20-b32-sgd": lambda: recurrent(nn.GRU),
    "batchnorm-64x784": batch_norm,
    "attention-b8-t64-d64-h4": lambda: attention(8, 64, 64, 4),
    "attention-b1-t4096-d64-h4": lambda: attention(1, 4096, 64, 4),
    "encoder-b32-t128-d256-h8": encoder,
    "token-512-d256-h8": token,
    "lstm-step-32-64": lstm_step,
}
harness.run(workloads, arguments)
