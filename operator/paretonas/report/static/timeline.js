"use strict";
// Where did the time go? What each slot did, from the start to the end.

const SPANS = { Running: "running", Waiting: "waiting to start", Idle: "idle" };
const OUTCOMES = { Succeeded: "--good", Failed: "--bad", Infeasible: "--bad", EarlyStopped: "--stopped" };

function drawTimeline() {
  const { slots, spans, totals } = data.timeline;
  if (!slots) return section("timeline", "Where did the time go?", "", empty("No trial has started yet."));
  const whole = Object.values(totals).reduce((a, b) => a + b, 0) || 1;
  const parts = Object.entries(SPANS)
    .filter(([kind]) => totals[kind] > 0)
    .map(([kind, words]) => `${words} ${duration(totals[kind])} (${Math.round((100 * totals[kind]) / whole)} %)`);
  const shown = new Set(spans.map((s) => s.slot)).size;
  const rest = slots > shown ? ` The first ${shown} of ${slots} slots are drawn.` : "";
  const key = el(
    "p", { class: "key" },
    el("span", { class: "block good" }), " succeeded ", el("span", { class: "block bad" }), " failed or infeasible ",
    el("span", { class: "block stopped" }), " stopped early ", el("span", { class: "block running" }), " running or stopped ",
    el("span", { class: "block waiting" }), " waiting to start ",
  );
  const lead = `${plural(slots, "slot")}: ${parts.join(", ")}.${rest} A row is a slot, a block is an attempt; click it for its trial.`;
  return section("timeline", "Where did the time go?", lead, key, timelineChart(spans, shown).element);
}

function timelineChart(spans, rows) {
  const end = Math.max(...spans.map((s) => s.end), 1);
  const start = Math.min(...spans.map((s) => s.start), 0);
  const lane = rows > 12 ? 12 : 24;
  const chart = new Chart({
    x: new Axis({ title: "time since the start", low: start, high: end, format: duration }),
    y: new Axis({ title: "", low: 0, high: rows }),
    height: rows * lane + 50,
    margin: { left: 14, right: 14, top: 6, bottom: 44 },
    label: "What each slot did over time",
    layers: [
      (context, c) => {
        for (const span of spans) {
          if (span.kind === "Idle") continue;
          const [x0, x1] = [c.px(span.start), c.px(span.end)];
          const y = c.box.y + (span.slot / rows) * c.box.h;
          const trial = trials[span.position];
          context.globalAlpha = span.kind === "Running" && !isChosen(span.position) ? 0.25 : 1;
          context.fillStyle = span.kind === "Waiting" ? colour("--waiting") : attemptColour(trial, span.attempt);
          context.fillRect(x0, y + 2, Math.max(1, x1 - x0 - (x1 - x0 > 4 ? 1 : 0)), lane - 4);
          if (span.kind === "Running" && span.position === state.pointed) {
            context.strokeStyle = colour("--ink");
            context.lineWidth = 2;
            context.strokeRect(x0, y + 2, x1 - x0, lane - 4);
          }
        }
        context.globalAlpha = 1;
      },
    ],
  });
  chart.y.ticks = () => [];
  chart.nearest = (px, py) => {
    const slot = Math.floor(((py - chart.box.y) / chart.box.h) * rows);
    const time = chart.x.value((px - chart.box.x) / chart.box.w);
    const span = spans.find((s) => s.slot === slot && s.start <= time && time <= s.end);
    if (!span) return null;
    const length = duration(span.end - span.start);
    if (span.kind !== "Running") return { trial: null, text: [`${SPANS[span.kind]} for ${length}`] };
    const attempt = trials[span.position].attempts.find((a) => a.number === span.attempt);
    return { trial: span.position, text: [trials[span.position].name, `attempt ${span.attempt}: ${attempt.reason || "running"}`, length] };
  };
  return chart;
}

/** An earlier attempt that was tried again counts by its own end: it had no result. */
function attemptColour(trial, number) {
  const last = trial.attempts.at(-1).number === number;
  return colour((last && OUTCOMES[trial.state]) || (last ? "--running" : "--bad"));
}
