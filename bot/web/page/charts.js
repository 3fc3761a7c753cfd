// Plots of curves over time, or over anything: SVG, drawn anew when data or width change. Knows axes, not meanings.

import { clock, fixed } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 62, RIGHT = 12, TOP = 22, BOTTOM = 22;

function make(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function steps(low, high, count) {
  const raw = (high - low) / Math.max(count, 1);
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * size).find((each) => each >= raw * 0.999);
  const found = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n += 1) found.push(n * step);
  return { found, step };
}

const digitsOf = (step) => Math.min(8, Math.max(0, -Math.floor(Math.log10(step) + 1e-9) + (String(step / 10 ** Math.floor(Math.log10(step))).startsWith("2.5") ? 1 : 0)));

const MINUTE = 60000;
const TIME_STEPS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 432000, 864000].map((s) => s * 1000);

function timeTicks(low, high, count) {
  const step = TIME_STEPS.find((each) => (high - low) / each <= count) ?? TIME_STEPS.at(-1);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) found.push(at);
  const text = step >= 86400000 ? (at) => new Date(at).toISOString().slice(5, 10) : (at) => clock(at, { seconds: step < MINUTE });
  return found.map((at) => [at, text(at)]);
}

// spec: title, lines [{name, points [[x, y]], css}], areas [{points [[x, low, high]], css}], marks [{x, y, isUp}],
// dots [{x, y, css, label}], x {low, high, isTime, text}, text(y), hasZero, tip(x), upright [x], gap: largest step in x that is
// one line, least: smallest range of y. An area that isClipped asks for no room.
export class Plot {
  constructor(box) {
    this.box = box;
    this.spec = null;
    this.drawn = false;
    new ResizeObserver(() => this.draw()).observe(box);
    box.addEventListener("pointermove", (event) => this.point(event));
    box.addEventListener("pointerleave", () => this.leave());
  }

  show(spec) {
    this.spec = spec;
    this.draw();
  }

