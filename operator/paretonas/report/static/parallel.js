"use strict";
// Parallel coordinates: a trial is a line through its parameters and its objectives, and a drag along an axis selects.

const LANE = 96; // pixels from one axis to the next at the least, so that titles can be read
const INACTIVE = -0.1; // where a parameter stands that a trial did not have: below its axis

function drawParallel() {
  const title = "Parameters and objectives";
  if (!succeeded.length) return section("parameters", title, "", empty("No trial has succeeded yet."));
  const chart = new Parallel();
  const frame = el("div", { class: "scroll" }, chart.element);
  const fixed = constant.map((p) => `${p.name} = ${p.values[0]}`).join(", ");
  return section(
    "parameters", title,
    "A line is a trial; on every objective's axis better is up. Drag along an axis to select, on several axes to narrow " +
      "it, click an axis to release it.",
    frame, fixed ? el("p", { class: "lead" }, `The same in all trials: ${fixed}.`) : "",
  );
}

class Parallel extends Canvas {
  constructor() {
    super(430, "Parallel coordinates of parameters and objectives");
    const inner = (p) => (i) => trials[i].parameters[p.at];
    this.axes = [
      ...varying.map((p) => {
        if (p.values) return { of: inner(p), axis: new Axis({ title: p.name, values: p.values }), place: (v) => placeOf(p, v) };
        const users = succeeded.map(inner(p)).filter((v) => typeof v === "number" && !(p.log && v <= 0));
        const [low, high] = [Math.min(p.min, ...users), Math.max(p.max, ...users)];
        const place = (v) => (p.log && v <= 0 ? p.min : v); // a user's own point may lie anywhere
        return { of: inner(p), axis: new Axis({ title: p.name, log: p.log, whole: p.whole, low, high }), place };
      }),
      ...data.objectives.map((o) => {
        const values = succeeded.map((i) => metricOf(i, o.metric));
        const [low, high] = [Math.min(...values), Math.max(...values)];
        const axis = new Axis({ title: o.metric, log: o.log, low, high });
        return { of: (i) => metricOf(i, o.metric), axis, place: (v) => v, down: o.goal === "Minimize", objective: true };
      }),
    ];
    this.gaps = this.axes.map(({ of }) => succeeded.some((i) => of(i) === null));
    this.brushes = this.axes.map(() => null);
    // a trial's places do not change: they are computed once
    this.rows = succeeded.map((i) => this.axes.map((a) => this.share(a, a.of(i))));
    this.element.style.minWidth = `${LANE * this.axes.length + 40}px`;
    this.listen();
    follow("forget", (source) => {
      if (source !== this) this.brushes.fill(null);
    });
  }

  /** A value's place from 0, the foot of its axis, to 1. */
  share({ axis, place, down }, value) {
    if (value === null) return INACTIVE;
    const at = axis.place(place(value));
    return down ? 1 - at : at;
  }

  x(at) {
    const room = this.element.clientWidth - 2 * this.side;
    return this.side + (this.axes.length > 1 ? (room * at) / (this.axes.length - 1) : room / 2);
  }

  y(share) {
    return this.top + (1 - share) * this.length;
  }

  draw(context, width, height) {
    Object.assign(this, { side: 62, top: 62, length: height - 62 - 46 });
    const shown = succeeded.map((i, row) => [i, row]).filter(([i]) => isShown(i));
    const off = shown.filter(([i]) => !isChosen(i));
    const on = shown.filter(([i]) => isChosen(i));
    context.lineJoin = "round";
    context.lineWidth = 1;
    context.globalAlpha = 0.35;
    context.strokeStyle = colour("--faint");
    for (const [, row] of off) this.stroke(context, row);
    // the Pareto set on top
    on.sort((a, b) => front.has(a[0]) - front.has(b[0]));
    for (const [i, row] of on) {
      context.globalAlpha = front.has(i) ? 1 : on.length > 200 ? 0.35 : 0.55;
      context.lineWidth = front.has(i) ? 1.8 : 1;
      context.strokeStyle = trialColour(i);
      this.stroke(context, row);
    }
    context.globalAlpha = 1;
    const pointed = succeeded.indexOf(state.pointed);
    if (pointed >= 0) {
      context.lineWidth = 3;
      context.strokeStyle = colour("--accent");
      this.stroke(context, pointed);
    }
    this.axes.forEach((of, at) => this.drawAxis(context, of, at));
  }

  stroke(context, row) {
    context.beginPath();
    this.rows[row].forEach((share, at) => context[at ? "lineTo" : "moveTo"](this.x(at), this.y(share)));
    context.stroke();
  }

