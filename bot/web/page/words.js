// Numbers, times and elements: how everything on the page is written. Knows no figure by name.

const NONE = "–";

export const ms = (ns) => ns / 1e6;

export function fixed(value, digits, { sign = false } = {}) {
  if (value === null || value === undefined || !Number.isFinite(Number(value))) return NONE;
  const text = Math.abs(Number(value)).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const isNil = !/[1-9]/.test(text);
  return (Number(value) < 0 && !isNil ? "−" : sign && !isNil ? "+" : "") + text;
}

// As many digits as a size needs: four for coins, more for dust.
export function coin(value, options = { sign: true }) {
  const size = Math.abs(Number(value));
  return fixed(value, size !== 0 && size < 0.001 ? 6 : 4, options);
}

export const usd = (value, options = {}) => fixed(value, Math.abs(Number(value)) >= 100000 ? 0 : 2, options);

// An exact amount of the venue, as it came.
export function exact(text, { sign = true } = {}) {
  if (text === null || text === undefined) return NONE;
  const [whole, part] = String(text).replace(/^[+-]/, "").split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part ? `.${part}` : "");
  return (String(text).startsWith("-") ? "−" : sign ? "+" : "") + grouped;
}

export const percent = (share, digits = 1, options = {}) =>
  share === null || share === undefined ? NONE : `${fixed(share * 100, digits, options)} %`;

export function clock(timeMs, { seconds = true } = {}) {
  return new Date(timeMs).toISOString().slice(11, seconds ? 19 : 16);
}

export function moment(timeMs) {
  return new Date(timeMs).toISOString().slice(0, 19).replace("T", " ");
}

export function span(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  const s = Math.abs(seconds);
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${(s / 3600).toFixed(1)} h`;
  return `${(s / 86400).toFixed(1)} days`;
}

export const plain = (name) => String(name).replaceAll("_", " ");

export const tone = (value) => (value > 0 ? "up" : value < 0 ? "down" : "");

// An element with attributes and children; text is text, never markup.
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "style") Object.assign(made.style, value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

// Rows of cells: [text] or [text, class]; a table that is empty says so.
export function table(columns, rows, { none, foot } = {}) {
  if (!rows.length) return el("p", { class: "none" }, none ?? "Nothing.");
  const cell = (name) => (item) => {
    const [content, kind] = Array.isArray(item) ? item : [item, null];
    return el(name, { class: kind, scope: name === "th" ? "col" : null }, content);
  };
  return el(
    "table", {},
    el("thead", {}, el("tr", {}, columns.map(cell("th")))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map(cell("td"))))),
    foot ? el("tfoot", {}, el("tr", {}, foot.map(cell("td")))) : null,
  );
}
