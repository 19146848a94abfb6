"use strict";
// Why? What a model of the trials says each metric depends on, and how far it can be trusted.

const GOOD_FIT = 0.7; // as in search/explain.py, which computes no surface below it
const POOR_FIT = 0.5; // below it, half of what is seen is not explained

function drawModel() {
  const { model } = data;
  if (!model) return document.getElementById("model").remove();
  if (model.missing) return section("model", "Why?", "", empty(model.missing));
  const lead =
    "The share of each metric's variation that a model of the trials puts down to each parameter, interactions included. " +
    `▲: the metric rises with it, ▼: it falls, ◇: an unordered choice, or up and down. ${model.note}`;
  return section("model", "Why?", lead, el("div", { class: "grid" }, model.metrics.map(explained)));
}

function explained(of) {
  const objective = data.objectives.find((o) => o.metric === of.metric);
  const bars = of.importance.filter((each, at) => at < 8 && each.share >= 0.005);
  const most = Math.max(...bars.map((bar) => bar.share), 0.01);
  const rows = bars.map(({ parameter, share, direction }) => {
    const [sign, words] = directionOf(direction, of.metric, objective);
    const bar = el("span", { class: "bar" });
    bar.style.width = `${(100 * share) / most}%`;
    return el("tr", {}, el("th", { scope: "row", title: parameter }, shorten(parameter, 28)), el("td", { title: words }, sign), el("td", { class: "bars" }, bar), el("td", { class: "number" }, `${Math.round(100 * share)} %`));
  });
  return el(
    "figure", { class: "why" },
    el("h3", {}, of.metric), fitNote(of),
    el("table", { class: of.fit === null || of.fit < POOR_FIT ? "poor" : "" }, el("tbody", {}, rows)),
    folded("Effects of the leading parameters", () => [el("div", { class: "grid small" }, of.effects.filter((e) => bars.some((b) => b.parameter === e.parameter)).slice(0, 4).map((e) => effectChart(of, e, objective).element))]),
    of.surface ? folded("Over its two most important parameters", () => [surfaceChart(of).element]) : null,
    folded("How well it predicts a trial it has not seen", () => [validationChart(of, objective).element]),
  );
}

function directionOf(direction, metric, objective) {
  if (direction === null || Math.abs(direction) < 0.5) return ["◇", `${metric} neither only rises nor only falls with it`];
  const better = objective && (direction > 0) === (objective.goal === "Maximize");
  const meaning = objective ? `, which is ${better ? "better" : "worse"}` : "";
  return direction > 0 ? ["▲", `${metric} rises with it${meaning}`] : ["▼", `${metric} falls with it${meaning}`];
}

function fitNote({ fit }) {
  if (fit === null) return el("p", { class: "fit bad" }, "All values are equal: there is nothing to explain.");
  const value = `R² ${fit.toFixed(2)}`;
  if (fit < POOR_FIT) return el("p", { class: "fit bad" }, `${value}: the fit is poor. The model predicts unseen trials ${fit <= 0 ? "no better than their mean" : "badly"}; do not rely on this.`);
  if (fit < GOOD_FIT) return el("p", { class: "fit" }, `${value}: a rough guide. The model misses much of the variation.`);
  return el("p", { class: "fit" }, `${value}: the model predicts unseen trials well.`);
}

/** What is drawn only when it is opened. */
function folded(title, content) {
  const place = el("div");
  return el("details", { ontoggle: () => place.childNodes.length || place.append(...content()) }, el("summary", {}, title), place);
}

/** A parameter's axis: names for a choice, numbers otherwise; and the place of each value on it. */
function parameterAxis(name, values) {
  const p = data.parameters.find((each) => each.name === name);
  if (p.values) {
    const texts = p.values.map(String);
    return [new Axis({ title: name, values: texts }), (v) => (v === null ? null : texts.indexOf(String(v)))];
  }
  const numbers = values.filter((v) => typeof v === "number");
  return [new Axis({ title: name, log: p.log, whole: p.whole, low: Math.min(p.min, ...numbers), high: Math.max(p.max, ...numbers) }), (v) => v];
}

