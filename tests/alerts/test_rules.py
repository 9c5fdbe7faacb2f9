"""config/alerts.yml: each rule fires when it should, is quiet when not (promtool), and says what to do."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.alerts.names import declared, metrics_of
from tests.alerts.programs import program
from tests.repository.sources import ROOT

RULES = ROOT / "config" / "alerts.yml"
CASES = Path(__file__).with_name("cases.yml")
COMMON = 'account="paper",instance="here:8765",'
SEVERITIES = {"critical", "warning", "info"}
pytestmark = pytest.mark.slow


@cache
def rules() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


@cache
def cases() -> dict[str, dict[str, Any]]:
    return dict(yaml.safe_load(CASES.read_text(encoding="utf-8")))


def one_test(name: str, case: dict[str, Any], *, fires: bool) -> dict[str, Any]:
    """Return a case as a test of promtool. It compares labels and annotations in full."""
    told, rule = cases()[name], rules()[name]
    expected: dict[str, Any] = {"eval_time": case["at"], "alertname": name, "exp_alerts": []}
    if fires:
        labels = {"severity": told["severity"], **case.get("labels", {})}
        labels |= {} if case.get("bare") else {"account": "paper", "instance": "here:8765"}
        labels |= {"livetrader_action": told["action"]} if "action" in told else {}
        labels |= {"told_by": "livetrader"} if told.get("told") else {}
        page = told.get("runbook", f"alerts.md#{name.lower()}")
        static = {key: rule["annotations"][key] for key in ("description", "next_step")}
        static["next_step"] = static["next_step"].replace(
            "{{ $labels.channel }}", case.get("labels", {}).get("channel", "")
        )
        notes = {"summary": case["summary"], "runbook_url": f"docs/{page}", **static}
        expected["exp_alerts"] = [{"exp_labels": labels, "exp_annotations": notes}]
    series = []
    for line in case["given"]:
        text, _, values = line.partition("} ")
        series.append({"series": text.replace("{", "{" + COMMON, 1) + "}", "values": values})
    return {
        "interval": "1m",
        "external_labels": {"runbooks": "docs"},
        "input_series": series,
        "alert_rule_test": [expected],
    }


def test_every_rule_has_a_case_that_fires_and_one_that_does_not() -> None:
    assert cases().keys() == rules().keys()
    for name, case in cases().items():
        assert case["fires"], name
        assert case.get("quiet") or case.get("always"), name


def judged(folder: Path, documents: dict[str, dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    """Let promtool judge tests, a file for each rule: a test evaluates all rules of its file at each step."""
    names = []
    for name, document in documents.items():
        (folder / f"{name}.test.yml").write_text(yaml.safe_dump(document))
        names.append(f"{name}.test.yml")
    command = [program("promtool"), "test", "rules", *names]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


def document_of(folder: Path, name: str, rule: dict[str, Any]) -> dict[str, Any]:
    """Return all cases of a rule as a document for promtool, beside the rule in a file of its own."""
    (folder / f"{name}.yml").write_text(yaml.safe_dump({"groups": [{"name": "one", "rules": [rule]}]}))
    tests = [
        one_test(name, case, fires=kind == "fires")
        for kind in ("fires", "quiet")
        for case in cases()[name].get(kind, ())
    ]
    return {"rule_files": [f"{name}.yml"], "evaluation_interval": "1m", "tests": tests}


def test_every_rule_fires_when_it_should_and_is_quiet_when_not(tmp_path: Path) -> None:
    done = judged(tmp_path, {name: document_of(tmp_path, name, rule) for name, rule in rules().items()})
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_rule_that_is_wrong_fails_its_cases(tmp_path: Path) -> None:
    """With another threshold, another wait or another text they do not hold."""
    name = "LivetraderDrawdownDeep"
    rule = rules()[name]
    text = yaml.safe_dump(rule)
    for old, new in (("> 0.2", "> 0.3"), ("> 0.2", "> 0.19"), ("for: 1m", "for: 5m"), ("below", "under")):
        assert old in text
        spoiled = yaml.safe_load(text.replace(old, new))
        assert judged(tmp_path, {name: document_of(tmp_path, name, spoiled)}).returncode != 0, new


def test_promtool_and_amtool_accept_the_files() -> None:
    for command in (
        ["promtool", "check", "rules", "--lint=all", "--lint-fatal", "config/alerts.yml"],
        ["promtool", "check", "config", "--syntax-only", "config/prometheus.yml"],
        ["amtool", "check-config", "config/alertmanager.yml"],
    ):
        program(command[0])
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("alertname=LivetraderFeedDead account=paper severity=critical", "livetrader-paper"),
        ("alertname=MyOwnRule account=paper", "livetrader-paper"),
        ("alertname=LivetraderFeedDead account=other", "people"),
        ("alertname=LivetraderDown account=paper", "people"),
        ("alertname=LivetraderNotificationsStuck account=paper", "people"),
        ("alertname=LivetraderNotScraped", "people"),
        ("alertname=LivetraderWatchdog", "watchdog"),
    ],
)
def test_an_alert_goes_to_whom_it_concerns(labels: str, receiver: str) -> None:
    """What the daemon cannot tell goes around it."""
    words = [program("amtool"), "config", "routes", "test", "--config.file=config/alertmanager.yml"]
    done = subprocess.run([*words, *labels.split()], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, receiver), done.stderr


def test_every_metric_of_a_rule_is_declared() -> None:
    for name, rule in rules().items():
        unknown = metrics_of(rule["expr"]) - declared()
        assert not unknown, f"{name}: {unknown}"


@pytest.mark.parametrize("name", rules())
def test_a_rule_says_what_is_so_what_it_means_and_what_to_do(name: str) -> None:
    rule = rules()[name]
    notes, labels = rule["annotations"], rule["labels"]
    assert re.fullmatch(r"Livetrader[A-Za-z]+", name)
    assert labels["severity"] in SEVERITIES
    assert labels.get("livetrader_action", "halt") in {"halt", "liquidate"}
    assert labels.get("told_by", "livetrader") == "livetrader"
    assert notes.keys() == {"summary", "description", "next_step", "runbook_url"}
    assert all(0 < len(text) < 500 for text in notes.values())


@pytest.mark.parametrize("name", rules())
def test_a_runbook_link_leads_to_a_heading_that_is_there(name: str) -> None:
    base, _, rest = rules()[name]["annotations"]["runbook_url"].partition("/")
    page, _, anchor = rest.partition("#")
    assert base == "{{ $externalLabels.runbooks }}"
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert anchor in {anchor_of(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def anchor_of(heading: str) -> str:
    """Return the anchor that a Markdown renderer gives a heading."""
    words = re.sub(r"[`*]|\[|\]\([^)]*\)", "", heading).lower()
    return re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-")
