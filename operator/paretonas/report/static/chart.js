"use strict";
// A figure with an x and a y axis on a canvas: drawn again whenever the selection, the size or the theme changes.

const charts = new Set();

/** Draw all figures again, at most once per frame; those that are not in sight wait until they are. */
let frame = 0;
function redraw() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    for (const chart of charts) chart.paint();
  });
}

const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    target.chart.inSight = isIntersecting;
    if (isIntersecting && target.chart.stale) target.chart.paintNow();
  }
}, { rootMargin: "200px" });
const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => target.chart.paint()));

/** A canvas that is sharp on every screen; `draw(context, width, height)` paints it. */
class Canvas {
  constructor(height, label) {
    this.height = height;
    this.element = el("canvas", { role: "img", "aria-label": label });
    this.element.style.height = `${height}px`;
    this.element.chart = this;
    this.inSight = false;
    this.stale = true;
    charts.add(this);
    sight.observe(this.element);
    sizes.observe(this.element);
  }

  paint() {
    this.stale = true;
    if (this.inSight) this.paintNow();
  }

  paintNow() {
    this.stale = false;
    const width = this.element.clientWidth;
    if (!width) return;
    const dense = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(width * dense), Math.round(this.height * dense)];
    if (this.element.width !== w || this.element.height !== h) Object.assign(this.element, { width: w, height: h });
    const context = this.element.getContext("2d");
    context.setTransform(dense, 0, 0, dense, 0, 0);
    context.clearRect(0, 0, width, this.height);
    context.font = "12px system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif";
    this.draw(context, width, this.height);
  }

  /** The pointer's place in pixels. */
  at(event) {
    const box = this.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
}

class Chart extends Canvas {
  /**
   * @param {object} of - x, y: axes; height; label; layers: functions (context, chart) that paint;
   *   nearest(px, py): {trial, text} under the pointer; chosen(inside): called with a test of (x, y) after a drag.
   */
  constructor(of) {
    super(of.height ?? 340, of.label ?? `${of.y.title} over ${of.x.title}`);
    Object.assign(this, { margin: { left: 62, right: 14, top: 20, bottom: 44 } }, of);
    this.band = null;
    listenToPointer(this);
  }

  draw(context, width, height) {
    const { left, right, top, bottom } = this.margin;
    this.box = { x: left, y: top, w: width - left - right, h: height - top - bottom };
    this.drawAxes(context);
    context.save();
    context.beginPath();
    context.rect(this.box.x - 7, this.box.y - 7, this.box.w + 14, this.box.h + 14);
    context.clip();
    for (const layer of this.layers) layer(context, this);
    context.restore();
    if (this.band) {
      const [x0, y0, x1, y1] = this.band;
      context.fillStyle = colour("--tint");
      context.strokeStyle = colour("--accent");
      context.fillRect(x0, y0, x1 - x0, y1 - y0);
      context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    }
  }

  px(value) {
    return this.box.x + this.x.place(value) * this.box.w;
  }

  py(value) {
    return this.box.y + (1 - this.y.place(value)) * this.box.h;
  }

  drawAxes(context) {
    const { x, y, w, h } = this.box;
    context.lineWidth = 1;
    context.strokeStyle = colour("--line");
    context.fillStyle = colour("--muted");
    context.textBaseline = "top";
    context.textAlign = "center";
    let free = -Infinity;
    for (const tick of this.x.ticks(Math.max(2, Math.floor(w / 70)))) {
      const at = this.px(tick);
      line(context, at, y, at, y + h);
      const text = this.x.label(tick);
      const half = context.measureText(text).width / 2;
      if (at - half < free || at + half > x + w + this.margin.right) continue;
      context.fillText(text, at, y + h + 6);
      free = at + half + 8;
    }
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const tick of this.y.ticks(Math.max(2, Math.floor(h / 40)))) {
      const at = this.py(tick);
      line(context, x, at, x + w, at);
      context.fillText(this.y.label(tick), x - 6, at, x - 8);
    }
    context.fillStyle = colour("--ink");
    context.textBaseline = "bottom";
    context.textAlign = "center";
    context.fillText(shorten(this.x.title, 60), x + w / 2, y + h + 40, w);
    context.textAlign = "left";
    context.textBaseline = "top";
    context.fillText(shorten(this.y.title, 60), 4, 1, w);
  }

  /** Across the figure at a value of one axis ("x" or "y"), with a label. */
  mark(context, axis, value, text, dash = [5, 4]) {
    if (value === null || value === undefined || !this[axis].isInView(value)) return;
    const { x, y, w, h } = this.box;
    context.strokeStyle = context.fillStyle = colour("--muted");
    context.lineWidth = 1;
    context.setLineDash(dash);
    if (axis === "x") line(context, this.px(value), y, this.px(value), y + h);
    else line(context, x, this.py(value), x + w, this.py(value));
    context.setLineDash([]);
    context.font = "11px system-ui, sans-serif";
    const width = context.measureText(text).width;
    const across = axis === "x" ? this.px(value) + 4 : x + w - width - 4;
    context.textAlign = "left";
    context.textBaseline = "alphabetic";
    const turned = axis === "x" && across + width > x + w;
    context.fillText(text, turned ? this.px(value) - width - 4 : across, axis === "x" ? y + h - 6 : this.py(value) - 4);
    context.font = "12px system-ui, sans-serif";
  }

  zoom(x0, y0, x1, y1) {
    const across = [x0, x1].map((p) => this.x.value((p - this.box.x) / this.box.w));
    const up = [y1, y0].map((p) => this.y.value(1 - (p - this.box.y) / this.box.h));
    if (!this.x.values) this.x.show(...across);
    if (!this.y.values) this.y.show(...up);
    this.paint();
  }

  reset(all) {
    this.x.reset(all);
    this.y.reset(all);
    this.paint();
  }
}

