"use strict";
// What is selected, shown and coloured: one state, which all views read and follow.

const trials = data.trials;
const single = data.objectives.length === 1;
const front = new Set(data.front);

const state = {
  /** Positions of the selected trials; empty: none is singled out, so all count. */
  chosen: new Set(),
  /** The trial under the pointer. */
  pointed: null,
  /** Whether trials are shown that are dominated, or outside a limit. */
  others: true,
  /** What a drag in a figure does. */
  drag: "select",
  /** The position in `colourings` of what colours the trials. */
  colouring: 0,
};

const followers = { select: [], point: [], look: [], forget: [] };

/** Call a view when the selection changes (`select`), the pointer (`point`), what is shown or how (`look`), or when
 * another view selects, so that a brush is to be forgotten (`forget`). */
const follow = (what, view) => followers[what].push(view);
const tell = (what, ...more) => followers[what].forEach((view) => view(...more));

/** Select these positions; `source` is the view that keeps its brush. */
function select(positions, source = null) {
  state.chosen = new Set(positions);
  tell("forget", source);
  tell("select");
}

function point(position) {
  if (state.pointed === position) return;
  state.pointed = position;
  tell("point");
}

const isShown = (i) => state.others || front.has(i);
const isChosen = (i) => state.chosen.size === 0 || state.chosen.has(i);

const succeeded = trials.flatMap((trial, i) => (trial.state === "Succeeded" ? [i] : []));
const metricOf = (i, metric) => trials[i].metrics[data.metrics.indexOf(metric)];

/** The parameters that vary, each with its position. */
const varying = data.parameters.map((p, at) => ({ ...p, at })).filter((p) => !p.values || p.values.length > 1);
const constant = data.parameters.filter((p) => p.values && p.values.length === 1);

/** What may colour the trials: the order, each objective, each parameter. A value of null has no colour. */
const colourings = [
  { name: "the order of the trials", value: (i) => trials[i].index },
  ...data.objectives.map((o) => ({ name: o.metric, value: (i) => metricOf(i, o.metric), log: o.log })),
  ...varying.map((p) => ({
    name: p.name,
    value: (i) => (p.values ? placeOf(p, trials[i].parameters[p.at]) : trials[i].parameters[p.at]),
    log: p.log,
    values: p.values,
  })),
];

/** The place of a choice's value among its values; null if the parameter is inactive. */
function placeOf(parameter, value) {
  const at = parameter.values.indexOf(value);
  return at < 0 ? null : at;
}

const ends = new Map();
function colouringEnds(colouring) {
  if (!ends.has(colouring)) {
    const values = succeeded.map(colouring.value).filter((v) => typeof v === "number");
    ends.set(colouring, [Math.min(...values), Math.max(...values)]);
  }
  return ends.get(colouring);
}

/** The colour of a trial. */
function trialColour(i) {
  const colouring = colourings[state.colouring];
  const value = colouring.value(i);
  if (typeof value !== "number") return colour("--faint");
  const [low, high] = colouringEnds(colouring).map((v) => (colouring.log ? Math.log10(v) : v));
  return ramp(high > low ? ((colouring.log ? Math.log10(value) : value) - low) / (high - low) : 0);
}

/** The selection as CSV: all trials if none is selected. */
function selectionAsCsv() {
  const quoted = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const names = ["trial", "state", "front", ...data.metrics, ...data.parameters.map((p) => p.name), "origin", "seconds", "output"];
  const rows = trials.flatMap((t, i) =>
    isChosen(i) ? [[t.name, t.state, front.has(i), ...t.metrics, ...t.parameters, t.origin, t.seconds, t.output]] : [],
  );
  return [names, ...rows].map((row) => row.map(quoted).join(",") + "\r\n").join("");
}
