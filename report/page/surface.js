// The landscape as a surface, with the paths on it and their shadows on the ground below.

// Two pens with the same strokes: one for the screen, one for a file.
class CanvasPen {
  constructor(canvas, width, height) {
    const fine = Math.min(devicePixelRatio || 1, 2);
    canvas.width = Math.round(width * fine);
    canvas.height = Math.round(height * fine);
    canvas.style.height = `${height}px`;
    this.c = canvas.getContext("2d");
    this.c.scale(fine, fine);
    this.c.lineJoin = "round";
    this.size = [width, height];
  }
  clear() { this.c.clearRect(0, 0, ...this.size); }
  trace(points, close) {
    this.c.beginPath();
    for (let i = 0; i < points.length; i += 2) i ? this.c.lineTo(points[i], points[i + 1]) : this.c.moveTo(points[i], points[i + 1]);
    if (close) this.c.closePath();
  }
  polygon(points, fill, stroke, width) {
    this.trace(points, true);
    if (fill) { this.c.fillStyle = fill; this.c.fill(); }
    if (stroke) { this.c.strokeStyle = stroke; this.c.lineWidth = width; this.c.stroke(); }
  }
  line(points, colour, width, dash, alpha) {
    this.trace(points, false);
    this.c.globalAlpha = alpha;
    this.c.strokeStyle = colour;
    this.c.lineWidth = width;
    this.c.setLineDash(dash ? dash.split(" ").map(Number) : []);
    this.c.stroke();
    this.c.setLineDash([]);
    this.c.globalAlpha = 1;
  }
  mark(d, x, y, colour, edge, alpha) {
    this.c.save();
    this.c.translate(x, y);
    this.c.globalAlpha = alpha;
    const path = new Path2D(d);
    this.c.lineWidth = 2.4;
    this.c.strokeStyle = edge;
    this.c.stroke(path);
    this.c.fillStyle = colour;
    this.c.fill(path);
    this.c.restore();
  }
  text(words, x, y, colour) {
    this.c.font = "12px system-ui, sans-serif";
    this.c.textAlign = "center";
    this.c.fillStyle = colour;
    this.c.fillText(words, x, y);
  }
}

class SvgPen {
  constructor(width, height) { this.svg = make("svg", {viewBox: `0 0 ${width} ${height}`}); }
  trace(points, close) {
    let d = "";
    for (let i = 0; i < points.length; i += 2) d += (i ? "L" : "M") + points[i].toFixed(1) + "," + points[i + 1].toFixed(1);
    return close ? d + "Z" : d;
  }
  polygon(points, fill, stroke, width) {
    this.svg.append(make("path", {d: this.trace(points, true), fill: fill || "none", stroke: stroke || "none", "stroke-width": width || 0}));
  }
  line(points, colour, width, dash, alpha) {
    this.svg.append(make("path", {d: this.trace(points, false), fill: "none", stroke: colour, "stroke-width": width, "stroke-dasharray": dash, opacity: alpha}));
  }
  mark(d, x, y, colour, edge, alpha) {
    this.svg.append(make("path", {d, transform: `translate(${x.toFixed(1)},${y.toFixed(1)})`, fill: colour, stroke: edge, "stroke-width": 1.2, opacity: alpha}));
  }
  text(words, x, y, colour) { this.svg.append(make("text", {x, y, fill: colour, "text-anchor": "middle"}, words)); }
}

const MESH = 56;           // cells along an edge, at most
const TALL = 0.46;         // height of the surface, of its edge
const BELOW = -0.38;       // of the ground with the shadows

// Where a straight way from one point to another is on the ground: shares of it, at most so far apart.
function partsInside(from, to, apart) {
  let first = 0, last = 1;
  for (const k of [0, 1]) {
    if (Math.min(from[k], to[k]) > 0.5 || Math.max(from[k], to[k]) < -0.5) return [];
    const way = to[k] - from[k];
    if (!Number.isFinite(way) || way === 0 && Math.abs(to[k]) > 0.5) return [];
    if (way === 0) continue;
    const ends = [(-0.5 - from[k]) / way, (0.5 - from[k]) / way].sort(d3.ascending);
    [first, last] = [Math.max(first, ends[0]), Math.min(last, ends[1])];
  }
  const pieces = Math.ceil((last - first) * Math.hypot(to[0] - from[0], to[1] - from[1]) / apart);
  return last > first ? d3.range(first > 0 ? 0 : 1, pieces + (last < 1)).map(k => first + (last - first) * k / pieces) : [];
}

