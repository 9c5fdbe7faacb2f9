"""The documents match the code: diagrams come from tables, links lead somewhere, decisions are numbered."""

from __future__ import annotations

import re
import runpy
from enum import Enum
from pathlib import Path

import pytest

from tests.repository.sources import ROOT

DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
DIAGRAMS = runpy.run_path(str(ROOT / "docs" / "diagrams.py"))
REFERENCE = runpy.run_path(str(ROOT / "docs" / "reference.py"))


def test_diagrams_and_lists_of_files_are_those_of_the_code() -> None:
    text = DIAGRAMS["DOCUMENT"].read_text(encoding="utf-8")
    assert DIAGRAMS["rewritten"](text) == text, "run `make docs`"


def test_the_list_of_what_lean_has_is_that_of_the_table() -> None:
    text = DIAGRAMS["PARITY_DOCUMENT"].read_text(encoding="utf-8")
    assert DIAGRAMS["rewritten"](text, DIAGRAMS["PARITY"]) == text, "run `make docs`"


def test_the_list_of_alerts_is_that_of_the_rules() -> None:
    text = DIAGRAMS["ALERTS_DOCUMENT"].read_text(encoding="utf-8")
    assert DIAGRAMS["rewritten"](text, DIAGRAMS["ALERTS"]) == text, "run `make docs`"


def test_the_list_of_metrics_is_that_of_their_declarations() -> None:
    text = DIAGRAMS["METRICS_DOCUMENT"].read_text(encoding="utf-8")
    assert DIAGRAMS["rewritten"](text, DIAGRAMS["METRICS"]) == text, "run `make docs`"


def test_the_list_of_routes_is_that_of_the_server() -> None:
    text = DIAGRAMS["CONTROL_DOCUMENT"].read_text(encoding="utf-8")
    assert DIAGRAMS["rewritten"](text, DIAGRAMS["CONTROL"]) == text, "run `make docs`"


@pytest.mark.parametrize("page", REFERENCE["PAGES"])
def test_a_page_of_the_reference_is_that_of_the_code(page: str) -> None:
    text = (REFERENCE["FOLDER"] / page).read_text(encoding="utf-8")
    assert REFERENCE["PAGES"][page]() == text, "run `make docs`"


def test_every_command_key_route_and_protocol_is_in_the_reference() -> None:
    pages = {name: make() for name, make in REFERENCE["PAGES"].items()}
    assert "## livetrader liquidate\n" in pages["command-line.md"]
    assert "### livetrader token create\n" in pages["command-line.md"]
    assert re.search(r"^\| `daily_loss` \| number ≥ 0 \| `0.0` \| .*kill switch", pages["settings.md"], re.M)
    assert "### brokerages: ibkr\n" in pages["settings.md"]
    assert "## POST /v1/liquidate\n" in pages["control-api.md"]
    assert "async def submit(self, order: Approved) -> None" in pages["plugins.md"]


def test_a_changed_table_changes_its_diagram() -> None:
    class Lamp(Enum):
        OFF = 0
        ON = 1
        BROKEN = 2

    table = {
        Lamp.OFF: frozenset({Lamp.ON, Lamp.OFF}),
        Lamp.ON: frozenset({Lamp.BROKEN}),
        Lamp.BROKEN: frozenset[Lamp](),
    }
    lines = [line.strip() for line in DIAGRAMS["mermaid"](table).splitlines()]
    assert lines == [
        "```mermaid",
        "stateDiagram-v2",
        "[*] --> OFF",
        "OFF --> ON",
        "ON --> BROKEN",
        "BROKEN --> [*]",
        "```",
    ]


def test_the_purpose_of_a_file_is_its_first_sentence() -> None:
    assert DIAGRAMS["purpose"]('"""Counts\nbeans. Slowly.\n\nMore."""\n') == "Counts beans"
    assert DIAGRAMS["purpose"]("import os\n") == ""


def test_a_document_without_its_marker_is_refused() -> None:
    with pytest.raises(ValueError, match="no marker pair"):
        DIAGRAMS["rewritten"]("# Architecture\n")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text(encoding="utf-8"))
    broken = [target for target in targets if not (document.parent / target).exists()]
    assert not broken


def anchors(document: Path) -> set[str]:
    """Return what a link can name in a document: its headings, in lower case, with hyphens."""
    found: set[str] = set()
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.add(next(name for n in range(99) if (name := f"{slug}-{n}" if n else slug) not in found))
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_into_documents_lead_to_headings(document: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]*)#([^)]+)\)", document.read_text(encoding="utf-8"))
    broken = [
        f"{target}#{anchor}"
        for target, anchor in links
        if not target or target.endswith(".md")
        if anchor not in anchors(document.parent / target if target else document)
    ]
    assert not broken


def test_decisions_are_numbered_without_gaps() -> None:
    text = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")
    numbers = [int(number) for number in re.findall(r"^## (\d+) ", text, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    entries = re.split(r"^## \d+ ", text, flags=re.MULTILINE)[1:]
    assert all("**Choice.**" in entry or "Added, each with its reason" in entry for entry in entries)
    assert all("**Price.**" in entry for entry in entries)


def test_the_readme_names_commands_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", (ROOT / "README.md").read_text()))
    assert {"demo", "test"} <= named <= targets