/** The metric over one parameter, on average over the others, above the trials themselves. */
function effectChart(of, { parameter, values, predicted }, objective) {
  const [x, place] = parameterAxis(parameter, values);
  const at = data.parameters.findIndex((p) => p.name === parameter);
  const measured = succeeded.filter((i) => trials[i].parameters[at] !== null);
  const y = Axis.over([...predicted, ...measured.map((i) => metricOf(i, of.metric))], { title: of.metric, log: objective?.log });
  const vx = (i) => place(trials[i].parameters[at]);
  const chart = new Chart({
    x, y, height: 200, label: `${of.metric} over ${parameter}`,
    layers: [
      (context, c) => {
        for (const i of measured.filter(isShown)) {
          context.globalAlpha = isChosen(i) ? 0.8 : 0.25;
          context.fillStyle = colour(isChosen(i) && state.chosen.size ? "--accent" : "--faint");
          disc(context, c.px(vx(i)), c.py(metricOf(i, of.metric)), 2.5);
        }
        context.globalAlpha = 1;
        context.strokeStyle = context.fillStyle = colour("--ink");
        context.lineWidth = 2;
        trace(context, c, values.map((v, k) => [place(v), predicted[k]]));
        context.stroke();
        if (values.length <= 12) values.forEach((v, k) => disc(context, c.px(place(v)), c.py(predicted[k]), 3.5));
      },
    ],
  });
  chart.nearest = (px, py) => nearestOf(measured.filter(isShown).map((i) => ({ trial: i, x: chart.px(vx(i)), y: chart.py(metricOf(i, of.metric)) })), px, py);
  return chart;
}

function surfaceChart(of) {
  const { x, y, xs, ys, predicted } = of.surface;
  const [xAxis, xPlace] = parameterAxis(x, xs);
  const [yAxis, yPlace] = parameterAxis(y, ys);
  const log = data.objectives.find((o) => o.metric === of.metric)?.log;
  const scaled = (v) => (log ? Math.log10(v) : v);
  const all = predicted.flat().map(scaled);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const [ax, ay] = [x, y].map((name) => data.parameters.findIndex((p) => p.name === name));
  const edges = (values, place, axis) => {
    const places = values.map((v) => axis.place(place(v)));
    return places.map((p, k) => [k ? (places[k - 1] + p) / 2 : 0, k < places.length - 1 ? (places[k + 1] + p) / 2 : 1]);
  };
  return new Chart({
    x: xAxis, y: yAxis, height: 300, label: `${of.metric} over ${x} and ${y}`,
    layers: [
      (context, c) => {
        const [across, up] = [edges(xs, xPlace, xAxis), edges(ys, yPlace, yAxis)];
        predicted.forEach((row, r) => row.forEach((value, k) => {
          context.fillStyle = ramp(high > low ? (scaled(value) - low) / (high - low) : 0);
          const [x0, x1, y0, y1] = [across[k][0] * c.box.w, across[k][1] * c.box.w, up[r][0] * c.box.h, up[r][1] * c.box.h];
          context.fillRect(c.box.x + x0, c.box.y + c.box.h - y1, x1 - x0 + 0.6, y1 - y0 + 0.6);
        }));
        for (const i of succeeded) {
          const [px, py] = [xPlace(trials[i].parameters[ax]), yPlace(trials[i].parameters[ay])];
          if (px === null || py === null) continue;
          context.strokeStyle = "#ffffff";
          context.lineWidth = 3;
          cross(context, c.px(px), c.py(py));
          context.strokeStyle = "#000000";
          context.lineWidth = 1.2;
          cross(context, c.px(px), c.py(py));
        }
        context.fillStyle = colour("--ink");
        context.textAlign = "right";
        context.textBaseline = "top";
        const back = (v) => number(log ? 10 ** v : v);
        context.fillText(`dark ${back(low)}, light ${back(high)}; × trials`, c.box.x + c.box.w, 2);
      },
    ],
  });
}

function cross(context, x, y) {
  line(context, x - 3, y - 3, x + 3, y + 3);
  line(context, x - 3, y + 3, x + 3, y - 3);
}

/** Each trial as predicted from all others, with a 95 % interval; on the line it is right. */
function validationChart(of, objective) {
  const byIndex = new Map(trials.map((t, i) => [t.index, i]));
  const rows = of.cross_validation.map(([index, ...more]) => [byIndex.get(index), ...more]);
  const both = rows.flatMap(([, measured, predicted]) => [measured, predicted]);
  const axis = (title) => Axis.over(both, { title, log: objective?.log });
  const chart = new Chart({
    x: axis(`${of.metric} measured`), y: axis("predicted from the others"), height: 300,
    layers: [
      (context, c) => {
        context.strokeStyle = colour("--muted");
        context.lineWidth = 1;
        line(context, c.px(c.x.low), c.py(c.x.low), c.px(c.x.high), c.py(c.x.high));
        for (const [i, measured, predicted, low, high] of rows) {
          context.globalAlpha = isChosen(i) ? 1 : 0.25;
          context.strokeStyle = colour("--faint");
          line(context, c.px(measured), c.py(low), c.px(measured), c.py(high));
          context.fillStyle = trialColour(i);
          disc(context, c.px(measured), c.py(predicted), 3.5);
        }
        context.globalAlpha = 1;
      },
    ],
  });
  chart.nearest = (px, py) => nearestOf(rows.map(([trial, m, p]) => ({ trial, x: chart.px(m), y: chart.py(p) })), px, py);
  return chart;
}
