"use strict";
// Which one? The front in order, what each step along it costs, and how far each trial is from the limits.

function drawChoice() {
  const { balanced, best, steps } = data.choice;
  if (!data.front.length) {
    const none = succeeded.length ? "No trial is within all thresholds and constraints yet." : "No trial has succeeded yet.";
    return section("choice", "Which one?", "", empty(none));
  }
  const limits = [...new Set(data.front.flatMap((i) => trials[i].slack.map((s) => s.limit)))];
  const head = ["trial", ...data.objectives.map((o) => o.metric), ...limits.map((limit) => `slack of ${limit}`), "output"];
  const kept = data.front.some((i) => trials[i].output);
  if (!kept) head.pop();
  const rows = data.front.map((i, at) => {
    const trial = trials[i];
    const names = [
      ...(i === balanced ? [el("span", { class: "tag balanced" }, "◆ balanced")] : []),
      ...(single ? [] : Object.entries(best).filter(([, b]) => b === i).map(([metric]) => el("span", { class: "tag" }, `best ${metric}`))),
    ];
    const values = data.objectives.map((o, j) =>
      el("td", { class: "number" }, number(metricOf(i, o.metric)), at ? el("small", { class: stepClass(o, steps[at - 1][j]) }, signed(steps[at - 1][j])) : ""),
    );
    const slack = limits.map((limit) => {
      const found = trial.slack.find((s) => s.limit === limit);
      return el("td", { class: "number" }, found ? number(found.slack) : "");
    });
    return trialRow(i, [el("td", {}, openButton(i), ...names), ...values, ...slack, ...(kept ? [el("td", { class: "path" }, trial.output)] : [])]);
  });
  const table = el("table", {}, el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, rows));
  const lead = single
    ? "Trials that no other beats. Slack is how far a value is from its limit."
    : "From the best in the first objective to the best in the others. In small letters: what this step along the front " +
      "gains or costs." + (balanced === null ? "" : " ◆ is nearest to the best of all objectives together, each measured by the range that the front spans.");
  return section("choice", "Which one?", lead, el("div", { class: "scroll tall" }, table));
}

const stepClass = (o, change) => (change === 0 ? "same" : change > 0 === (o.goal === "Maximize") ? "gain" : "cost");

const openButton = (i) => el("button", { class: "link", onclick: () => openTrial(i) }, trials[i].name);

/** A row that follows the selection and the pointer. */
function trialRow(i, cells) {
  const row = el("tr", { onpointerenter: () => point(i), onpointerleave: () => point(null) }, cells);
  row.dataset.trial = i;
  return row;
}

/** Mark the rows of all tables: those that are selected, and the one that is pointed at. */
function markRows() {
  for (const row of document.querySelectorAll("tr[data-trial]")) {
    const i = Number(row.dataset.trial);
    row.classList.toggle("chosen", state.chosen.has(i));
    row.classList.toggle("faded", !isChosen(i));
    row.classList.toggle("pointed", state.pointed === i);
  }
}
follow("select", markRows);
follow("point", markRows);
