// The page: settings in the form and in the address, the training, and when each picture is drawn.
import * as core from "./core.js";
import { drawCurves } from "./curves.js";
import { drawNetwork, onChoice, setSizes } from "./network.js";
import * as pad from "./pad.js";
import { drawPlane, placeOf, setPoints } from "./plane.js";
import { drawTraced, forget, showNeuron } from "./traced.js";

const $ = (id) => document.getElementById(id);
const form = $("settings"), layersBox = $("layers");
const DEFAULTS = {
  data: "moons", points: 400, noise: 0.1, layers: "8,8", activation: "tanh", loss: "cross-entropy", optimizer: "adam",
  rate: 0.02, batch: 20, seed: 1,
};

let settings, samples, curves, running = false;
// The sample whose activations are shown, and the digit that was drawn or taken from those kept apart.
let probe, shown = null;

const isDigits = () => settings.data === "digits";
const layers = () => settings.layers.split(",").filter(Boolean).map(Number);
const link = () => new URLSearchParams(settings).toString().replaceAll("%2C", ",");

// --- Settings ---

function start() {
  stop();
  $("error").textContent = "";
  try {
    core.create(link());
  } catch (error) {
    $("error").textContent = error.message;
    return;
  }
  history.replaceState(null, "", "#" + link());
  samples = core.numbers("samples");
  const [inputs, classes] = isDigits() ? [64, 10] : [2, settings.data === "spirals3" ? 3 : 2];
  $("points").hidden = isDigits();
  $("digit").hidden = !isDigits();
  setSizes([inputs, ...layers(), classes]);
  forget({ activation: settings.activation, depth: layers().length + 1 });
  curves = [];
  if (isDigits()) anotherDigit();
  else {
    setPoints(samples, classes);
    probe = [...samples.subarray(0, 2)];
  }
  attempt(record);
  attempt(draw);
  examine();
}

function showSettings() {
  for (const [name, value] of Object.entries(settings)) if (form.elements[name]) form.elements[name].value = value;
  for (const name of ["points", "noise"]) form.elements[name].disabled = isDigits();
  const units = layers();
  const label = (i) => `<label>Layer ${i + 1} <input type="number" min="1" max="64" value="${Number(units[i])}" data-layer="${i}"></label>`;
  layersBox.innerHTML = `<legend>Hidden layers</legend>${units.map((_, i) => label(i)).join("")}
    <span class="buttons"><button type="button" id="add">Add one</button><button type="button" id="drop">Remove one</button></span>`;
  $("add").disabled = units.length >= 6;
  $("drop").disabled = units.length === 0;
}

function change(changes) {
  settings = { ...settings, ...changes };
  showSettings();
  start();
}

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", ({ target }) => {
  if (target.dataset.layer) {
    const units = layers();
    units[target.dataset.layer] = Math.min(64, Math.max(1, Math.round(Number(target.value) || 1)));
    change({ layers: units.join(",") });
  } else change({ [target.name]: target.value });
});
layersBox.addEventListener("click", ({ target }) => {
  const units = layers();
  if (target.id === "add") change({ layers: [...units, 8].join(",") });
  else if (target.id === "drop") change({ layers: units.slice(0, -1).join(",") });
  else return;
  (target.id === "add" ? $("add") : $("drop")).focus();
});

// --- Training ---

function attempt(f) {
  try {
    f();
  } catch (error) {
    stop();
    $("error").textContent = error.message;
  }
}

function record() {
  const [steps, loss, accuracy, testLoss, testAccuracy] = core.numbers("figures");
  curves.push([loss, testLoss]);
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  $("status").textContent = `step ${steps}, loss ${loss.toFixed(4)}, right ${percent(accuracy)}; kept apart: loss ${testLoss.toFixed(4)}, right ${percent(testAccuracy)}`;
  window.playground = { frames: 0, busy: 0, ...window.playground, steps, loss, accuracy, testLoss, testAccuracy };
}

function frame() {
  if (!running) return;
  const began = performance.now();
  attempt(() => {
    core.run("epoch");
    record();
    draw();
    window.playground.frames++;
    window.playground.busy += performance.now() - began;
  });
  if (running) requestAnimationFrame(frame);
  else examine();
}

function stop() {
  running = false;
  $("run").firstChild.textContent = "Train ";
}

function toggle() {
  if (running) {
    stop();
    return examine();
  }
  running = true;
  $("run").firstChild.textContent = "Pause ";
  requestAnimationFrame(frame);
}

// A single step keeps its numbers.
function step() {
  stop();
  attempt(() => {
    core.run("step");
    record();
    draw();
    drawTraced();
  });
  examine();
}

function examine() {
  if (!$("doctor").open) return;
  try {
    $("findings").textContent = core.text("doctor");
  } catch (error) {
    $("findings").textContent = error.message;
  }
}

$("run").addEventListener("click", toggle);
$("step").addEventListener("click", step);
$("again").addEventListener("click", start);
$("doctor").addEventListener("toggle", examine);
$("save").addEventListener("click", () => attempt(() => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([core.bytes("model")]));
  link.download = "network.safetensors";
  link.click();
  URL.revokeObjectURL(link.href);
}));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const onNeuron = event.target.dataset.unit && event.key !== " ";
  if (event.target.closest("input, select, button, summary") && !onNeuron) return;
  const action = { " ": toggle, s: step, r: start }[event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  action();
});

// --- Pictures ---

function draw() {
  const activations = core.forSample("activations", probe);
  if (isDigits()) {
    pad.drawPad(shown);
    pad.drawBars(activations.slice(-10));
  } else drawPlane(probe);
  drawNetwork(activations);
  drawCurves(curves);
}

// Takes one of the digits that were kept apart.
function anotherDigit() {
  const count = samples.length / 65, first = Math.round(0.75 * count);
  const at = 65 * (first + Math.floor(Math.random() * (count - first)));
  shown = [...samples.subarray(at, at + 64)];
  probe = shown;
}

onChoice(showNeuron);
$("lines").addEventListener("change", () => attempt(draw));
$("plane").addEventListener("click", (event) => {
  probe = placeOf(event);
  attempt(draw);
});
pad.onChange((onlyCursor = false) => {
  if (!onlyCursor) {
    shown = null;
    probe = [...pad.pixels()];
  }
  attempt(draw);
});
$("clear").addEventListener("click", pad.clear);
$("another").addEventListener("click", () => {
  anotherDigit();
  attempt(draw);
});

// --- From the address ---

function fromAddress() {
  const known = [...new URLSearchParams(location.hash.slice(1))].filter(([name]) => name in DEFAULTS);
  change({ ...DEFAULTS, ...Object.fromEntries(known) });
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
window.addEventListener("hashchange", fromAddress);
fromAddress();
// For the test: what the buttons do, as values.
window.saved = () => btoa(String.fromCharCode(...core.bytes("model")));
window.scoresOf = (sample) => [...core.forSample("scores", sample)];
window.drawnPixels = () => [...pad.pixels()];
