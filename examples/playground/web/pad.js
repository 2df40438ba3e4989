// A digit drawn by hand, with a pointer or with keys, as the 8 x 8 pixels that the data set has; and its bars.
import { colour } from "./colours.js";

const canvas = document.getElementById("pad"), bars = document.getElementById("bars");
const SIZE = canvas.width, CELL = SIZE / 8;
// The ink is opaque black on a canvas of its own; the shown one has the colours of the page.
const ink = new OffscreenCanvas(SIZE, SIZE), pen = ink.getContext("2d", { willReadFrequently: true });
const small = new OffscreenCanvas(32, 32), fit = small.getContext("2d", { willReadFrequently: true });
let cursor = [3, 3], last = null, changed = () => {};

export function onChange(f) {
  changed = f;
}

// From 0 to 1. As for the data set, the digit fills 32 x 32 pixels, and each number counts the ink of 4 x 4 of them.
export function pixels() {
  const box = inkBox(), counts = new Float32Array(64);
  if (!box) return counts;
  const [left, top, width, height] = box, scale = 32 / Math.max(width, height);
  fit.clearRect(0, 0, 32, 32);
  fit.drawImage(ink, left, top, width, height, 16 - (width * scale) / 2, 16 - (height * scale) / 2, width * scale, height * scale);
  const { data } = fit.getImageData(0, 0, 32, 32);
  for (let y = 0; y < 32; y++) {
    for (let x = 0; x < 32; x++) if (data[4 * (32 * y + x) + 3] > 127) counts[8 * (y >> 2) + (x >> 2)] += 1 / 16;
  }
  return counts;
}

// Left, top, width and height of the ink.
function inkBox() {
  const { data } = pen.getImageData(0, 0, SIZE, SIZE);
  let [left, top, right, bottom] = [SIZE, SIZE, -1, -1];
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++) {
      if (data[4 * (SIZE * y + x) + 3] < 128) continue;
      [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), y];
    }
  }
  return right < 0 ? null : [left, top, right - left + 1, bottom - top + 1];
}

export function clear() {
  pen.clearRect(0, 0, SIZE, SIZE);
  changed();
}

export function stroke(from, to) {
  Object.assign(pen, { lineWidth: 30, lineCap: "round" });
  pen.beginPath();
  pen.moveTo(...from);
  pen.lineTo(...to);
  pen.stroke();
  changed();
}

// Shows the drawing, or these pixels of a digit.
export function drawPad(shown) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, SIZE, SIZE);
  context.fillStyle = colour("--text");
  if (shown) {
    shown.forEach((pixel, i) => {
      context.globalAlpha = pixel;
      context.fillRect((i % 8) * CELL, Math.floor(i / 8) * CELL, CELL, CELL);
    });
    context.globalAlpha = 1;
  } else {
    context.fillRect(0, 0, SIZE, SIZE);
    context.globalCompositeOperation = "destination-in";
    context.drawImage(ink, 0, 0);
    context.globalCompositeOperation = "source-over";
  }
  if (document.activeElement !== canvas) return;
  context.strokeStyle = colour("--class1");
  context.lineWidth = 2;
  context.strokeRect(cursor[0] * CELL, cursor[1] * CELL, CELL, CELL);
}

export function drawBars(probabilities) {
  const best = probabilities.indexOf(Math.max(...probabilities));
  bars.innerHTML = [...probabilities].map((p, digit) =>
    `<span class="${digit === best ? "best" : ""}"><i style="height:${(100 * p).toFixed(1)}%"></i>${digit}</span>`).join("");
  bars.ariaLabel = `Read as ${best}, probability ${probabilities[best].toFixed(2)}`;
}

const at = (event) => [(event.offsetX / canvas.clientWidth) * SIZE, (event.offsetY / canvas.clientHeight) * SIZE];
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  last = at(event);
  stroke(last, last);
});
canvas.addEventListener("pointermove", (event) => {
  if (!last) return;
  const next = at(event);
  stroke(last, next);
  last = next;
});
for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (last = null));
for (const turn of ["focus", "blur"]) canvas.addEventListener(turn, () => changed(true));
canvas.addEventListener("keydown", (event) => {
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
  if (dx || dy) cursor = [cursor[0] + dx, cursor[1] + dy].map((i) => Math.min(7, Math.max(0, i)));
  else if (event.key === "Enter") pen.fillRect(cursor[0] * CELL, cursor[1] * CELL, CELL, CELL);
  else if (event.key === "Delete" || event.key === "Backspace") pen.clearRect(0, 0, SIZE, SIZE);
  else return;
  event.preventDefault();
  changed(Boolean(dx || dy));
});
