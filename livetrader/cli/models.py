"""`livetrader models`: versions of models in an object store, which one serves, and who said so.

Reads records only; no model is opened here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from livetrader.cli.common import Commands, as_json, console, json_option
from livetrader.cli.store import opened_store, store_options
from livetrader.errors import ControlRefusedError

if TYPE_CHECKING:
    from rich.table import Table

    from livetrader.models.catalog import Catalog
    from livetrader.models.records import ServingState
    from livetrader_engine.models import ModelVersion

NS_PER_S: Final = 1_000_000_000
METRICS_SHOWN: Final = 3  # in a table; `show` has them all
_NAME: Final = click.argument("name")
_NUMBER: Final = click.argument("version", type=click.IntRange(min=1))
_REASON: Final = click.option("--reason", default="", help="Why; kept with the decision.")


@click.group(cls=Commands)
def models() -> None:
    """Show versions of models, choose which one serves, delete old ones.

    A running algorithm follows within a minute, between two of its steps.

    \b
    livetrader models ls --config paper.toml
    livetrader models show spy-forest --object-store storage
    livetrader models promote spy-forest 7 --config paper.toml --reason "better in March"
    livetrader models rollback spy-forest --config paper.toml
    livetrader models rm spy-forest 1 2 --config paper.toml
    """


@models.command("ls")
@click.argument("name", required=False)
@store_options
@json_option
def list_models(name: str | None, output_json: bool, **place: Any) -> None:
    """List all models, or the versions of one.

    \b
    livetrader models ls --config paper.toml
    livetrader models ls spy-forest --object-store s3://bucket/prefix --json
    """
    with _catalog(place) as catalog:
        if name is not None:
            _list_versions(catalog, name, output_json)
            return
        rows = [(each, catalog.state(each), catalog.numbers(each)) for each in catalog.names()]
    if output_json:
        as_json([_model(each, state, numbers) for each, state, numbers in rows])
        return
    table = _table("MODEL", "SERVES", "VERSIONS", "BAD", "LAST DECISION", "AT")
    for each, state, numbers in rows:
        serving = "-" if state.serving is None else str(state.serving)
        bad = ", ".join(map(str, sorted(state.bad))) or "-"
        table.add_row(each, serving, str(len(numbers)), bad, _said(state), _time(state.at_ns))
    console().print(table if rows else "there are no models in this store")


@models.command()
@_NAME
@click.argument("version", type=click.IntRange(min=1), required=False)
@store_options
@json_option
def show(name: str, version: int | None, output_json: bool, **place: Any) -> None:
    """Show all that is known of a version (the serving one where none is named) and the last decisions.

    \b
    livetrader models show spy-forest --config paper.toml
    livetrader models show spy-forest 3 --json
    """
    import msgspec

    with _catalog(place) as catalog:
        state = _state(catalog, name)
        number = version or state.serving or max(catalog.numbers(name))
        manifest, _ = catalog.manifest(name, number)
        damage = catalog.damage(manifest)
        decisions = catalog.log(name)
    found = manifest.version
    standing = {"standing": "damaged", "why": damage} if damage else _standing(number, state)
    if output_json:
        facts = {**msgspec.to_builtins(found), **standing, "decisions": decisions}
        facts["feature_hash"] = None if found.features is None else found.features.digest
        as_json(facts)
        return
    screen = console()
    table = _table("", "")
    for label, text in _facts(found, standing):
        table.add_row(label, text)
    screen.print(table)
    told = _table("DECISION", "AT", "SERVES", "REASON")
    for decision in decisions:
        serving = "-" if decision.serving is None else str(decision.serving)
        told.add_row(_said(decision), _time(decision.at_ns), serving, decision.reason)
    screen.print(told)


@models.command()
@_NAME
@_NUMBER
@_REASON
@click.option("--force", is_flag=True, help="A version that is marked bad, too.")
@store_options
@json_option
def promote(name: str, version: int, reason: str, force: bool, output_json: bool, **place: Any) -> None:
    """Let VERSION of model NAME serve.

    \b
    livetrader models promote spy-forest 7 --config paper.toml
    livetrader models promote spy-forest 6 --force --reason "its data were wrong, not the model"
    """
    with _catalog(place) as catalog:
        catalog.promote(name, version, reason or "promoted by hand", force=force)
        _tell(name, catalog.state(name), output_json)


@models.command()
@_NAME
@click.argument("version", type=click.IntRange(min=1), required=False)
@_REASON
@store_options
@json_option
def rollback(name: str, version: int | None, reason: str, output_json: bool, **place: Any) -> None:
    """Let the version that served before serve again, or VERSION.

    \b
    livetrader models rollback spy-forest --config paper.toml --reason "too many losses"
    livetrader models rollback spy-forest 3 --config paper.toml
    """
    with _catalog(place) as catalog:
        catalog.rollback(name, version, reason or "rolled back by hand")
        _tell(name, catalog.state(name), output_json)


@models.command("rm")
@_NAME
@click.argument("versions", type=click.IntRange(min=1), nargs=-1)
@click.option("--all", "everything", is_flag=True, help="The model with all its versions.")
@store_options
@json_option
def remove(name: str, versions: tuple[int, ...], everything: bool, output_json: bool, **place: Any) -> None:
    """Delete VERSIONS of model NAME. The serving one and the one a rollback leads to stay.

    \b
    livetrader models rm spy-forest 1 2 --config paper.toml
    livetrader models rm spy-forest --all --object-store storage
    """
    if everything == bool(versions):
        raise click.UsageError("name the versions to delete, or --all")
    with _catalog(place) as catalog:
        if everything:
            catalog.remove_all(name)
        else:
            catalog.remove(name, versions)
        _tell(name, catalog.state(name), output_json)


@contextmanager
def _catalog(place: dict[str, Any]) -> Iterator[Catalog]:
    """Give the catalog of the store that was chosen; its refusals become messages."""
    from livetrader.clocks import wall_ns
    from livetrader.models.catalog import Catalog
    from livetrader.models.records import RecordError
    from livetrader.models.scope import own_part
    from livetrader_engine.errors import AlgorithmError

    with opened_store(place) as store:
        try:
            yield Catalog(own_part(store), wall_ns)
        except (AlgorithmError, RecordError) as error:
            raise ControlRefusedError(str(error)) from error
        except KeyError as error:
            raise ControlRefusedError(
                "there is no such version; `livetrader models ls NAME` lists them"
            ) from error


def _state(catalog: Catalog, name: str) -> ServingState:
    if name not in catalog.names():
        there = ", ".join(catalog.names()) or "none"
        raise ControlRefusedError(f"there is no model {name!r}; there are: {there}")
    return catalog.state(name)


def _list_versions(catalog: Catalog, name: str, output_json: bool) -> None:
    import msgspec

    state = _state(catalog, name)
    found, damaged = catalog.versions(name)
    if output_json:
        rows = [{**msgspec.to_builtins(each), **_standing(each.number, state)} for each in found]
        as_json({**_model(name, state, catalog.numbers(name)), "versions": rows, "damaged": damaged})
        return
    table = _table("VERSION", "", "SAVED", "FORMAT", "SIZE", "TRAINED ON", "METRICS", "JOB")
    for each in found:
        window = _window(each).replace(" 00:00:00", "")
        metrics = list(each.metrics.items())[:METRICS_SHOWN]
        table.add_row(
            str(each.number),
            _standing(each.number, state)["standing"],
            _time(each.saved_ns),
            each.format,
            _size(each.size),
            window,
            ", ".join(f"{label} {_figure(value)}" for label, value in metrics) or "-",
            each.job or "-",
        )
    for number, why in damaged.items():
        table.add_row(str(number), f"damaged: {why}", "-", "-", "-", "-", "-", "-")
    console().print(table)


def _tell(name: str, state: ServingState, output_json: bool) -> None:
    if output_json:
        as_json(state)
    elif state.serving is None:
        click.echo(f"{name}: {_said(state)}; no version serves")
    else:
        click.echo(f"{name}: {_said(state)}; version {state.serving} serves")


def _model(name: str, state: ServingState, numbers: list[int]) -> dict[str, Any]:
    return {"name": name, "serving": state.serving, "history": state.history, "bad": state.bad,
            "versions": numbers, "last_decision": state.action, "at_ns": state.at_ns}  # fmt: skip


def _standing(number: int, state: ServingState) -> dict[str, Any]:
    """Return what a version is: serves, served, bad, or kept."""
    if number in state.bad:
        return {"standing": "bad", "why": state.bad[number]}
    if number == state.serving:
        return {"standing": "serves", "why": state.reason if state.number == number else ""}
    return {"standing": "served" if number in state.history else "kept", "why": ""}


def _facts(version: ModelVersion, standing: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Version", f"{version.number} of {version.name}"
    yield "Standing", f"{standing['standing']}{': ' + standing['why'] if standing['why'] else ''}"
    yield "Model", f"{version.model_type}, {version.format}, {_size(version.size)}"
    yield "Content", version.content
    yield "Saved", f"{_time(version.saved_ns)} (algorithm's time {_time(version.made_ns)})"
    yield "Trained on", _window(version)
    yield "Job", version.job or "-"
    yield "Parent", "-" if version.parent is None else str(version.parent)
    yield "Metrics", ", ".join(f"{name} {_figure(value)}" for name, value in version.metrics.items()) or "-"
    yield "Libraries", ", ".join(f"{name} {text}" for name, text in version.libraries.items())
    if version.features is not None:
        yield "Features", f"{', '.join(version.features.names)} ({version.features.digest[:12]})"


def _table(*headings: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=any(headings))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _said(state: ServingState) -> str:
    return state.action if state.number is None else f"{state.action} {state.number}"


def _window(version: ModelVersion) -> str:
    if version.window_start_ns is None or version.window_end_ns is None:
        return "-"
    return f"{_time(version.window_start_ns)} to {_time(version.window_end_ns)}"


def _time(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _size(size: int) -> str:
    return (
        f"{size} B"
        if size < 1024
        else f"{size / 1024:.1f} kB"
        if size < 1024**2
        else f"{size / 1024**2:.1f} MB"
    )


def _figure(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.6g}"
