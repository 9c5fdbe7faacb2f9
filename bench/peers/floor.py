"""No engine: the strategy's arithmetic in a bare loop. What any engine with a Python strategy stays below."""

from __future__ import annotations

import common

bench = common.Bench("bare Python loop")
bench.mark("import")
data = bench.arrays()
prices = data["price" if bench.workload == "w3" else "c"].tolist()
orders = 0
if bench.workload == "w2":
    updates = [common.Cross(bench.periods).update for _ in data["symbols"]]
    numbers = data["sym"].tolist()
    bench.mark("load")
    for number, price in zip(numbers, prices, strict=True):
        if updates[number](price):
            orders += 1
else:
    update = common.Cross(bench.periods).update
    bench.mark("load")
    for price in prices:
        if update(price):
            orders += 1
bench.mark("run")
bench.report(len(prices), orders)
