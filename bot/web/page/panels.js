// Each panel from what the bot told: figures, decisions, positions, limits, orders, ladder, smile, feeds, log.

import { Plot } from "./charts.js";
import { clock, coin, el, exact, fixed, moment, ms, percent, plain, span, table, tone, usd } from "./words.js";

const $ = (id) => document.getElementById(id);
const ACTIONS = { hedge: "hedge", skip: "no hedge", refuse: "refused" };
const CONVENTIONS = {
  usd: "flat in dollars: equity less option value counts as coins held",
  coin: "flat in coins: deltas less the premium",
  options_only: "Black-76 deltas of the options and their hedge, no collateral",
  linear_usd: "a dollar-settled book: deltas by the spot, no collateral",
};

function figure(name, value, unit, note, css) {
  return el("div", { class: "figure" }, el("h2", {}, name), el("strong", { class: css }, value, " ", el("small", {}, unit)), note instanceof Node ? note : el("p", {}, note));
}

function within(net, low, high) {
  const room = (high - low) * 0.6 || 1;
  const place = (value) => `${Math.min(100, Math.max(0, ((value - low + room) / (high - low + 2 * room)) * 100))}%`;
  return el("div", { class: "within" }, el("i", { style: { left: place(low), right: `calc(100% - ${place(high)})` } }), el("b", { style: { left: place(net) } }));
}

export function figures(book, ageS) {
  const seen = book.decided ?? {};
  const { delta_coin_net: net, band_low_coin: low, band_high_coin: high, price_usd: price } = seen;
  const hasBand = low !== null && low !== undefined;
  const isOut = hasBand && net !== null && (net < low || net > high);
  const band = hasBand ? el("div", {}, el("p", {}, `band ${coin(low)} to ${coin(high)}`), net === null ? null : within(net, low, high)) : "no band";
  const perPercent = seen.gamma_coin_per_usd === null || !price ? null : seen.gamma_coin_per_usd * price * 0.01;
  const profit = book.profit_usd.total;
  const isRunning = book.phase === "running" && book.is_reconciled;
  const held = book.stops.length ? "stopped" : isRunning ? "hedging" : book.phase;
  $("figures").replaceChildren(
    figure("Net delta", coin(net), book.book, band, isOut ? "warn" : ""),
    figure("Price of the hedge", usd(price), "USD", `index ${usd(seen.index_usd)} USD, quote ${span(seen.hedge_age_ns === null ? null : seen.hedge_age_ns / 1e9)} old`),
    figure("Gamma, per 1 % move", coin(perPercent), book.book, `± ${coin(seen.gamma_coin_per_hour === undefined || seen.gamma_coin_per_hour === null ? null : Math.abs(seen.gamma_coin_per_hour), { sign: false })} ${book.book} in an hour (1 sd)`),
    figure("Profit", usd(profit, { sign: true }), "USD", "since the start", tone(profit)),
    figure("Orders", String(book.orders_live), "under way", book.orders_unknown ? `${book.orders_unknown} of unknown fate` : "none of unknown fate", book.orders_unknown ? "warn" : ""),
    figure("State", held, "", `${plain(book.phase_cause)}; decided ${span(ageS)} ago`, book.stops.length || book.phase === "halted" ? "bad" : isRunning ? "good" : "warn"),
  );
}

export function stops(books) {
  const rows = [];
  for (const book of books) {
    for (const stop of book.stops) {
      const cause = stop.cause === "operator" ? "" : ` (${plain(stop.cause)})`;
      rows.push(el("div", { class: stop.kind === "halt" ? "" : "warn" }, el("b", {}, plain(stop.kind)), `${cause}: ${book.book} since ${moment(ms(stop.since_ns))} UTC by ${stop.by}. ${stop.detail}`));
    }
  }
  const text = rows.map((row) => row.textContent).join("\n");
  if (stops.told !== text) {
    stops.told = text;
    $("stops").replaceChildren(...rows);
  }
}

const side = (decision, unit) => `${decision.trade_coin > 0 ? "buy" : "sell"} ${coin(Math.abs(decision.trade_coin), { sign: false })} ${unit}`;

function sentence(decision, unit) {
  const { band_low_coin: low, band_high_coin: high, delta_coin_net: net } = decision;
  const where = net === null ? "net delta unknown" : `net ${coin(net)} ${unit}${low === null ? "" : `, band ${coin(low)} to ${coin(high)}`}`;
  return [decision.action === "hedge" ? side(decision, unit) : null, where, decision.detail || null].filter(Boolean).join("; ");
}

