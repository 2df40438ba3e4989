// The last single step: a neuron's formulas with their numbers, the crate's drawing, and its text.
import * as core from "./core.js";

const $ = (id) => document.getElementById(id);
let shown = null, settings;

export function forget(newSettings) {
  settings = newSettings;
  shown = null;
  drawTraced();
}

export function showNeuron(layer, unit) {
  shown = [layer, unit];
  $("traced").open = true;
  drawTraced();
  $("neuron").focus();
}

export function drawTraced() {
  $("neuron").innerHTML = neuron();
  if (!$("traced").open) return;
  $("drawing").innerHTML = core.text("drawing");
  $("text").textContent = core.text("text");
}
$("traced").addEventListener("toggle", drawTraced);

const number = (value) => (value === 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4) ? value.toFixed(4) : value.toExponential(2)).replaceAll("-", "−");
const factor = (value) => (value < 0 ? `(${number(value)})` : number(value));

function neuron() {
  if (core.numbers("neuron", 0, 0).length === 0) return "<p>Take a single step (<kbd>S</kbd>): it is recorded with all its numbers.</p>";
  if (!shown) return "<p>Click a neuron of the drawing above to see how it was computed.</p>";
  const [layer, unit] = shown;
  if (layer === 0) return "<p>This is an input: nothing is computed for it. Click a neuron further right.</p>";
  const found = core.numbers("neuron", layer - 1, unit);
  const [z, a, dz, da, bias, biasGradient, newBias, batch] = found;
  const inputs = [];
  for (let i = 8; i < found.length; i += 4) inputs.push([...found.subarray(i, i + 4)]);
  const before = layer === 1 ? "x" : `a${layer - 1}`, sub = (symbol, i) => `${symbol}<sub>${i}</sub>`;
  const mine = (symbol) => sub(`${symbol}${layer}`, unit + 1), isLast = layer === settings.depth;
  const sum = inputs.filter(([x]) => x !== 0).map(([x, w]) => `${factor(x)}·${factor(w)}`).concat(factor(bias)).join(" + ");
  const zeros = inputs.filter(([x]) => x === 0).length;
  const formulas = [
    `<dt>${mine("z")} = Σ ${sub(before, "i")}·w<sub>i</sub> + b</dt><dd id="formula">= ${sum}${zeros ? ` <small>(${zeros} inputs are 0)</small>` : ""}</dd><dd>= <output id="result" data-value="${z}">${number(z)}</output></dd>`,
    isLast ? "" : `<dt>${mine("a")} = ${settings.activation}(${mine("z")}) = <output>${number(a)}</output></dt>
      <dt>dL/d${mine("a")} = ${number(da)}</dt>`,
    `<dt>dL/d${mine("z")} = ${number(dz)}</dt>`,
  ];
  const row = (name, weight, gradient, after) => `<tr><th>${name}</th>${[weight, gradient, after].map((value) => `<td>${number(value)}</td>`).join("")}</tr>`;
  return `<h2>Neuron ${unit + 1} of ${isLast ? "the outputs" : `hidden layer ${layer}`}, first sample of the batch</h2>
    <dl>${formulas.join("")}</dl>
    <table><caption>Its weights; gradients are for the batch of ${batch}</caption>
      <thead><tr><th>from</th><th>weight</th><th>gradient</th><th>after the step</th></tr></thead>
      <tbody>${inputs.map(([, w, gradient, after], i) => row(sub(before, i + 1), w, gradient, after)).join("")}${row("b", bias, biasGradient, newBias)}</tbody></table>`;
}