class Surface {
  constructor(landscape, ground) {
    this.landscape = landscape;
    this.ground = ground;
    this.home();
    const n = Math.min(MESH, ground.nx - 1), m = Math.min(MESH, ground.ny - 1);
    Object.assign(this, {n, m});
    this.z = new Float32Array((n + 1) * (m + 1));
    for (let j = 0; j <= m; ++j)
      for (let i = 0; i <= n; ++i)
        this.z[j * (n + 1) + i] = TALL * ground.between(ground.relief, ground.x0 + i / n * (ground.x1 - ground.x0), ground.y0 + j / m * (ground.y1 - ground.y0));
    this.paint();
  }
  home() { Object.assign(this, {turn: -0.62, tilt: 0.62, size: 1}); }

  // Colours of cells: by height, and darker where they face away from a light on the left.
  paint() {
    const mix = d3.interpolateRgb(colourOf("--low"), colourOf("--high")), dark = d3.rgb(colourOf("--mesh")), shade = Number(colourOf("--shade")) || 0.5;
    const {n, m, z} = this, at = (i, j) => z[j * (n + 1) + i];
    this.colours = [];
    for (let j = 0; j < m; ++j)
      for (let i = 0; i < n; ++i) {
        const height = (at(i, j) + at(i + 1, j) + at(i, j + 1) + at(i + 1, j + 1)) / 4 / TALL;
        const dx = (at(i + 1, j) + at(i + 1, j + 1) - at(i, j) - at(i, j + 1)) / 2 * n, dy = (at(i, j + 1) + at(i + 1, j + 1) - at(i, j) - at(i + 1, j)) / 2 * m;
        const light = (0.62 * dx + 0.35 * dy + 0.75) / Math.hypot(dx, dy, 1);
        this.colours.push(d3.interpolateRgb(mix(height), dark)(shade * clamp(0.75 - light, 0, 1)));
      }
  }

  // Where a point (u, v in -0.5 … 0.5, height z) is on the screen.
  look(width, height) {
    const ca = Math.cos(this.turn), sa = Math.sin(this.turn), ce = Math.cos(this.tilt), se = Math.sin(this.tilt);
    const scale = this.size * Math.min(width / 1.46, height / 1.56), cx = width / 2, cy = height / 2 + scale * 0.03;
    Object.assign(this, {ca, sa, ce, se});
    if (this.scale !== scale) Object.assign(this, {scale, ways: this.spread(scale)});
    this.sx = (u, v) => cx + scale * (u * ca - v * sa);
    this.sy = (u, v, z) => cy - scale * ((u * sa + v * ca) * se + z * ce);
  }

  draw(pen) {
    const {n, m, z, sx, sy, landscape} = this, mesh = d3.rgb(colourOf("--mesh"));
    const corners = [[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]], soft = colourOf("--soft"), line = colourOf("--line");
    pen.polygon(corners.flatMap(([u, v]) => [sx(u, v), sy(u, v, BELOW)]), colourOf("--faint"), line, 1);
    for (let k = 1; k < 6; ++k)
      for (const [a, b, c, d] of [[k / 6 - 0.5, -0.5, k / 6 - 0.5, 0.5], [-0.5, k / 6 - 0.5, 0.5, k / 6 - 0.5]])
        pen.line([sx(a, b), sy(a, b, BELOW), sx(c, d), sy(c, d, BELOW)], line, 1, "", 1);
    mesh.opacity = 0.22;
    const edge = String(mesh), rows = d3.range(m), columns = d3.range(n);
    if (this.ca > 0) rows.reverse();     // what is far first
    if (this.sa > 0) columns.reverse();
    const X = new Float32Array(z.length), Y = new Float32Array(z.length);
    for (let j = 0, at = 0; j <= m; ++j)
      for (let i = 0; i <= n; ++i, ++at) X[at] = sx(i / n - 0.5, j / m - 0.5), Y[at] = sy(i / n - 0.5, j / m - 0.5, z[at]);
    for (const j of rows)
      for (const i of columns) {
        const a = j * (n + 1) + i, d = a + n + 1;
        pen.polygon([X[a], Y[a], X[a + 1], Y[a + 1], X[d + 1], Y[d + 1], X[d], Y[d]], this.colours[j * n + i], edge, 0.7);
      }
    const front = this.ca > 0 ? -0.58 : 0.58, side = this.sa > 0 ? -0.58 : 0.58;
    pen.text(landscape.x_label.split(" (")[0], sx(0, front), sy(0, front, BELOW) + 10, soft);
    pen.text(landscape.y_label.split(" (")[0], sx(side, 0), sy(side, 0, BELOW) + 10, soft);
  }

