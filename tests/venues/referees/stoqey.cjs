// The referee from the world of Node: @stoqey/ib. Prints what it found, see scenario.py.
//
//   node stoqey.cjs FOLDER_WITH_NODE_MODULES PORT
"use strict";
const path = require("node:path");
const { createRequire } = require("node:module");

const [folder, port] = [path.resolve(process.argv[2]), Number(process.argv[3])];
const { IBApi, EventName } = createRequire(path.join(folder, "x.js"))("@stoqey/ib");
const LIMIT_MS = 10000;
const WAITING = [
  ["LMT", { lmtPrice: 99.0 }, "Submitted"],
  ["STP", { auxPrice: 101.0 }, "PreSubmitted"],
  ["STP LMT", { auxPrice: 101.0, lmtPrice: 101.5 }, "PreSubmitted"],
  ["MIT", { auxPrice: 99.0 }, "PreSubmitted"],
  ["LIT", { auxPrice: 99.0, lmtPrice: 99.1 }, "PreSubmitted"],
  ["TRAIL", { auxPrice: 1.0 }, "PreSubmitted"],
];
const SPY = { symbol: "SPY", secType: "STK", exchange: "SMART", currency: "USD" };

/** Keeps everything it is told, by name. */
class Referee {
  constructor() {
    this.told = [];
    this.waiting = [];
    this.api = new IBApi({ host: "127.0.0.1", port, clientId: 5 });
    for (const name of Object.values(EventName)) {
      if (["all", "result", "received", "sent", "server", "info"].includes(name)) continue;
      this.api.on(name, (...values) => this.tell(name, values));
    }
  }

  tell(name, values) {
    this.told.push([name, values]);
    this.waiting = this.waiting.filter((check) => !check());
  }

  of(name) {
    return this.told.filter(([told]) => told === name).map(([, values]) => values);
  }

  until(probe, what) {
    return new Promise((resolve, reject) => {
      const end = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), LIMIT_MS);
      const check = () => {
        const value = probe();
        if (!value) return false;
        clearTimeout(end);
        resolve(value);
        return true;
      };
      if (!check()) this.waiting.push(check);
    });
  }

  answers(name, count = 1) {
    return this.until(() => this.of(name).length >= count && this.of(name), `${count} ${name}`);
  }

  status(number) {
    return this.of("orderStatus").filter(([id]) => id === number).at(-1) ?? [number, ""];
  }

  reach(number, status) {
    return this.until(() => this.status(number)[1] === status && this.status(number), `${status} of ${number}`);
  }
}

const found = (step, value) => console.log(JSON.stringify({ step, found: value }));

async function connected() {
  const referee = new Referee();
  referee.api.connect();
  await referee.answers("nextValidId");
  return referee;
}

async function ask(referee) {
  const api = referee.api;
  const [[names]] = await referee.answers("managedAccounts");
  found("accounts", names.split(",").filter(Boolean));
  api.reqContractDetails(1, SPY);
  await referee.answers("contractDetailsEnd");
  const details = referee.of("contractDetails")[0][1];
  found("contract", [details.contract.conId, details.contract.primaryExch, details.minTick]);
  api.reqContractDetails(2, { ...SPY, symbol: "NOSUCH" });
  const refusal = await referee.until(() => referee.of("error").find(([, , id]) => id === 2), "a refusal");
  found("no such contract", refusal[1]);
  api.reqAccountSummary(3, "All", "NetLiquidation");
  await referee.answers("accountSummaryEnd");
  found("summary", referee.of("accountSummary")[0][3]);
  api.reqHistoricalData(4, SPY, "20250613-23:00:00", "7 D", "1 day", "TRADES", 1, 1, false);
  await referee.until(() => referee.of("historicalData").some(([, date]) => String(date).startsWith("finished")), "bars");
  found("bars", referee.of("historicalData").filter(([, date]) => !String(date).startsWith("finished")).length);
  api.reqMktData(5, SPY, "", false, false);
  const ticks = new Map((await referee.answers("tickPrice", 3)).map(([, tick, price]) => [tick, price]));
  found("ticks", [ticks.get(1), ticks.get(2), ticks.get(4)]);
  api.cancelMktData(5);
}

async function trade(referee) {
  const api = referee.api;
  let number = 1;
  const order = (orderType, totalQuantity, prices = {}) => ({
    action: "BUY", totalQuantity, orderType, tif: "GTC", transmit: true, ...prices,
  });
  const press = async () => {
    const before = referee.of("currentTime").length;
    api.reqCurrentTime();
    await referee.answers("currentTime", before + 1);
  };
  const filled = async () => {
    const [, status, quantity, , average] = await referee.reach(number, "Filled");
    return [status, quantity, average];
  };
  api.placeOrder(number, SPY, order("MKT", 100));
  found("market order", await filled());
  for (const [kind, prices, waits] of WAITING) {
    number += 1;
    api.placeOrder(number, SPY, order(kind, 10, prices));
    const [, waited] = await referee.reach(number, waits);
    await press();
    found(kind, [waited, ...(await filled())]);
    await press();
  }
  number += 1;
  api.placeOrder(number, SPY, order("LMT", 100, { lmtPrice: 90.0 }));
  await referee.reach(number, "Submitted");
  let before = referee.of("openOrder").length;
  api.placeOrder(number, SPY, order("LMT", 80, { lmtPrice: 91.5 }));
  const seen = (await referee.answers("openOrder", before + 1)).at(-1)[2];
  found("update", [seen.lmtPrice, seen.totalQuantity]);
  api.cancelOrder(number);
  found("cancel", (await referee.reach(number, "Cancelled"))[1]);
  await press();
  number += 1;
  api.placeOrder(number, SPY, order("LMT", 100, { lmtPrice: 100.01 }));
  await referee.until(() => referee.status(number)[2] === 40, "a part");
  await press();
  await referee.reach(number, "Filled");
  const parts = referee.of("execDetails").map(([, , part]) => part).filter((part) => part.orderId === number);
  found("parts", [...parts.map((part) => part.shares), parts.at(-1).cumQty]);
  await press();
  before = referee.of("openOrder").length;
  api.placeOrder(number + 1, SPY, order("LMT", 1000, { lmtPrice: 100.0, whatIf: true }));
  const state = (await referee.answers("openOrder", before + 1)).at(-1)[3];
  found("what-if", Number(state.initMarginChange));
}

async function main() {
  const referee = await connected();
  await ask(referee);
  await trade(referee);
  referee.api.reqExecutions(9, {});
  await referee.answers("execDetailsEnd");
  found("executions", referee.of("execDetails").filter(([id]) => id === 9).length);
  const reports = await referee.answers("commissionReport", 9);
  found("commissions", new Set(reports.map(([report]) => report.execId)).size);
  referee.api.reqPositions();
  await referee.answers("positionEnd");
  found("position", referee.of("position").at(-1)[2]);
  const [used] = referee.of("nextValidId").at(-1);
  referee.api.disconnect();
  await referee.answers("disconnected");
  const again = await connected();
  again.api.reqPositions();
  await again.answers("positionEnd");
  found("positions after reconnect", again.of("position").at(-1)[2]);
  found("number after reconnect is higher", again.of("nextValidId").at(-1)[0] > used);
  again.api.reqCompletedOrders(false);
  await again.answers("completedOrdersEnd");
  found("completed orders", again.of("completedOrder").length);
  process.exit(0);
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
