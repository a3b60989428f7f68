// The page: what holds for all of it, the problem that is chosen, then all problems.
function legend() {
  const buttons = methods.map((method, m) => make("button", {type: "button", "aria-pressed": shown(m), click: () => switchMethods([m], !shown(m))}, sample(method), method.name));
  const every = make("button", {type: "button", class: "every", click: () => switchMethods([...methods.keys()], view.shown.size < methods.length)}, "all");
  const refresh = () => {
    buttons.forEach((button, m) => button.setAttribute("aria-pressed", shown(m)));
    every.textContent = view.shown.size < methods.length ? "all" : "none";
  };
  refresh();
  return {element: make("div", {class: "legend", role: "group", "aria-label": "methods"}, ...buttons, methods.length > 1 ? every : null), shown: refresh};
}

function switchMethods(list, on) {
  for (const m of list) on ? view.shown.add(m) : view.shown.delete(m);
  tell("shown");
  top.shown();
  writeFragment();
}

// One figure too many for rows of two has a row of its own.
function fillRow(grid) {
  const figures = grid.querySelectorAll(":scope > figure:not(.wide)");
  if (figures.length % 2) figures[figures.length - 1].classList.add("wide");
}

function problemSection(problem) {
  const section = make("section", {class: "problem", "aria-label": problem.name}, make("h2", {}, problem.name), problem.about ? make("p", {class: "about"}, problem.about) : null);
  const {landscapes} = problem, grid = () => section.appendChild(make("div", {class: "figures"}));
  const made = {section, figures: [], play: null};
  const add = (where, figure) => { where.append(figure.element); made.figures.push(figure); };
  const choice = make("select", {change: () => { see(Number(choice.value)); writeFragment(); }}, ...landscapes.map((landscape, i) => make("option", {value: i}, landscape.title)));
  if (landscapes.length > 1) section.append(make("label", {class: "choice"}, "Landscape", choice));
  if (landscapes.some(l => l.paths.length)) {
    made.play = player(landscapes);
    section.append(made.play.element);
  }
  const pair = landscapes.length ? grid() : null;
  const see = index => {  // one landscape in place of another
    const landscape = landscapes[index], ground = new Ground(landscape);
    const now = [contourFigure(landscape, ground), surfaceFigure(landscape, ground), ...(landscape.paths.length ? [lossFigure(landscape), nowFigure(landscape, ground)] : [])];
    made.figures = [...made.figures.filter(figure => figure.element.parentNode !== pair), ...now];
    view.figures = [...common, ...made.figures];
    view.landscape = index;
    pair.replaceChildren(...now.map(figure => figure.element));
    now.forEach(figure => figure.shown?.());
  };
  if (pair) see(choice.value = clamp(view.landscape, 0, landscapes.length - 1));
  if (problem.charts.length) {
    const charts = grid();
    problem.charts.forEach(chart => add(charts, chartFigure(chart)));
    fillRow(charts);
  }
  return made;
}

let top = null, current = null;
const common = [];
function openProblem(index, landscape, step, autoplay) {
  current?.play?.pause();
  const old = current?.section;
  view.problem = index;
  view.landscape = landscape;
  view.step = 0;
  current = problemSection(data.problems[index]);
  view.figures = [...common, ...current.figures];
  old ? old.replaceWith(current.section) : document.getElementById("page").querySelector(".bar").after(current.section);
  current.figures.forEach(figure => figure.shown?.());
  current.play?.go(clamp(step ?? (autoplay || !current.play ? 0 : current.play.last), 0, current.play?.last ?? 0));
  if (autoplay) current.play?.play();
}

function open() {
  const page = document.getElementById("page"), said = readFragment();
  view.shown = said.shown;
  top = legend();
  const choice = make("select", {change: () => { openProblem(Number(choice.value), 0, null, !calm.matches); writeFragment(); }}, ...data.problems.map((problem, i) => make("option", {value: i}, problem.name)));
  page.replaceChildren(make("div", {class: "bar"}, data.problems.length > 1 ? make("label", {}, "Problem", choice) : null, top.element));
  if (data.charts.length || data.table.rows.length) {
    const several = data.problems.length !== 1, section = page.appendChild(make("section", {class: "all", "aria-label": several ? "All problems" : "Results"}, make("h2", {}, several ? "All problems" : "Results")));
    const grid = section.appendChild(make("div", {class: "figures"}));
    if (data.table.rows.length) common.push(resultsTable(data.table));
    data.charts.forEach(chart => common.push(chartFigure(chart)));
    grid.append(...common.map(figure => figure.element));
    fillRow(grid);
    common.forEach(figure => figure.shown());
  }
  const look = (said, autoplay) => {
    choice.value = said.problem;
    if (data.problems.length) openProblem(said.problem, said.landscape, said.step, autoplay);
  };
  look(said, said.step === null && !calm.matches);
  addEventListener("hashchange", () => {
    if (location.hash === written) return;
    written = location.hash;
    if (location.hash === "#page") return writeFragment();  // the link that skips the head
    const now = readFragment();
    view.shown = now.shown;
    look(now, false);
    tell("shown");
    top.shown();
  });
  calm.addEventListener("change", () => { if (calm.matches) current?.play?.pause(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => tell("light"));
  addEventListener("beforeprint", () => { document.documentElement.classList.add("print"); tell("light"); });
  addEventListener("afterprint", () => { document.documentElement.classList.remove("print"); tell("light"); });
}

// Without the charting library the pictures stand still; the table can be sorted all the same.
if (window.d3) open();
else if (data.table.rows.length) document.getElementById("page").append(make("h2", {}, "Results"), resultsTable(data.table).element);
