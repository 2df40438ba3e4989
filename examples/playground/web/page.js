// The page: settings in the form and in the address, the training in WebAssembly, the pictures on canvases.

const wasm = await WebAssembly.instantiateStreaming(fetch("playground.wasm"));
const core = wasm.instance.exports;
const $ = (id) => document.getElementById(id);
const form = $("settings"), layersBox = $("layers");
const DEFAULTS = { data: "moons", points: 400, noise: 0.1, layers: "8,8", activation: "tanh", optimizer: "adam", rate: 0.02, batch: 20, seed: 1 };
const SQUARES = 60;

let settings, view, points, sizes, curves, running = false;

// --- WebAssembly ---

// Bytes that a function wrote; it returns their number, or minus the length of an error text.
function bytes(length) {
  const start = core.output();
  const found = new Uint8Array(core.memory.buffer.slice(start, start + Math.abs(length)));
  if (length < 0) throw new Error(new TextDecoder().decode(found));
  return found;
}
const numbers = (length) => new Float32Array(bytes(length).buffer);

function create(text) {
  const input = new TextEncoder().encode(text);
  const start = core.input(input.length);
  new Uint8Array(core.memory.buffer).set(input, start);
  bytes(core.create());
}

// --- Settings ---

function start() {
  stop();
  $("error").textContent = "";
  try {
    create(new URLSearchParams(settings).toString().replaceAll("%2C", ","));
  } catch (error) {
    $("error").textContent = error.message;
    return;
  }
  history.replaceState(null, "", "#" + new URLSearchParams(settings).toString().replaceAll("%2C", ","));
  points = numbers(core.points());
  let most = 0;
  for (let i = 0; i < points.length; i += 3) most = Math.max(most, Math.abs(points[i] - 0), Math.abs(points[i + 1]));
  view = { left: -1.1 * most, bottom: -1.1 * most, width: 2.2 * most };
  const classes = settings.data === "spirals3" ? 3 : 2;
  sizes = [2, ...layers(), classes];
  curves = [];
  record();
  draw();
}

const layers = () => settings.layers.split(",").filter(Boolean).map(Number);

function showSettings() {
  for (const [name, value] of Object.entries(settings)) if (form.elements[name]) form.elements[name].value = value;
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
  const [steps, loss, accuracy, testLoss, testAccuracy] = numbers(core.figures());
  curves.push([loss, testLoss]);
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  $("status").textContent = `step ${steps}, loss ${loss.toFixed(4)}, right ${percent(accuracy)}; kept apart: loss ${testLoss.toFixed(4)}, right ${percent(testAccuracy)}`;
  window.playground = { steps, loss, accuracy, testLoss, testAccuracy, frames: window.playground?.frames ?? 0 };
}

function frame() {
  if (!running) return;
  attempt(() => {
    bytes(core.epoch());
    record();
    draw();
    window.playground.frames++;
  });
  if (running) requestAnimationFrame(frame);
}

function stop() {
  running = false;
  $("run").firstChild.textContent = "Train ";
}

function toggle() {
  if (running) return stop();
  running = true;
  $("run").firstChild.textContent = "Pause ";
  requestAnimationFrame(frame);
}

function step() {
  stop();
  attempt(() => {
    bytes(core.step());
    record();
    draw();
  });
}

$("run").addEventListener("click", toggle);
$("step").addEventListener("click", step);
$("again").addEventListener("click", start);
$("save").addEventListener("click", () => attempt(() => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes(core.model())]));
  link.download = "network.safetensors";
  link.click();
  URL.revokeObjectURL(link.href);
}));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, button")) return;
  const action = { " ": toggle, s: step, r: start }[event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  action();
});

// --- Pictures ---

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const classColours = () => [0, 1, 2].map((c) => colour(`--class${c}`));

function draw() {
  drawPlane();
  drawNetwork();
  drawCurves();
}

