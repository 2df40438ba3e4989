"""numpy: five million neurons' worth of rows, as a notebook would write it, and element-wise functions."""

import harness

arguments = harness.arguments()

import numpy as np  # noqa: E402  (after the thread variables)

random = np.random.default_rng(0)


def activation(input_signal):
    if input_signal > 0:
        return 1
    return 0


def neuron(step):
    x = random.random((5_000_000, 3), dtype=np.float32)
    w = np.array([0.7, 0.3, -0.9], dtype=np.float32)
    return lambda: step(x @ w)


def million():
    return (2 * random.standard_normal(1_000_000)).astype(np.float32)


def elementwise(function):
    x = million()
    return lambda: function(x)


def log_softmax():
    x = (2 * random.standard_normal((4096, 10))).astype(np.float32)

    def call():
        shifted = x - x.max(axis=1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

    return call


harness.run(
    {
        "sigmoid-1m": lambda: elementwise(lambda x: 1 / (1 + np.exp(-x))),
        "tanh-1m": lambda: elementwise(np.tanh),
        "exp-1m": lambda: elementwise(np.exp),
        "relu-1m": lambda: elementwise(lambda x: np.maximum(x, 0)),
        "log_softmax-4096x10": log_softmax,
        "neuron-5mx3": lambda: neuron(np.vectorize(activation)),
        "neuron-5mx3-where": lambda: neuron(lambda s: s > 0),
    },
    arguments,
)