  height(u, v) {  // of the mesh that is drawn
    const {n, m, z} = this, a = (u + 0.5) * n, b = (v + 0.5) * m, i = clamp(Math.floor(a), 0, n - 1), j = clamp(Math.floor(b), 0, m - 1), p = a - i, q = b - j, at = j * (n + 1) + i;
    return (1 - q) * ((1 - p) * z[at] + p * z[at + 1]) + q * ((1 - p) * z[at + n + 1] + p * z[at + n + 2]);
  }
  hidden(u, v, z) {  // does the surface lie between this point and the eye?
    const reach = 1.2 / MESH, du = -this.sa * this.ce * reach, dv = -this.ca * this.ce * reach, dz = this.se * reach;
    for (let k = 1; k < 90; ++k) {
      u += du, v += dv, z += dz;
      if (z > TALL || Math.abs(u) > 0.5 || Math.abs(v) > 0.5) return false;
      if (this.height(u, v) > z + 0.004) return true;
    }
    return false;
  }

  // Points of the paths, also between those that are given, where they lie on the surface as well; without those that
  // fall on the one before, wherever one looks from.
  spread(scale) {
    const g = this.ground, near = 0.8 / scale;
    return this.landscape.paths.map(path => {
      const way = {path, index: [], u: [], v: [], z: []};
      const apart = Math.max(1 / MESH, path.x.length / 8000);  // a long path has no more points than can be drawn at once
      let pu = NaN, pv = NaN, pz = NaN, before = [NaN, NaN];
      const put = (i, u, v) => {
        const inside = Math.abs(u) <= 0.500001 && Math.abs(v) <= 0.500001, z = inside ? this.height(u, v) + 0.006 : NaN;
        if (inside ? Math.hypot(u - pu, v - pv, z - pz) < near : Number.isNaN(pz) && i) return;
        [pu, pv, pz] = [u, v, z];
        way.index.push(i);
        way.u.push(u), way.v.push(v), way.z.push(z);
      };
      path.x.forEach((value, i) => {
        const u = value === null ? NaN : (value - g.x0) / (g.x1 - g.x0) - 0.5, v = path.y[i] === null ? NaN : (path.y[i] - g.y0) / (g.y1 - g.y0) - 0.5;
        for (const part of partsInside(before, [u, v], apart)) put(i, before[0] + part * (u - before[0]), before[1] + part * (v - before[1]));
        put(i, u, v);
        before = [u, v];
      });
      return way;
    });
  }

  // The paths as they are seen from here. What lies behind the surface is found out every few pixels.
  trails() {
    const {sx, sy} = this;
    return this.ways.map(({path, index, u, v, z}) => {
      const trail = {path, index: [], x: [], y: [], sy: [], hidden: []};
      let px = NaN, py = NaN, since = Infinity, hidden = false;
      for (let k = 0; k < index.length; ++k) {
        const x = sx(u[k], v[k]), y = sy(u[k], v[k], z[k]), far = Math.hypot(x - px, y - py);
        if (far < 0.8) continue;
        since = Number.isNaN(far) ? Infinity : since + far;
        if (since > 3 && !Number.isNaN(z[k])) since = 0, hidden = this.hidden(u[k], v[k], z[k]);
        [px, py] = Number.isNaN(y) ? [NaN, NaN] : [x, y];
        trail.index.push(index[k]);
        trail.x.push(px), trail.y.push(py), trail.sy.push(sy(u[k], v[k], BELOW)), trail.hidden.push(hidden);
      }
      return trail;
    });
  }

