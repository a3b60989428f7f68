// The table of all problems: sorted by any column, with what reruns a row to copy.
function resultsTable({columns, rows, note}) {
  const names = ["problem", "method", ...columns], first = 2;  // behind these, where it is seen, what to copy
  const texts = row => [data.problems[row.p]?.name ?? row.problem, methods[row.m].name];
  const lines = rows.map((row, at) => ({row, at, element: rowOf(row, texts(row)), keys: [...texts(row), ...row.cells.map(cell => known(cell.value) || cell.value === Infinity ? cell.value : cell.text)]}));
  const body = make("tbody"), heads = names.map((name, c) => make("th", {scope: "col", class: c < 2 || isText(rows, c - 2) ? "text" : null},
    make("button", {type: "button", click: () => sort(c)}, name)));
  let by = -1, up = true;
  const sort = column => {
    up = by === column ? !up : true;
    by = column;
    heads.forEach((head, c) => {
      c === by ? head.setAttribute("aria-sort", up ? "ascending" : "descending") : head.removeAttribute("aria-sort");
      head.firstChild.textContent = names[c] + (c === by ? up ? " ▲" : " ▼" : "");
    });
    // Numbers before texts, and what is unknown last, whichever way it is sorted.
    const rank = key => key === "" ? 2 : typeof key === "number" ? 0 : 1;
    lines.sort((a, b) => {
      const p = a.keys[by], q = b.keys[by];
      if (rank(p) !== rank(q)) return rank(p) - rank(q);
      return (up ? 1 : -1) * (typeof p === "number" ? p - q || 0 : p.localeCompare(q, undefined, {numeric: true})) || a.at - b.at;
    });
    body.replaceChildren(...lines.map(line => line.element));
    say(`sorted by ${names[by]}, ${up ? "ascending" : "descending"}`);
  };
  const show = () => lines.forEach(({row, element}) => { element.hidden = !shown(row.m) || only.value !== "" && texts(row)[0] !== only.value; });
  const problems = [...new Set(rows.map(row => texts(row)[0]))];
  const only = make("select", {"aria-label": "problems in the table", change: show}, make("option", {value: ""}, "all problems"), ...problems.map(name => make("option", {value: name}, name)));
  body.append(...lines.map(line => line.element));
  const element = make("div", {class: "wide"},
    make("div", {class: "player tools"}, only),
    make("div", {class: "scroll results", tabindex: 0, role: "region", "aria-label": "Table of results"},
      make("table", {}, make("caption", {class: "unseen"}, "Results of every method on every problem"), make("thead", {}, make("tr", {}, ...heads.slice(0, first), make("th", {scope: "col", class: "text copies"}, "copy"), ...heads.slice(first))), body)),
    note ? make("p", {class: "note"}, note) : null);
  return {element, shown: show};
}

const isText = (rows, column) => rows.some(row => isWords(row.cells[column]));
const isWords = ({text, value}) => text !== "" && !known(value) && value !== Infinity;

function rowOf(row, [problem, method]) {
  const button = (text, what) => what ? make("button", {type: "button", title: what, "aria-label": `Copy the ${text} of ${method} on ${problem}`, click: event => copy(what, event.currentTarget)}, text) : null;
  return make("tr", {}, make("td", {class: "text"}, problem), make("td", {class: "text method"}, sample(methods[row.m]), method),
    make("td", {class: "text copies"}, button("command", row.command), button("C++", row.code)), ...row.cells.map(cellOf));
}

function cellOf({text, value, low, high}) {
  const cell = make("td", {class: isWords({text, value}) ? "text" : null}, text || (value === Infinity ? "–" : number(value, 3)));
  if ([low, high].some(end => end !== null && end !== Infinity)) cell.append(make("span", {class: "interval"}, ` [${low === Infinity ? "–" : number(low, 3)}, ${high === Infinity ? "–" : number(high, 3)}]`));
  return cell;
}
