// A headless Chromium driven through its DevTools protocol, over a pipe: no package is needed.
"use strict";
const {spawn} = require("node:child_process"), fs = require("node:fs"), os = require("node:os"), path = require("node:path");

class Browser {
  static async start(program) {
    const profile = fs.mkdtempSync(path.join(os.tmpdir(), "page-"));
    const child = spawn(program, ["--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--force-color-profile=srgb", `--user-data-dir=${profile}`],
      {stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"]});
    const browser = new Browser();
    Object.assign(browser, {child, profile, next: 1, waiting: new Map(), listeners: []});
    let rest = "";
    child.stdio[4].on("data", bytes => {
      const messages = (rest + bytes.toString("utf8")).split("\0");
      rest = messages.pop();
      for (const message of messages) browser.receive(JSON.parse(message));
    });
    child.on("exit", () => browser.waiting.forEach(({reject}) => reject(new Error("Chromium has ended"))));
    return browser;
  }
  receive(message) {
    const {resolve, reject} = this.waiting.get(message.id) ?? {};
    this.waiting.delete(message.id);
    if (message.error) reject?.(new Error(message.error.message));
    else if (message.id) resolve?.(message.result);
    else this.listeners.forEach(listen => listen(message));
  }
  send(method, params = {}, sessionId = undefined) {
    const id = this.next++;
    this.child.stdio[3].write(JSON.stringify({id, method, params, sessionId}) + "\0");
    return new Promise((resolve, reject) => this.waiting.set(id, {resolve, reject}));
  }
  async page() {
    const {targetId} = await this.send("Target.createTarget", {url: "about:blank"});
    const {sessionId} = await this.send("Target.attachToTarget", {targetId, flatten: true});
    return new Page(this, sessionId, targetId).prepare();
  }
  async close() {
    const gone = new Promise(resolve => this.child.on("exit", resolve));
    await this.send("Browser.close").catch(() => {});
    await gone;
    fs.rmSync(this.profile, {recursive: true, force: true, maxRetries: 5});
  }
}

class Page {
  constructor(browser, session, target) {
    Object.assign(this, {browser, session, target, errors: [], requests: [], downloads: []});
    browser.listeners.push(({method, params, sessionId}) => {
      if (sessionId !== session) return;
      if (method === "Runtime.exceptionThrown") this.errors.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
      if (method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(params.type)) this.errors.push(params.args.map(a => a.value ?? a.description).join(" "));
      if (method === "Log.entryAdded" && params.entry.level !== "info" && params.entry.level !== "verbose") this.errors.push(params.entry.text);
      if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
    });
  }
  send(method, params) { return this.browser.send(method, params, this.session); }
  async prepare() {
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await this.send(domain + ".enable");
    return this;
  }
  size(width, height, touch = false) { return this.send("Emulation.setDeviceMetricsOverride", {width, height, deviceScaleFactor: 1, mobile: touch}); }
  prefer(features, media = "") { return this.send("Emulation.setEmulatedMedia", {media, features: Object.entries(features).map(([name, value]) => ({name, value}))}); }
  async open(url) {
    await this.send("Page.navigate", {url: "about:blank"});  // else only the fragment might change
    this.requests.length = 0;
    await this.send("Page.navigate", {url});
    while (!await this.ask("location.href !== 'about:blank' && document.readyState === 'complete'").catch(() => false));
    await this.frames(2);
  }
  // What an expression, or the body of an async function, evaluates to.
  async ask(code) {
    const expression = /\breturn\b/.test(code) ? `(async () => {${code}})()` : code;
    const {result, exceptionDetails} = await this.send("Runtime.evaluate", {expression, awaitPromise: true, returnByValue: true, userGesture: true});
    if (exceptionDetails) throw new Error(`${code}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }
  frames(count) { return this.ask(`for (let i = 0; i < ${count}; ++i) await new Promise(requestAnimationFrame); return 0`); }
  async key(key, count = 1) {
    const codes = {Tab: 9, Enter: 13, " ": 32, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40, Home: 36, End: 35, Escape: 27};
    const text = key === "Enter" ? "\r" : key.length === 1 ? key : undefined;
    for (let i = 0; i < count; ++i) {
      await this.send("Input.dispatchKeyEvent", {type: text ? "keyDown" : "rawKeyDown", key, text, windowsVirtualKeyCode: codes[key] ?? key.charCodeAt(0)});
      await this.send("Input.dispatchKeyEvent", {type: "keyUp", key, windowsVirtualKeyCode: codes[key] ?? key.charCodeAt(0)});
    }
  }
  // The middle of an element, which is scrolled into view.
  middle(selector) {
    return this.ask(`const e = document.querySelector(${JSON.stringify(selector)}); e.scrollIntoView({block: "center"}); const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]`);
  }
  mouse(type, x, y, more = {}) { return this.send("Input.dispatchMouseEvent", {type, x, y, button: "left", ...more}); }
  async click(selector) {
    const [x, y] = await this.middle(selector);
    await this.mouse("mousePressed", x, y, {clickCount: 1});
    await this.mouse("mouseReleased", x, y, {clickCount: 1});
  }
  async drag(selector, dx, dy) {
    const [x, y] = await this.middle(selector);
    await this.mouse("mousePressed", x, y, {buttons: 1, clickCount: 1});
    for (let k = 1; k <= 5; ++k) await this.mouse("mouseMoved", x + dx * k / 5, y + dy * k / 5, {buttons: 1});
    await this.mouse("mouseReleased", x + dx, y + dy, {clickCount: 1});
    await this.frames(2);
  }
  // Of a part of the page as a WebP.
  async picture(file, clip) {
    const {data} = await this.send("Page.captureScreenshot", {format: "webp", quality: 82, captureBeyondViewport: true, clip});
    fs.writeFileSync(file, Buffer.from(data, "base64"));
  }
}

const findChromium = () => [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(name => name && fs.existsSync(name));
module.exports = {Browser, findChromium};