function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

/** Pointing shows a hint, a click opens the trial, a drag selects or zooms, and a double click shows the whole again. */
function listenToPointer(chart) {
  const canvas = chart.element;
  let start = null;
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = chart.at(event);
    if (start && event.pointerType === "mouse") {
      chart.band = [Math.min(start[0], x), Math.min(start[1], y), Math.max(start[0], x), Math.max(start[1], y)];
      hideHint();
      chart.paint();
      return;
    }
    const found = chart.box && chart.nearest?.(x, y);
    canvas.style.cursor = found ? "pointer" : chart.chosen || state.drag === "zoom" ? "crosshair" : "default";
    point(found?.trial ?? null);
    if (found) showHint(event, found.text);
    else hideHint();
  });
  canvas.addEventListener("pointerleave", () => {
    hideHint();
    point(null);
  });
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || event.pointerType !== "mouse" || !(chart.chosen || state.drag === "zoom")) return;
    start = chart.at(event);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointerup", () => {
    const band = chart.band;
    start = chart.band = null;
    if (!band) return;
    canvas.dragged = true;
    if (band[2] - band[0] > 3 && band[3] - band[1] > 3) {
      if (state.drag === "zoom") chart.zoom(...band);
      else chart.chosen(([x, y]) => x >= band[0] && x <= band[2] && y >= band[1] && y <= band[3]);
    }
    chart.paint();
  });
  canvas.addEventListener("click", (event) => {
    if (canvas.dragged) {
      canvas.dragged = false;
      return;
    }
    const found = chart.nearest?.(...chart.at(event));
    if (found && found.trial !== undefined && found.trial !== null) openTrial(found.trial);
    else if (chart.chosen && state.chosen.size) select([]);
  });
  canvas.addEventListener("dblclick", () => chart.reset(true));
}

const hint = document.getElementById("hint");

function showHint(event, lines) {
  hint.replaceChildren(...lines.map((text, i) => el(i ? "div" : "strong", {}, text)));
  hint.hidden = false;
  const [w, h] = [hint.offsetWidth, hint.offsetHeight];
  const x = event.clientX + 14 + w > innerWidth ? event.clientX - 14 - w : event.clientX + 14;
  hint.style.left = `${Math.max(4, x)}px`;
  hint.style.top = `${Math.max(4, Math.min(event.clientY + 14, innerHeight - h - 4))}px`;
}

function hideHint() {
  hint.hidden = true;
}

/** What a trial's hint says: its name, its metrics, and its first parameters. */
function trialHint(i) {
  const trial = trials[i];
  const most = 12;
  const lines = [
    ...data.metrics.map((name, at) => [name, trial.metrics[at]]),
    ...data.parameters.map((p, at) => [p.name, trial.parameters[at]]),
  ].filter(([, value]) => value !== null);
  const shown = lines.slice(0, most).map(([name, value]) => `${name} = ${shorten(number(value), 60)}`);
  return [trial.name, ...shown, ...(lines.length > most ? [`… and ${lines.length - most} more`] : [])];
}

/** The nearest of some places [{x, y, trial}] in pixels, at most a finger's width away. */
function nearestOf(places, x, y, most = 12) {
  let [best, found] = [most * most, null];
  for (const place of places) {
    const apart = (place.x - x) ** 2 + (place.y - y) ** 2;
    if (apart < best) [best, found] = [apart, place];
  }
  return found && { trial: found.trial, text: trialHint(found.trial) };
}