export function decided(book, ageS) {
  const seen = book.decided;
  $("decided").replaceChildren(seen
    ? el("p", {}, el("b", {}, `Now: ${ACTIONS[seen.action]}, ${plain(seen.reason)}. `), `${sentence(seen, book.book)} `, el("span", { class: "faint" }, `(${span(ageS)} ago)`))
    : el("p", { class: "none" }, "Nothing decided yet."));
}

export function decisions(told, unit, runId, ask) {
  const row = (each) => el("li", {}, el("button", { type: "button", "data-seq": `${each.run_id} ${each.seq}`, onclick: () => ask(each) },
    el("span", { class: "when" }, clock(ms(each.now_ns))),
    el("span", { class: `what ${each.action === "hedge" ? tone(each.trade_coin) : each.action === "refuse" ? "warn" : "faint"}` }, each.action === "hedge" ? (each.trade_coin > 0 ? "buy" : "sell") : each.action),
    el("span", {}, plain(each.reason)),
    el("span", { class: "more" }, sentence(each, unit))));
  const rows = told.decisions.flatMap((each, place) => {
    const isFirst = each.run_id !== (told.decisions[place - 1]?.run_id ?? runId);
    return isFirst ? [el("li", { class: "none" }, `Earlier: ${each.run_id}, out of the ledger.`), row(each)] : [row(each)];
  });
  const list = $("decisions");
  const place = list.contains(document.activeElement) ? document.activeElement.dataset.seq : null;
  list.replaceChildren(...(rows.length ? rows : [el("li", { class: "none" }, "Nothing decided yet.")]));
  if (place) list.querySelector(`[data-seq="${CSS.escape(place)}"]`)?.focus({ preventScroll: true });
}

export function positions(told, book) {
  $("convention").textContent = `convention ${book.convention}: ${CONVENTIONS[book.convention] ?? ""}`;
  const coinName = book.book, seen = book.decided ?? {};
  const rows = (told?.legs ?? []).map((leg) => [
    leg.instrument, `${exact(leg.amount_native)} ${leg.unit}`, [usd(leg.price_usd)], percent(leg.iv_mark),
    leg.delta_each_coin === null ? "" : coin(leg.delta_each_coin), coin(leg.delta_coin),
    leg.gamma_coin_per_usd && leg.price_usd ? coin(leg.gamma_coin_per_usd * leg.price_usd * 0.01) : "",
    leg.hours_left === null ? "" : span(leg.hours_left * 3600), span(leg.age_s), [plain(leg.trust), leg.trust === "trusted" ? "good" : "warn"],
  ]);
  const account = told?.account;
  const greeks = account && account.vega_usd_per_point_options !== null && account.vega_usd_per_point_options !== undefined
    ? el("p", { class: "note" }, `Options by the venue's account: vega ${usd(account.vega_usd_per_point_options, { sign: true })} USD per point, theta ${usd(account.theta_usd_per_day_options, { sign: true })} USD per day.`) : null;
  const collateral = seen.delta_coin_collateral ? `, collateral ${coin(seen.delta_coin_collateral)}` : "";
  $("positions").replaceChildren(
    table(["instrument", "amount", "price, USD", "volatility", "delta of one", `delta, ${coinName}`, `gamma per 1 %, ${coinName}`, "time left", "data age", "trust"], rows, {
      none: "Nothing is held.",
      foot: [`net, ${book.convention}`, "", "", "", "", coin(seen.delta_coin_net), seen.gamma_coin_per_usd && seen.price_usd ? coin(seen.gamma_coin_per_usd * seen.price_usd * 0.01) : "", "", "", ""],
    }),
    el("p", { class: "note" }, `Options ${coin(seen.delta_coin_options)}, futures ${coin(seen.delta_coin_futures)}${collateral} ${coinName}. Times are of the newest decision.`),
    ...(greeks ? [greeks] : []),
  );
}

export function limits(told) {
  const rows = (told?.limits ?? []).map((each) => {
    const share = each.value === null ? null : Math.abs(each.value) / each.value_max;
    const css = share === null ? "" : share > 1 ? "bad" : share > 0.8 ? "warn" : "";
    const digits = each.value_max >= 1000 || each.unit === "orders" ? 0 : 2;
    return [each.name, el("div", { class: `bar ${css}`, role: "img", "aria-label": percent(share, 0) }, el("i", { style: { width: `${Math.min(100, (share ?? 0) * 100)}%` } })),
      el("span", {}, el("span", { class: css }, each.value === null ? "unknown" : fixed(each.value, digits)), el("small", {}, ` of ${fixed(each.value_max, digits)} ${each.unit}`))];
  });
  $("limits").replaceChildren(table(["limit", "used", "now, of most"], rows.map(([name, ...rest]) => [[name, "wrap"], ...rest]), { none: "Nothing decided yet." }));
}

