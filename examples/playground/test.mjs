// Uses the page as a person would, in headless Chromium: node test.mjs CHROMIUM PREDICT [PICTURE.png]
//
// PREDICT is the program of src/predict.rs. No package is needed: Chromium is driven through a pipe.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [chromium, predict, picture] = process.argv.slice(2);
const types = { html: "text/html", js: "text/javascript", css: "text/css", wasm: "application/wasm" };
const server = createServer((request, response) => {
  const name = new URL(request.url, "http://localhost").pathname.slice(1) || "index.html";
  try {
    const content = readFileSync(join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "web", name));
    response.writeHead(200, { "content-type": types[name.split(".").pop()] }).end(content);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const home = `http://127.0.0.1:${server.address().port}/`;

const folder = mkdtempSync(join(tmpdir(), "neuropil-playground-"));
const browser = spawn(chromium, [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", `--user-data-dir=${folder}/profile`, "--remote-debugging-pipe", "about:blank",
], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
const answers = new Map();
let rest = "", last = 0;
browser.stdio[4].on("data", (data) => {
  const messages = (rest + data).split("\0");
  rest = messages.pop();
  for (const message of messages.map((text) => JSON.parse(text))) answers.get(message.id)?.(message);
});
const ask = (method, params = {}, sessionId) => new Promise((answer, refuse) => {
  answers.set(++last, (message) => (message.error ? refuse(new Error(message.error.message)) : answer(message.result)));
  browser.stdio[3].write(JSON.stringify({ id: last, method, params, sessionId }) + "\0");
});

let passed = 0, failed = 0;
const check = (what, good, seen = "") => {
  good ? passed++ : failed++;
  console.log(`${good ? "ok    " : "FAILED"} ${what} ${seen}`);
};
try {
  const { targetId } = await ask("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await ask("Target.attachToTarget", { targetId, flatten: true });
  const page = (method, params) => ask(method, params, sessionId);
  const run = async (expression) => {
    const { result, exceptionDetails } = await page("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  const sleep = (time) => new Promise((done) => setTimeout(done, time));
  const until = async (expression, seconds = 60) => {
    for (const end = Date.now() + 1000 * seconds; Date.now() < end; await sleep(100)) if (await run(expression).catch(() => false)) return true;
    return false;
  };
  const open = async (settings) => {
    await page("Page.navigate", { url: "about:blank" });
    await page("Page.navigate", { url: home + "#" + settings });
    if (!(await until("window.scoresOf !== undefined"))) throw new Error("the page does not start");
  };
  const picturesFolder = process.env.PICTURES;
  // A picture of the page in the folder PICTURES, where one is named: for the eye.
  const look = async (name, width, height, file = picturesFolder && join(picturesFolder, `${name}.png`)) => {
    if (!file) return;
    await page("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 500 });
    await sleep(200);
    writeFileSync(file, Buffer.from((await page("Page.captureScreenshot", {})).data, "base64"));
    await page("Emulation.clearDeviceMetricsOverride", {});
  };
  const press = async (key) => {
    for (const type of ["keyDown", "keyUp"]) await page("Input.dispatchKeyEvent", { type, key, text: type === "keyDown" ? key : undefined });
  };

  await open("data=xor&seed=3&noise=0.02&rate=0.03");
  check("the page starts with what the address says", await run("document.querySelector('[name=data]').value") === "xor");
  await run("document.querySelector(\"[data-layer='1'][data-unit='2']\").click()");
  check("before a single step, a neuron says what to do", await run("document.querySelector('#neuron').textContent.includes('Take a single step')"));
  await press("s");
  check("S takes a single step", (await run("window.playground.steps")) === 1);
  await press(" ");
  check("Space trains XOR to 95 %", await until("window.playground.testAccuracy >= 0.95"), await run("document.querySelector('#status').textContent"));
  await press(" ");
  const steps = await run("window.playground.steps");
  await sleep(300);
  check("Space pauses", (await run("window.playground.steps")) === steps);

  // A single step has all its numbers: a neuron's formula, and each gradient.
  await press("s");
  const formulaOff = (layer, unit) => run(`(() => {
    document.querySelector("[data-layer='${layer}'][data-unit='${unit}']").click();
    const formula = document.querySelector("#formula").firstChild.textContent;
    const sum = Function("return " + formula.replaceAll("=", "").replaceAll("·", "*").replaceAll("−", "-"))();
    return Math.abs(sum - Number(document.querySelector("#result").dataset.value));
  })()`);
  for (const [layer, unit] of [[1, 2], [2, 7], [3, 1]]) {
    const off = await formulaOff(layer, unit);
    check(`the formula of neuron ${unit + 1} in layer ${layer} gives its value`, off < 2e-3, `off by ${off.toExponential(1)}`);
  }
  check("a row for each weight and the bias", (await run("document.querySelectorAll('#neuron tbody tr').length")) === 9);
  check("the crate's drawing of the step", await run("document.querySelector('#drawing svg') !== null"));
  check("the step as text", await run("document.querySelector('#text').textContent.includes('W3')"));
  const canvas = () => run("document.querySelector('#edges').toDataURL()");
  const weights = await canvas();
  await run("(() => { const lines = document.querySelector('#lines'); lines.value = 'gradients'; lines.dispatchEvent(new Event('change')); })()");
  check("lines show gradients instead of weights", (await canvas()) !== weights);
  await run("(() => { const lines = document.querySelector('#lines'); lines.value = 'weights'; lines.dispatchEvent(new Event('change')); })()");
  check("and weights again", (await canvas()) === weights);

  const model = join(folder, "network.safetensors");
  writeFileSync(model, Buffer.from(await run("window.saved()"), "base64"));
  const native = execFileSync(predict, [model, "0.3", "-0.4"], { encoding: "utf8" }).trim().split("\n").map(Number);
  const here = await run("window.scoresOf([0.3, -0.4])");
  const off = Math.max(...native.map((score, i) => Math.abs(score - here[i]) / Math.max(1, Math.abs(score))));
  check("the saved model predicts the same natively", native.length === 2 && off < 1e-5, `off by ${off.toExponential(1)}`);

  await run("document.querySelector('#add').click()");
  const link = await run("location.hash");
  check("a layer is added, and the address says so", link.includes("layers=8,8,8"), link);
  await open(link.slice(1));
  check("the link restores the state", (await run("document.querySelectorAll('input[data-layer]').length")) === 3);
  await open("data=moons&layers=0");
  check("a wrong link is explained", (await run("document.querySelector('#error').textContent")).includes("layers"));

  await open("data=spirals&seed=1&layers=16,16&noise=0.05&rate=0.02");
  await run("document.querySelector('#run').click()");
  check("the button trains two spirals to 95 %", await until("window.playground.testAccuracy >= 0.95", 120), await run("document.querySelector('#status').textContent"));
  const [frames, busy, time] = await run(`new Promise((done) => {
    const { frames, busy } = window.playground, began = performance.now();
    setTimeout(() => done([window.playground.frames - frames, window.playground.busy - busy, performance.now() - began]), 3000);
  })`);
  console.log(`${(1000 * frames / time).toFixed(1)} frames a second while a 2-16-16-2 network trains on 400 points (a quarter kept apart); ` +
    `an epoch and its pictures take ${(busy / frames).toFixed(1)} ms of a frame`);
  await run("document.querySelector('#run').click()");
  await look("spirals", 1000, 800, picture);

  // With SGD, each weight of a neuron moves by the rate times its gradient.
  await open("data=moons&optimizer=sgd&rate=0.5");
  await press("s");
  await run("document.querySelector(\"[data-layer='2'][data-unit='0']\").click()");
  const astray = await run(`Math.max(...[...document.querySelectorAll("#neuron tbody tr")].map((row) => {
    const [weight, gradient, after] = [...row.querySelectorAll("td")].map((cell) => Number(cell.textContent.replaceAll("−", "-")));
    return Math.abs(weight - 0.5 * gradient - after);
  }))`);
  check("a single step moves weights as SGD says", astray < 2e-4, `off by ${astray.toExponential(1)}`);

  for (const loss of ["smoothed", "hinge", "mse"]) {
    await open(`data=moons&layers=8&loss=${loss}&rate=0.05`);
    await press(" ");
    check(`the loss ${loss} trains moons to 90 %`, await until("window.playground.testAccuracy >= 0.9"), await run("document.querySelector('#status').textContent"));
    await press(" ");
  }

  await open("data=moons&layers=8,8&activation=relu&optimizer=sgd&rate=100");
  await run("document.querySelector('#doctor').open = true");
  check("the doctor finds that updates are too large", await until("document.querySelector('#findings').textContent.includes('LargeUpdates')", 5), await run("document.querySelector('#findings').textContent.split('\\n')[0]"));
  await look("doctor", 1000, 1500);

  await open("data=digits&layers=32&activation=relu&rate=0.003&seed=2");
  await press(" ");
  check("digits are learnt to 95 %", await until("window.playground.testAccuracy >= 0.95", 120), await run("document.querySelector('#status').textContent"));
  await press(" ");
  await run("document.querySelector('#pad').scrollIntoView({ block: 'center' })");
  // A one and a zero, drawn with the mouse.
  const drawLine = async (places) => {
    const pad = await run("(({ left, top, width, height }) => ({ left, top, width, height }))(document.querySelector('#pad').getBoundingClientRect())");
    const mouse = (type, [x, y]) => page("Input.dispatchMouseEvent", {
      type, x: pad.left + x * pad.width, y: pad.top + y * pad.height, button: "left", buttons: type === "mouseReleased" ? 0 : 1, clickCount: 1,
    });
    await mouse("mousePressed", places[0]);
    for (const place of places.slice(1)) await mouse("mouseMoved", place);
    await mouse("mouseReleased", places.at(-1));
  };
  const read = () => run("document.querySelector('#bars .best').textContent");
  const circle = Array.from({ length: 25 }, (_, i) => [0.5 + 0.22 * Math.sin(i * Math.PI / 12), 0.5 - 0.36 * Math.cos(i * Math.PI / 12)]);
  for (const [digit, places] of [["0", circle], ["1", [[0.38, 0.28], [0.52, 0.12], [0.52, 0.88]]], ["7", [[0.25, 0.15], [0.72, 0.15], [0.5, 0.5], [0.42, 0.88]]]]) {
    await run("document.querySelector('#clear').click()");
    await drawLine(places);
    check(`a drawn ${digit} is read`, (await read()) === digit, `as ${await read()}`);
  }
  await look("digits", 1000, 900);
  const seven = await run("window.drawnPixels()");
  check("a neuron has the activation of the drawn digit", await run(`(() => {
    const value = Number(document.querySelector("[data-layer='0'][data-unit='3']").ariaLabel.split(": ")[1]);
    return Math.abs(value - window.drawnPixels()[3]) < 1e-3 && value > 0;
  })()`));
  await run("document.querySelector('#clear').click()");
  await run("document.querySelector('#pad').focus()");
  for (const key of ["ArrowUp", "Enter", "ArrowRight", "Enter"]) await page("Input.dispatchKeyEvent", { type: "keyDown", key });
  check("keys draw, too", (await run("window.drawnPixels().some((pixel) => pixel === 1)")));
  writeFileSync(model, Buffer.from(await run("window.saved()"), "base64"));
  const natively = execFileSync(predict, [model, ...seven.map(String)], { encoding: "utf8" }).trim().split("\n").map(Number);
  const inPage = await run(`window.scoresOf([${seven}])`);
  const apart = Math.max(...natively.map((score, i) => Math.abs(score - inPage[i]) / Math.max(1, Math.abs(score))));
  check("a saved network of digits predicts the same natively", natively.length === 10 && apart < 1e-5, `off by ${apart.toExponential(1)}`);
  await press("s");
  const off64 = await formulaOff(1, 5);
  check("the formula of 64 pixels gives the neuron's value", off64 < 2e-2, `off by ${off64.toExponential(1)}`);

  for (const [scheme, back] of [["dark", "rgb(23, 25, 28)"], ["light", "rgb(255, 255, 255)"]]) {
    await page("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    check(`${scheme} where the system is`, (await run("getComputedStyle(document.body).backgroundColor")) === back);
    await open("data=spirals3&layers=8,8&seed=1");
    await press("s");
    await run("document.querySelector(\"[data-layer='1'][data-unit='2']\").click()");
    await look(scheme, 1000, 1800);
  }
  // The page is light again; a region is mixed from white and the colour of its class.
  await run("document.querySelector('#step').click()");
  const corner = await run("[...document.querySelector('#plane').getContext('2d').getImageData(1, 1, 1, 1).data]");
  check("regions are light where the page is", corner.slice(0, 3).every((part) => part >= 0.5 * 255), corner);
  await page("Emulation.setDeviceMetricsOverride", { width: 360, height: 720, deviceScaleFactor: 1, mobile: true });
  check("the points fit a phone", await run("document.documentElement.scrollWidth <= 360"), `${await run("document.documentElement.scrollWidth")} pixels wide`);
  await run("document.querySelector(\"[data-layer='1'][data-unit='2']\").click()");
  await look("phone", 360, 2600);
  for (const settings of ["data=digits&layers=64,32", "data=moons&layers=64,64,64,64,64,64"]) {
    await page("Emulation.setDeviceMetricsOverride", { width: 360, height: 720, deviceScaleFactor: 1, mobile: true });
    await open(settings);
    check(`${settings} fits a phone`, await run("document.documentElement.scrollWidth <= 360"), `${await run("document.documentElement.scrollWidth")} pixels wide`);
  }
  await look("phone-digits", 360, 2000);
} catch (error) {
  check("no error", false, error.stack);
} finally {
  browser.kill();
  server.close();
  await new Promise((done) => setTimeout(done, 300));
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
