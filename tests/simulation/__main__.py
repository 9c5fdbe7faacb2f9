"""The simulation's command line; see the package."""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Final

from tests.simulation import planted, sweep
from tests.simulation.outcome import Outcome
from tests.simulation.world import Week, World

COMMANDS: Final = """examples:
  python -m tests.simulation run --seeds 200
  python -m tests.simulation run --seeds 10 --start 400 --library ib_insync
  python -m tests.simulation replay 17 --last 80
  python -m tests.simulation sweep
  python -m tests.simulation bugs --seeds 60
"""
ENOUGH_SEEDS: Final = 100  # from so many on, every rare state must have been reached
RARE: Final = (
    "1100", "1101", "1102", "id rollback", "late second factor", "nightly reset", "half-open connection",
    "partition", "correction", "bust", "trade by hand", "another permId", "two orders under one reference",
    "kill switch", "outcome_unknown", "order_resolved", "position_adjusted", "late_fill", "foreign_order",
    "cancel_failed", "order_denied", "account_flat", "power cut", "regained", "order_held",
    "death at append", "death at commit", "death at committed", "death at socket write",
    "death at socket written", "death at ack", "death at execution", "death at publish", "death at thread",
    "death at some instant", "journal: change_intended", "journal: kill_order_intended", "journal: adjusted",
)  # fmt: skip


