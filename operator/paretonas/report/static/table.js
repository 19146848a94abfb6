"use strict";
// All trials: sorted, searched, and selected from.

const PAGE = 100; // rows at first; a thousand rows of thirty columns take a browser a second

const columns = [
  { name: "trial", value: (i) => trials[i].name, order: (i) => trials[i].index },
  { name: "state", value: (i) => trials[i].state },
  ...data.metrics.map((name, at) => ({ name, value: (i) => trials[i].metrics[at] })),
  ...data.parameters.map((p, at) => ({ name: p.name, value: (i) => trials[i].parameters[at] })),
  { name: "origin", value: (i) => trials[i].origin },
  { name: "duration", value: (i) => duration(trials[i].seconds), order: (i) => trials[i].seconds, number: true },
  ...(trials.some((t) => t.output) ? [{ name: "output", value: (i) => trials[i].output }] : []),
];
const order = (column, i) => (column.order ?? column.value)(i);

const table = { sort: null, down: false, search: "", all: false };
const texts = trials.map((t, i) => columns.map((c) => c.value(i) ?? "").concat(t.message, t.attempts.map((a) => a.reason)).join("\n").toLowerCase());

function drawTable() {
  if (!trials.length) return section("trials", "Trials", "", empty("No trial has been created yet."));
  const body = el("tbody");
  const note = el("span");
  const more = el("button", { onclick: () => { table.all = true; fill(); } });
  const search = el("input", { type: "search", placeholder: "Search: adam, Failed, OutOfMemory …", "aria-label": "Search the trials", oninput: () => { table.search = search.value; fill(); } });
  const heads = columns.map((c) => {
    const head = el("th", { scope: "col" }, el("button", { onclick: () => sortBy(c) }, c.name));
    return head;
  });
  const sortBy = (column) => {
    table.down = table.sort === column ? !table.down : false;
    table.sort = column;
    heads.forEach((head, k) => (columns[k] === column ? head.setAttribute("aria-sort", table.down ? "descending" : "ascending") : head.removeAttribute("aria-sort")));
    fill();
  };
  const fill = () => {
    const found = foundTrials();
    const shown = table.all ? found : found.slice(0, PAGE);
    body.replaceChildren(...shown.map(tableRow));
    note.textContent = ` ${plural(found.length, "trial")}`;
    more.textContent = `Show all ${found.length.toLocaleString("en")}`;
    more.hidden = shown.length === found.length;
    markRows();
  };
  follow("look", fill);
  let later = 0;
  follow("select", () => {
    if (trials.length <= PAGE || table.all) return;
    clearTimeout(later);
    later = setTimeout(fill, 100); // after the figures have answered: a hundred rows take as long as all of them
  });
  fill();
  const tools = el("p", { class: "find" }, search, el("button", { onclick: () => select(foundTrials()) }, "Select what is found"), note);
  return section("trials", "Trials", `★ marks the ${single ? "best" : "Pareto set"}. Click a column's name to sort by it, a trial to open it.`, tools,
    el("div", { class: "scroll tall" }, el("table", {}, el("thead", {}, el("tr", {}, heads)), body)), more);
}

/** What is shown and found, in order: by the sorted column, else the selection and the front first. */
function foundTrials() {
  const words = table.search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = trials.map((_, i) => i).filter((i) => isShown(i) && words.every((word) => texts[i].includes(word)));
  if (!table.sort) return found.sort((a, b) => state.chosen.has(b) - state.chosen.has(a) || front.has(b) - front.has(a) || a - b);
  const sign = table.down ? -1 : 1;
  const blank = (v) => v === null || v === undefined || v === "";
  return found.sort((a, b) => {
    const [x, y] = [order(table.sort, a), order(table.sort, b)];
    if (blank(x) || blank(y)) return blank(x) - blank(y); // empty cells last, whichever the direction
    return sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y))) || a - b;
  });
}

function tableRow(i) {
  const trial = trials[i];
  const cells = columns.map((c, k) => {
    const value = c.value(i);
    if (k === 0) return el("td", {}, openButton(i), front.has(i) ? " ★" : "");
    if (k === 1) return el("td", {}, value, whyNot(trial));
    const numeric = typeof value === "number" || c.number;
    const text = typeof value === "number" ? number(value) : String(value ?? "");
    return el("td", { class: numeric ? "number" : text.length > 40 ? "long" : "", title: text.length > 40 ? text : null }, text);
  });
  const row = trialRow(i, cells);
  row.classList.add(trial.state);
  return row;
}

/** Why a trial has no result: its last attempt's reason and the first line of its message. */
function whyNot(trial) {
  if (["Succeeded", "Pending", "Running"].includes(trial.state)) return "";
  const tries = trial.attempts.length > 1 ? ` (${trial.attempts.length} attempts)` : "";
  const why = [trial.attempts.at(-1)?.reason, trial.message].filter(Boolean).join(": ");
  return el("small", {}, shorten(why, 200) + tries);
}
