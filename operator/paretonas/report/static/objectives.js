"use strict";
// Every two objectives against each other; a single one over the trials.

const MARK_WORDS = single ? { front: "best", dominated: "other" } : { front: "Pareto set", dominated: "dominated" };
MARK_WORDS.outside = "outside a threshold or constraint";

function drawObjectives() {
  const words = single ? "Best trial" : "Pareto front";
  if (!succeeded.length) return section("objectives", words, "", empty("No trial has succeeded yet."));
  const lead = single
    ? `Each mark is a trial, the line the best until then: ${data.goals}.`
    : `Each mark is a trial; no other beats one of the Pareto set in ${data.objectives.length === 2 ? "both" : "all"} objectives. ` +
      "Drag to select, click a mark to open its trial, double-click to see everything.";
  const figures = single ? [bestSoFar()] : pairs().map(([x, y]) => tradeoff(x, y));
  const boxes = figures.map((chart) => el("figure", {}, chart.element, outsideNote(chart)));
  return section("objectives", words, lead, markKey(), el("div", { class: figures.length > 1 ? "grid" : "" }, boxes));
}

/** Every two objectives, [x, y], the first objective upright wherever it is one of them. */
function pairs() {
  const all = data.objectives;
  return all.flatMap((y, i) => all.slice(i + 1).map((x) => [x, y]));
}

function markKey() {
  return el(
    "p",
    { class: "key" },
    el("span", { class: "mark front" }), ` ${MARK_WORDS.front} `,
    el("span", { class: "mark" }), ` ${MARK_WORDS.dominated} `,
    el("span", { class: "mark outside" }, "✕"), ` ${MARK_WORDS.outside} `,
    ...(data.choice.balanced === null ? [] : [el("span", { class: "mark balanced" }, "◆"), " balanced "]),
    colourKey(),
  );
}

/** The scale of the colours, which follows what they show. */
function colourKey() {
  const scale = el("span", { class: "scale" });
  const [low, high] = [el("span"), el("span")];
  const update = () => {
    const c = colourings[state.colouring];
    const [from, to] = colouringEnds(c);
    low.textContent = c.values ? shorten(String(c.values[from] ?? ""), 14) : number(from);
    high.textContent = c.values ? shorten(String(c.values[to] ?? ""), 14) : number(to);
    scale.style.background = `linear-gradient(to right, ${[...Array(9).keys()].map((i) => ramp(i / 8)).join(", ")})`;
  };
  follow("look", update);
  if (succeeded.length) update();
  return el("span", { class: "order" }, low, scale, high);
}

function outsideNote(chart) {
  const note = el("figcaption");
  const paint = chart.draw;
  chart.draw = function (...all) {
    paint.apply(this, all);
    const hidden = this.places().filter((p) => !this.x.isInView(p.vx) || !this.y.isInView(p.vy)).length;
    const text = hidden ? `${plural(hidden, "trial")} outside this view.` : "";
    if (note.dataset.text === text) return;
    note.dataset.text = text;
    note.replaceChildren(...(text ? [`${text} `, el("button", { onclick: () => chart.reset(true) }, "Show all")] : []));
  };
  return note;
}

/** Paint trials as marks: ✕ outside a limit, small if dominated, ringed in the front, a diamond if balanced. */
function paintTrials(context, places) {
  const ink = colour("--ink");
  const rank = { outside: 0, dominated: 1, front: 2 };
  const order = [...places].sort((a, b) => isChosen(a.trial) - isChosen(b.trial) || rank[trials[a.trial].place] - rank[trials[b.trial].place]);
  for (const { x, y, trial } of order) {
    const { place } = trials[trial];
    const on = isChosen(trial);
    context.globalAlpha = on ? (place === "front" ? 1 : 0.75) : 0.25;
    context.fillStyle = context.strokeStyle = on ? trialColour(trial) : colour("--faint");
    if (place === "outside") {
      context.lineWidth = 1.5;
      line(context, x - 3, y - 3, x + 3, y + 3);
      line(context, x - 3, y + 3, x + 3, y - 3);
      continue;
    }
    context.beginPath();
    if (trial === data.choice.balanced) {
      context.moveTo(x, y - 9);
      context.lineTo(x + 9, y);
      context.lineTo(x, y + 9);
      context.lineTo(x - 9, y);
      context.closePath();
    } else {
      context.arc(x, y, place === "front" ? 6 : 3.5, 0, 7);
    }
    context.fill();
    if (place === "front") {
      context.lineWidth = 1.5;
      context.strokeStyle = on ? ink : colour("--faint");
      context.stroke();
    }
  }
  context.globalAlpha = 1;
  const pointed = places.find((p) => p.trial === state.pointed);
  if (pointed) {
    context.strokeStyle = colour("--accent");
    context.lineWidth = 2.5;
    context.beginPath();
    context.arc(pointed.x, pointed.y, 11, 0, 7);
    context.stroke();
  }
}

