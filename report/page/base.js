// The data, small makers of elements, texts of numbers, and what the reader looks at.
const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";

// make("p", {class: "note"}, "text", child): attributes that are functions listen to events.
function make(tag, attributes = {}, ...children) {
  const space = ["svg", "g", "path", "line", "rect", "text", "circle", "clipPath", "defs", "title", "desc"].includes(tag);
  const element = space ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== undefined && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter(child => child !== undefined && child !== null));
  return element;
}

function number(value, digits = 4) {
  if (value === null || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(digits - 2).replace(/\.?0*e/, "e")
                                                          : String(size < 1e4 ? Number(value.toPrecision(digits)) : Math.round(value));
  return text.replace("-", "−").replace("e+", "e").replace("e-", "e−");
}

const raised = exponent => String(exponent).replace(/./g, c => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]);
const point = (x, y) => `(${number(x)}, ${number(y)})`;
const known = value => value !== null && Number.isFinite(value);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// A method has one colour, dash and mark on the whole page.
const DASHES = ["", "8 4", "2.5 3.5", "9 3 2 3", "14 4", "4.5 2.5", "9 3 2 3 2 3", "1.5 5"];
const MARKS = [
  "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z", "M-3.6,-3.6h7.2v7.2h-7.2z", "M0,-4.8L4.6,3.4H-4.6z", "M0,-5.2L5.2,0L0,5.2L-5.2,0z",
  "M0,4.8L4.6,-3.4H-4.6z", "M-1.5,-4.6h3v3.1h3.1v3h-3.1v3.1h-3v-3.1h-3.1v-3h3.1z",
  "M0,-5L1.4,-1.6 5,-1.5 2.2,0.8 3.1,4.4 0,2.4 -3.1,4.4 -2.2,0.8 -5,-1.5 -1.4,-1.6z", "M0,-4.8L4.6,-1.5 2.8,3.9 -2.8,3.9 -4.6,-1.5z",
];
const methods = data.methods.map((name, i) => ({
  name, colour: `var(--c${i % 8})`, property: `--c${i % 8}`, dash: DASHES[(i + Math.floor(i / 8)) % 8], mark: MARKS[(i + 3 * Math.floor(i / 8)) % 8],
}));
const sample = method => make("svg", {viewBox: "0 0 34 12", width: 34, height: 12, "aria-hidden": "true"},
  make("line", {x1: 0, x2: 34, y1: 6, y2: 6, stroke: method.colour, "stroke-width": 2.2, "stroke-dasharray": method.dash}),
  make("path", {d: method.mark, transform: "translate(17,6)", fill: method.colour}));
const colourOf = property => getComputedStyle(document.documentElement).getPropertyValue(property).trim();

// What the reader looks at. Figures that are on the page listen: shown() when methods are switched, at(step), light().
const view = {problem: 0, landscape: 0, shown: new Set(methods.keys()), step: 0, figures: []};
const tell = (what, ...values) => view.figures.forEach(figure => figure[what]?.(...values));
const shown = m => view.shown.has(m);

// The address's fragment carries it: #problem=beale&landscape=2&show=adam&show=sgd&step=120
function readFragment() {
  const said = new URLSearchParams(location.hash.slice(1));
  const problem = data.problems.findIndex(p => p.name === said.get("problem"));
  const names = said.getAll("show"), some = new Set([...methods.keys()].filter(m => names.includes(methods[m].name)));
  return {
    problem: Math.max(problem, 0),
    landscape: Math.max(Number.parseInt(said.get("landscape")) - 1, 0) || 0,
    shown: some.size || names.length && names.every(name => name === "") ? some : new Set(methods.keys()),  // names of another page are none
    step: /^\d+$/.test(said.get("step") ?? "") ? Number(said.get("step")) : null,
  };
}

let written = location.hash, waiting = 0;
function writeFragment() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const said = new URLSearchParams();
    if (data.problems.length) said.set("problem", data.problems[view.problem].name);
    if (view.landscape) said.set("landscape", view.landscape + 1);
    if (view.shown.size < methods.length) {
      if (!view.shown.size) said.append("show", "");
      for (const m of view.shown) said.append("show", methods[m].name);
    }
    if (view.step !== null) said.set("step", view.step);
    written = "#" + said;
    history.replaceState(null, "", written);
  }, 120);
}

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const say = text => { document.getElementById("said").textContent = text; };

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {  // not allowed from some disks
    const area = make("textarea", {class: "unseen"}, text);
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  const before = button.textContent;
  button.textContent = "copied";
  say("copied");
  setTimeout(() => { button.textContent = before; }, 1200);
}
