"use strict";
// Elements, numbers and texts. Every text of a user becomes a text node or is painted: never HTML.

/** The data document (report/document.py). */
const data = JSON.parse(document.getElementById("data").textContent);

/** An element with properties (`class`, `on…` handlers, attributes) and children; strings become text. */
function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Fill a section: its heading, how to read it, and its content. */
function section(id, title, lead, ...content) {
  const place = document.getElementById(id);
  place.replaceChildren(el("h2", {}, title), ...(lead ? [el("p", { class: "lead" }, lead)] : []), ...content);
  return place;
}

const empty = (text) => el("p", { class: "empty" }, text);

const superscript = (digits) => [...digits].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? (c === "-" ? "⁻" : "")).join("");

/** A number to four digits, or whole: 0.9718, 46,880, 1.2×10⁻⁵. */
function number(value) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  if (size < 1e15 && (Number.isInteger(value) || size >= 1000)) return Math.round(value).toLocaleString("en");
  if (size >= 1e-4 && size < 1e15) return String(Number(value.toPrecision(4)));
  const [digits, power] = value.toExponential(3).split("e");
  return `${Number(digits)}×10${superscript(power)}`;
}

/** A change with its sign, as in +9,300. */
const signed = (value) => (value > 0 ? "+" : value < 0 ? "−" : "±") + number(Math.abs(value));

function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const minutes = Math.round(seconds / 60);
  if (seconds < 3570) return `${Math.floor(seconds / 60)} min ${String(Math.floor(seconds % 60)).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

const shorten = (text, most) => ([...text].length <= most ? text : [...text].slice(0, most - 1).join("") + "…");

const plural = (amount, noun) => `${amount.toLocaleString("en")} ${noun}${amount === 1 ? "" : "s"}`;

/** The value of a CSS variable, such as `--ink`: the theme's. */
const colours = new Map();
function colour(name) {
  if (!colours.has(name)) colours.set(name, getComputedStyle(document.body).getPropertyValue(name).trim());
  return colours.get(name);
}

/** Viridis (Smith and van der Walt, 2015): dark to light also for colour-blind eyes and in grey. */
const VIRIDIS = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
/** Okabe and Ito (2008): eight colours that the colour-blind can tell apart. Each line also has a dash of its own. */
const DISTINCT = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c7a00", "#7f7f7f"];
const DASHES = [[], [7, 3], [2, 2], [9, 3, 2, 3]];

const isDark = () => colour("--dark") === "1";

/** The colour of a share from 0 to 1; the end that cannot be seen on the theme's paper is left out. */
function ramp(share) {
  const at = Math.round(Math.min(1, Math.max(0, share)) * 8);
  return VIRIDIS[isDark() ? at + 1 : at];
}
