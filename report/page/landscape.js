// A landscape from above: contours, the direction of steepest descent, paths up to the step.

// Values at any point of the grid, and heights on a scale that shows valleys and walls: logarithmic above the minimum.
class Ground {
  constructor(landscape) {
    const {x, y, f, minimum} = landscape;
    Object.assign(this, {nx: x.length, ny: y.length, x0: x[0], y0: y[0], x1: x[x.length - 1], y1: y[y.length - 1], f});
    const values = f.filter(known), [least, most] = values.length ? d3.extent(values) : [0, 1];
    const base = known(minimum) ? minimum : least > 0 ? 0 : null;  // null: a saddle, which has no minimum
    const above = values.map(v => base === null ? Math.abs(v) : v - base).sort(d3.ascending);
    // Contours tell more decades apart than a surface can show without looking jagged.
    this.heights = this.logarithms(base, above, least, most, 0.02);
    this.relief = this.logarithms(base, above, least, most, 0.15);
    this.levels = d3.range(1, 17).map(k => k / 17);
  }
  // 0 … 1: logarithmic from a quantile of the values on, linear below.
  logarithms(base, above, least, most, quantile) {
    const small = Math.max(d3.quantile(above, quantile) || 0, 1e-6 * (most - least), 1e-12);
    const rise = base === null ? v => Math.asinh(v / small) : v => Math.log1p(Math.max(v - base, 0) / small);
    const low = rise(least), wide = Math.max(rise(most) - low, 1e-9);
    return this.f.map(v => known(v) ? (rise(v) - low) / wide : 1);
  }
  between(list, x, y) {  // NaN outside
    const u = (x - this.x0) / (this.x1 - this.x0) * (this.nx - 1), v = (y - this.y0) / (this.y1 - this.y0) * (this.ny - 1);
    if (!(u >= 0 && v >= 0 && u <= this.nx - 1 && v <= this.ny - 1)) return NaN;
    const i = Math.min(Math.floor(u), this.nx - 2), j = Math.min(Math.floor(v), this.ny - 2), a = u - i, b = v - j, at = j * this.nx + i;
    return (1 - b) * ((1 - a) * list[at] + a * list[at + 1]) + b * ((1 - a) * list[at + this.nx] + a * list[at + this.nx + 1]);
  }
  value(x, y) { return this.between(this.f, x, y); }
  slope(x, y) {
    const dx = (this.x1 - this.x0) / (this.nx - 1), dy = (this.y1 - this.y0) / (this.ny - 1);
    const wide = (a, b, d) => Number.isNaN(a) || Number.isNaN(b) ? NaN : (b - a) / d;
    return [wide(this.value(x - dx, y), this.value(x + dx, y), 2 * dx), wide(this.value(x, y - dy), this.value(x, y + dy), 2 * dy)];
  }
}

const sayPath = (landscape, ground, path, i) => {
  const here = `loss ${known(path.loss[i]) ? number(path.loss[i]) : "not finite"}`;
  const plane = landscape.projected ? `, on the surface ${number(ground.value(path.x[i], path.y[i]))}` : "";
  return `step ${path.steps[i]}, ${point(path.x[i], path.y[i])}, ${here}${plane}`;
};

function pathTable(landscape, most) {
  const steps = thin([...new Set(landscape.paths.flatMap(path => path.steps))].sort(d3.ascending), most);
  const cell = (path, step) => {
    const i = indexAt(path.steps, step);
    return i < 0 ? "" : `${point(path.x[i], path.y[i])} ${number(path.loss[i])}`;
  };
  return {columns: ["step", ...landscape.paths.map(path => methods[path.m].name)],
    rows: steps.map(step => [String(step), ...landscape.paths.map(path => cell(path, step))])};
}

const CROSS = "M-7,0H7M0,-7V7";

