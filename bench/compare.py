"""Measure livetrader and other engines side by side: the same data, the same strategy, one process at a time.

    python bench/compare.py [--only w1] [--engines livetrader nautilus ...] [--runs 3] [--folder .bench]

Each engine gets a virtual environment of its own under the folder, made the first time (with uv where it is
installed, else pip). Repetitions are interleaved, so that a busy minute of the machine hurts all alike. Shown
are median and range; every line measured is appended to results.jsonl there. `run` is the backtest itself,
`load` everything before it but the import: reading, and making the engine's own data objects. `x nautilus` is
the rate per processor second over NautilusTrader's in the same round, the median of the rounds: what a busy
machine changes least.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import workload_data

HERE: Final = Path(__file__).parent / "peers"
WORKLOADS: Final = ("w1", "w2", "w3")
TIMEOUT_S: Final = 900
REFERENCE: Final = "nautilus"  # the engine that the others are held against


class Engine(NamedTuple):
    """How one engine is installed and run. Without requirements it runs where this script runs."""

    script: str
    requirements: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    workloads: tuple[str, ...] = WORKLOADS


ENGINES: Final[dict[str, Engine]] = {
    "floor": Engine("floor.py"),
    "livetrader": Engine("ours.py"),
    "livetrader-no-orders": Engine("ours.py", environment=(("ORDERS", "no"),)),
    "livetrader-streamed": Engine("ours.py", environment=(("STREAMED", "1"),)),
    "nautilus": Engine("nautilus.py", ("nautilus_trader==1.221.0",)),
    "backtrader": Engine("backtrader_cerebro.py", ("backtrader==1.9.78.123", "numpy")),
    "zipline": Engine("zipline_reloaded.py", ("zipline-reloaded==3.1.1",), workloads=("w1", "w2")),
    "backtesting": Engine("backtesting_py.py", ("backtesting==0.6.5",)),
}


def python_of(name: str, engine: Engine, folder: Path) -> Path:
    """Return the interpreter of an engine, installing it where it is not."""
    if not engine.requirements:
        return Path(sys.executable)
    home = folder / f"venv-{name}"
    python = home / "bin" / "python"
    done = home / "installed.txt"
    wanted = "\n".join(engine.requirements)
    if done.exists() and done.read_text() == wanted:
        return python
    shutil.rmtree(home, ignore_errors=True)
    if shutil.which("uv"):
        subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, home], check=True)
        subprocess.run(
            ["uv", "pip", "install", "--quiet", "--python", python, *engine.requirements], check=True
        )
    else:
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *engine.requirements], check=True)
    done.write_text(wanted)
    return python


def measure(python: Path, engine: Engine, workload: str, data: Path) -> dict[str, Any]:
    """Run one process; return its line, or its error."""
    command = [str(python), str(HERE / engine.script), str(data), workload]
    environment = {**os.environ, **dict(engine.environment)}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": f"over {TIMEOUT_S} s"}
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        return {"error": (done.stderr or done.stdout)[-400:]}
    line: dict[str, Any] = json.loads(lines[-1])
    return line


def _median(values: Iterable[Any]) -> float:
    return float(statistics.median(values))


def _ratio(rows: list[dict[str, Any]], reference: list[dict[str, Any]]) -> str:
    """Return how many times the reference's rate an engine has, round by round; empty without one."""
    pairs = zip(rows, reference, strict=False)
    found = [row["events_per_cpu_s"] / other["events_per_cpu_s"] for row, other in pairs]
    return f"{_median(found):.1f}" if found else ""


def table(workload: str, rows: dict[str, list[dict[str, Any]]]) -> Iterable[str]:
    """Yield the lines of a Markdown table, the fastest first."""
    yield f"\n### {workload.upper()}\n"
    columns = "engine", "orders", "events/s: median (range)", "per processor second", f"x {REFERENCE}"
    yield f"| {' | '.join(columns)} | run s | load s | import s | peak MB |"
    yield "|---|---|---|---|---|---|---|---|---|"

    def rate(name: str) -> float:
        return _median(row["events_per_s"] for row in rows[name])

    for name in sorted(rows, key=rate, reverse=True):
        found = rows[name]
        rates = [row["events_per_s"] for row in found]

        def middle(key: str, rows_of_engine: list[dict[str, Any]] = found) -> float:
            return _median(row[key] for row in rows_of_engine)

        label = " ".join(filter(None, (found[0]["engine"], found[0].get("version"))))
        yield (
            f"| {label} | {found[0]['orders']:,} | **{rate(name):,.0f}** ({min(rates):,}-{max(rates):,}) "
            f"| {middle('events_per_cpu_s'):,.0f} | {_ratio(found, rows.get(REFERENCE, []))} "
            f"| {middle('run_s'):.2f} | {middle('load_s'):.2f} "
            f"| {middle('import_s'):.1f} | {middle('peak_mb'):.0f} |"
        )


def main() -> None:
    """Write the data, install, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", choices=WORKLOADS, default=WORKLOADS)
    parser.add_argument("--engines", nargs="*", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(".bench"))
    options = parser.parse_args()
    folder: Path = options.folder.resolve()
    data = folder / "data"
    workload_data.write(data)
    pythons = {name: python_of(name, ENGINES[name], folder) for name in options.engines}
    found: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(options.runs):
        for workload in options.only:
            for name in options.engines:
                if workload not in ENGINES[name].workloads:
                    continue
                line = measure(pythons[name], ENGINES[name], workload, data)
                with (folder / "results.jsonl").open("a") as results:
                    results.write(json.dumps({"name": name, **line}) + "\n")
                if "error" in line:
                    print(f"{workload} {name}: {line['error']}", file=sys.stderr)
                    continue
                print(f"{workload} {name}: {line['events_per_s']:,} events/s", file=sys.stderr, flush=True)
                found[workload][name].append(line)
    for workload in options.only:
        print("\n".join(table(workload, found[workload])))


if __name__ == "__main__":
    main()