export function orders(told, lists) {
  const live = (told?.orders ?? []).map((each) => [each.instrument, [plain(each.state), "text"], `${exact(each.open_native)} ${each.unit}`, span(each.age_s), [each.label, "text"]]);
  $("orders").replaceChildren(table(["instrument", ["state", "text"], "may still fill", "age", ["label", "text"]], live, { none: "No order is under way." }));
  const fills = (lists?.fills ?? []).map((each) => [
    clock(ms(each.time_ns)), [each.instrument, "text"], [`${exact(each.amount_native)} ${each.unit}`, tone(Number(each.amount_native))], exact(each.price_native, { sign: false }),
    `${each.fee_native} ${each.fee_currency}`, [`${usd(each.slippage_usd, { sign: true })} USD`, ""], `${exact(each.position_native)} ${each.unit}`,
  ]);
  $("fills").replaceChildren(table(["time, UTC", ["instrument", "text"], "amount", "price", "fee", "slippage", "position after"], fills, { none: "No fill yet." }));
}

export function parts(profit, earlier) {
  const names = ["options", "hedge", "slippage", "fees", "funding", "collateral"];
  const most = Math.max(...names.map((name) => Math.abs(profit[name])), 1e-9);
  const bar = (value) => el("div", { class: "bar both" }, el("i", { class: tone(value), style: value >= 0 ? { left: "50%", right: `${50 - (value / most) * 50}%` } : { right: "50%", left: `${50 - (-value / most) * 50}%` } }));
  const rows = names.map((name) => [name, bar(profit[name]), [usd(profit[name], { sign: true }), tone(profit[name])]]);
  const before = Object.entries(earlier).filter(([, value]) => value);
  const total = before.reduce((sum, [, value]) => sum + value, 0);
  $("parts").replaceChildren(
    table(["part", "", "USD"], rows, { foot: ["total", "", [usd(profit.total, { sign: true }), tone(profit.total)]] }),
    ...(before.length ? [el("p", { class: "note" }, `Earlier runs of the 24 hours before this one, by the ledger: ${before.map(([name, value]) => `${plain(name)} ${usd(value, { sign: true })}`).join(", ")}; in all ${usd(total, { sign: true })} USD.`)] : []),
  );
}

const plots = {};
const plot = (id) => (plots[id] ??= new Plot($(id)));

export function ladder(told, unit) {
  const rungs = told?.steps ?? [];
  const x = { low: -0.2, high: 0.2, text: (share) => `${share > 0 ? "+" : ""}${Math.round(share * 100)} %` };
  const tip = (at) => {
    const rung = rungs.reduce((best, each) => (best === null || Math.abs(each.spot_share - at) < Math.abs(best.spot_share - at) ? each : best), null);
    return rung && { x: rung.spot_share, text: `spot ${percent(rung.spot_share, 0, { sign: true })}\nprofit ${usd(rung.pnl_usd, { sign: true })} USD\nnet delta ${coin(rung.delta_coin_net)} ${unit}\nmargin ${coin(rung.margin_coin, { sign: false })} ${unit}` };
  };
  const none = "No ladder: [books.COIN.ladder] interval_s asks for one.";
  const one = (title, field, css, missing) => ({ title, x, tip, hasZero: true, upright: [0], lines: [{ css, points: rungs.map((each) => [each.spot_share, each[field]]) }], none: missing });
  plot("ladder-profit").show(one("Profit at once, USD", "pnl_usd", "s3", none));
  plot("ladder-delta").show(one(`Net delta then, ${unit} (Black-76 and futures)`, "delta_coin_net", "net", " "));
  const words = { loss: (figure_) => `loss ${usd(figure_)} USD`, delta: (figure_) => `net delta ${coin(figure_)} ${unit}`, margin: (figure_) => `margin ${percent(figure_, 0)} of equity`, unknown: () => "unknown" };
  $("ladder-worst").textContent = told?.worst.length
    ? `Worst with volatility moved too: ${told.worst.map((each) => `${(words[each.rung] ?? words.unknown)(each.figure_native)} at spot ${percent(each.spot_share, 0, { sign: true })}, volatility ${fixed(each.iv_move * 100, 0, { sign: true })} points`).join("; ")}.` : "";
}

const OPTION = /-(\d{1,2}[A-Z]{3}\d{2})-(\d+(?:d\d+)?)-([CP])$/;
const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

