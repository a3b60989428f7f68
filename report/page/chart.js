// Axes with lines, bands and marks of what diverged; or bars.
const MARGIN = {left: 68, right: 14, top: 12, bottom: 42};

function scaleOf(log, values, low, high, share = false) {
  const usable = values.filter(v => known(v) && (!log || v > 0));
  let [least, most] = usable.length ? d3.extent(usable) : log ? [0.1, 1] : [0, 1];
  if (share) [least, most] = [log ? least : Math.min(least, 0), Math.max(most, 1)];
  if (least === most) [least, most] = log ? [least / 2, most * 2] : [least - 0.5, most + 0.5];
  return (log ? d3.scaleLog() : d3.scaleLinear()).domain([least, most]).range([low, high]);
}

// Ticks of a logarithmic axis that do not touch: powers of ten first, then 5, 2 and the others.
function logTicks(scale, gap) {
  const [low, high] = scale.domain(), first = Math.floor(Math.log10(low)), all = [];
  const decades = d3.range(first, Math.ceil(Math.log10(high)) + 1), every = Math.ceil(decades.length * gap / Math.abs(scale(high) - scale(low)));
  for (const digit of [1, 5, 2, 3, 7]) for (const k of decades) if (k % every === 0 && (digit === 1 || every === 1)) all.push(Number(`${digit}e${k}`));
  const kept = [];
  for (const v of all) if (v >= low * 0.9999 && v <= high * 1.0001 && kept.every(other => Math.abs(scale(v) - scale(other)) >= gap)) kept.push(v);
  return kept.length > 1 ? kept.sort(d3.ascending) : d3.ticks(low, high, 4);
}

function axisOf(axis, scale, log, gap) {
  axis.scale(scale).tickSizeOuter(0);
  if (!log) return axis.ticks(Math.abs(scale.range()[1] - scale.range()[0]) / gap / 1.3).tickFormat(v => number(v));
  return axis.tickValues(logTicks(scale, gap)).tickFormat(v => {
    const power = Math.floor(Math.log10(v) + 1e-9), digit = Math.round(v / 10 ** power);
    return power >= -2 && power <= 3 ? number(v, 3) : (digit > 1 ? digit + "·10" : "10") + raised(power);
  });
}

// Frame, grid, axes and their labels into an empty SVG; a group to draw into, clipped.
let clips = 0;
function drawAxes(svg, width, height, x, y, xLog, yLog, xLabel, yLabel) {
  const m = MARGIN, inner = height - m.bottom, id = `clip${++clips}`;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const axisX = axisOf(d3.axisBottom(), x, xLog, 55), axisY = axisOf(d3.axisLeft(), y, yLog, 26);
  const group = (cls, dx, dy) => svg.appendChild(make("g", {class: cls, transform: `translate(${dx},${dy})`}));
  d3.select(group("grid", 0, inner)).call(axisX.tickSize(m.top - inner)).selectAll("text").remove();
  d3.select(group("grid", m.left, 0)).call(axisY.tickSize(m.left + m.right - width)).selectAll("text").remove();
  d3.select(group("axis", 0, inner)).call(axisX.tickSize(5)).attr("font-size", null);
  d3.select(group("axis", m.left, 0)).call(axisY.tickSize(5)).attr("font-size", null);
  svg.append(make("text", {class: "label", x: (m.left + width - m.right) / 2, y: height - 6, "text-anchor": "middle"}, xLabel),
    make("text", {class: "label", transform: `translate(11,${(m.top + inner) / 2}) rotate(-90)`, "text-anchor": "middle"}, yLabel),
    make("defs", {}, make("clipPath", {id}, make("rect", {x: m.left, y: m.top - 6, width: Math.max(0, width - m.left - m.right) + 6, height: inner - m.top + 12}))));
  return svg.appendChild(make("g", {"clip-path": `url(#${id})`}));
}

function stairsOf(xs, ys) {
  const x = [], y = [];
  xs.forEach((value, i) => {
    if (i) x.push(value), y.push(ys[i - 1]);
    x.push(value), y.push(ys[i]);
  });
  return [x, y];
}

const nameOf = line => methods[line.m].name + (line.label ? ", " + line.label : "");

