// The loss after each frame of the training.
import { classColours, colour } from "./colours.js";

const canvas = document.getElementById("curves"), context = canvas.getContext("2d");

export function drawCurves(curves) {
  const [minus, plus] = classColours(), left = 44, bottom = 8;
  context.clearRect(0, 0, canvas.width, canvas.height);
  const finite = curves.flat().filter(Number.isFinite);
  // A first loss far above the rest must not flatten it.
  const highest = 1.1 * Math.max(0.01, ...finite.slice(0, 2), ...finite.slice(-2));
  const y = (loss) => canvas.height - bottom - (Math.min(loss, highest) / highest) * (canvas.height - 2 * bottom);
  context.fillStyle = colour("--soft");
  context.font = "12px system-ui, sans-serif";
  context.textAlign = "right";
  for (const loss of [0, highest / 2, highest]) context.fillText(loss.toPrecision(2), left - 8, y(loss) + 4);
  context.lineWidth = 2;
  [plus, minus].forEach((style, which) => {
    context.strokeStyle = style;
    context.beginPath();
    curves.forEach((losses, i) => {
      if (Number.isFinite(losses[which])) context.lineTo(left + (i / Math.max(1, curves.length - 1)) * (canvas.width - left - 5), y(losses[which]));
    });
    context.stroke();
  });
}
