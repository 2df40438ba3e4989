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
    if (!(await until("window.scoresAt !== undefined"))) throw new Error("the page does not start");
  };
  const press = async (key) => {
    for (const type of ["keyDown", "keyUp"]) await page("Input.dispatchKeyEvent", { type, key, text: type === "keyDown" ? key : undefined });
  };

  await open("data=xor&seed=3&noise=0.02&rate=0.03");
  check("the page starts with what the address says", await run("document.querySelector('[name=data]').value") === "xor");
  await press("s");
  check("S takes a single step", (await run("window.playground.steps")) === 1);
  await press(" ");
  check("Space trains XOR to 95 %", await until("window.playground.testAccuracy >= 0.95"), await run("document.querySelector('#status').textContent"));
  await press(" ");
  const steps = await run("window.playground.steps");
  await sleep(300);
  check("Space pauses", (await run("window.playground.steps")) === steps);

  const model = join(folder, "network.safetensors");
  writeFileSync(model, Buffer.from(await run("window.saved()"), "base64"));
  const native = execFileSync(predict, [model, "0.3", "-0.4"], { encoding: "utf8" }).trim().split("\n").map(Number);
  const here = await run("window.scoresAt(0.3, -0.4)");
  const off = Math.max(...native.map((score, i) => Math.abs(score - here[i]) / Math.max(1, Math.abs(score))));
  check("the saved model predicts the same natively", native.length === 2 && off < 1e-5, `off by ${off.toExponential(1)}`);

  await run("document.querySelector('#add').click()");
  const link = await run("location.hash");
  check("a layer is added, and the address says so", link.includes("layers=8,8,8"), link);
  await open(link.slice(1));
  check("the link restores the state", (await run("document.querySelectorAll('[data-layer]').length")) === 3);
  await open("data=moons&layers=0");
  check("a wrong link is explained", (await run("document.querySelector('#error').textContent")).includes("layers"));

  await open("data=spirals&seed=1&layers=16,16&noise=0.05&rate=0.02");
  await run("document.querySelector('#run').click()");
  check("the button trains two spirals to 95 %", await until("window.playground.testAccuracy >= 0.95", 120), await run("document.querySelector('#status').textContent"));
  const frames = await run("new Promise((done) => { const from = window.playground.frames; setTimeout(() => done(window.playground.frames - from), 2000); })");
  console.log(`${frames / 2} frames a second while a 2-16-16-2 network trains on 300 points`);
  await run("document.querySelector('#run').click()");

  if (picture) {
    await page("Emulation.setDeviceMetricsOverride", { width: 1000, height: 760, deviceScaleFactor: 1, mobile: false });
    writeFileSync(picture, Buffer.from((await page("Page.captureScreenshot", {})).data, "base64"));
  }
  for (const [scheme, back] of [["dark", "rgb(23, 25, 28)"], ["light", "rgb(255, 255, 255)"]]) {
    await page("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    check(`${scheme} where the system is`, (await run("getComputedStyle(document.body).backgroundColor")) === back);
  }
  // The page is light again; a region is mixed from white and the colour of its class.
  await run("document.querySelector('#step').click()");
  const corner = await run("[...document.querySelector('#plane').getContext('2d').getImageData(1, 1, 1, 1).data]");
  check("regions are light where the page is", corner.slice(0, 3).every((part) => part >= 0.5 * 255), corner);
  await page("Emulation.setDeviceMetricsOverride", { width: 360, height: 720, deviceScaleFactor: 1, mobile: true });
  check("fits a phone", await run("document.documentElement.scrollWidth <= 360"), `${await run("document.documentElement.scrollWidth")} pixels wide`);
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
