// The page: keeps what the stream tells, fetches curves, draws what changed. Says so when it is cut off.

import { prepare } from "./acts.js";
import { Plot, nearest } from "./charts.js";
import * as panels from "./panels.js";
import { clock, coin, el, moment, ms, span, usd } from "./words.js";

const $ = (id) => document.getElementById(id);
const CUT_MS = 5000, DEAD_MS = 15000, ASLEEP_MS = 60000, REFETCH_MS = 60000, DOTS_MAX = 960;
const SPAN_MS = { recent: 15 * 60000, day: 24 * 3600000 };

const state = { now: null, desk: {}, told: null, book: null, span: "recent", dots: [], hedges: [], began: null, heard: 0, opened: 0, hidden: 0, fetched: 0, drawn: 0 };
const curves = { delta: new Plot($("curve-delta")), price: new Plot($("curve-price")), profit: new Plot($("curve-profit")) };
let stream = null, sleep = null, wanted = false;

const book = () => state.now?.books.find((each) => each.book === state.book) ?? null;

// --- what comes in

function open() {
  stream?.close();
  state.opened = Date.now();
  stream = new EventSource("/stream");
  stream.addEventListener("open", () => { state.fetched = 0; }); // the stream tells what is now, the curves are fetched anew
  stream.addEventListener("now", (event) => { heard(); state.now = JSON.parse(event.data); state.arrived = Date.now(); take(); });
  stream.addEventListener("desk", (event) => { heard(); state.desk = JSON.parse(event.data); draw(); });
  stream.addEventListener("told", (event) => { heard(); state.told = JSON.parse(event.data); draw(); });
}

function heard() {
  if (Date.now() - state.heard > CUT_MS) state.fetched = 0; // something was missed: the curves are fetched anew
  state.heard = Date.now();
}

function take() {
  const names = state.now.books.map((each) => each.book);
  if (!names.includes(state.book)) {
    if (!state.now.run.is_live) show("run"); // all of what has ended
    choose(names[0] ?? null);
  }
  const seen = book();
  if (seen?.decided && state.now.run.is_live && state.span === "recent") {
    const at = Math.floor(ms(seen.decided.now_ns));
    if (state.dots.length && at - state.dots.at(-1)[0] >= 1000) {
      const d = seen.decided;
      state.dots.push([at, d.price_usd, d.delta_coin_net, d.delta_coin_low, d.delta_coin_high, d.band_low_coin, d.band_high_coin, seen.profit_usd.total]);
      if (state.dots.length > DOTS_MAX) state.dots.shift();
    }
  }
  fetchHistory();
  draw();
}

async function fetchHistory() {
  if (!state.book || wanted || Date.now() - state.fetched < (state.dots.length ? REFETCH_MS : 3000)) return;
  wanted = true;
  state.fetched = Date.now();
  try {
    const asked = [state.book, state.span];
    const response = await fetch(`/history?book=${encodeURIComponent(asked[0])}&span=${asked[1]}`, { signal: AbortSignal.timeout(10000) });
    const found = response.ok ? await response.json() : null;
    if (found && asked[0] === state.book && asked[1] === state.span) { state.dots = found.dots; state.hedges = found.hedges; state.began = found.began_ms; draw(); }
  } catch { /* the stream tells whether the bot is there; the next look asks again */ } finally { wanted = false; }
}

function choose(name) {
  state.book = name;
  again();
}

function again() {
  state.dots = [];
  state.hedges = [];
  state.began = null;
  state.fetched = 0;
  if (state.now) fetchHistory();
}

// --- what is shown

function draw() {
  if (!state.now || state.asked) return;
  state.asked = true;
  requestAnimationFrame(() => { state.asked = false; render(); });
}