  drawAxis(context, { axis, down, objective }, at) {
    const x = this.x(at);
    context.strokeStyle = colour("--muted");
    context.lineWidth = 1;
    line(context, x, this.y(0), x, this.y(1));
    context.textBaseline = "middle";
    context.textAlign = "left";
    const label = (text, y) => {
      const width = context.measureText(text).width;
      context.fillStyle = colour("--halo");
      context.fillRect(x + 4, y - 7, width + 4, 14);
      context.fillStyle = colour("--ink");
      context.fillText(text, x + 6, y);
    };
    context.font = "11px system-ui, sans-serif";
    let free = Infinity;
    for (const tick of this.ticks(axis, down)) {
      const y = this.y(tick.share);
      if (y > free - 13) continue;
      label(tick.text, y);
      free = y;
    }
    if (this.gaps[at]) label("inactive", this.y(INACTIVE));
    context.font = `${objective ? "600 " : ""}12px system-ui, sans-serif`;
    context.textAlign = "center";
    context.fillStyle = colour("--ink");
    const title = fitText(context, axis.title, 2 * (this.x(1) - this.x(0) || LANE) - 12);
    context.fillText(title, x, at % 2 ? 34 : 14);
    if (at % 2 === 0) {
      context.strokeStyle = colour("--line");
      line(context, x, 24, x, this.top - 4);
    }
    if (this.brushes[at]) {
      const [low, high] = this.brushes[at];
      context.fillStyle = colour("--tint");
      context.strokeStyle = colour("--accent");
      context.lineWidth = 1.5;
      context.fillRect(x - 8, this.y(high), 16, this.y(low) - this.y(high));
      context.strokeRect(x - 8, this.y(high), 16, this.y(low) - this.y(high));
    }
  }

  /** The ends, and what fits between them, from the foot up. */
  ticks(axis, down) {
    const values = axis.values ? axis.ticks(12) : [axis.low, axis.high, ...axis.ticks(6)];
    const all = values.map((v) => ({ share: down ? 1 - axis.place(v) : axis.place(v), text: axis.label(v) }));
    if (axis.values) return all.sort((a, b) => a.share - b.share);
    const [a, b, ...rest] = all;
    const [foot, head] = a.share < b.share ? [a, b] : [b, a];
    const inner = rest.filter((t) => t.share > 0.06 && t.share < 0.94).sort((s, t) => s.share - t.share);
    return [foot, ...inner, head];
  }

  axisAt(px) {
    const at = Math.max(0, Math.min(this.axes.length - 1, Math.round((px - this.side) / ((this.x(1) - this.x(0)) || 1))));
    return Math.abs(this.x(at) - px) < 24 ? at : -1;
  }

  listen() {
    let [at, from] = [-1, 0];
    const canvas = this.element;
    const share = (y) => Math.min(1.02, Math.max(INACTIVE - 0.03, 1 - (y - this.top) / this.length));
    canvas.addEventListener("pointerdown", (event) => {
      const [x, y] = this.at(event);
      at = event.button ? -1 : this.axisAt(x);
      if (at < 0) return;
      from = share(y);
      canvas.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    canvas.addEventListener("pointermove", (event) => {
      const [x, y] = this.at(event);
      canvas.style.cursor = this.axisAt(x) >= 0 ? "ns-resize" : "default";
      if (at < 0) return this.pointAt(event, x, y);
      const to = share(y);
      if (Math.abs(to - from) < 0.01) return undefined;
      this.brushes[at] = [Math.min(from, to), Math.max(from, to)];
      return this.apply();
    });
    canvas.addEventListener("pointerup", (event) => {
      if (at >= 0 && Math.abs(share(this.at(event)[1]) - from) < 0.01 && this.brushes[at]) {
        this.brushes[at] = null;
        this.apply();
      }
      at = -1;
    });
    canvas.addEventListener("pointerleave", () => {
      hideHint();
      point(null);
    });
    canvas.addEventListener("click", () => {
      if (state.pointed !== null && at < 0) openTrial(state.pointed);
    });
    canvas.addEventListener("dblclick", () => {
      this.brushes.fill(null);
      this.apply();
    });
  }

  /** Select what lies within all brushes. */
  apply() {
    const active = this.brushes.flatMap((brush, at) => (brush ? [[at, brush]] : []));
    const inside = succeeded.filter((i, row) =>
      isShown(i) && active.every(([at, [low, high]]) => this.rows[row][at] >= low && this.rows[row][at] <= high),
    );
    select(active.length ? inside : [], this);
  }

  /** The line that passes nearest to the pointer, between the two axes beside it. */
  pointAt(event, px, py) {
    if (this.axes.length < 2 || this.axisAt(px) >= 0) return;
    const gap = this.x(1) - this.x(0);
    const at = Math.max(0, Math.min(this.axes.length - 2, Math.floor((px - this.side) / gap)));
    const along = (px - this.x(at)) / gap;
    let [best, found] = [6, null];
    succeeded.forEach((i, row) => {
      if (!isShown(i) || !isChosen(i)) return;
      const y = this.y(this.rows[row][at] * (1 - along) + this.rows[row][at + 1] * along);
      if (Math.abs(y - py) < best) [best, found] = [Math.abs(y - py), i];
    });
    point(found);
    if (found === null) hideHint();
    else showHint(event, trialHint(found));
  }
}

/** The longest beginning of a text that fits. */
function fitText(context, text, width) {
  let most = [...text].length;
  while (most > 3 && context.measureText(shorten(text, most)).width > width) most -= 1;
  return shorten(text, most);
}