  paths(pen, trails, step) {
    const halo = colourOf("--halo"), colours = methods.map(method => colourOf(method.property));
    for (const {path, index, x, y, sy: shadow, hidden} of trails) {
      if (!shown(path.m)) continue;
      const last = indexAt(index, indexAt(path.steps, step)), method = methods[path.m], colour = colours[path.m];
      const runs = (same, draw) => {
        for (let i = 0; i <= last; ++i) {
          if (Number.isNaN(x[i])) continue;
          const points = [], kind = same(i);
          let k = i;
          for (; k <= last && !Number.isNaN(x[k]); ++k) {
            points.push(k);
            if (same(k) !== kind) break;
          }
          if (points.length > 1) draw(points, kind);
          i = Math.max(i, k - 1);
        }
      };
      runs(() => 0, points => pen.line(points.flatMap(k => [x[k], shadow[k]]), colour, 1.3, method.dash, 0.55));
      runs(k => hidden[k], (points, behind) => {
        const line = points.flatMap(k => [x[k], y[k]]);
        if (!behind) pen.line(line, halo, 4.2, "", 0.55);
        pen.line(line, colour, 2.1, method.dash, behind ? 0.28 : 1);
      });
      if (last >= 0 && !Number.isNaN(x[last])) pen.mark(method.mark, x[last], y[last], colour, halo, hidden[last] ? 0.4 : 1);
    }
  }
}

function surfaceFigure(landscape, ground) {
  const surface = new Surface(landscape, ground), drawn = landscape.paths.map(path => path.m);
  const base = make("canvas", {class: "surface", tabindex: 0, role: "application", "aria-roledescription": "surface that turns",
    "aria-label": `Surface of ${landscape.title} with the paths. Arrow keys turn it, plus and minus zoom, Home turns it back.`}), top = make("canvas", {"aria-hidden": "true"});
  let width = 480, height = 440, pens = null, trails = [], due = 0;
  const at = step => {
    if (!pens) return;
    pens[1].clear();
    surface.paths(pens[1], trails, step);
  };
  const render = () => {
    due = 0;
    surface.look(width, height);
    trails = surface.trails();
    pens[0].clear();
    surface.draw(pens[0]);
    at(view.step);
    base.dataset.turn = surface.turn.toFixed(3);
    base.dataset.tilt = surface.tilt.toFixed(3);
  };
  const later = () => { due = due || requestAnimationFrame(render); };
  const turn = (a, b) => {
    surface.turn += a;
    surface.tilt = clamp(surface.tilt + b, 0.08, 1.5);
    later();
  };
  const grow = factor => { surface.size = clamp(surface.size * factor, 0.5, 4); later(); };
  base.addEventListener("pointerdown", event => { base.setPointerCapture(event.pointerId); base.focus({preventScroll: true}); });
  base.addEventListener("pointermove", event => {
    if (base.hasPointerCapture(event.pointerId)) turn(event.movementX * 0.009, event.pointerType === "touch" ? 0 : event.movementY * 0.007);
  });
  base.addEventListener("keydown", event => {
    const act = {ArrowLeft: () => turn(-0.09, 0), ArrowRight: () => turn(0.09, 0), ArrowUp: () => turn(0, 0.07), ArrowDown: () => turn(0, -0.07),
      "+": () => grow(1.15), "=": () => grow(1.15), "-": () => grow(1 / 1.15), Home: () => { surface.home(); later(); }}[event.key];
    if (!act || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  });
  base.addEventListener("wheel", event => {
    if (!event.ctrlKey && document.activeElement !== base) return;
    event.preventDefault();
    grow(Math.exp(-event.deltaY * 0.002));
  }, {passive: false});

  const picture = () => {
    const pen = new SvgPen(width, height);
    surface.draw(pen);
    surface.paths(pen, trails, view.step);
    return pen.svg;
  };
  const button = (text, name, act) => make("button", {type: "button", "aria-label": `${name} the surface of ${landscape.title}`, title: name, click: act}, text);
  const {element, stage} = figureOf({title: `${landscape.title}: the surface`, drawn, picture, table: most => pathTable(landscape, most),
    note: "Height on a logarithmic scale. Drag to turn, or use the arrow keys; below it the shadows of the paths.",
    tools: [button("↺", "Turn left", () => turn(-0.25, 0)), button("↻", "Turn right", () => turn(0.25, 0)), button("home", "Turn back", () => { surface.home(); later(); })]});
  stage.append(base, top);
  onWidth(stage, now => {
    width = now;
    height = clamp(Math.round(0.86 * width), 280, 480);
    pens = [new CanvasPen(base, width, height), new CanvasPen(top, width, height)];
    render();
  });
  return {element, at, shown: () => at(view.step), light: () => { if (pens) surface.paint(), render(); }};
}