function render() {
  const { now, told, desk } = state, seen = book();
  $("mode").textContent = now.run.mode;
  $("mode").className = `tag ${now.run.mode}`;
  $("mode").hidden = false;
  $("run").textContent = `${now.run.run_id}, version ${now.run.version}`;
  document.title = seen ? `${coin(seen.decided?.delta_coin_net)} ${seen.book} - hedgebot` : "hedgebot";
  $("acts").hidden = !now.run.is_live;
  tabs(now.books.map((each) => each.book));
  panels.stops(now.books);
  link();
  if (!seen) return;
  const ageS = seen.decided ? (ms(now.at_ns) - ms(seen.now_ns)) / 1000 : null;
  panels.figures(seen, ageS);
  panels.decided(seen, ageS);
  panels.parts(seen.profit_usd, told?.books[seen.book]?.earlier_parts_usd ?? {});
  panels.feeds(seen);
  drawCurves(seen);
  const mine = desk[seen.book], lists = told?.books[seen.book];
  if (mine !== state.mine || lists !== state.lists) {
    panels.positions(mine?.explained, seen);
    panels.limits(mine?.explained);
    panels.orders(mine?.explained, lists);
    panels.ladder(mine?.ladder, seen.book);
    panels.smile(mine?.explained, mine?.surface);
  }
  if (lists && lists !== state.lists) panels.decisions(lists, seen.book, now.run.run_id, why);
  if (told && told !== state.logged) panels.log(told.log);
  Object.assign(state, { mine, lists, logged: told });
}

function tabs(names) {
  const box = $("books");
  box.hidden = names.length < 2;
  if (box.dataset.names !== names.join()) {
    box.dataset.names = names.join();
    box.replaceChildren(...names.map((name) => el("button", { type: "button", onclick: () => { choose(name); draw(); } }, name)));
  }
  for (const button of box.children) button.setAttribute("aria-pressed", String(button.textContent === state.book));
}

function link() {
  const silentMs = Date.now() - state.heard;
  const isCut = !state.heard || silentMs > CUT_MS;
  const seen = book(), late = seen?.decided ? (ms(state.now.at_ns) - ms(seen.now_ns)) / 1000 : 0;
  const isOver = state.now && !state.now.run.is_live;
  let words = ["live", "good"];
  if (isCut) words = [state.heard ? `cut off for ${span(silentMs / 1000)}: figures are old` : "connecting", "bad"];
  else if (isOver) words = ["finished run", ""];
  else if (late > 15) words = [`no decision for ${span(late)}`, "bad"];
  else if (!seen?.is_reconciled) words = ["not agreed with the venue", "warn"];
  if ($("link").textContent !== words[0]) $("link").textContent = words[0];
  $("link").className = `pill ${words[1]}`;
  document.body.classList.toggle("stale", isCut && state.heard > 0);
  if (state.now) $("clock").textContent = `${isOver ? moment(ms(state.now.at_ns)) : clock(ms(state.now.at_ns) + (isCut ? 0 : Date.now() - state.arrived))} UTC`;
}

