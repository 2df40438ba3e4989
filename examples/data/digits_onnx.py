"""Trains the network of `examples/fine_tune.rs` with PyTorch and exports it: `python digits_onnx.py`."""

import onnx
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(1)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x[:1000], dtype=torch.float32).reshape(-1, 1, 8, 8) / 16, torch.tensor(y[:1000])
network = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(64, 10),
)
optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
for epoch in range(30):
    for rows in torch.randperm(1000).split(50):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x[rows]), y[rows]).backward()
        optimizer.step()
network.eval()
batch = {0: torch.export.Dim.DYNAMIC}
names = {"input_names": ["image"], "output_names": ["scores"]}
torch.onnx.export(network, (x[:2],), "digits.onnx", dynamic_shapes=(batch,), external_data=False, **names)
# The exporter's notes name files of this machine.
model = onnx.load("digits.onnx")
for part in [model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer]:
    part.ClearField("metadata_props")
    part.ClearField("doc_string")
del model.graph.value_info[:]
onnx.save(model, "digits.onnx")
