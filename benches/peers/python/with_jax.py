"""JAX on the CPU: every step is one jitted function whose parameters are donated."""

import functools
import os

import harness

arguments = harness.arguments()
os.environ["JAX_PLATFORMS"] = "cpu"

import jax  # noqa: E402  (after the thread variables)
import jax.numpy as jnp  # noqa: E402
from jax import lax  # noqa: E402

keys = iter(jax.random.split(jax.random.key(0), 1000))


def uniform(*shape):
    return jax.random.uniform(next(keys), shape)


def normal(*shape):
    return jax.random.normal(next(keys), shape)


def labels(rows):
    return jax.random.randint(next(keys), (rows,), 0, 10)


def dense(inputs, outputs):
    bound = inputs**-0.5
    return {"w": bound * (2 * uniform(inputs, outputs) - 1), "b": bound * (2 * uniform(outputs) - 1)}


def mlp(*sizes):
    return [dense(*pair) for pair in zip(sizes, sizes[1:])]


def apply(layer, x):
    return x @ layer["w"] + layer["b"]


def relu_mlp(layers, x):
    for layer in layers[:-1]:
        x = jax.nn.relu(apply(layer, x))
    return apply(layers[-1], x)


def sigmoid_mlp(layers, x):
    for layer in layers:
        x = jax.nn.sigmoid(apply(layer, x))
    return x


def cross_entropy(logits, y):
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1).mean()


def mse(output, y):
    return ((output - y) ** 2).mean()


def sgd(lr):
    def update(parameters, gradients, state):
        return jax.tree.map(lambda p, g: p - lr * g, parameters, gradients), state

    return (lambda parameters: ()), update


def adam(lr=0.001, b1=0.9, b2=0.999, epsilon=1e-8):
    def start(parameters):
        zeros = functools.partial(jax.tree.map, jnp.zeros_like)
        return zeros(parameters), zeros(parameters), jnp.zeros((), jnp.int32)

    def update(parameters, gradients, state):
        m, v, t = state
        t = t + 1
        m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, gradients)
        v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, gradients)
        new = lambda p, m, v: p - lr * (m / (1 - b1**t)) / (jnp.sqrt(v / (1 - b2**t)) + epsilon)  # noqa: E731
        return jax.tree.map(new, parameters, m, v), (m, v, t)

    return start, update


def step_of(model, loss, optimizer):
    def step(parameters, state, x, y):
        gradients = jax.grad(lambda p: loss(model(p, x), y))(parameters)
        return optimizer[1](parameters, gradients, state)

    return step


def train(model, loss, optimizer, parameters, batches):
    """One step on the next of `batches`: forward, loss, backward, update."""
    step = jax.jit(step_of(model, loss, optimizer), donate_argnums=(0, 1))
    held = [parameters, optimizer[0](parameters)]
    turn, count = 0, len(batches)

    def call():
        nonlocal turn
        held[0], held[1] = step(held[0], held[1], *batches[turn])
        turn = (turn + 1) % count

    return call, lambda: jax.block_until_ready(held)


def classifier(sizes, batch, optimizer):
    return train(relu_mlp, cross_entropy, optimizer, mlp(*sizes), [(uniform(batch, sizes[0]), labels(batch))])


def regression():
    return train(relu_mlp, mse, sgd(0.01), mlp(10, 32, 16, 1), [(uniform(32, 10), uniform(32, 1))])


XOR_X = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
XOR_Y = [[0.0], [1.0], [1.0], [0.0]]


def xor(batch):
    x, y = jnp.array(XOR_X), jnp.array(XOR_Y)
    batches = [(x, y)] if batch == 4 else [(x[i : i + 1], y[i : i + 1]) for i in range(4)]
    return train(sigmoid_mlp, mse, sgd(0.5), mlp(2, 4, 1), batches)


FUSED_STEPS = 10_000