/** A chart whose marks are trials: `vx(i)` and `vy(i)` are a trial's values. */
function trialChart(of, vx, vy) {
  const positions = of.positions ?? succeeded;
  const chart = new Chart(of);
  chart.places = () =>
    positions
      .filter(isShown)
      .map((i) => ({ trial: i, vx: vx(i), vy: vy(i), x: chart.px(vx(i)), y: chart.py(vy(i)) }));
  const inView = () => chart.places().filter((p) => chart.x.isInView(p.vx) && chart.y.isInView(p.vy));
  chart.layers.push((context) => paintTrials(context, inView()));
  chart.nearest = (x, y) => nearestOf(inView(), x, y);
  chart.chosen = (inside) => select(inView().filter((p) => inside([p.x, p.y])).map((p) => p.trial));
  return chart;
}

function tradeoff(x, y) {
  const of = (o) => {
    const keep = [...data.front.map((i) => metricOf(i, o.metric)), o.threshold];
    return Axis.over([...succeeded.map((i) => metricOf(i, o.metric)), o.threshold, o.target], { title: o.metric, log: o.log, keep });
  };
  const layers = [
    ...(data.objectives.length === 2 ? [(context, chart) => paintFront(context, chart, x, y)] : []),
    (context, chart) => {
      for (const [axis, o] of [["x", x], ["y", y]]) paintLimits(context, chart, axis, o);
    },
  ];
  const config = { x: of(x), y: of(y), height: data.objectives.length === 2 ? 460 : 340, layers };
  return trialChart(config, (i) => metricOf(i, x.metric), (i) => metricOf(i, y.metric));
}

function paintLimits(context, chart, axis, o) {
  if (o.threshold !== null) chart.mark(context, axis, o.threshold, `threshold ${number(o.threshold)}`);
  else if (o.reference !== null) chart.mark(context, axis, o.reference, `reference ${number(o.reference)}`, [2, 3]);
  if (o.target !== null) chart.mark(context, axis, o.target, `target ${number(o.target)}`, [8, 3]);
}

/** The staircase that bounds what the front of two objectives dominates, and the volume up to the reference point. */
function paintFront(context, chart, x, y) {
  const sign = (o) => (o.goal === "Maximize" ? -1 : 1);
  const points = data.front.map((i) => [metricOf(i, x.metric), metricOf(i, y.metric)]);
  points.sort((a, b) => sign(x) * (a[0] - b[0]) || sign(y) * (a[1] - b[1]));
  if (!points.length) return;
  const stairs = points.flatMap((p, i) => (i ? [[p[0], points[i - 1][1]], p] : [p]));
  const corner = [x.reference, y.reference];
  const within = points.filter((p) => corner[0] !== null && sign(x) * (corner[0] - p[0]) > 0 && sign(y) * (corner[1] - p[1]) > 0);
  if (within.length) {
    const inner = within.flatMap((p, i) => (i ? [[p[0], within[i - 1][1]], p] : [p]));
    fillArea(context, chart, [[within[0][0], corner[1]], ...inner, [corner[0], within.at(-1)[1]], corner]);
  }
  strokeLine(context, chart, stairs, 1.5);
}

function trace(context, chart, points) {
  context.beginPath();
  points.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](chart.px(x), chart.py(y)));
}

function fillArea(context, chart, points) {
  trace(context, chart, points);
  context.fillStyle = colour("--tint");
  context.fill();
}

function strokeLine(context, chart, points, width) {
  trace(context, chart, points);
  context.strokeStyle = colour("--accent");
  context.lineWidth = width;
  context.stroke();
}

/** A single objective over the trials in the order in which they ended. */
function bestSoFar() {
  const [o] = data.objectives;
  const ended = data.progress.trials;
  const turn = new Map(ended.map((i, at) => [i, at + 1]));
  const values = succeeded.map((i) => metricOf(i, o.metric));
  const config = {
    x: new Axis({ title: "trials ended", whole: true, low: 0, high: ended.length + 1 }),
    y: Axis.over([...values, o.threshold, o.target], { title: o.metric, log: o.log, keep: [o.threshold] }),
    height: 420,
    layers: [
      (context, chart) => paintLimits(context, chart, "y", o),
      (context, chart) => paintSteps(context, chart, ended.map((_, at) => at + 1), data.progress.values, false),
    ],
  };
  return trialChart(config, (i) => turn.get(i), (i) => metricOf(i, o.metric));
}

/** A line of steps, filled down to the axis if wanted; null is a gap at the beginning. */
function paintSteps(context, chart, xs, ys, filled) {
  const points = xs.flatMap((x, i) => (ys[i] === null ? [] : i && ys[i - 1] !== null ? [[x, ys[i - 1]], [x, ys[i]]] : [[x, ys[i]]]));
  if (!points.length) return;
  if (filled) {
    fillArea(context, chart, [[points[0][0], chart.y.view[0]], ...points, [points.at(-1)[0], chart.y.view[0]]]);
  }
  strokeLine(context, chart, points, 2);
}
