"use strict";
// Was it worth it? The hypervolume, or the best value, against trials, time and slot time.

const EXPENSES = [
  { name: "trials", title: "trials ended", of: (p) => p.trials.map((_, i) => i + 1), axis: { whole: true } },
  { name: "time", title: "time since the start", of: (p) => p.time, axis: { format: duration } },
  { name: "slot time", title: "slot time: the time of all attempts together", of: (p) => p.slotTime, axis: { format: duration } },
];

function drawProgress() {
  const { progress } = data;
  const what = single ? `the best ${data.objectives[0].metric}` : "the hypervolume, which is what the Pareto set dominates, up to the reference point";
  if (!progress.values.some((v) => v !== null)) {
    const waits = succeeded.length ? "The reference point is fixed when the initial trials have ended." : "No trial has succeeded yet.";
    return section("progress", "Was it worth it?", "", empty(waits));
  }
  const place = el("div");
  const tabs = EXPENSES.map((expense) => el("button", { onclick: () => show(expense) }, expense.name));
  const show = (expense) => {
    tabs.forEach((tab, i) => tab.setAttribute("aria-pressed", EXPENSES[i] === expense));
    for (const old of place.querySelectorAll("canvas")) charts.delete(old.chart);
    place.replaceChildren(progressChart(expense).element);
  };
  const lead = `How ${what} has grown. ${stillGrowing(progress)}`;
  const found = section("progress", "Was it worth it?", lead, el("p", { class: "tabs" }, "against ", tabs), place);
  show(EXPENSES[0]);
  return found;
}

/** In words, how long ago the last gain was. */
function stillGrowing({ trials: ended, values }) {
  const flat = values.length - 1 - values.findIndex((v) => v === values.at(-1));
  const last = ended[values.length - 1 - flat];
  if (!flat) return `The last trial, ${trials[last].name}, still added to it.`;
  return `${trials[last].name} was the last to add to it; ${plural(flat, "trial")} after it added nothing.`;
}

function progressChart(expense) {
  const { progress } = data;
  const xs = expense.of(progress);
  const [o] = data.objectives;
  const values = progress.values.filter((v) => v !== null);
  const title = single ? o.metric : "hypervolume";
  const y = single
    ? Axis.over(values, { title, log: o.log })
    : new Axis({ title, low: 0, high: Math.max(...values) * 1.05 || 1 });
  const chart = new Chart({
    x: new Axis({ title: expense.title, low: 0, high: xs.at(-1) * 1.02 || 1, ...expense.axis }),
    y,
    height: 300,
    label: `${title} against ${expense.name}`,
    layers: [
      (context, c) => paintSteps(context, c, xs, progress.values, !single),
      (context, c) => {
        if (progress.modelStart) c.mark(context, "x", xs[progress.modelStart - 1], "the model takes over", [2, 3]);
      },
    ],
  });
  chart.nearest = (px) => {
    const after = xs.findLastIndex((x) => chart.px(x) <= px + 1);
    if (after < 0 || progress.values[after] === null) return null;
    const i = progress.trials[after];
    const text = [`${title} ${number(progress.values[after])}`, `after ${trials[i].name}`, plural(after + 1, "trial")];
    return { trial: i, text: [...text, duration(progress.time[after]), `${duration(progress.slotTime[after])} of slots`] };
  };
  return chart;
}