def commit() -> str:
    """Return the commit that is simulated, with a + where the tree differs from it."""
    said = subprocess.run(
        ["git", "-C", str(planted.ROOT), "describe", "--always", "--dirty=+"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return said.stdout.strip() or "unknown"


def _week(said: argparse.Namespace) -> Week:
    return replace(Week(), library=said.library, days=said.days)


def _show(outcome: Outcome, library: str) -> None:
    print(f"\nseed {outcome.seed} at {commit()}: {len(outcome.violations)} violations", file=sys.stderr)
    for violation in outcome.violations[:10]:
        print(f"  {violation}", file=sys.stderr)
    how = f"python -m tests.simulation replay {outcome.seed}" + (
        f" --library {library}" if library != "auto" else ""
    )
    print(f"  again: {how}", file=sys.stderr)


def run(said: argparse.Namespace) -> int:
    """Run seeds; return 1 where one failed or a rare state was never reached."""
    week, reached = _week(said), Counter[str]()
    failing: list[Outcome] = []
    begun, virtual_s, orders, trades, lives, done = time.perf_counter(), 0.0, 0, 0, 0, 0
    for seed in range(said.start, said.start + said.seeds):
        outcome = World(seed, week).run()
        done += 1
        reached.update(outcome.reached)
        virtual_s += outcome.virtual_s
        orders, trades, lives = orders + outcome.orders, trades + outcome.trades, lives + outcome.lives
        if outcome.violations:
            failing.append(outcome)
            if not said.json:
                _show(outcome, said.library)
            if said.first:
                break
        if not said.json and sys.stderr.isatty():
            print(f"\r{done}/{said.seeds} seeds, {len(failing)} failing ", end="", file=sys.stderr)
    took_s = time.perf_counter() - begun
    missed = (
        [name for name in RARE if not reached[name]] if said.seeds >= ENOUGH_SEEDS and not said.first else []
    )
    summary = {
        "commit": commit(), "library": said.library, "seeds": done, "start": said.start,
        "failing": [
            {"seed": each.seed, "violations": [asdict(violation) for violation in each.violations]}
            for each in failing
        ],
        "never_reached": missed, "orders": orders, "trades": trades, "lives": lives,
        "virtual_hours": round(virtual_s / 3600, 1), "seconds": round(took_s, 1),
        "virtual_hours_per_second": round(virtual_s / 3600 / max(took_s, 1e-9), 2),
    }  # fmt: skip
    if said.json:
        print(json.dumps(summary))
    else:
        _table(summary, reached)
    return 1 if failing or missed else 0


def _table(summary: dict[str, object], reached: Counter[str]) -> None:
    failing = summary["failing"]
    assert isinstance(failing, list)
    print()
    for name in ("commit", "library", "seeds", "orders", "trades", "lives", "virtual_hours", "seconds",
                 "virtual_hours_per_second"):  # fmt: skip
        print(f"  {name.replace('_', ' '):<26} {summary[name]}")
    print(f"  {'failing seeds':<26} {[each['seed'] for each in failing] or 'none'}")
    print(f"  {'never reached':<26} {summary['never_reached'] or 'none'}")
    print("\n  reached: " + ", ".join(f"{name} {reached[name]}" for name in RARE if reached[name]))


def replay(said: argparse.Namespace) -> int:
    """Run one seed and tell it in words; return 1 where it fails."""
    outcome = World(said.seed, _week(said)).run()
    lines = outcome.transcript[-said.last :] if said.last else outcome.transcript
    print("\n".join(line[:400] for line in lines))
    print(
        f"\nseed {outcome.seed} at {commit()}: {outcome.orders} orders, {outcome.trades} trades, "
        f"{outcome.lives} lives, {outcome.virtual_s:.0f} virtual seconds, journal {outcome.journal_hash}"
    )
    for violation in outcome.violations:
        print(f"  {violation}")
    return 1 if outcome.violations else 0


def crash(said: argparse.Namespace) -> int:
    """Crash at every boundary of every scenario; return 1 where one fails."""
    result = sweep.run(said.library, step=said.step, report=None if said.json else sys.stderr)
    if said.json:
        print(json.dumps(result.as_json()))
    else:
        print(result.table())
    return 1 if result.failures else 0


def hunt(said: argparse.Namespace) -> int:
    """Look for every planted bug; return 1 where one is not found."""
    wanted = [bug for bug in planted.bugs() if not said.only or bug.name in said.only]
    findings = []
    for bug in wanted:
        arguments = ["--seeds", str(said.seeds), "--start", str(said.start), "--library", said.library]
        arguments += ["--days", str(said.days)]
        finding = planted.hunt(bug, arguments + (["--first"] if said.first else []))
        if finding.first is None and said.seeds < said.limit:
            rest = [
                "--seeds",
                str(said.limit - said.seeds),
                "--start",
                str(said.start + said.seeds),
                "--first",
            ]
            rest += ["--library", said.library, "--days", str(said.days)]
            more = planted.hunt(bug, rest)
            finding = replace(more, seeds=finding.seeds + more.seeds)
        findings.append(finding)
        if not said.json:
            found = "NOT FOUND" if finding.first is None else f"seed {finding.first}"
            counted = f"{finding.failed}/{finding.seeds}"
            print(f"  {bug.name:<34} {found:<12} {counted:<8} {finding.violation}", flush=True)
    if said.json:
        print(json.dumps([asdict(finding) for finding in findings]))
    missed = [finding.bug for finding in findings if finding.first is None]
    if missed:
        print(f"not found: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="python -m tests.simulation", description=__doc__, epilog=COMMANDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name, action, words in (
        ("run", run, "run weeks, one seed after the other"),
        ("replay", replay, "run one seed and tell it in words"),
        ("sweep", crash, "crash at every boundary of the scenarios"),
        ("bugs", hunt, "look for every planted bug"),
    ):
        command = commands.add_parser(name, help=words, description=words)
        command.set_defaults(action=action)
        command.add_argument("--library", choices=("auto", "ib_async", "ib_insync"), default="auto")
        command.add_argument("--json", action="store_true", help="one JSON object instead of a table")
        command.add_argument("--days", type=int, default=5, help="sessions in a week")
        if name in ("run", "bugs"):
            command.add_argument("--seeds", type=int, default=10 if name == "run" else 60)
            command.add_argument("--start", type=int, default=0, help="the first seed")
            command.add_argument("--first", action="store_true", help="stop at the first seed that fails")
        if name == "bugs":
            command.add_argument(
                "--limit", type=int, default=200, help="seeds after which a bug is not found"
            )
            command.add_argument("--only", nargs="*", help="names of bugs")
        if name == "replay":
            command.add_argument("seed", type=int)
            command.add_argument("--last", type=int, default=0, help="only so many lines")
        if name == "sweep":
            command.add_argument("--step", type=int, default=1, help="every so many boundaries")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    logging.disable(logging.CRITICAL)  # the libraries' own words; ours are in the transcript
    said = parser().parse_args(arguments)
    status: int = said.action(said)
    return status


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets have another order in every process otherwise
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])
    sys.exit(main())
