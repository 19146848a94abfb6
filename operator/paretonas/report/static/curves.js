"use strict";
// Learning curves: the selection, or the front, in colour; the other trials in grey.

const NAMED = DISTINCT.length; // more colours cannot be told apart
const MOST_MARKS = 2000; // points of a panel that are marked one by one; more take too long, and cannot be seen

function drawCurves() {
  const { panels, note } = data.curves;
  if (!panels.length) return section("curves", "Learning curves", "", empty(`${data.curves.missing} ${note}`));
  const key = el("p", { class: "key" });
  const figures = panels.map((panel) => el("figure", {}, curveChart(panel).element));
  const drawKey = () => key.replaceChildren(...curveKey());
  ["select", "look"].forEach((what) => follow(what, drawKey));
  drawKey();
  const lead = `The selection in colour, or the ${single ? "best trial" : "Pareto set"} if nothing is selected; the others in grey. ${note}`;
  return section("curves", "Learning curves", lead, key, el("div", { class: "grid" }, figures));
}

/** The trials in colour: what is selected, else the front. */
function highlighted() {
  return state.chosen.size ? [...state.chosen].sort((a, b) => a - b) : data.front;
}

/** How a highlighted trial is drawn: up to eight have a colour and a dash each, more have that of all marks. */
function lineStyle(at, i, count) {
  if (count <= NAMED) return { colour: DISTINCT[at], dash: DASHES[at % DASHES.length] };
  return { colour: trialColour(i), dash: [] };
}

function curveKey() {
  const shown = highlighted();
  if (shown.length > NAMED) return [`${plural(shown.length, "trial")}, in the colours of ${colourings[state.colouring].name}. Select ${NAMED} or fewer to name them.`];
  return shown.map((i, at) => {
    const { colour: paint, dash } = lineStyle(at, i, shown.length);
    const swatch = el("canvas", { width: 56, height: 16, class: "swatch" });
    const context = swatch.getContext("2d");
    Object.assign(context, { strokeStyle: paint, lineWidth: 5 });
    context.setLineDash(dash.map((d) => 2 * d));
    line(context, 0, 8, 56, 8);
    return el("button", { class: "link", onclick: () => openTrial(i), onpointerenter: () => point(i), onpointerleave: () => point(null) }, swatch, shorten(trials[i].name, 40));
  });
}

/** One tag, of these lines; `of` is {tag, log, lines: [{trial, x, y}]}. */
function curveChart({ tag, log, lines }, height = 240) {
  const xs = lines.flatMap((l) => [l.x[0], l.x.at(-1)]);
  const [low, high] = [Math.min(...xs), Math.max(...xs)];
  const room = 0.03 * (high - low) || 0.5;
  const points = () => {
    const named = new Set(highlighted());
    return lines.filter((l) => isShown(l.trial) || named.has(l.trial));
  };
  const chart = new Chart({
    x: new Axis({ title: "step", whole: true, low: low - room, high: high + room }),
    y: Axis.over(lines.flatMap((l) => l.y), { title: tag, log }),
    height,
    label: `${tag} over the steps`,
    layers: [
      (context, c) => {
        const named = new Map(highlighted().map((i, at, all) => [i, lineStyle(at, i, all.length)]));
        const drawn = points().sort((a, b) => named.has(a.trial) - named.has(b.trial));
        const marked = drawn.reduce((sum, l) => sum + l.x.length, 0) <= MOST_MARKS;
        for (const l of drawn) paintCurve(context, c, l, named.get(l.trial), marked || (named.size <= NAMED && named.has(l.trial)));
        const pointed = lines.find((l) => l.trial === state.pointed);
        if (pointed) paintCurve(context, c, pointed, { colour: colour("--accent"), dash: [], width: 3.5 });
      },
    ],
  });
  chart.nearest = (px, py) => {
    let [best, found] = [15 * 15, null];
    for (const l of points()) {
      l.x.forEach((x, k) => {
        if (l.y[k] === null) return;
        const apart = (chart.px(x) - px) ** 2 + (chart.py(l.y[k]) - py) ** 2;
        if (apart < best) [best, found] = [apart, { trial: l.trial, text: [trials[l.trial].name, `step ${number(x)}`, `${tag} ${number(l.y[k])}`] }];
      });
    }
    return found;
  };
  return chart;
}

function paintCurve(context, chart, { x, y, trial }, style, marked = true) {
  context.strokeStyle = context.fillStyle = style?.colour ?? colour("--faint");
  context.lineWidth = style ? (style.width ?? 2) : 1;
  context.globalAlpha = style ? 1 : 0.6;
  context.setLineDash(style?.dash ?? []);
  context.beginPath();
  let begun = false;
  x.forEach((step, k) => {
    if (y[k] === null) begun = false;
    else context[begun ? "lineTo" : "moveTo"](chart.px(step), chart.py(y[k]));
    if (y[k] !== null) begun = true;
  });
  context.stroke();
  context.setLineDash([]);
  if (marked && x.length <= 30) {
    x.forEach((step, k) => {
      if (y[k] !== null) disc(context, chart.px(step), chart.py(y[k]), style ? 2.6 : 1.6);
    });
  }
  const last = y.findLastIndex((v) => v !== null);
  if (trials[trial].state === "EarlyStopped" && last >= 0) paintStop(context, chart.px(x[last]), chart.py(y[last]));
  context.globalAlpha = 1;
}

function disc(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 7);
  context.fill();
}

/** The mark of a trial that was stopped early, where its curve ends: a bar across a small square. */
function paintStop(context, x, y) {
  context.fillStyle = colour("--ink");
  context.fillRect(x - 3.5, y - 3.5, 7, 7);
  context.fillStyle = colour("--card");
  context.fillRect(x - 1.5, y - 1.5, 3, 3);
}
