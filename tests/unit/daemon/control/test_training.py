"""Training through the control API and the command line: what is shown, and cancelling a job."""

from __future__ import annotations

import asyncio
import io
import json
import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from livetrader.cli.main import cli
from livetrader.cli.views import status_view, training_view
from livetrader.control.auth import Scope
from livetrader.control.gauges import show_status
from livetrader.control.openapi import document
from livetrader.control.training_views import (
    BucketView,
    DeferredJobView,
    ModelView,
    TrainingJobView,
    TrainingSummary,
    TrainingView,
)
from livetrader.telemetry.metrics import Metrics
from tests.unit.daemon.control.conftest import NOW_NS, FakeOperations

Serve = Callable[[], AbstractAsyncContextManager]
HOST = BucketView(300.0, 240.0, 60.0, NOW_NS + 3600 * 10**9, 36.0)
WAITING = DeferredJobView(4, "fit", NOW_NS, "the training bucket of this machine is empty")
STALE = ModelView(True, NOW_NS - 7200 * 10**9, 7200.0, "the model of fit is stale")


def command(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words], prog_name="livetrader")


def text_of(renderable: object) -> str:
    shown = io.StringIO()
    Console(width=200, file=shown).print(renderable)
    return shown.getvalue()


def test_a_cancel_names_its_job_in_the_audit_trail(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.tcp() as session:
            headers = await running.token(Scope.OPERATE, name="op")
            for job, expected in (("1", 202), ("9", 404), ("x", 404), ("1%2F..", 404)):
                path = f"/v1/training/{job}/cancel"
                async with session.post(path, headers=headers, json={"reason": "wrong data"}) as answer:
                    assert answer.status == expected, job
            assert running.operations.asked == [("cancel training", "op", "wrong data")]
            routes = [entry.route for entry in running.audit]
            assert routes[:2] == ["POST /v1/training/1/cancel", "POST /v1/training/9/cancel"]

    asyncio.run(scenario())


def test_a_repeated_key_for_another_job_is_refused_not_answered(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running, running.unix() as session:
            headers = {"Idempotency-Key": "k"}
            async with session.post("/v1/training/1/cancel", headers=headers, json={}) as answer:
                assert answer.status == 202
            async with session.post("/v1/training/2/cancel", headers=headers, json={}) as answer:
                assert answer.status == 422

    asyncio.run(scenario())


def test_the_document_names_the_job_as_a_parameter() -> None:
    cancel = document()["paths"]["/v1/training/{job}/cancel"]["post"]
    assert [item["name"] for item in cancel["parameters"] if item["in"] == "path"] == ["job"]
    assert "404" in cancel["responses"] and {"token": ["operate"]} in cancel["security"]


def test_training_lists_by_default_and_cancels_by_name(daemon: Any) -> None:
    where = ("--state-directory", daemon.folder)
    for words in (("training", *where), ("training", "ls", *where)):
        shown = command(*words)
        assert (shown.exit_code, "100.0 of 120 minutes" in shown.output) == (0, True), shown.output
        assert json.loads(command(*words, "--json").output)["jobs"][0]["name"] == "train"
    done = command("training", "cancel", "1", *where, "--reason", "wrong data")
    assert (done.exit_code, done.output) == (0, "cancel training: done: done\n")
    assert daemon.operations.asked == [("cancel training", f"uid:{os.geteuid()}", "wrong data")]
    unknown = command("training", "cancel", "7", *where)
    assert (unknown.exit_code, "livetrader training" in unknown.output) == (6, True)
    assert json.loads(command("training", "cancel", "1", *where, "--json").output)["state"] == "done"


@pytest.mark.parametrize("words", [("training",), ("training", "ls"), ("training", "cancel")])
def test_help_shows_examples(words: tuple[str, ...]) -> None:
    shown = command(*words, "--help")
    assert (shown.exit_code, f"livetrader {' '.join(words)} " in shown.output) == (0, True), shown.output


def status_with(training: TrainingSummary) -> Any:
    return msgspec.structs.replace(FakeOperations().status(), training=training)


def test_people_see_buckets_deferred_jobs_and_why_the_model_is_not_good_enough() -> None:
    job = TrainingJobView(4, "fit", "deferred", NOW_NS, message=WAITING.reason, since_ns=NOW_NS)
    view = TrainingView(
        False, False, 100.0, 120.0, NOW_NS, (job,), 20.0, 18.0, (WAITING,), HOST, STALE, "coalesce"
    )
    summary = TrainingSummary(False, False, 1, 100.0, 120.0, "", 20.0, NOW_NS, (WAITING,), HOST, STALE)
    for shown in (text_of(training_view(view)), text_of(status_view(status_with(summary)))):
        assert "240.0 of 300 minutes left, 60.0 used, 36 more at" in shown
        assert "fit (job 4) since" in shown and WAITING.reason in shown
        assert "2:00:00 ago" in shown and STALE.problem in shown


@pytest.mark.parametrize(
    ("message", "gist"),
    [
        ('Traceback (most recent call last):\n  File "a.py"\nValueError: none\n', "ValueError: none"),
        ("ended by SIGSEGV\nit printed last:\nFatal Python error", "ended by SIGSEGV"),
    ],
)
def test_the_status_says_why_a_training_failed_in_one_line(message: str, gist: str) -> None:
    summary = TrainingSummary(False, False, 1, 100.0, 120.0, message, 20.0, NOW_NS, (), HOST, STALE)
    lines = [line.rstrip() for line in text_of(status_view(status_with(summary))).splitlines()]
    assert any(line.endswith(f"last error: {gist}") for line in lines), lines


def test_metrics_repeat_what_the_status_says() -> None:
    metrics = Metrics()
    summary = TrainingSummary(
        False, False, 1, 100.0, 120.0, "", 20.0, NOW_NS + 60 * 10**9, (WAITING,), HOST, STALE
    )
    show_status(metrics, status_with(summary), 0)
    shown = metrics.exposition().decode()
    for line in (
        "livetrader_training_refill_seconds 60.0",
        "livetrader_training_deferred 1.0",
        "livetrader_training_host_bucket_seconds 14400.0",
        "livetrader_training_host_bucket_capacity_seconds 18000.0",
        "livetrader_model_required 1.0",
        "livetrader_model_usable 0.0",
        "livetrader_model_age_seconds 7200.0",
    ):
        assert line in shown
    show_status(metrics, FakeOperations().status(), 0)
    shown = metrics.exposition().decode()
    assert "livetrader_model_age_seconds NaN" in shown and "livetrader_model_usable 1.0" in shown
    assert "livetrader_training_host_bucket_seconds NaN" in shown