  draw() {
    const { spec, box } = this;
    const width = box.clientWidth, height = box.clientHeight;
    if (!spec || width < 80) return;
    const ys = this.extent();
    if (!ys) {
      box.replaceChildren(Object.assign(document.createElement("div"), { className: "empty", textContent: spec.none ?? "No figures yet." }));
      return;
    }
    const [low, high] = ys;
    const right = width - RIGHT, bottom = height - BOTTOM;
    this.x = (value) => LEFT + ((value - spec.x.low) / (spec.x.high - spec.x.low)) * (right - LEFT);
    this.y = (value) => bottom - ((value - low) / (high - low)) * (bottom - TOP);
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": spec.label ?? spec.title });
    svg.append(make("text", { x: 0, y: 12, class: "title" }, spec.title));
    const { found, step } = steps(low, high, Math.max(2, Math.floor((bottom - TOP) / 34)));
    const digits = digitsOf(step);
    for (const value of found) {
      const y = this.y(value);
      svg.append(make("line", { x1: LEFT, x2: right, y1: y, y2: y, class: spec.hasZero && Math.abs(value) < step / 1e6 ? "zero" : "grid" }));
      svg.append(make("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, spec.text ? spec.text(value, digits) : fixed(value, digits, { sign: spec.hasZero })));
    }
    this.ticks(svg, right, bottom);
    for (const at of spec.upright ?? []) svg.append(make("line", { x1: this.x(at), x2: this.x(at), y1: TOP, y2: bottom, class: "cross" }));
    for (const area of spec.areas ?? []) svg.append(make("path", { class: area.css, d: this.area(area.points) }));
    for (const line of spec.lines ?? []) svg.append(make("path", { class: line.css, d: this.line(line.points) }));
    for (const mark of spec.marks ?? []) svg.append(this.mark(mark));
    for (const dot of spec.dots ?? []) {
      const made = make("circle", { cx: this.x(dot.x), cy: this.y(dot.y), r: 5, class: dot.css });
      made.append(make("title", {}, dot.label));
      svg.append(made);
    }
    this.cross = make("line", { y1: TOP, y2: bottom, class: "cross", visibility: "hidden" });
    svg.append(this.cross);
    this.tip = Object.assign(document.createElement("div"), { className: "tip", hidden: true });
    box.replaceChildren(svg, this.tip);
    if (this.pointed !== undefined) this.tell(this.pointed);
  }

  ticks(svg, right, bottom) {
    const { x } = this.spec;
    const count = Math.max(2, Math.floor((right - LEFT) / 90));
    const found = x.isTime ? timeTicks(x.low, x.high, count) : steps(x.low, x.high, count).found.map((at) => [at, x.text(at)]);
    for (const [at, text] of found) {
      svg.append(make("line", { x1: this.x(at), x2: this.x(at), y1: bottom, y2: bottom + 4, class: "zero" }));
      const place = this.x(at);
      const anchor = place > right - 18 ? "end" : place < LEFT + 18 ? "start" : "middle";
      svg.append(make("text", { x: place, y: bottom + 17, "text-anchor": anchor }, text));
    }
  }

  extent() {
    const { spec } = this;
    const inside = (at) => at >= spec.x.low && at <= spec.x.high;
    let low = Infinity, high = -Infinity;
    const take = (value) => {
      if (value === null || value === undefined || !Number.isFinite(value)) return;
      low = Math.min(low, value);
      high = Math.max(high, value);
    };
    for (const line of spec.lines ?? []) for (const [at, value] of line.points) if (inside(at)) take(value);
    for (const area of spec.areas ?? []) if (!area.isClipped) for (const [at, less, more] of area.points) if (inside(at)) { take(less); take(more); }
    for (const dot of spec.dots ?? []) take(dot.y);
    if (low > high) return null;
    if (spec.hasZero) { take(0); }
    const room = Math.max((high - low || Math.abs(high) * 0.001 || 1) * 0.08, ((spec.least ?? 0) - (high - low)) / 2);
    return [low - room, high + room];
  }

  line(points) {
    let path = "", last = null;
    for (const [at, value] of points) {
      const isSeen = value !== null && value !== undefined && at >= this.spec.x.low && at <= this.spec.x.high;
      if (!isSeen) { last = null; continue; }
      const isNext = last !== null && at - last <= (this.spec.gap ?? Infinity);
      path += `${isNext ? "L" : "M"}${this.x(at).toFixed(1)} ${this.y(value).toFixed(1)}`;
      last = at;
    }
    return path;
  }

  // What is far outside is drawn at the edge.
  inside(value) {
    return Math.min(this.box.clientHeight - BOTTOM, Math.max(TOP, this.y(value)));
  }

  area(points) {
    const parts = [];
    let part = [];
    const end = () => { if (part.length > 1) parts.push(part); part = []; };
    for (const [at, less, more] of points) {
      if (less === null || more === null || at < this.spec.x.low || at > this.spec.x.high) { end(); continue; }
      if (part.length && at - part.at(-1)[0] > (this.spec.gap ?? Infinity)) end();
      part.push([at, less, more]);
    }
    end();
    const xy = (at, value) => `${this.x(at).toFixed(1)} ${this.inside(value).toFixed(1)}`;
    return parts.map((each) => `M${each.map(([at, , more]) => xy(at, more)).join("L")}L${each.toReversed().map(([at, less]) => xy(at, less)).join("L")}Z`).join("");
  }

  mark({ x, y, isUp, text }) {
    const [a, b] = [this.x(x), this.inside(y)];
    const tip = isUp ? 1 : -1;
    const made = make("path", { class: `mark ${isUp ? "buy" : "sell"}`, d: `M${a} ${b - 6 * tip}L${a + 5} ${b + 3 * tip}L${a - 5} ${b + 3 * tip}Z` });
    made.append(make("title", {}, text));
    return made;
  }

  point(event) {
    if (!this.spec?.tip || !this.x) return;
    const place = event.clientX - this.box.getBoundingClientRect().left;
    const { low, high } = this.spec.x;
    const at = low + ((place - LEFT) / (this.box.clientWidth - RIGHT - LEFT)) * (high - low);
    if (at < low || at > high) { this.leave(); return; }
    this.pointed = at;
    this.tell(at);
  }

  tell(at) {
    const told = this.spec.tip?.(at);
    if (!told || !this.tip) return;
    const place = this.x(told.x);
    this.cross.setAttribute("x1", place);
    this.cross.setAttribute("x2", place);
    this.cross.setAttribute("visibility", "visible");
    this.tip.textContent = told.text;
    this.tip.hidden = false;
    const isLeft = place > this.box.clientWidth / 2;
    this.tip.style.left = isLeft ? "" : `${place + 10}px`;
    this.tip.style.right = isLeft ? `${this.box.clientWidth - place + 10}px` : "";
  }

  leave() {
    this.pointed = undefined;
    this.cross?.setAttribute("visibility", "hidden");
    if (this.tip) this.tip.hidden = true;
  }
}

export function nearest(points, at) {
  let found = null;
  for (const each of points) if (found === null || Math.abs(each[0] - at) < Math.abs(found[0] - at)) found = each;
  return found;
}
