// What every figure has: a title, buttons that save it, what the pointer is over, and its data as a table.
const STYLES = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap", "stroke-linejoin",
  "opacity", "font-size", "font-family", "text-anchor", "display", "vector-effect"];

// A copy that needs no style sheet.
function standalone(svg) {
  const copied = svg.cloneNode(true);
  const from = [svg, ...svg.querySelectorAll("*")], to = [copied, ...copied.querySelectorAll("*")];
  from.forEach((element, i) => {
    const style = getComputedStyle(element);
    to[i].setAttribute("style", STYLES.map(name => `${name}:${style.getPropertyValue(name)}`).join(";"));
    for (const name of ["class", "tabindex", "aria-label", "role"]) to[i].removeAttribute(name);
  });
  const {width, height} = svg.viewBox.baseVal;
  copied.setAttribute("xmlns", SVG);
  copied.setAttribute("width", width);
  copied.setAttribute("height", height);
  copied.prepend(make("rect", {width, height, fill: colourOf("--card")}));
  return new XMLSerializer().serializeToString(copied);
}

function download(content, type, name) {
  const url = URL.createObjectURL(new Blob([content], {type}));
  make("a", {href: url, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

// The key of a picture that leaves the page: which colour, dash and mark is which method.
function withLegend(svg, width, height, drawn) {
  const list = drawn.filter(shown), rows = [[]];
  let at = 0;
  for (const m of list) {
    const wide = 52 + 7.3 * methods[m].name.length;  // letters of a wide font
    if (at + wide > width && at > 0) rows.push([]), at = 0;
    rows[rows.length - 1].push([m, at]);
    at += wide;
  }
  rows.forEach((row, r) => row.forEach(([m, x]) => svg.append(
    make("g", {transform: `translate(${x + 6},${height + 14 + 20 * r})`}, sample(methods[m]), make("text", {class: "label", x: 40, y: 10}, methods[m].name)))));
  svg.setAttribute("viewBox", `0 0 ${width} ${height + 16 + 20 * rows.length}`);
  return svg;
}

// picture(): an SVG of it, complete with a viewBox. table(most): {columns, rows} of texts, at most so many rows.
function figureOf({title, note, drawn, picture, table, tools = [], wide = false}) {
  const file = title.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").toLowerCase() || "figure";
  const complete = () => {
    const svg = picture(), {width, height} = svg.viewBox.baseVal;
    const holder = make("div", {class: "unseen"}, withLegend(svg, width, height, drawn));
    document.body.append(holder);
    const text = standalone(svg);
    holder.remove();
    return text;
  };
  const png = () => {
    const text = complete(), image = new Image();
    image.onload = () => {
      const canvas = make("canvas", {width: 2 * image.width, height: 2 * image.height});
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob(blob => download(blob, "image/png", file + ".png"));
    };
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(text);
  };
  const rows = make("tbody"), heads = make("tr");
  const fill = () => {  // all of a long table for those who open it
    const {columns, rows: lines} = table(details.open ? Infinity : 40);
    heads.replaceChildren(...columns.map(name => make("th", {scope: "col"}, name)));
    rows.replaceChildren(...lines.map(line => make("tr", {}, ...line.map((cell, i) => make(i ? "td" : "th", i ? {} : {scope: "row"}, cell)))));
  };
  const details = make("details", {toggle: () => fill()}, make("summary", {}, "Data"),
    make("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": `Data of ${title}`},
      make("table", {}, make("caption", {class: "unseen"}, title), make("thead", {}, heads), rows)));
  const stage = make("div", {class: "stage"});
  const element = make("figure", {class: wide ? "wide" : null, "aria-label": title},
    make("div", {class: "head"}, make("h3", {}, title),
      make("div", {class: "tools"}, ...tools,
        make("button", {type: "button", title: "Save as SVG", "aria-label": `Save ${title} as SVG`, click: () => download(complete(), "image/svg+xml", file + ".svg")}, "SVG"),
        make("button", {type: "button", title: "Save as PNG", "aria-label": `Save ${title} as PNG`, click: png}, "PNG"))),
    stage,
    note ? make("figcaption", {class: "note"}, note) : null,
    details);
  fill();
  return {element, stage, fill};
}

// A button that stays pressed.
function toggle(text, name, pressed, change) {
  const button = make("button", {type: "button", "aria-pressed": pressed, "aria-label": name, click: () => {
    const now = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", now);
    change(now);
  }}, text);
  return button;
}

const tip = document.getElementById("tip");
function showTip(x, y, text) {  // beside a point of the window
  tip.hidden = false;
  tip.textContent = text;
  const box = tip.getBoundingClientRect(), room = document.documentElement.clientWidth;
  const left = x + 14 + box.width < room ? x + 14 : Math.max(4, x - 14 - box.width);
  const top = y + 14 + box.height < innerHeight ? y + 14 : y - 14 - box.height;
  tip.style.left = `${left + scrollX}px`;
  tip.style.top = `${Math.max(4, top) + scrollY}px`;
}
const hideTip = () => { tip.hidden = true; };

// Draws anew when the width has changed; at first when it is on the page.
function onWidth(element, draw) {
  let width = 0;
  new ResizeObserver(() => {
    const now = Math.round(element.clientWidth);
    if (now && now !== width) draw(width = now);
  }).observe(element);
}

// A path whose beginning can be drawn without writing it anew: its text up to each point.
class Trace {
  constructor(xs, ys) {
    const pieces = [];
    this.ends = new Int32Array(xs.length);
    let length = 0, gap = true;
    xs.forEach((x, i) => {
      const here = Number.isFinite(x) && Number.isFinite(ys[i]);
      const piece = here ? (gap ? "M" : "L") + x.toFixed(1) + "," + ys[i].toFixed(1) : "";
      gap = !here;
      pieces.push(piece);
      this.ends[i] = length += piece.length;
    });
    this.text = pieces.join("");
  }
  to(i) { return i < 0 ? "" : this.text.slice(0, this.ends[i]); }
}

// The last i with steps[i] <= step, or -1.
const indexAt = (steps, step) => d3.bisectRight(steps, step) - 1;