function drawPlane() {
  const canvas = $("plane"), context = canvas.getContext("2d"), colours = classColours();
  const classes = sizes[sizes.length - 1], shares = numbers(core.regions(SQUARES, view.left, view.bottom, view.width));
  const back = rgb(colour("--back")), parts = colours.map(rgb), image = context.createImageData(SQUARES, SQUARES);
  for (let i = 0; i < SQUARES * SQUARES; i++) {
    for (let k = 0; k < 3; k++) {
      let mixed = 0;
      for (let c = 0; c < classes; c++) mixed += shares[i * classes + c] * parts[c][k];
      image.data[4 * i + k] = 0.55 * back[k] + 0.45 * mixed;
    }
    image.data[4 * i + 3] = 255;
  }
  const small = new OffscreenCanvas(SQUARES, SQUARES);
  small.getContext("2d").putImageData(image, 0, 0);
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
  const trained = 3 * Math.round((points.length / 3) * 0.75);
  for (let i = 0; i < points.length; i += 3) {
    const x = ((points[i] - view.left) / view.width) * canvas.width;
    const y = canvas.height - ((points[i + 1] - view.bottom) / view.width) * canvas.height;
    context.beginPath();
    context.arc(x, y, 3, 0, 2 * Math.PI);
    context.fillStyle = context.strokeStyle = colours[points[i + 2]];
    i < trained ? context.fill() : context.stroke();
  }
}

function drawNetwork() {
  const canvas = $("network"), context = canvas.getContext("2d"), weights = numbers(core.weights());
  const [minus, plus] = classColours();
  context.clearRect(0, 0, canvas.width, canvas.height);
  const place = (layer, unit) => [
    30 + (layer / (sizes.length - 1)) * (canvas.width - 60),
    ((unit + 0.5) / sizes[layer]) * canvas.height,
  ];
  let at = 0;
  for (let layer = 0; layer + 1 < sizes.length; layer++) {
    for (let from = 0; from < sizes[layer]; from++) {
      for (let to = 0; to < sizes[layer + 1]; to++) {
        const weight = weights[at++];
        context.strokeStyle = weight > 0 ? plus : minus;
        context.lineWidth = Math.min(5, 1.5 * Math.abs(weight));
        context.beginPath();
        context.moveTo(...place(layer, from));
        context.lineTo(...place(layer + 1, to));
        context.stroke();
      }
    }
  }
  context.lineWidth = 1;
  sizes.forEach((size, layer) => {
    for (let unit = 0; unit < size; unit++) {
      context.beginPath();
      context.arc(...place(layer, unit), Math.min(9, (0.4 * canvas.height) / size), 0, 2 * Math.PI);
      context.fillStyle = colour("--back");
      context.strokeStyle = colour("--text");
      context.fill();
      context.stroke();
    }
  });
}

function drawCurves() {
  const canvas = $("curves"), context = canvas.getContext("2d"), [minus, plus] = classColours();
  context.clearRect(0, 0, canvas.width, canvas.height);
  const highest = Math.max(...curves.slice(0, 1).flat(), ...curves.slice(-1).flat(), 0.01) * 1.1;
  context.lineWidth = 2;
  [plus, minus].forEach((style, which) => {
    context.strokeStyle = style;
    context.beginPath();
    curves.forEach((losses, i) => {
      const x = 5 + (i / Math.max(1, curves.length - 1)) * (canvas.width - 10);
      context.lineTo(x, canvas.height - 5 - (Math.min(losses[which], highest) / highest) * (canvas.height - 10));
    });
    context.stroke();
  });
}

// --- From the address ---

function fromAddress() {
  const known = [...new URLSearchParams(location.hash.slice(1))].filter(([name]) => name in DEFAULTS);
  change({ ...DEFAULTS, ...Object.fromEntries(known) });
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
window.addEventListener("hashchange", fromAddress);
fromAddress();
// For the test: what the buttons do, as values.
window.saved = () => btoa(String.fromCharCode(...bytes(core.model())));
window.scoresAt = (x, y) => [...numbers(core.scores(x, y))];