function expiryName(timeMs) {
  const day = new Date(timeMs);
  return `${day.getUTCDate()}${MONTHS[day.getUTCMonth()]}${String(day.getUTCFullYear()).slice(2)}`;
}

export function smile(told, surface) {
  const held = (told?.legs ?? []).flatMap((leg) => {
    const found = OPTION.exec(leg.instrument);
    return found && leg.iv_mark !== null ? [{ expiry: found[1], strike: Number(found[2].replace("d", ".")), iv: leg.iv_mark, leg }] : [];
  });
  const slices = new Map((surface?.slices ?? []).map((each) => [expiryName(ms(each.expiry_ns)), each]));
  const expiries = [...new Set(held.map((each) => each.expiry))].slice(0, 4);
  const strikes = held.map((each) => each.strike), forwards = held.map((each) => each.leg.price_usd).filter((each) => each);
  const low = Math.min(...strikes, ...forwards), high = Math.max(...strikes, ...forwards), room = Math.max((high - low) * 0.15, high * 0.02);
  const x = held.length ? { low: low - room, high: high + room, text: (at) => fixed(at, 0) } : { low: 0, high: 1, text: String };
  const lines = expiries.flatMap((name, place) => {
    const slice = slices.get(name);
    return slice ? [{ css: `s${place + 1}`, points: curve(slice, x) }] : [];
  });
  const dots = held.filter((each) => expiries.includes(each.expiry)).map((each) => ({
    x: each.strike, y: each.iv * 100, css: `s${expiries.indexOf(each.expiry) + 1}`, label: `${each.leg.instrument} ${exact(each.leg.amount_native)} ${each.leg.unit}, ${percent(each.iv)}`,
  }));
  const tip = (at) => {
    const near = dots.length ? dots.reduce((best, each) => (Math.abs(each.x - at) < Math.abs(best.x - at) ? each : best)) : null;
    return near && { x: near.x, text: dots.filter((each) => each.x === near.x).map((each) => each.label).join("\n") };
  };
  plot("smile").show({ title: "Volatility, % a year", x, least: 4, tip, lines, dots, upright: [...new Set(forwards)].slice(0, 4), none: "No option is held." });
  $("smile-key").replaceChildren(
    ...expiries.map((name, place) => el("span", {}, el("i", { class: `key dot k${place + 1}` }), name)),
    el("span", {}, lines.length ? "curves: the fitted surface; dashed: forwards; strikes in USD" : held.length ? "the venue's marks, no surface is fitted; dashed: forwards; strikes in USD" : ""),
  );
}

function curve(slice, x) {
  const [a, b, rho, m, sigma] = slice.svi;
  return Array.from({ length: 61 }, (_, place) => {
    const strike = x.low + ((x.high - x.low) * place) / 60;
    const k = Math.log(strike / slice.forward_usd) - m;
    const variance = a + b * (rho * k + Math.hypot(k, sigma));
    return [strike, variance > 0 && slice.tau_years > 0 ? Math.sqrt(variance / slice.tau_years) * 100 : null];
  });
}

export function feeds(book) {
  const up = (isUp) => [isUp ? "up" : "down", isUp ? "good" : "bad"];
  const venues = book.venues.map((each) => [each.venue, up(each.is_market_up), up(each.is_account_up), each.is_awaited ? ["awaited", "warn"] : ["agrees", "good"]]);
  const sources = book.sources.map((each) => [`${each.index_name} ${expiryName(ms(each.expiry_ns))}`, usd(each.forward_usd), [plain(each.forward_source ?? "none"), "text"], span(each.forward_age_ns === null ? null : each.forward_age_ns / 1e9)]);
  const money = (each, text) => fixed(Number(text), each.currency.startsWith("USD") ? 2 : 6);
  const equity = book.equity.map((each) => [`equity, ${each.currency}`, money(each, each.bot_native), money(each, each.venue_native)]);
  $("feeds").replaceChildren(
    table(["venue", "market", "account", "positions"], venues, { none: "No venue heard yet." }),
    table(["forward of", "USD", ["by", "text"], "age"], sources, { none: "No option is held." }),
    table(["account", "by our books", "by the venue"], equity, { none: "The account has not told yet." }),
  );
}

const LINE = /^\S+T(\S+?)Z (\S+) +(\S+) ?(.*)$/s;

export function log(lines) {
  $("log").replaceChildren(...lines.toReversed().map((line) => {
    const found = LINE.exec(line);
    if (!found) return el("li", {}, line);
    const [, when, level, name, text] = found;
    return el("li", { class: level }, el("span", { class: "when" }, when), el("span", { class: "level" }, level), el("span", { class: "name" }, name), el("span", { class: "text" }, text));
  }));
}
