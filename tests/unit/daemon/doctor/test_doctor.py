"""The doctor: each finding names what is wrong and what to do; nothing is changed by looking."""

from __future__ import annotations

import json
import os
import pwd
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from click.testing import CliRunner

from livetrader import places
from livetrader.cli.main import cli
from livetrader.configuration.loading import load
from livetrader.control.sockets import short_path
from livetrader.doctor import account, machine, reach
from livetrader.doctor.examining import examine_account
from livetrader.doctor.findings import Level
from livetrader.doctor.reach import Endpoint, endpoint_of, reachable
from livetrader.settings import ControlSettings, Settings
from livetrader.telemetry.machine_clock import ClockState
from tests.unit.daemon.old_journals import ACCOUNT, write_journal

TODAY = date(2026, 1, 5)
CONFIG = """
[algorithm]
path = "main.py"
[account]
name = "{name}"
state_directory = "state"
[brokerage]
plugin = "paper"
[feed]
plugin = "replay"
[data]
folder = "data"
[control]
port = 0
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text("")
    (tmp_path / "data").mkdir()
    (tmp_path / "state").mkdir(mode=0o700)
    file = tmp_path / "paper.toml"
    file.write_text(CONFIG.format(name=ACCOUNT))
    return file


@pytest.mark.parametrize(
    ("state", "level", "words"),
    [
        (ClockState(True, 0.0002, 0.01, "kernel"), Level.OK, "+0.2 ms off (kernel)"),
        (ClockState(False, None, None, "kernel"), Level.PROBLEM, "not synchronized"),
        (ClockState(True, -0.7, 0.8, "kernel"), Level.PROBLEM, "-0.700 s off"),
        (ClockState(True, 0.0, 3.0, "kernel"), Level.WARNING, "may be 3.0 s off"),
        (ClockState(None, None, None, "nobody"), Level.NOTE, "nobody tells"),
    ],
)
def test_a_clock_that_is_not_kept_is_found(state: ClockState, level: Level, words: str) -> None:
    found = machine.clock(state)
    assert found.level is level
    assert words in found.message
    assert bool(found.remedy) is (level is not Level.OK)


@pytest.mark.parametrize(
    ("version", "level"), [("2025.2", Level.OK), ("2023.4", Level.WARNING), ("", Level.NOTE)]
)
def test_old_rules_of_time_zones_are_found(version: str, level: Level) -> None:
    assert machine.zones(TODAY, version).level is level


def test_a_calendar_that_ends_soon_or_is_broken_is_found() -> None:
    def broken() -> date:
        raise ImportError("no module named pandas")

    assert machine.calendars(TODAY, lambda: date(2027, 1, 4)).level is Level.OK
    assert machine.calendars(TODAY, lambda: date(2026, 1, 31)).level is Level.PROBLEM
    assert "no module named pandas" in machine.calendars(TODAY, broken).message


def test_systemd_descriptors_and_gpu_are_judged(tmp_path: Path) -> None:
    assert machine._systemd("systemd 252 (252.38-1~deb12u1)").level is Level.OK
    assert machine._systemd("systemd 240 (240)").level is Level.PROBLEM
    assert machine._systemd(None).level is Level.NOTE
    assert machine.descriptors(1024).level is Level.WARNING
    assert machine.descriptors(65536).level is Level.OK
    (absent,) = machine.gpu(tmp_path / "version")
    assert absent.level is Level.NOTE


def test_a_gpu_is_named_and_a_driver_without_its_tool_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver, tools = tmp_path / "version", tmp_path / "bin"
    driver.write_text("NVRM version")
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    (silent,) = machine.gpu(driver)
    assert (silent.level, "does not answer" in silent.message) == (Level.WARNING, True)
    tool = tools / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA A2, 15356 MiB'\necho 'NVIDIA A2, 15356 MiB'\n")
    tool.chmod(0o755)
    assert machine.gpu(driver)[0].message == "NVIDIA A2, 15356 MiB; NVIDIA A2, 15356 MiB"
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert machine.gpu(driver)[0].level is Level.WARNING


def settings_of(config: Path) -> Settings:
    return load(config)


def test_others_who_may_look_or_write_are_found(config: Path) -> None:
    settings, state = settings_of(config), config.parent / "state"
    (fine,) = account.permissions(settings, state)
    assert fine.level is Level.OK
    state.chmod(0o755)
    config.chmod(0o666)
    (state / "tokens.json").write_text('{"tokens": []}')
    (state / "tokens.json").chmod(0o644)
    secret = config.with_name("paper.credentials")
    secret.write_text("x")
    secret.chmod(0o640)
    found = account.permissions(settings, state)
    assert [each.remedy.split()[0:2] for each in found] == [
        ["chmod", "700"], ["chmod", "go-w"], ["make", str(state / "tokens.json")], ["chmod", "600"],
    ]  # fmt: skip
    assert {each.level for each in found} == {Level.PROBLEM}


def test_readable_by_asks_the_whole_way(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    inner = tmp_path / "inner"
    inner.mkdir(mode=0o700)
    file = inner / "main.py"
    file.write_text("")
    file.chmod(0o644)
    about = file.stat()
    assert account.readable_by(file, 64_321, 64_321) is False
    inner.chmod(0o711)
    open_until = all(folder.stat().st_mode & 0o001 for folder in tmp_path.parents)
    assert account.readable_by(file, 64_321, 64_321) is open_until
    file.chmod(0o600)
    assert account.readable_by(file, 64_321, 64_321) is False
    assert account.readable_by(file, about.st_uid, about.st_gid) is True


def test_the_service_is_judged_as_the_user_of_its_unit(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(config)
    monkeypatch.setattr(places, "CONFIGS", config.parent)
    units = tmp_path / "units"
    units.mkdir()
    me = pwd.getpwuid(os.geteuid())
    for user, found in ((me.pw_name, None), ("nobody-at-all", "there is no user nobody-at-all")):
        (units / "livetrader@.service").write_bytes(f"# caf\xe9\n[Service]\nUser={user}\n".encode("latin-1"))
        told = [each.message for each in account.permissions(settings, config.parent / "state", units)]
        assert [words for words in told if "no user" in words] == ([] if found is None else [found])


def test_readable_by_knows_all_groups_of_a_user(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text("")
    file.chmod(0o640)
    about = file.stat()
    outside = [*tmp_path.parents, tmp_path]
    if all(folder.stat().st_mode & 0o011 == 0o011 for folder in outside):
        assert account.readable_by(file, 64_321, 64_321, about.st_gid) is True
    assert account.readable_by(file, 64_321, 64_321) is False


def test_journals_are_told_apart(tmp_path: Path) -> None:
    assert account.journal(tmp_path, ACCOUNT).level is Level.NOTE
    write_journal(tmp_path / "journal.sqlite3", 2)
    older = account.journal(tmp_path, ACCOUNT)
    assert (older.level, "keeps a copy" in older.message) == (Level.NOTE, True)
    assert "not 'other'" in account.journal(tmp_path, "other").message
    connection = sqlite3.connect(tmp_path / "journal.sqlite3")
    connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    connection.commit()
    assert "newer livetrader" in account.journal(tmp_path, ACCOUNT).message
    connection.execute("UPDATE meta SET value = '2' WHERE key = 'schema_version'")
    connection.execute("DELETE FROM record WHERE seq = 3")
    connection.commit()
    connection.close()
    assert account.journal(tmp_path, ACCOUNT).level is Level.PROBLEM


def test_units_of_another_version_are_found(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(config)
    (elsewhere,) = account.units(settings, tmp_path / "units")
    assert elsewhere.level is Level.NOTE
    image = tmp_path / "image"
    for key, value in (("path", tmp_path / "main.py"), ("folder", tmp_path / "data")):
        name = "main.py" if key == "path" else "data"
        config.write_text(config.read_text().replace(f'{key} = "{name}"', f'{key} = "{value}"'))
    config.write_text(config.read_text().replace('state_directory = "state"\n', ""))
    done = CliRunner().invoke(cli, ["install-service", str(config), "--root", str(image), "--json"])
    assert done.exit_code == 0, done.output
    monkeypatch.setattr(places, "CONFIGS", config.parent)  # as if it were installed there
    units = image / "etc/systemd/system"
    (same,) = account.units(settings, units)
    assert same.level is Level.OK
    unit = units / "livetrader-liquidate@.service"
    unit.write_text(unit.read_text().replace("540", "60"))
    (other,) = account.units(settings, units)
    assert (other.level, "install-service" in other.remedy) == (Level.WARNING, True)


@pytest.mark.parametrize(
    ("config", "endpoint"),
    [
        (SimpleNamespace(host="127.0.0.1", port=4002), Endpoint("127.0.0.1", 4002, False)),
        (SimpleNamespace(host="socket.polygon.io"), Endpoint("socket.polygon.io", 443, True)),
        (SimpleNamespace(host="127.0.0.1:8080"), Endpoint("127.0.0.1", 8080, False)),
        (SimpleNamespace(url="https://www.alphavantage.co"), Endpoint("www.alphavantage.co", 443, True)),
        (SimpleNamespace(url="http://127.0.0.1:81/x"), Endpoint("127.0.0.1", 81, False)),
        (SimpleNamespace(url=""), None),
        (SimpleNamespace(folder="data"), None),
    ],
)
def test_where_a_plugin_connects_to_is_read_from_its_section(
    config: SimpleNamespace, endpoint: Endpoint | None
) -> None:
    assert endpoint_of(config) == endpoint


@pytest.mark.parametrize("host", ["a..b", "x" * 70, ".a"])
def test_a_name_that_cannot_be_one_is_a_finding(config: Path, host: str) -> None:
    assert "cannot be looked up" in reachable("x", Endpoint(host, 443, True)).message
    settings = msgspec.structs.replace(settings_of(config), control=ControlSettings(host=host, port=1))
    assert reach.daemon(settings).message == f"{host!r} is no name of a machine"


def test_an_address_that_is_none_is_a_finding(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livetrader.registry.config_of", lambda *_: SimpleNamespace(url="https://host:port/"))
    findings = reach.plugins(settings_of(config))
    assert {each.level for each in findings} == {Level.PROBLEM}
    assert "mend its host" in findings[0].remedy


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as made:
        yield made


def test_reaching_tells_open_closed_and_untrusted_apart(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = listener.getsockname()[1]
    assert reachable("x", Endpoint("127.0.0.1", port, False)).level is Level.OK

    def answer_in_plain() -> None:
        for _ in range(2):  # the connection above waits in the queue
            line, _ = listener.accept()
            with line:
                line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    thread = threading.Thread(target=answer_in_plain)
    thread.start()
    plain = reachable("x", Endpoint("127.0.0.1", port, True))
    thread.join()
    assert (plain.level, "speaks no TLS" in plain.message) == (Level.PROBLEM, True)
    with closing(socket.create_server(("127.0.0.1", 0))) as gone:
        closed = gone.getsockname()[1]
    assert "cannot be reached" in reachable("x", Endpoint("127.0.0.1", closed, False)).message

    def unknown(*_: object) -> socket.socket:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", unknown)
    assert "cannot be looked up" in reachable("x", Endpoint("nowhere.invalid", 443, True)).message


def test_a_port_that_somebody_has_is_found(config: Path, listener: socket.socket) -> None:
    assert "on the unix socket only" in reach.daemon(settings_of(config)).message
    port = listener.getsockname()[1]
    config.write_text(config.read_text().replace("port = 0", f"port = {port}"))
    found = reach.daemon(settings_of(config))
    assert (found.level, f"port {port} cannot be had" in found.message) == (Level.PROBLEM, True)


def test_a_daemon_that_hangs_is_not_taken_for_none(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "WAIT_S", 0.1)
    settings = settings_of(config)
    folder = settings.account.state_directory
    assert folder is not None
    folder.mkdir(parents=True, exist_ok=True)
    with closing(socket.socket(socket.AF_UNIX)) as silent, short_path(folder / "control.sock") as name:
        silent.bind(name)
        silent.listen()
        found = reach.daemon(settings)
    assert (found.level, "runs and does not answer" in found.message) == (Level.PROBLEM, True)


def test_the_command_tells_everything_and_changes_nothing(config: Path) -> None:
    before = sorted(path.name for path in config.parent.rglob("*"))
    done = CliRunner().invoke(cli, ["doctor", str(config), "--json"])
    answer = json.loads(done.stdout)
    assert sorted(path.name for path in config.parent.rglob("*")) == before
    checks = {finding["check"] for finding in answer["findings"]}
    assert checks >= {
        "livetrader", "python", "sqlite", "systemd", "clock", "time zones", "calendars", "descriptors", "gpu",
        "extras", "configuration", "disk", "file system", "permissions", "journal", "limits", "alarms",
        "units",
        "daemon", "brokerage paper", "feed replay", "history lean_data",
    }  # fmt: skip
    worst = {finding["level"] for finding in answer["findings"]}
    assert done.exit_code == int("problem" in worst)
    assert all(
        finding["remedy"] for finding in answer["findings"] if finding["level"] in ("warning", "problem")
    )


def test_a_configuration_with_problems_is_told_key_by_key_and_the_rest_is_looked_at(config: Path) -> None:
    config.write_text(config.read_text().replace('path = "main.py"', 'path = "none.py"'))
    done = CliRunner().invoke(cli, ["doctor", str(config)])
    assert done.exit_code == 1
    assert "algorithm.path: there is no file" in done.output
    assert "journal" in done.output


def test_an_installed_configuration_without_its_algorithm_is_told_and_not_a_traceback(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "CONFIGS", config.parent)
    monkeypatch.setattr(places, "USER", pwd.getpwuid(os.geteuid()).pw_name)
    (config.parent / "main.py").unlink()
    found = examine_account(config, offline=True)
    assert any("algorithm.path" in each.message for each in found if each.check == "configuration")
    assert "journal" in {each.check for each in found}, "the rest is looked at"


def test_an_installed_configuration_is_read_with_its_services_credentials(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "CONFIGS", config.parent)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    channel = '[[notify.channel]]\nname = "mail"\nplugin = "apprise"\nurl = { credential = "mail" }\n'
    config.write_text(config.read_text() + channel)
    found = {each.check: each for each in examine_account(config, offline=True)}
    assert found["credentials"].remedy.endswith("--credential mail=FILE")
    (config.parent / "paper.mail.credential").write_text("json://127.0.0.1:1/")
    (config.parent / "paper.mail.credential").chmod(0o600)
    found = {each.check: each for each in examine_account(config, offline=True)}
    assert "credentials" not in found
    assert (found["configuration"].level, found["alarms"].level) == (Level.OK, Level.OK)
    assert "CREDENTIALS_DIRECTORY" not in os.environ