function drawCurves(seen) {
  const dots = state.dots, unit = seen.book;
  const end = dots.length ? Math.max(dots.at(-1)[0], state.now.run.is_live ? ms(seen.now_ns) : 0) : ms(state.now.at_ns);
  const since = dots.length ? dots[0][0] : end - 60000;
  const low = Math.min(Math.max(since, end - (SPAN_MS[state.span] ?? Infinity)), end - 60000);
  const x = { low, high: end, isTime: true };
  const spacing = dots.length > 2 ? (dots.at(-1)[0] - dots[0][0]) / (dots.length - 1) : 1000;
  const gap = Math.max(15000, 6 * spacing);
  const points = (place) => dots.map((each) => [each[0], each[place]]);
  const hedges = marks(seen.book).filter((each) => each[0] >= low);
  const words = (each) => `${each[2] > 0 ? "bought" : "sold"} ${coin(Math.abs(each[2]), { sign: false })} ${unit} at ${usd(each[3])} USD`;
  const marked = (place) => hedges.filter((each) => each[place] !== null).map((each) => ({ x: each[0], y: each[place], isUp: each[2] > 0, text: `${clock(each[0])} ${words(each)}` }));
  const tip = (at) => {
    const dot = nearest(dots, at);
    if (!dot) return null;
    const hedge = hedges.find((each) => Math.abs(each[0] - dot[0]) < Math.max(1500, (end - low) / 300));
    return { x: dot[0], text: [`${clock(dot[0])} UTC`, `net delta ${coin(dot[2])} ${unit}`, dot[5] === null ? null : `band ${coin(dot[5])} to ${coin(dot[6])}`, `price ${usd(dot[1])} USD`, dot[7] === null ? null : `profit ${usd(dot[7], { sign: true })} USD`, hedge ? words(hedge) : null].filter(Boolean).join("\n") };
  };
  $("curves-note").hidden = state.began === null;
  const upright = state.began === null ? [] : [state.began];
  const band = dots.map((each) => [each[0], each[5], each[6]]), doubt = dots.map((each) => [each[0], each[3], each[4]]);
  curves.delta.show({
    title: `Net delta, ${unit} (${seen.convention})`, x, gap, tip, upright, hasZero: true,
    areas: [{ css: "band", points: band }, { css: "doubt", points: doubt, isClipped: true }],
    lines: [{ css: "edge", points: points(5) }, { css: "edge", points: points(6) }, { css: "net", points: points(2) }],
    marks: marked(4), label: `Net delta and its band over time, now ${coin(seen.decided?.delta_coin_net)} ${unit}`,
  });
  curves.price.show({ title: "Price of the hedge, USD", x, gap, tip, upright, lines: [{ css: "price", points: points(1) }], marks: marked(3) });
  curves.profit.show({ title: "Profit, USD", x, gap, tip, hasZero: true, lines: [{ css: "profit", points: points(7) }] });
}

function marks(name) {
  const last = state.hedges.at(-1)?.[0] ?? 0; // numbers begin anew with each run, times do not
  const news = (state.told?.books[name]?.hedges ?? []).filter((each) => each[0] > last);
  return news.length && state.dots.length ? [...state.hedges, ...news] : state.hedges;
}

// --- what is asked

async function why(decision) {
  $("why-title").textContent = `Why, decision ${decision.seq} at ${moment(ms(decision.now_ns))} UTC`;
  $("why-text").textContent = "Looking it up ...";
  $("why").showModal();
  try {
    const response = await fetch(`/why?book=${encodeURIComponent(state.book)}&run=${encodeURIComponent(decision.run_id)}&seq=${decision.seq}&or=record`, { signal: AbortSignal.timeout(10000) });
    $("why-text").textContent = await response.text();
  } catch (error) {
    $("why-text").textContent = `No answer (${error.name}).`;
  }
}

function show(name) {
  state.span = name;
  for (const each of $("spans").children) each.setAttribute("aria-pressed", String(each.dataset.span === name));
}

for (const button of $("spans").children) {
  button.addEventListener("click", () => { show(button.dataset.span); again(); });
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(sleep);
  if (document.hidden) {
    state.hidden = Date.now();
    sleep = setTimeout(() => { stream?.close(); stream = null; }, ASLEEP_MS);
  } else if (!stream || stream.readyState === EventSource.CLOSED || Date.now() - state.hidden > ASLEEP_MS) {
    open(); // a tab that was frozen has no timers, and a stream full of what is over
  }
});
window.addEventListener("pageshow", (event) => { if (event.persisted) open(); });
setInterval(() => {
  link();
  if (document.hidden) return;
  const isDead = Date.now() - Math.max(state.heard, state.opened) > DEAD_MS; // a line that was cut says nothing, nor that it was
  if (!stream || stream.readyState === EventSource.CLOSED || isDead) open();
}, 2000);

prepare({ books: () => state.now?.books ?? [], current: () => state.book });
open();