function contourFigure(landscape, ground) {
  const drawn = landscape.paths.map(path => path.m);
  const svg = make("svg", {role: "img", tabindex: 0, class: "landscape",
    "aria-label": `Contours of ${landscape.title} with the paths of ${drawn.length} methods. Plus and minus zoom, arrow keys move, 0 shows all. The data are in the table below.`});
  let width = 480, height = 440, x, y, transform = d3.zoomIdentity, parts = null;

  const colour = () => d3.interpolateRgb(colourOf("--low"), colourOf("--high"));
  const ground2 = d3.contours().size([ground.nx, ground.ny]).thresholds([-1, ...ground.levels])(ground.heights);
  const outline = ring => ring.map(([u, v], i) => (i ? "L" : "M") + x(ground.x0 + (u - 0.5) / (ground.nx - 1) * (ground.x1 - ground.x0)).toFixed(1) +
    "," + y(ground.y0 + (v - 0.5) / (ground.ny - 1) * (ground.y1 - ground.y0)).toFixed(1)).join("") + "Z";

  const draw = () => {
    height = clamp(Math.round(0.86 * width), 280, 480);
    x = d3.scaleLinear().domain([ground.x0, ground.x1]).range([MARGIN.left, width - MARGIN.right]);
    y = d3.scaleLinear().domain([ground.y0, ground.y1]).range([height - MARGIN.bottom, MARGIN.top]);
    svg.replaceChildren();
    const axes = svg.appendChild(make("g"));
    drawAxes(axes, width, height, x, y, false, false, landscape.x_label, landscape.y_label);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const id = `clip${++clips}`, inner = {x: MARGIN.left, y: MARGIN.top, width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom};
    const clipped = make("g", {"clip-path": `url(#${id})`}), mix = colour();
    const zoomed = make("g"), over = make("g");
    svg.append(make("defs", {}, make("clipPath", {id}, make("rect", inner))), clipped, make("rect", {class: "frame", ...inner}));
    clipped.append(zoomed, over);
    ground2.forEach((level, k) => zoomed.append(make("path", {class: "contour", fill: mix(k / ground2.length), d: level.coordinates.map(rings => rings.map(outline).join("")).join("")})));
    const paths = landscape.paths.map(path => {
      const method = methods[path.m], trace = new Trace(path.x.map(v => known(v) ? x(v) : NaN), path.y.map(v => known(v) ? y(v) : NaN));
      const halo = make("path", {class: "halo"}), line = make("path", {class: "line", "data-method": method.name, stroke: method.colour, "stroke-dasharray": method.dash});
      const mark = make("path", {class: "head-mark", d: method.mark, fill: method.colour});
      zoomed.append(halo, line);
      return {path, trace, halo, line, mark};
    });
    const arrows = make("path", {class: "arrow"}), fixed = make("g");
    over.append(arrows, ...paths.map(p => p.mark), fixed);
    parts = {axes, zoomed, arrows, fixed, paths};
    zoom.extent([[inner.x, inner.y], [inner.x + inner.width, inner.y + inner.height]]).translateExtent([[inner.x, inner.y], [inner.x + inner.width, inner.y + inner.height]]);
    show();
    place();
  };

  const place = () => {  // after a zoom
    const fx = transform.rescaleX(x), fy = transform.rescaleY(y);
    parts.zoomed.setAttribute("transform", transform);
    parts.axes.replaceChildren();
    drawAxes(parts.axes, width, height, fx, fy, false, false, landscape.x_label, landscape.y_label);
    parts.arrows.setAttribute("d", arrowsOf(ground, fx, fy));
    parts.fixed.replaceChildren(
      ...landscape.minima.map(([a, b]) => make("g", {transform: `translate(${fx(a)},${fy(b)})`}, make("title", {}, `minimum ${point(a, b)}`), make("path", {class: "minimum under", d: CROSS}), make("path", {class: "minimum", d: CROSS}))),
      ...landscape.starts.map(([a, b]) => make("g", {transform: `translate(${fx(a)},${fy(b)})`}, make("title", {}, `start ${point(a, b)}`), make("circle", {class: "start", r: 4.5}))));
    at(view.step);
  };

  const show = () => parts?.paths.forEach(p => [p.halo, p.line, p.mark].forEach(e => shown(p.path.m) ? e.removeAttribute("display") : e.setAttribute("display", "none")));

  const at = step => parts?.paths.forEach(({path, trace, halo, line, mark}) => {
    if (!shown(path.m)) return;
    const i = indexAt(path.steps, step), d = trace.to(i);
    halo.setAttribute("d", d);
    line.setAttribute("d", d);
    const [px, py] = i < 0 ? [NaN, NaN] : transform.apply([x(path.x[i]), y(path.y[i])]);
    mark.setAttribute("transform", known(path.x[i]) && Number.isFinite(px + py) ? `translate(${px.toFixed(1)},${py.toFixed(1)})` : "translate(-99,-99)");
  });

  const zoom = d3.zoom().scaleExtent([1, 60]).on("zoom", () => { transform = d3.event.transform; if (parts) place(); })
    // A wheel zooms a picture that one has clicked or with Ctrl; else it scrolls the page, as one finger does.
    .filter(() => {
      const event = d3.event;
      if (event.type === "wheel") return event.ctrlKey || document.activeElement === svg;
      if (event.type === "touchstart") return event.touches.length > 1 || transform.k > 1;
      return !event.button;
    });
  d3.select(svg).call(zoom).style("touch-action", null);
  const by = factor => d3.select(svg).call(zoom.scaleBy, factor), all = () => d3.select(svg).call(zoom.transform, d3.zoomIdentity);
  svg.addEventListener("keydown", event => {
    const act = {"+": () => by(1.5), "=": () => by(1.5), "-": () => by(1 / 1.5), "0": all, ArrowLeft: () => move(40, 0), ArrowRight: () => move(-40, 0), ArrowUp: () => move(0, 40), ArrowDown: () => move(0, -40)}[event.key];
    if (!act || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  });
  const move = (dx, dy) => d3.select(svg).call(zoom.translateBy, dx / transform.k, dy / transform.k);

  svg.addEventListener("pointermove", event => {
    const box = svg.getBoundingClientRect(), px = event.clientX - box.left, py = event.clientY - box.top;
    if (px < MARGIN.left || px > width - MARGIN.right || py < MARGIN.top || py > height - MARGIN.bottom) return hideTip();
    const found = nearestPoint(px, py);
    if (found) return showTip(event.clientX, event.clientY, `${methods[found.path.m].name}\n${sayPath(landscape, ground, found.path, found.i)}${found.path.note ? "\n" + found.path.note : ""}`);
    const [a, b] = transform.invert([px, py]);
    showTip(event.clientX, event.clientY, `${point(x.invert(a), y.invert(b))}\n${number(ground.value(x.invert(a), y.invert(b)), 3)}`);
  });
  svg.addEventListener("pointerleave", hideTip);
  const nearestPoint = (px, py) => {
    let best = null, least = 14 ** 2;
    for (const {path} of parts.paths) {
      if (!shown(path.m)) continue;
      for (let i = indexAt(path.steps, view.step); i >= 0; --i) {
        if (path.x[i] === null || path.y[i] === null) continue;
        const dx = x(path.x[i]) * transform.k + transform.x - px, dy = y(path.y[i]) * transform.k + transform.y - py, far = dx * dx + dy * dy;
        if (far < least) least = far, best = {path, i};
      }
    }
    return best;
  };

  const button = (text, name, act) => make("button", {type: "button", "aria-label": `${name} ${landscape.title}`, title: name, click: act}, text);
  const {element, stage} = figureOf({title: landscape.title, drawn, table: most => pathTable(landscape, most), picture: () => svg.cloneNode(true),
    note: "Lines of equal height, closer together where it is steep; arrows point downhill." + (landscape.starts.length ? " ● start." : "") + (landscape.minima.length ? " + minimum." : "") + (landscape.note ? "\n" + landscape.note : ""),
    tools: [button("+", "Zoom into", () => by(1.5)), button("−", "Zoom out of", () => by(1 / 1.5)), button("all", "Show all of", all)]});
  stage.append(svg);
  onWidth(stage, now => {  // the same place in the middle
    const middle = () => [(MARGIN.left + width - MARGIN.right) / 2, (MARGIN.top + height - MARGIN.bottom) / 2];
    const [a, b] = parts ? transform.invert(middle()) : [0, 0], place = parts && [x.invert(a), y.invert(b)];
    width = now;
    draw();
    if (place) d3.select(svg).call(zoom.translateTo, x(place[0]), y(place[1]));
  });
  return {element, at, shown: () => { show(); at(view.step); }, light: () => parts && draw()};
}

// Steepest descent in what is in view, by arrows that are longer where it is steeper.
function arrowsOf(ground, fx, fy) {
  const [left, right] = fx.range(), [bottom, top] = fy.range(), arrows = [];
  const kx = Math.abs(fx(1) - fx(0)), ky = Math.abs(fy(1) - fy(0));
  const across = Math.max(6, Math.round((right - left) / 34)), down = Math.max(6, Math.round((bottom - top) / 34));
  for (let i = 0; i < across; ++i)
    for (let j = 0; j < down; ++j) {
      const px = left + (i + 0.5) / across * (right - left), py = top + (j + 0.5) / down * (bottom - top);
      const [gx, gy] = ground.slope(fx.invert(px), fy.invert(py)), dx = -gx * kx, dy = gy * ky, norm = Math.hypot(dx, dy);
      if (Number.isFinite(norm) && norm > 0) arrows.push({px, py, dx: dx / norm, dy: dy / norm, size: Math.log(Math.hypot(gx, gy))});
    }
  const [least, most] = d3.extent(arrows, a => a.size);
  return arrows.map(({px, py, dx, dy, size}) => {
    const r = 3.5 + 5.5 * (size - least) / (most - least || 1), ex = px + r * dx, ey = py + r * dy, h = 2.6;
    const at = (a, b) => `${a.toFixed(1)},${b.toFixed(1)}`;
    return `M${at(px - r * dx, py - r * dy)}L${at(ex, ey)}M${at(ex - h * (dx + 0.7 * dy), ey - h * (dy - 0.7 * dx))}L${at(ex, ey)}L${at(ex - h * (dx - 0.7 * dy), ey - h * (dy + 0.7 * dx))}`;
  }).join("");
}

// The losses of the paths; the part up to the step is drawn strongly. Without a minimum they show how far they fell.
function lossFigure(landscape) {
  const lift = known(landscape.minimum) ? landscape.minimum : 0, falls = !known(landscape.minimum) && landscape.paths.some(path => path.loss.some(v => v < 0));
  const lines = landscape.paths.map(path => ({path, y: path.loss.map(v => !known(v) ? NaN : falls ? path.loss[0] - v : v - lift)}));
  const usable = lines.flatMap(line => line.y.filter(known));
  let xLog = false, yLog = usable.some(v => v > 0) && (falls || usable.every(v => v >= 0)), width = 900, parts = null;
  const drawn = landscape.paths.map(path => path.m), label = falls ? "fall of the loss" : lift !== 0 ? "loss above the minimum" : "loss";
  const svg = make("svg", {role: "img", class: "losses", "aria-label": `${label} by step; the data are in the table below.`});
  const draw = () => {
    const height = clamp(Math.round(0.4 * width), 220, 300), visible = lines.filter(line => shown(line.path.m));
    const x = scaleOf(xLog, visible.flatMap(line => line.path.steps), MARGIN.left, width - MARGIN.right);
    const y = scaleOf(yLog, visible.flatMap(line => line.y), height - MARGIN.bottom, MARGIN.top);
    svg.replaceChildren();
    const group = drawAxes(svg, width, height, x, y, xLog, yLog, "step", label);
    const cursor = make("line", {class: "cursor", y1: MARGIN.top, y2: height - MARGIN.bottom});
    group.append(cursor);
    const traces = visible.map(({path, y: values}) => {
      const method = methods[path.m], px = path.steps.map(v => !xLog || v > 0 ? x(v) : NaN), py = values.map(v => known(v) && (!yLog || v > 0) ? y(v) : NaN);
      const trace = new Trace(px, py), line = make("path", {class: "line", "data-method": method.name, stroke: method.colour, "stroke-dasharray": method.dash});
      const mark = make("path", {class: "head-mark", d: method.mark, fill: method.colour});
      group.append(make("path", {class: "rest", stroke: method.colour, d: trace.text}), line, mark);
      return {path, px, py, trace, line, mark};
    });
    parts = {x, cursor, traces, last: x.domain()};
    at(view.step);
  };
  const at = step => {
    if (!parts) return;
    const here = parts.x(clamp(step, ...parts.last));
    parts.cursor.setAttribute("x1", here);
    parts.cursor.setAttribute("x2", here);
    for (const {path, px, py, trace, line, mark} of parts.traces) {
      const i = indexAt(path.steps, step);
      line.setAttribute("d", trace.to(i));
      mark.setAttribute("transform", Number.isFinite(px[i] + py[i]) ? `translate(${px[i].toFixed(1)},${py[i].toFixed(1)})` : "translate(-99,-99)");
    }
  };
  svg.addEventListener("pointermove", event => {
    const box = svg.getBoundingClientRect(), step = Math.round(parts.x.invert(event.clientX - box.left));
    const words = parts.traces.map(({path}) => ({path, i: indexAt(path.steps, step)})).filter(({i}) => i >= 0)
      .map(({path, i}) => `${methods[path.m].name}: ${known(path.loss[i]) ? number(path.loss[i]) : "not finite"}`);
    if (step >= 0 && words.length) showTip(event.clientX, event.clientY, `step ${step}\n${words.join("\n")}`);
  });
  svg.addEventListener("pointerleave", hideTip);
  const {element, stage} = figureOf({title: "Loss along these paths", drawn, wide: true, picture: () => svg.cloneNode(true),
    note: lift !== 0 ? `The lowest value, ${number(lift)}, is subtracted.` : "",
    table: most => ({columns: ["step", ...landscape.paths.map(path => methods[path.m].name)],
      rows: thin([...new Set(landscape.paths.flatMap(path => path.steps))].sort(d3.ascending), most)
        .map(step => [String(step), ...landscape.paths.map(path => { const i = indexAt(path.steps, step); return i < 0 ? "" : number(path.loss[i]); })])}),
    tools: [toggle("log x", "logarithmic x axis of the losses", xLog, on => { xLog = on; draw(); }), toggle("log y", "logarithmic y axis of the losses", yLog, on => { yLog = on; draw(); })]});
  stage.append(svg);
  onWidth(stage, now => { width = now; draw(); });
  return {element, at, shown: draw};
}