function chartFigure(chart) {
  if (chart.bars.length) return barFigure(chart);
  const drawn = [...new Set(chart.lines.map(line => line.m))];
  let axis = 0, xLog = chart.x_log, yLog = chart.y_log, width = 480, scales = null;
  const xs = line => line.x[axis];

  const svg = make("svg", {role: "img", tabindex: 0, "aria-label": `${chart.title}: ${chart.y_label} by ${chart.x_labels[0]}. Arrow keys read values; the data are in the table below.`});
  const fill = target => {
    target.replaceChildren();
    const height = clamp(Math.round(0.62 * width), 250, 360), lines = chart.lines.filter(line => shown(line.m));
    const x = scaleOf(xLog, lines.flatMap(xs), MARGIN.left, width - MARGIN.right);
    const y = scaleOf(yLog, lines.flatMap(line => [...line.y, ...line.low, ...line.high]), height - MARGIN.bottom, MARGIN.top, chart.share);
    const group = drawAxes(target, width, height, x, y, xLog, yLog, chart.x_labels[axis], chart.y_label);
    lines.forEach(line => drawLine(group, chart, line, xs(line), x, y, xLog, yLog));
    return {x, y, height, lines};
  };
  const draw = () => { scales = fill(svg); };

  let reading = -1;
  const read = (value, clientX, clientY) => {
    const {x, height, lines} = scales;
    svg.querySelector(".cursor")?.remove();
    if (!lines.length) return;
    const at = x(value);
    svg.append(make("line", {class: "cursor", x1: at, x2: at, y1: MARGIN.top, y2: height - MARGIN.bottom}));
    const words = lines.map(line => {
      const i = chart.stairs ? indexAt(xs(line), value) : nearest(xs(line), value, xLog);
      return i < 0 ? null : `${nameOf(line)}: ${line.y[i] === Infinity ? "diverged" : number(line.y[i])}` +
        (line.low.length ? ` [${number(line.low[i])}, ${number(line.high[i])}]` : "");
    }).filter(Boolean);
    const text = `${chart.x_labels[axis]} ${number(value)}\n${words.join("\n")}`;
    const box = svg.getBoundingClientRect();
    showTip(clientX ?? box.left + at, clientY ?? box.top + box.height / 3, text);
    return text;
  };
  const leave = () => { hideTip(); svg.querySelector(".cursor")?.remove(); };
  const stops = () => [...new Set(scales.lines.flatMap(xs))].filter(v => known(v) && (!xLog || v > 0)).sort(d3.ascending);
  svg.addEventListener("pointermove", event => {
    const all = stops(), value = scales.x.invert(event.clientX - svg.getBoundingClientRect().left);
    if (all.length) read(all[nearest(all, value, xLog)], event.clientX, event.clientY);
  });
  svg.addEventListener("pointerleave", leave);
  svg.addEventListener("blur", leave);
  svg.addEventListener("keydown", event => {
    const all = stops(), move = {ArrowRight: 1, ArrowLeft: -1, PageUp: Math.ceil(all.length / 10), PageDown: -Math.ceil(all.length / 10), Home: -1e9, End: 1e9}[event.key];
    if (event.key === "Escape") leave();
    if (!move || !all.length) return;
    event.preventDefault();
    reading = clamp(reading + move, 0, all.length - 1);
    say(read(all[reading]));
  });

  const tools = [];
  if (chart.x_labels.length > 1)
    tools.push(make("select", {"aria-label": `x axis of ${chart.title}`, change: event => { axis = Number(event.target.value); draw(); fill2(); }},
      ...chart.x_labels.map((name, i) => make("option", {value: i}, "by " + name))));
  tools.push(toggle("log x", `logarithmic x axis of ${chart.title}`, xLog, on => { xLog = on; draw(); }),
    toggle("log y", `logarithmic y axis of ${chart.title}`, yLog, on => { yLog = on; draw(); }));
  const {element, stage, fill: fill2} = figureOf({title: chart.title, note: chart.note, drawn, tools,
    picture: () => { const picture = make("svg"); fill(picture); return picture; }, table: most => chartTable(chart, axis, most)});
  stage.append(svg);
  onWidth(stage, now => { width = now; draw(); });
  return {element, shown: draw};
}

function nearest(all, value, log) {
  const i = d3.bisectLeft(all, value);
  if (i <= 0) return 0;
  if (i >= all.length) return all.length - 1;
  const far = v => log ? Math.abs(Math.log(v / value)) : Math.abs(v - value);
  return far(all[i - 1]) <= far(all[i]) ? i - 1 : i;
}

