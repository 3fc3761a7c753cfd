// Unmodified ccxt and ccxt.pro (JavaScript) against the local exchange: what it read, as one JSON document.
// node ccxt_client.mjs ADDRESS RESULT_FILE, in the folder its package is installed in.
import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

const [address, resultFile] = process.argv.slice(2);
const { default: ccxt } = await import(pathToFileURL(`${process.cwd()}/node_modules/ccxt/js/ccxt.js`));

const PERP = 'BTC/USD:BTC';
const WATCH_MS = 60000;

const exchange = new ccxt.pro.deribit({ apiKey: 'demo', secret: 'demo' });
exchange.urls.api = { rest: `http://${address}`, ws: `ws://${address}/ws/api/v2` };
await exchange.loadHttpProxyAgent(); // its own way to plain ws:// addresses

const bounded = (promise, what) => Promise.race([
    promise,
    new Promise((_, reject) => setTimeout(() => reject(new Error(`${what}: nothing in ${WATCH_MS} ms`)), WATCH_MS)),
]);

async function watch(what, count, read) {
    const seen = [];
    while (seen.length < count) {
        seen.push(await bounded(read(), what));
    }
    return seen;
}

async function watchUntil(what, read, isEnough) {
    const seen = [];
    while (!isEnough(seen)) {
        seen.push(...(await bounded(read(), what)));
    }
    return seen;
}

async function refusal(call) {
    try {
        await call();
    } catch (error) {
        return error.constructor.name;
    }
    return 'nothing';
}

const order = ({ id, status, price, amount, filled, average, side }) => ({ id, status, price, amount, filled, average, side });
const levels = ({ bids, asks }) => ({ bids: bids.map(([p, a]) => [p, a]), asks: asks.map(([p, a]) => [p, a]) });
const money = async () => (await exchange.fetchBalance()).total;

async function run() {
    const markets = Object.values(await exchange.loadMarkets());
    const found = {
        version: ccxt.version,
        market_kinds: [...new Set(markets.map((m) => `${m.type} ${m.inverse ? 'inverse' : 'linear'}`))].sort(),
        symbols: markets.length,
    };
    const option = markets.find((m) => m.option && m.inverse && m.base === 'BTC').symbol;
    found.balance_before = await money();

    found.tickers = (await watch('ticker', 3, () => exchange.watchTicker(PERP))).map(({ bid, ask, last }) => ({ bid, ask, last }));
    found.books = await watch('book', 3, async () => levels(await exchange.watchOrderBook(PERP)));
    const greeks = await exchange.fetchGreeks(option);
    found.option = { delta: greeks.delta, mark_iv: greeks.markImpliedVolatility };

    const isOver = (seen) => ['canceled', 'closed'].every((s) => seen.some((o) => o.status === s));
    const watchedOrders = watchUntil('orders', () => exchange.watchOrders(), isOver);
    const watchedTrades = watchUntil('own trades', () => exchange.watchMyTrades(), (seen) => seen.length > 0);
    // A watch has no answer before the first event: what arrives is kept from here on.
    await watch('balance', 1, () => exchange.watchBalance());

    const { bid } = await exchange.fetchTicker(PERP);
    const at = (factor) => Number(exchange.priceToPrecision(PERP, bid * factor));
    found.asked = { placed: at(0.99), edited: at(0.985) };
    const placed = await exchange.createOrder(PERP, 'limit', 'buy', 100, at(0.99), { postOnly: true, label: 'stranger' });
    found.placed = { ...order(placed), label: placed.info.label };
    found.edited = order(await exchange.editOrder(placed.id, PERP, 'limit', 'buy', 200, at(0.985)));
    found.open = (await exchange.fetchOpenOrders(PERP)).map(order);
    found.fetched = order(await exchange.fetchOrder(placed.id));
    found.cancelled = order(await exchange.cancelOrder(placed.id));
    found.open_after = (await exchange.fetchOpenOrders(PERP)).map(order);
    found.cancelled_again = await refusal(() => exchange.cancelOrder(placed.id));
    const bought = await exchange.createOrder(PERP, 'market', 'buy', 300);
    found.bought = order(bought);
    found.sold = order(await exchange.createOrder(PERP, 'market', 'sell', 100));

    found.watched_orders = (await watchedOrders).map(order);
    found.watched_trades = (await watchedTrades).map((t) => ({ id: t.id, order: t.order, amount: t.amount, price: t.price }));
    found.positions = (await exchange.fetchPositions()).map(({ symbol, side, contracts }) => ({ symbol, side, contracts }));
    found.position = (({ symbol, side, contracts }) => ({ symbol, side, contracts }))(await exchange.fetchPosition(PERP));
    found.my_trades = (await exchange.fetchMyTrades(PERP, undefined, 100))
        .map((t) => ({ id: t.id, order: t.order, side: t.side, amount: t.amount, price: t.price, fee: t.fee.cost }));
    found.order_trades = (await exchange.fetchOrderTrades(bought.id)).map((t) => t.id);
    found.closed = (await exchange.fetchClosedOrders(PERP)).map(order);
    found.balance_after = await money();
    return found;
}

try {
    await writeFile(resultFile, JSON.stringify(await run()));
} finally {
    await exchange.close();
}
process.exit(0);
