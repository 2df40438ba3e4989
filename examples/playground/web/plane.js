// Points in the plane, and the regions of the classes.
import * as core from "./core.js";
import { classColours, colour, rgb } from "./colours.js";

const SQUARES = 60;
const canvas = document.getElementById("plane"), context = canvas.getContext("2d");
const small = new OffscreenCanvas(SQUARES, SQUARES);
let points, classes, view;

// Shows these points, three numbers for each: its place and its class.
export function setPoints(samples, count) {
  points = samples;
  classes = count;
  let most = 0;
  for (let i = 0; i < points.length; i += 3) most = Math.max(most, Math.abs(points[i]), Math.abs(points[i + 1]));
  view = { left: -1.1 * most, bottom: -1.1 * most, width: 2.2 * most };
}

// The place in the plane of a mouse event.
export function placeOf(event) {
  const box = canvas.getBoundingClientRect();
  return [
    view.left + ((event.clientX - box.left) / box.width) * view.width,
    view.bottom + (1 - (event.clientY - box.top) / box.height) * view.width,
  ];
}

export function drawPlane(probe) {
  const colours = classColours();
  drawRegions(colours);
  const trained = 3 * Math.round((points.length / 3) * 0.75);
  for (let i = 0; i < points.length; i += 3) {
    dot(points[i], points[i + 1], 3);
    context.fillStyle = context.strokeStyle = colours[points[i + 2]];
    i < trained ? context.fill() : context.stroke();
  }
  dot(...probe, 6);
  context.strokeStyle = colour("--text");
  context.stroke();
}

function dot(x, y, radius) {
  context.beginPath();
  context.arc(((x - view.left) / view.width) * canvas.width, canvas.height - ((y - view.bottom) / view.width) * canvas.height, radius, 0, 2 * Math.PI);
}

function drawRegions(colours) {
  const shares = core.numbers("regions", SQUARES, view.left, view.bottom, view.width);
  const back = rgb(colour("--back")), parts = colours.map(rgb), image = context.createImageData(SQUARES, SQUARES);
  for (let i = 0; i < SQUARES * SQUARES; i++) {
    for (let k = 0; k < 3; k++) {
      let mixed = 0;
      for (let c = 0; c < classes; c++) mixed += shares[i * classes + c] * parts[c][k];
      image.data[4 * i + k] = 0.55 * back[k] + 0.45 * mixed;
    }
    image.data[4 * i + 3] = 255;
  }
  small.getContext("2d").putImageData(image, 0, 0);
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}
