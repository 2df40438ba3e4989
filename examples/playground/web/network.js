// The network: lines for weights or gradients, and a button for each neuron, coloured by its activation.
import * as core from "./core.js";
import { classColours, rgb } from "./colours.js";

const box = document.getElementById("network"), canvas = document.getElementById("edges"), lines = document.getElementById("lines");
let sizes, neurons, chosen = () => {};

export function onChoice(f) {
  chosen = f;
}

// Where a neuron is, in shares of the width and the height.
const place = (layer, unit) => [0.08 + (0.84 * layer) / (sizes.length - 1), (unit + 0.5) / sizes[layer]];

// Makes the neurons of a network with these numbers of units.
export function setSizes(units) {
  sizes = units;
  neurons = sizes.map((size, layer) => Array.from({ length: size }, (_, unit) => {
    const [x, y] = place(layer, unit), neuron = document.createElement("button");
    neuron.type = "button";
    neuron.tabIndex = layer === 1 && unit === 0 ? 0 : -1;
    neuron.style.cssText = `left:${100 * x}%;top:${100 * y}%;width:${Math.min(5, 90 / size)}%`;
    neuron.dataset.layer = layer;
    neuron.dataset.unit = unit;
    return neuron;
  }));
  box.replaceChildren(canvas, ...neurons.flat());
}

const nameOf = (layer, unit) =>
  `${layer === 0 ? "input" : layer === sizes.length - 1 ? "output" : `hidden layer ${layer},`} ${unit + 1}`;

export function drawNetwork(activations) {
  const context = canvas.getContext("2d"), [minus, plus] = classColours();
  const values = core.numbers(lines.value);
  // Weights are drawn as they are; gradients are small, and relative to the largest.
  const largest = lines.value === "weights" ? 1 : values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30) / 2;
  context.clearRect(0, 0, canvas.width, canvas.height);
  const pixel = ([x, y]) => [x * canvas.width, y * canvas.height];
  let at = 0;
  for (let layer = 0; layer + 1 < sizes.length && values.length; layer++) {
    const thin = 1.5 / Math.max(1, sizes[layer] / 16);
    for (let from = 0; from < sizes[layer]; from++) {
      for (let to = 0; to < sizes[layer + 1]; to++) {
        const value = values[at++] / largest;
        context.strokeStyle = value > 0 ? plus : minus;
        context.lineWidth = Math.min(5, thin * Math.abs(value));
        context.beginPath();
        context.moveTo(...pixel(place(layer, from)));
        context.lineTo(...pixel(place(layer + 1, to)));
        context.stroke();
      }
    }
  }
  const [low, high] = [minus, plus].map((name) => rgb(name).join(" "));
  at = 0;
  for (const layer of neurons) for (const neuron of layer) {
    const value = activations[at++];
    const share = Math.min(1, Math.abs(value));
    neuron.style.backgroundImage = `linear-gradient(rgb(${value > 0 ? high : low} / ${share}) 0 0)`;
    neuron.ariaLabel = neuron.title = `${nameOf(Number(neuron.dataset.layer), Number(neuron.dataset.unit))}: ${value.toFixed(3)}`;
  }
}

box.addEventListener("click", ({ target }) => {
  if (target.dataset.unit) chosen(Number(target.dataset.layer), Number(target.dataset.unit));
});
// One neuron is in the order of the Tab key; arrow keys go to its neighbors.
box.addEventListener("keydown", (event) => {
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
  if (!(dx || dy) || !event.target.dataset.unit) return;
  event.preventDefault();
  const layer = Math.min(sizes.length - 1, Math.max(0, Number(event.target.dataset.layer) + dx));
  const unit = Math.min(sizes[layer] - 1, Math.max(0, Number(event.target.dataset.unit) + dy));
  event.target.tabIndex = -1;
  neurons[layer][unit].tabIndex = 0;
  neurons[layer][unit].focus();
});
