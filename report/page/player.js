// Play, pause, a slider over the steps, speed; and where every method is at the step.
const LASTS = 14;  // seconds for all steps at speed 1; slowly at first, where most happens

function player(landscapes) {
  const last = d3.max(landscapes.flatMap(l => l.paths.flatMap(path => path.steps))) ?? 0;
  let speed = 1, playing = false, began = 0, from = 0, frame = 0;
  const button = make("button", {type: "button", class: "play", click: () => playing ? pause() : play()}, "▶ Play");
  const slider = make("input", {type: "range", min: 0, max: last, step: 1, value: 0, "aria-label": "step", input: () => { pause(); go(Number(slider.value)); writeFragment(); }});
  const output = make("output", {}, "");
  const speeds = make("select", {"aria-label": "speed", change: () => { speed = Number(speeds.value); if (playing) start(); }},
    ...[0.25, 0.5, 1, 2, 4].map(v => make("option", {value: v, selected: v === 1 ? "" : null}, `speed × ${v}`)));

  const go = step => {
    view.step = step;
    slider.value = step;
    output.textContent = `step ${step} of ${last}`;
    slider.setAttribute("aria-valuetext", output.textContent);
    tell("at", step);
  };
  const start = () => { began = performance.now(); from = Math.sqrt(view.step / last); };
  const tick = now => {
    if (!playing || !button.isConnected) return;
    const part = from + Math.max(0, now - began) / 1000 * speed / LASTS, step = Math.min(last, Math.floor(last * part * part));
    if (step !== view.step) go(step);
    if (part >= 1) return pause();
    frame = requestAnimationFrame(tick);
  };
  const play = () => {
    if (!last) return;
    if (view.step >= last) go(0);
    playing = true;
    button.textContent = "❚❚ Pause";
    start();
    frame = requestAnimationFrame(tick);
  };
  const pause = () => {
    if (!playing) return;
    playing = false;
    cancelAnimationFrame(frame);
    button.textContent = "▶ Play";
    writeFragment();
  };
  const element = make("div", {class: "player"}, button, make("label", {class: "steps"}, make("span", {class: "unseen"}, "Step"), slider, output), speeds);
  return {element, go, play, pause, last};
}

// A row for each method that is shown: for those who cannot hover as well.
function nowFigure(landscape, ground) {
  const rows = landscape.paths.map(path => ({path, row: make("tr", {}, make("th", {scope: "row", class: "text"}, sample(methods[path.m]), " " + methods[path.m].name), make("td"), make("td"), make("td"),
    ...(landscape.projected ? [make("td")] : []))}));
  const heads = ["step", point(0, 0).replace("(0, 0)", "point"), "loss", ...(landscape.projected ? ["loss on the surface"] : [])];
  const element = make("div", {class: "wide scroll", tabindex: 0, role: "region", "aria-label": "Where the methods are"},
    make("table", {class: "now"}, make("caption", {class: "unseen"}, "Where the methods are at this step"),
      make("thead", {}, make("tr", {}, make("th", {class: "text", scope: "col"}, "method"), ...heads.map(name => make("th", {scope: "col"}, name)))), make("tbody", {}, ...rows.map(r => r.row))));
  const at = step => rows.forEach(({path, row}) => {
    if (!shown(path.m)) return;
    const i = indexAt(path.steps, step), cells = row.cells;
    if (i < 0 || cells[1].textContent === String(path.steps[i])) return;
    cells[1].textContent = path.steps[i];
    cells[2].textContent = point(path.x[i], path.y[i]);
    cells[3].textContent = known(path.loss[i]) ? number(path.loss[i]) : "not finite";
    if (landscape.projected) cells[4].textContent = number(ground.value(path.x[i], path.y[i]));
  });
  const show = () => { rows.forEach(({path, row}) => { row.hidden = !shown(path.m); }); at(view.step); };
  return {element, at, shown: show};
}
