"use strict";
// One trial: all that is known about it, beside the page.

const dialog = document.getElementById("trial");
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

function openTrial(i) {
  hideHint();
  const trial = trials[i];
  const curves = data.curves.panels.flatMap((panel) => {
    const own = panel.lines.filter((l) => l.trial === i);
    return own.length ? [ownCurve(panel, own[0])] : [];
  });
  const place = front.has(i) ? ` · ${MARK_WORDS.front}` : trial.place === "none" ? "" : ` · ${MARK_WORDS[trial.place]}`;
  dialog.replaceChildren(
    el("div", { class: "sheet" },
      el("button", { class: "close", "aria-label": "Close", onclick: () => dialog.close() }, "✕"),
      el("h2", {}, trial.name),
      el("p", { class: "lead" }, `${trial.state}${place} · ${trial.origin}${trial.seconds === null ? "" : ` · ${duration(trial.seconds)}`}`),
      trial.message ? el("p", { class: "message" }, trial.message) : null,
      trial.log ? el("pre", { class: "log" }, trial.log) : null,
      trial.verdict ? verdictOf(trial) : null,
      values("Metrics", data.metrics.map((name, at) => [name, trial.metrics[at], slackOf(trial, name)])),
      values("Parameters", data.parameters.map((p, at) => [p.name, trial.parameters[at], ""])),
      attempts(trial),
      ...(curves.length ? [el("h3", {}, "Curves"), ...curves] : []),
      trial.output ? el("div", {}, el("h3", {}, "Output"), el("p", { class: "path" }, trial.output)) : null,
      trial.command ? el("div", {}, el("h3", {}, "What it printed"), el("pre", {}, trial.command)) : null,
    ),
  );
  if (!dialog.open) dialog.showModal();
}
dialog.addEventListener("close", () => {
  for (const old of dialog.querySelectorAll("canvas")) charts.delete(old.chart);
  dialog.replaceChildren();
});

function values(title, rows) {
  const shown = rows.filter(([, value]) => value !== null);
  if (!shown.length) return null;
  const body = shown.map(([name, value, remark]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", { class: typeof value === "number" ? "number" : "" }, number(value), remark ? el("small", {}, remark) : "")));
  return el("div", {}, el("h3", {}, title), el("table", {}, el("tbody", {}, body)));
}

function slackOf(trial, metric) {
  return (trial.slack ?? []).filter((s) => s.metric === metric).map((s) => `${s.limit}: ${s.slack < 0 ? `missed by ${number(-s.slack)}` : `${number(s.slack)} to spare`}`).join("; ");
}

function attempts(trial) {
  if (!trial.attempts.length) return null;
  const rows = trial.attempts.map((a) => el("tr", {},
    el("td", { class: "number" }, String(a.number)), el("td", {}, a.reason || "running"),
    el("td", { class: "number" }, a.exitCode === null ? "" : String(a.exitCode)),
    el("td", { class: "number" }, a.start === null ? "not started" : `after ${duration(a.start)}`),
    el("td", { class: "number" }, a.start === null || a.end === null ? "" : duration(a.end - a.start)),
  ));
  const head = ["attempt", "how it ended", "exit code", "started", "took"].map((name) => el("th", { scope: "col" }, name));
  return el("div", {}, el("h3", {}, "Attempts"), el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows))));
}

/** Why it was stopped early, or would have been, in the words of its verdict. */
function verdictOf(trial) {
  const { step, bound, dominatedBy, stepsSaved, audit } = trial.verdict;
  const best = Object.entries(bound).map(([metric, value]) => `${metric} ${number(value)}`).join(", ");
  const why = `at step ${number(step)}: the best that it could still reach (${best}) is dominated by ${dominatedBy}`;
  const stopped = `Stopped early ${why}; ${number(stepsSaved)} steps saved.`;
  return el("p", { class: "message" }, audit ? `Would have been stopped ${why}; it ran on, to check the rule.` : stopped);
}

function ownCurve(panel, own) {
  const chart = curveChart({ ...panel, lines: [own] }, 170);
  chart.layers = [(context, c) => paintCurve(context, c, own, { colour: colour("--accent"), dash: [] })];
  return chart.element;
}