def xor_fused(batch):
    """The whole training loop as one program, which only JAX can do: no call from Python per step."""
    x, y = jnp.array(XOR_X).reshape(4 // batch, batch, 2), jnp.array(XOR_Y).reshape(4 // batch, batch, 1)
    step = step_of(sigmoid_mlp, mse, sgd(0.5))

    @functools.partial(jax.jit, donate_argnums=0)
    def loop(parameters):
        body = lambda i, p: step(p, (), x[i % len(x)], y[i % len(x)])[0]  # noqa: E731
        return lax.fori_loop(0, FUSED_STEPS, body, parameters)

    held = [mlp(2, 4, 1)]

    def call():
        held[0] = loop(held[0])

    return call, lambda: jax.block_until_ready(held)


def function(f, *inputs):
    """Calls `f` on `inputs` that do not change."""
    f, held = jax.jit(f), [None]

    def call():
        held[0] = f(*inputs)

    return call, lambda: jax.block_until_ready(held)


def predict(rows):
    return function(relu_mlp, mlp(784, 128, 10), uniform(rows, 784))


def elementwise(f, *shape):
    return function(f, 2 * normal(*(shape or (1_000_000,))))


def neuron():
    return function(lambda x, w: x @ w > 0, uniform(5_000_000, 3), jnp.array([0.7, 0.3, -0.9]))


def convolution(inputs, outputs, size):
    bound = (inputs * size * size) ** -0.5
    return {"w": bound * (2 * uniform(size, size, inputs, outputs) - 1), "b": bound * (2 * uniform(outputs) - 1)}


def convolve(layer, x, padding):
    y = lax.conv_general_dilated(x, layer["w"], (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + layer["b"]


def max_pool(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def image_network(paddings):
    def model(parameters, x):
        convolutions, layers = parameters
        for layer, padding in zip(convolutions, paddings):
            x = max_pool(jax.nn.relu(convolve(layer, x, padding)))
        return relu_mlp(layers, x.reshape(len(x), -1))

    return model


def images(paddings, parameters):
    batches = [(uniform(64, 28, 28, 1), labels(64))]
    return train(image_network(paddings), cross_entropy, sgd(0.01), parameters, batches)


def cnn():
    return images(("SAME", "SAME"), ([convolution(1, 32, 3), convolution(32, 64, 3)], mlp(64 * 7 * 7, 128, 10)))


def lenet():
    return images(("SAME", "VALID"), ([convolution(1, 6, 5), convolution(6, 16, 5)], mlp(400, 120, 84, 10)))


def lstm_cell(w, from_x, state):
    h, c = state
    i, f, g, o = jnp.split(from_x + h @ w, 4, 1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def gru_cell(hidden, from_x, state):
    (h,) = state
    from_h = apply(hidden, h)
    rz = jax.nn.sigmoid(from_x[:, :128] + from_h[:, :128])
    r, z = jnp.split(rz, 2, 1)
    n = jnp.tanh(from_x[:, 128:] + r * from_h[:, 128:])
    return ((1 - z) * n + z * h,)


def recurrent(cell, gates, states, hidden):
    def model(parameters, x):
        from_x = apply(parameters["input"], x).swapaxes(0, 1)  # all steps at once, steps first
        start = tuple(jnp.zeros((len(x), 64)) for _ in range(states))
        one = lambda state, row: (cell(parameters["hidden"], row, state), None)  # noqa: E731
        last, _ = lax.scan(one, start, from_x)
        return apply(parameters["out"], last[0])

    parameters = {"input": dense(32, 64 * gates), "hidden": hidden, "out": dense(64, 1)}
    return train(model, mse, sgd(0.01), parameters, [(uniform(32, 20, 32), uniform(32, 1))])


def batch_norm():
    def layer(parameters, statistics, x):
        mean, variance = x.mean(0), x.var(0)
        unbiased = variance * len(x) / (len(x) - 1)
        statistics = jax.tree.map(lambda old, new: 0.9 * old + 0.1 * new, statistics, (mean, unbiased))
        y = (x - mean) * lax.rsqrt(variance + 1e-5) * parameters["w"] + parameters["b"]
        return y, statistics

    def both(parameters, statistics, x, dy):
        y, back, statistics = jax.vjp(lambda p, x: layer(p, statistics, x), parameters, x, has_aux=True)
        return y, back(dy), statistics

    parameters = {"w": jnp.ones(784), "b": jnp.zeros(784)}
    return function(both, parameters, (jnp.zeros(784), jnp.ones(784)), normal(64, 784), normal(64, 784))


def attend(parameters, x, heads):
    q, k, v = (apply(parameters[name], x).reshape(*x.shape[:2], heads, -1) for name in "qkv")
    return apply(parameters["o"], jax.nn.dot_product_attention(q, k, v).reshape(x.shape))


def there_and_back(layer, parameters, *shape):
    return function(jax.value_and_grad(lambda p, x: layer(p, x).sum(), (0, 1)), parameters, normal(*shape))


def attention(batch, steps, features, heads):
    parameters = {name: dense(features, features) for name in "qkvo"}
    return there_and_back(lambda p, x: attend(p, x, heads), parameters, batch, steps, features)


def block():
    parameters = {name: dense(256, 256) for name in "qkvo"} | {"in": dense(256, 1024), "out": dense(1024, 256)}
    return parameters | {name: {"w": jnp.ones(256), "b": jnp.zeros(256)} for name in ("norm1", "norm2")}


def layer_norm(parameters, x):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + 1e-5) * parameters["w"] + parameters["b"]


def encoder():
    def layer(p, x):
        x = layer_norm(p["norm1"], x + attend(p, x, 8))
        return layer_norm(p["norm2"], x + apply(p["out"], jax.nn.relu(apply(p["in"], x))))

    return there_and_back(layer, block(), 32, 128, 256)


def token():
    def step(blocks, caches, at, x):
        seen = (jnp.arange(576) <= at)[None, None, None, :]
        after = []
        for p, cache in zip(blocks, caches):
            z = layer_norm(p["norm1"], x)
            q, k, v = (apply(p[name], z).reshape(1, 1, 8, 32) for name in "qkv")
            cache = tuple(lax.dynamic_update_slice(old, new, (0, at, 0, 0)) for old, new in zip(cache, (k, v)))
            y = jax.nn.dot_product_attention(q, *cache, mask=seen)
            x = x + apply(p["o"], y.reshape(1, 256))
            z = jax.nn.gelu(apply(p["in"], layer_norm(p["norm2"], x)), approximate=False)
            x = x + apply(p["out"], z)
            after.append(cache)
        return after, jnp.where(at < 575, at + 1, 448), x

    blocks, x = [block() for _ in range(4)], uniform(1, 256)
    step = jax.jit(step, donate_argnums=(1, 2))
    held = [([(normal(1, 576, 8, 32), normal(1, 576, 8, 32)) for _ in blocks], jnp.int32(448), x)]

    def call():
        caches, at, _ = held[0]
        held[0] = step(blocks, caches, at, x)

    return call, lambda: jax.block_until_ready(held)


def lstm_step():
    def step(parameters, state, x):
        state = lstm_cell(parameters["hidden"], apply(parameters["input"], x), state)
        return state, apply(parameters["out"], state[0])

    parameters = {"input": dense(32, 256), "hidden": dense(64, 256)["w"], "out": dense(64, 1)}
    x, step = uniform(1, 32), jax.jit(step, donate_argnums=1)
    held = [((jnp.zeros((1, 64)), jnp.zeros((1, 64))), None)]

    def call():
        held[0] = step(parameters, held[0][0], x)

    return call, lambda: jax.block_until_ready(held)


MLPS = {
    "mlp-784-128-10-b64": ((784, 128, 10), 64),
    "mlp-784-512-512-10-b128": ((784, 512, 512, 10), 128),
    "mlp-784-1024-1024-10-b256": ((784, 1024, 1024, 10), 256),
}

workloads = {}
for kind, optimizer in (("sgd", sgd(0.01)), ("adam", adam())):
    for name, (sizes, batch) in MLPS.items():
        workloads[f"{name}-{kind}"] = lambda s=sizes, b=batch, o=optimizer: classifier(s, b, o)
workloads |= {
    "mlp-10-32-16-1-b32-sgd": regression,
    "xor-2-4-1-b1-sgd": lambda: xor(1),
    "xor-2-4-1-b4-sgd": lambda: xor(4),
    "xor-2-4-1-b1-sgd-fused": lambda: (*xor_fused(1), FUSED_STEPS),
    "xor-2-4-1-b4-sgd-fused": lambda: (*xor_fused(4), FUSED_STEPS),
    "predict-784-128-10-b1": lambda: predict(1),
    "predict-784-128-10-b64": lambda: predict(64),
    "predict-784-128-10-b10000": lambda: predict(10_000),
    "sigmoid-1m": lambda: elementwise(jax.nn.sigmoid),
    "tanh-1m": lambda: elementwise(jnp.tanh),
    "gelu-1m": lambda: elementwise(lambda x: jax.nn.gelu(x, approximate=False)),
    "exp-1m": lambda: elementwise(jnp.exp),
    "relu-1m": lambda: elementwise(jax.nn.relu),
    "log_softmax-4096x10": lambda: elementwise(jax.nn.log_softmax, 4096, 10),
    "neuron-5mx3": neuron,
    "cnn-32-64-b64-sgd": cnn,
    "lenet-b64-sgd": lenet,
    "lstm-32-64-t20-b32-sgd": lambda: recurrent(lstm_cell, 4, 2, dense(64, 256)["w"]),
    "gru-32-64-t20-b32-sgd": lambda: recurrent(gru_cell, 3, 1, dense(64, 192)),
    "batchnorm-64x784": batch_norm,
    "attention-b8-t64-d64-h4": lambda: attention(8, 64, 64, 4),
    "attention-b1-t4096-d64-h4": lambda: attention(1, 4096, 64, 4),
    "encoder-b32-t128-d256-h8": encoder,
    "token-512-d256-h8": token,
    "lstm-step-32-64": lstm_step,
}
harness.run(workloads, arguments)
