"""Write what documents take from the code: diagrams from tables, files from docstrings, parity.csv.

`python docs/diagrams.py` rewrites what stands between the markers; with --check it changes nothing and exits
1 when a document and the code differ. A test calls the same functions.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import TypeVar

import yaml

from livetrader.control import routes as control
from livetrader.gateway import killstages as kill
from livetrader.supervisor import outages
from livetrader.supervisor import states as daemon
from livetrader.telemetry.metrics import Metrics
from livetrader.training import jobs
from livetrader_engine.orders import states as orders
from livetrader_lean import parity

State = TypeVar("State", bound=Enum)
DOCUMENT = Path(__file__).resolve().with_name("architecture.md")
ROOT = DOCUMENT.parent.parent


def mermaid(transitions: Mapping[State, frozenset[State]]) -> str:
    """Return a Mermaid state diagram; rows and targets in the table's order, without self-loops."""
    members = list(transitions)
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {members[0].name}"]
    for state in members:
        targets = [target for target in members if target in transitions[state] and target is not state]
        lines += [f"    {state.name} --> {target.name}" for target in targets]
        if not targets:
            lines.append(f"    {state.name} --> [*]")
    return "\n".join([*lines, "```"])


def purpose(source: str) -> str:
    """Return the first sentence of a module's docstring, empty where it has none."""
    first = " ".join((ast.get_docstring(ast.parse(source)) or "").partition("\n\n")[0].split())
    return re.split(r"(?<=[.!?])\s", first, maxsplit=1)[0].rstrip(".:,")


def tree(package: str) -> str:
    """Return a package's files, folder by folder, each with its purpose."""
    root = ROOT / package
    lines: list[str] = []
    for folder in [root, *sorted(path for path in root.rglob("*") if path.is_dir())]:
        told = [
            (file.name, purpose(file.read_text(encoding="utf-8"))) for file in sorted(folder.glob("*.py"))
        ]
        rows = [f"| `{name}` | {text} |" for name, text in told if text]
        if rows:
            lines += ["", f"`{folder.relative_to(ROOT)}/`", "", "| file | is |", "|---|---|", *rows]
    return "\n".join(lines[1:])


GENERATED: dict[str, Callable[[], str]] = {
    "daemon-states": lambda: mermaid(daemon.TRANSITIONS),
    "connection-states": lambda: mermaid(outages.TRANSITIONS),
    "order-states": lambda: mermaid(orders.TRANSITIONS),
    "training-states": lambda: mermaid(jobs.TRANSITIONS),
    "kill-stages": lambda: mermaid(kill.TRANSITIONS),
    "daemon-files": lambda: tree("livetrader"),
    "plugin-files": lambda: tree("plugins/livetrader_plugins"),
    "venue-files": lambda: tree("plugins/livetrader_venues"),
    "face-files": lambda: tree("engine/livetrader_lean"),
    "engine-files": lambda: tree("engine/livetrader_engine"),
}


def alert_catalogue() -> str:
    """Return what config/alerts.yml says of each alert, a heading each: runbook links lead there."""
    lines: list[str] = []
    groups = yaml.safe_load((ROOT / "config" / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        labels, notes = rule["labels"], rule["annotations"]
        said = [labels["severity"] + (f" after {rule['for']}" if "for" in rule else "")]
        if "livetrader_action" in labels:
            said.append(f"asks for `{labels['livetrader_action']}`")
        if "told_by" in labels:
            said.append("the daemon tells people of it by itself")
        page = notes["runbook_url"].rpartition("}}/")[2]
        if not page.startswith("alerts.md"):
            said.append(f"[more]({page})")
        step = notes["next_step"].replace("{{ $labels.channel }}", "NAME")
        lines += ["", f"### {rule['alert']}", "", "; ".join(said) + f": `{rule['expr']}`", ""]
        lines += [f"{notes['description']} **Do:** {step}"]
    return "\n".join(lines[1:])


def metric_catalogue() -> str:
    """Return every metric, section by section, with the alerts that watch it."""
    groups = yaml.safe_load((ROOT / "config/alerts.yml").read_text(encoding="utf-8"))["groups"]
    rules = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    lines: list[str] = []
    section = ""
    for each in Metrics().declared:
        if each.section != section:
            section = each.section
            lines += ["", f"### {section}", "", "| metric | labels | is | alerts |", "|---|---|---|---|"]
        series = re.compile(rf"\b{each.name}{'(_bucket|_count|_sum)?' if each.kind == 'histogram' else ''}\b")
        watched = [rule["alert"] for rule in rules if series.search(rule["expr"])]
        links = ", ".join(f"[{name}](alerts.md#{name.lower()})" for name in watched)
        kind = "" if each.kind != "histogram" else " (histogram)"
        labels = ", ".join(f"`{label}`" for label in each.labels)
        lines.append(f"| `{each.name}` | {labels} | {each.text}{kind} | {links} |")
    return "\n".join(lines[1:])


def routes() -> str:
    """Return the control API's routes, a row each."""
    rows = [
        f"| `{route.method} {route.path}` | {route.scope or 'none'} | {route.summary} |"
        for route in sorted(control.ROUTES, key=lambda route: (route.path, route.method))
    ]
    return "\n".join(["| route | scope | |", "|---|---|---|", *rows])


CONTROL_DOCUMENT = DOCUMENT.with_name("control-api.md")
CONTROL: dict[str, Callable[[], str]] = {"routes": routes}
ALERTS_DOCUMENT = DOCUMENT.with_name("alerts.md")
ALERTS: dict[str, Callable[[], str]] = {"alerts": alert_catalogue}
METRICS_DOCUMENT = DOCUMENT.with_name("metrics.md")
METRICS: dict[str, Callable[[], str]] = {"metrics": metric_catalogue}
PARITY_DOCUMENT = DOCUMENT.with_name("parity.md")
PARITY: dict[str, Callable[[], str]] = {"parity": parity.document}


def rewritten(text: str, parts: Mapping[str, Callable[[], str]] = GENERATED) -> str:
    """Return a document as the code has it now. Raises ValueError without a marker."""
    for name, generate in parts.items():
        pattern = re.compile(rf"<!-- generated: {name} -->\n(.*)\n<!-- end: {name} -->", re.DOTALL)
        found = pattern.search(text)
        if found is None:
            raise ValueError(f"the document has no marker pair for {name}")
        text = text[: found.start(1)] + generate() + text[found.end(1) :]
    return text


def main(arguments: list[str]) -> int:
    """Rewrite the documents, or with --check say whether they are current."""
    changed = False
    for document, parts in (
        (DOCUMENT, GENERATED),
        (PARITY_DOCUMENT, PARITY),
        (ALERTS_DOCUMENT, ALERTS),
        (CONTROL_DOCUMENT, CONTROL),
        (METRICS_DOCUMENT, METRICS),
    ):
        old = document.read_text(encoding="utf-8")
        new = rewritten(old, parts)
        changed |= old != new
        if "--check" not in arguments:
            document.write_text(new, encoding="utf-8")
    return int(changed and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
