"use strict";
// One axis: from values to places between 0 and 1 and back, and the ticks in between.

class Axis {
  /**
   * @param {object} of - title, log, whole (only whole ticks), values (names of places 0, 1, …), format,
   *   low, high: the whole range; near: a range that leaves out outliers.
   */
  constructor(of) {
    Object.assign(this, { title: "", log: false, whole: false, format: number }, of);
    if (this.values) [this.low, this.high] = [-0.5, this.values.length - 0.5];
    if (!(this.high > this.low)) [this.low, this.high] = this.padded(this.low, this.low);
    this.reset();
  }

  /** The smallest axis with some room around the values; those that are no number are left out. */
  static over(values, of = {}) {
    const numbers = values.filter((v) => typeof v === "number" && Number.isFinite(v) && !(of.log && v <= 0));
    if (!numbers.length) return new Axis({ low: of.log ? 0.1 : 0, high: 1, ...of });
    const axis = new Axis({ low: numbers[0], high: numbers[0], ...of });
    const [low, high] = [numbers.reduce((a, b) => Math.min(a, b)), numbers.reduce((a, b) => Math.max(a, b))];
    [axis.low, axis.high] = axis.padded(low, high);
    axis.near = axis.withoutOutliers(numbers, of.keep ?? []);
    axis.reset();
    return axis;
  }

  scaled(value) {
    return this.log ? Math.log10(value) : value;
  }

  padded(low, high) {
    if (this.log) {
      const [a, b] = [Math.log10(low), Math.log10(high)];
      const room = 0.05 * (b - a) || 0.3;
      return [10 ** Math.max(-307, a - room), 10 ** Math.min(308, b + room)];
    }
    const room = 0.05 * (high - low) || 0.05 * Math.abs(low) || 0.5;
    return [low - room, high + room];
  }

  /** The range without the few values that would squash all others: at most one in 20, and only if half of the axis is
   * won by it. `keep` is never left out. Null if there are none. */
  withoutOutliers(numbers, keep) {
    const sorted = [...numbers].sort((a, b) => a - b);
    const few = Math.floor(sorted.length / 20);
    if (!few) return null;
    const inside = [sorted[few], sorted[sorted.length - 1 - few], ...keep.filter((v) => typeof v === "number")];
    const [low, high] = this.padded(Math.min(...inside), Math.max(...inside));
    const span = (a, b) => this.scaled(b) - this.scaled(a);
    const wide = [Math.min(low, sorted[few]), Math.max(high, sorted[sorted.length - 1 - few])];
    return span(...wide) < 0.5 * span(this.low, this.high) ? wide : null;
  }

  reset(all = false) {
    this.show(...(!all && this.near ? this.near : [this.low, this.high]));
  }

  /** Set the view. */
  show(low, high) {
    this.view = [low, high];
    this.foot = this.scaled(low); // kept, since every mark asks for its place
    this.span = this.scaled(high) - this.foot;
  }

  /** The place of a value: 0 at the low end of the view, 1 at the high end. */
  place(value) {
    return (this.scaled(value) - this.foot) / this.span;
  }

  /** The value at a place. */
  value(place) {
    const scaled = this.foot + place * this.span;
    return this.log ? 10 ** scaled : scaled;
  }

  isInView(value) {
    return value >= this.view[0] && value <= this.view[1];
  }

  /** Where labels stand: names of a choice; 1, 2 and 5 in every decade; or multiples of one of these. */
  ticks(most) {
    const [low, high] = this.view;
    if (this.values) return this.values.map((_, i) => i).filter((i) => this.isInView(i));
    if (this.log) {
      const decades = Math.log10(high / low);
      if (decades > 0.7) {
        const factors = decades * 3 <= most ? [1, 2, 5] : [1];
        const every = Math.max(1, Math.ceil(decades / most));
        const first = Math.floor(Math.log10(low));
        const found = [];
        for (let d = first; d <= Math.ceil(Math.log10(high)); d += every) {
          for (const f of factors) found.push(f * 10 ** d);
        }
        return found.filter((v) => this.isInView(v));
      }
    }
    const rough = (high - low) / Math.max(1, most);
    const size = 10 ** Math.floor(Math.log10(rough));
    let step = [1, 2, 5, 10].map((f) => f * size).find((s) => s >= rough);
    if (this.whole) step = Math.max(1, Math.ceil(step));
    const found = [];
    for (let i = Math.ceil(low / step); i * step <= high && found.length < 50; i += 1) found.push(Number((i * step).toPrecision(12)));
    return found;
  }

  label(tick) {
    if (this.values) return shorten(String(this.values[tick]), 14);
    return this.format(tick);
  }
}
