"use strict";
// The page: the header, the tools, the views, and what keeps them together.

function drawHead() {
  const { words, message, kind, reason } = data.state;
  document.getElementById("head").replaceChildren(
    el("h1", {}, data.name, " ", el("span", { class: `state ${kind}`, title: reason }, words)),
    el("p", {}, data.goals, message ? ` · ${message}` : ""),
    el("dl", { class: "facts" }, data.facts.map((f) => el("div", {}, el("dt", {}, f.name), el("dd", {}, f.value), el("dd", { class: "remark" }, f.remark)))),
  );
}

function drawTools() {
  const tools = document.getElementById("tools");
  if (!trials.length) return tools.remove();
  const what = el("strong", { "aria-live": "polite" });
  const clear = el("button", { onclick: () => select([]) }, "Clear");
  const others = el("input", { type: "checkbox", checked: true, onchange: () => { state.others = others.checked; tell("look"); } });
  const colouring = el("select", { onchange: () => { state.colouring = Number(colouring.value); tell("look"); } }, colourings.map((c, i) => el("option", { value: i }, shorten(c.name, 30))));
  const drag = el("select", { onchange: () => { state.drag = drag.value; } }, el("option", { value: "select" }, "selects"), el("option", { value: "zoom" }, "zooms"));
  const update = () => {
    what.textContent = state.chosen.size ? `${plural(state.chosen.size, "trial")} selected` : "Nothing selected";
    clear.hidden = !state.chosen.size;
  };
  follow("select", update);
  update();
  tools.replaceChildren(
    what, clear,
    el("button", { onclick: () => select(data.front) }, single ? "Select the best" : "Select the Pareto set"),
    el("label", {}, others, single ? " Other trials" : " Dominated trials"),
    el("label", {}, "Colour: ", colouring), el("label", { class: "mouse" }, "A drag ", drag),
    el("button", { onclick: download }, "Download CSV"),
  );
  return tools;
}

function download() {
  const address = URL.createObjectURL(new Blob([selectionAsCsv()], { type: "text/csv" }));
  el("a", { href: address, download: `${data.name}${state.chosen.size ? "-selection" : ""}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function drawFile() {
  const place = document.getElementById("file");
  place.replaceChildren(el("details", {}, el("summary", {}, el("h2", {}, "Experiment"), " the file that was run, with its defaults"), el("pre", {}, data.file)));
}

drawHead();
drawTools();
for (const draw of [drawObjectives, drawChoice, drawProgress, drawParallel, drawCurves, drawModel, drawTimeline, drawTable, drawFile]) draw();

follow("select", redraw);
follow("point", redraw);
follow("look", redraw);

/** After a change of the theme, also to paper. */
function repaint() {
  colours.clear();
  tell("look");
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
matchMedia("print").addEventListener("change", () => {
  colours.clear();
  for (const chart of charts) chart.paintNow(); // at once, and also what is not in sight
});