function drawLine(group, chart, line, xs, x, y, xLog, yLog) {
  const method = methods[line.m], top = MARGIN.top;
  const px = v => known(v) && (!xLog || v > 0) ? x(v) : NaN;
  const py = v => known(v) && (!yLog || v > 0) ? y(v) : NaN;
  let at = xs.map(px), height = line.y.map(py);
  const faint = line.label ? " faint" : "";
  if (line.low.length) {
    // What is 0 or less on a logarithmic axis lies below the picture, what is infinite above it.
    const edge = v => v === null || Number.isNaN(v) ? NaN : v === Infinity ? top - 10 : yLog && v <= 0 || v === -Infinity ? y.range()[0] + 10 : y(v);
    const here = i => Number.isFinite(at[i]) && Number.isFinite(edge(line.low[i])) && Number.isFinite(edge(line.high[i]));
    const area = d3.area().x((_, i) => at[i]).y0((_, i) => edge(line.low[i])).y1((_, i) => edge(line.high[i])).defined((_, i) => here(i));
    if (chart.stairs) area.curve(d3.curveStepAfter);
    group.append(make("path", {class: "band", "data-method": method.name, fill: method.colour, d: area(line.low) ?? ""}));
    const alone = d3.range(at.length).filter(i => here(i) && !here(i - 1) && !here(i + 1));  // of no width
    if (alone.length) group.append(make("path", {class: "faint", stroke: method.colour, d: alone.map(i => `M${at[i].toFixed(1)},${edge(line.low[i]).toFixed(1)}V${edge(line.high[i]).toFixed(1)}`).join("")}));
  }
  const lost = i => line.y[i] === Infinity || line.high[i] === Infinity;
  const failed = at.filter((v, i) => Number.isFinite(v) && lost(i) && (at.length <= 24 || !lost(i - 1)));  // of many, where they begin
  const marks = markAt(at, height);
  if (chart.stairs) [at, height] = stairsOf(at, height);
  group.append(make("path", {class: "line" + faint, "data-method": method.name, stroke: method.colour, "stroke-dasharray": method.dash, d: new Trace(at, height).text}));
  for (const [mx, my] of marks)
    group.append(make("path", {class: "head-mark" + faint, d: method.mark, fill: method.colour, transform: `translate(${mx.toFixed(1)},${my.toFixed(1)})`}));
  for (const v of failed) {  // under those of other methods at the same place
    const above = [...group.querySelectorAll(".failed")].filter(other => Math.abs(other.dataset.x - v) < 8).length;
    group.append(make("path", {class: "failed", "data-x": v, stroke: method.colour, d: "M-4,-4L4,4M-4,4L4,-4", transform: `translate(${v.toFixed(1)},${top + 2 + 11 * above})`}));
  }
}

// Where marks go: all of a few points, else some that lie apart, so that they do not hide the line.
function markAt(xs, ys) {
  const all = xs.map((x, i) => [x, ys[i]]).filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  if (all.length <= 24) return all;
  const marks = [];
  for (const p of all) if (!marks.length || p[0] - marks[marks.length - 1][0] > 70) marks.push(p);
  return marks;
}

// x in the first column, a column for each line.
function chartTable(chart, axis, most) {
  const all = [...new Set(chart.lines.flatMap(line => line.x[axis]).filter(known))].sort(d3.ascending);
  const rows = thin(all, most);
  const cell = (line, value) => {
    const i = indexAt(line.x[axis], value);
    if (i < 0) return "";
    if (!chart.stairs && line.x[axis].length <= 60 && line.x[axis][i] !== value) return "";
    return (line.y[i] === Infinity ? "diverged" : number(line.y[i])) + (line.low.length ? ` [${number(line.low[i])}, ${number(line.high[i])}]` : "");
  };
  return {columns: [chart.x_labels[axis], ...chart.lines.map(nameOf)], rows: rows.map(value => [number(value), ...chart.lines.map(line => cell(line, value))])};
}

// At most so many of a list, first and last among them, denser at the beginning.
function thin(list, most) {
  if (list.length <= most) return list;
  const picked = new Set();
  for (let k = 0; k < most; ++k) picked.add(Math.round((list.length - 1) * (k / (most - 1)) ** 2));
  return [...picked].map(i => list[i]);
}

function barFigure(chart) {
  let width = 480;
  const svg = make("svg", {role: "img", "aria-label": `${chart.title}. The data are in the table below.`});
  const fill = target => {
    const bars = chart.bars.filter(bar => shown(bar.m)), step = 42, high = 6 + step * bars.length;
    const x = d3.scaleLinear().domain([0, d3.max([chart.share ? 1 : 0, ...chart.bars.map(bar => bar.value).filter(Number.isFinite)]) || 1]).range([0, width - 76]).clamp(true);
    target.replaceChildren();
    target.setAttribute("viewBox", `0 0 ${width} ${high + 26}`);
    bars.forEach((bar, i) => {
      const method = methods[bar.m], y = 6 + step * i, end = Math.max(2, x(bar.value));
      target.append(make("text", {class: "label", x: 8, y: y + 12}, method.name),
        make("rect", {class: "bar", "data-method": method.name, x: 8, y: y + 18, width: end, height: 14, fill: method.colour}),
        make("text", {x: 8 + end + 7, y: y + 30}, bar.text || number(bar.value)));
    });
    target.append(make("line", {x1: 8, x2: 8, y1: 6, y2: high, stroke: "var(--soft)"}), make("text", {class: "label", x: 8, y: high + 18}, chart.y_label));
  };
  const draw = () => fill(svg);
  const {element, stage} = figureOf({title: chart.title, note: chart.note, drawn: [], wide: chart.bars.length > 12, picture: () => { const picture = make("svg"); fill(picture); return picture; },
    table: () => ({columns: ["method", chart.y_label], rows: chart.bars.map(bar => [methods[bar.m].name, bar.text || number(bar.value)])})});
  stage.append(svg);
  onWidth(stage, now => { width = now; draw(); });
  return {element, shown: draw};
}
