from __future__ import annotations

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from livetrader.cli import operating
from livetrader.cli.main import _first_token, cli
from livetrader.cli.tokens import ROLES, SCOPES
from livetrader.configuration.loading import load
from livetrader.control.auth import Role, Scope, TokenStore, digest
from livetrader.control.client import Client, RefusedError, Target
from livetrader.control.operations import StatusView
from livetrader.errors import NotRunningError
from livetrader.gateway.killstages import KillStage

LIVETRADER = (sys.executable, "-m", "livetrader")


def command(*words: str | Path, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(cli, [str(word) for word in words], prog_name="livetrader")


def process(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LIVETRADER, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=15,
        env=os.environ | environment,
        check=False,
    )


def at(daemon: Any) -> tuple[str, Path]:
    return "--state-directory", daemon.folder


def test_every_view_is_shown_to_people_and_as_json(daemon: Any) -> None:
    for name, word, key in (
        ("status", "101,500.25 USD", "equity"),
        ("portfolio", "SPY", "holdings"),
        ("training", "100.0 of 120 minutes", "bucket_level_minutes"),
    ):
        shown = command(name, *at(daemon))
        assert (shown.exit_code, word in shown.output) == (0, True), shown.output
        assert "\x1b" not in shown.output, "no colours where there is no terminal"
        assert key in json.loads(command(name, *at(daemon), "--json").output)
    assert "140.50" in command("orders", *at(daemon), "--history").output
    orders = json.loads(command("orders", *at(daemon), "--limit", "1", "--json").output)
    assert [order["id"] for order in orders] == [2], "newest first"


def test_texts_of_others_are_shown_as_they_are(daemon: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    known, odd = daemon.operations.status(), "[/b] [red]loud[/red] :boom:"
    status = msgspec.structs.replace(known, statistics={"Signal": odd})
    monkeypatch.setattr(daemon.operations, "status", lambda: status)
    shown = command("status", *at(daemon))
    assert (shown.exit_code, odd in shown.output) == (0, True), shown.output


def test_commands_show_how_their_operation_ended(daemon: Any) -> None:
    halted = command("halt", *at(daemon), "--reason", "lunch")
    assert (halted.exit_code, halted.output) == (0, "halt: done: done\n")
    cancelled = json.loads(command("cancel", *at(daemon), "--order", "lt-1", "--json").output)
    assert (cancelled["kind"], cancelled["state"]) == ("cancel", "done")
    me = f"uid:{os.geteuid()}"
    assert daemon.operations.asked == [("halt", me, "lunch"), ("cancel", me, "")]
    unknown = command("cancel", *at(daemon), "--order", "lt-9")
    assert (unknown.exit_code, "no order lt-9" in unknown.output) == (6, True)
    assert "livetrader orders" in unknown.output, "the remedy is one for people at a terminal"


def test_stop_waits_until_the_daemon_is_gone(daemon: Any) -> None:
    stopped = command("stop", *at(daemon), "--reason", "update")
    assert (stopped.exit_code, stopped.output) == (0, "stop: done: the daemon has ended\n")
    assert not (daemon.folder / "control.sock").exists()


def test_liquidate_confirms_for_its_user_and_resume_wants_the_kill_id(daemon: Any) -> None:
    done = command("liquidate", *at(daemon), "--yes", "--reason", "fire")
    assert (done.exit_code, done.output) == (0, "liquidate: done: done\n")
    assert daemon.operations.asked == [("liquidate", f"uid:{os.geteuid()}", "fire")]
    refused = command("resume", *at(daemon))
    assert (refused.exit_code, "kill id" in refused.output) == (6, True)
    assert command("resume", *at(daemon), "--kill-id", "kill-1").exit_code == 0


def test_logs_shows_the_newest_lines_in_order(daemon: Any) -> None:
    for number in range(5):
        daemon.do(lambda number=number: daemon.operations.write(f"line {number}"))
    lines = command("logs", *at(daemon), "-n", "2", "--json").output.splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["line 3", "line 4"]


def test_a_tcp_client_needs_its_token_and_its_scope(daemon: Any) -> None:
    store = TokenStore(daemon.folder / "tokens.json")
    secret = store.create("reader", [Scope.READ], now_ns=0)
    daemon.running.clock_s += 1
    nowhere = daemon.folder / "none.sock"
    client = Client(Target(socket_path=nowhere, port=daemon.running.port, token=secret))
    view: StatusView = client.get("/v1/status", StatusView)
    assert view.pid == 4242
    with pytest.raises(RefusedError) as refused:
        client.post("/v1/halt", {}, dict[str, object])
    assert refused.value.status == 403
    with pytest.raises(NotRunningError, match=r"none\.sock"):
        Client(Target(socket_path=nowhere, port=daemon.running.port)).get("/v1/status", StatusView)


def test_the_stream_is_followed_until_the_daemon_ends_it(daemon: Any) -> None:
    events = Client(Target(socket_path=daemon.folder / "control.sock")).events()
    names = [type(next(events)).__name__ for _ in range(3)]
    assert names == ["StatusChanged", "PortfolioChanged", "TrainingChanged"]
    daemon.do(lambda: daemon.operations.write("hello"))
    assert next(events).line.message == "hello"
    daemon.do(daemon.operations.hub.close)
    assert list(events) == []


def test_without_a_daemon_the_exit_code_says_so(tmp_path: Path) -> None:
    for name in ("status", "halt", "stop", "orders", "logs"):
        result = command(name, "--state-directory", tmp_path)
        assert (result.exit_code, "livetrader run" in result.output) == (5, True), name


def write_config(folder: Path, **sections: str) -> Path:
    (folder / "main.py").write_text("")
    (folder / "data").mkdir(exist_ok=True)
    file = folder / "test.toml"
    file.write_text(
        '[algorithm]\npath = "main.py"\n[account]\nstate_directory = "."\n[brokerage]\nplugin = "paper"\n'
        '[feed]\nplugin = "replay"\n[data]\nfolder = "data"\n[control]\nport = 0\n'
    )
    return file


def test_a_hung_daemon_is_given_up_in_time_and_liquidation_goes_on_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Path | None, str]] = []

    def here(
        config: Path | None, state_directory: Path | None, wanted: operating.Wanted, output_json: bool
    ) -> None:
        asked.append((config, wanted.reason))

    monkeypatch.setattr(operating, "_liquidate_here", here)
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(tmp_path / "control.sock"))
        hung.listen()
        result = command("liquidate", "--config", write_config(tmp_path), "--reason", "x")
    assert result.exit_code == 0
    assert "did not answer within 0.4 s" in result.output
    assert asked == [(tmp_path / "test.toml", "x")]


def test_a_liquidation_that_waits_for_the_open_says_so_once(
    daemon: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    notice = operating._OpenNotice(Client(Target(daemon.folder / "control.sock")))
    notice()
    assert capsys.readouterr().err == ""
    daemon.operations.kill_stage = KillStage.WAITING.value
    notice()
    notice()
    written = capsys.readouterr()
    assert (written.out, written.err.count("waiting for the open")) == ("", 1)


def test_a_wrong_configuration_lists_everything_and_starts_nothing(tmp_path: Path) -> None:
    file = write_config(tmp_path)
    file.write_text(file.read_text() + '[engine]\nrestarts = -1\non_lost = "x"\n')
    result = process("run", file)
    assert (result.returncode, result.stdout) == (2, "")
    assert [line.split(": ")[1] for line in result.stderr.splitlines()] == [
        "engine.on_lost",
        "engine.restarts",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "main.py", "test.toml"]
    assert process("check", file).returncode == 1


def test_check_goes_on_after_a_file_that_is_no_python(tmp_path: Path) -> None:
    broken, good = tmp_path / "broken.py", tmp_path / "good.py"
    broken.write_text("def f(self)\n    pass\n")
    good.write_text("from AlgorithmImports import *\nclass Idle(QCAlgorithm):\n    pass\n")
    shown = command("check", broken, good)
    assert shown.exit_code == 1
    assert shown.output.splitlines() == [
        f"{broken}:",
        "  line 1: expected ':' (broken.py, line 1)",
        f"{good}: ok",
    ]


def test_set_overrides_are_values_as_in_toml_or_plain_texts(tmp_path: Path) -> None:
    file = write_config(tmp_path)
    result = process("run", file, "--set", "engine.restarts=many", "--set", "control.port=1.5")
    assert result.returncode == 2
    assert 'command line: engine.restarts: is "many"' in result.stderr
    assert "command line: control.port: is 1.5" in result.stderr
    assert process("run", file, "--set", "nonsense").returncode == 2


def test_tokens_are_shown_once_stored_as_digests_and_revoked(tmp_path: Path) -> None:
    file = write_config(tmp_path)
    made = process("token", "new", "ops", "--scope", "operate", "--days", "1", "--config", file)
    secret = made.stdout.strip()
    assert made.returncode == 0 and len(secret) >= 43 + len("lt_")
    stored = (tmp_path / "tokens.json").read_text()
    assert secret not in stored and digest(secret) in stored
    assert (tmp_path / "tokens.json").stat().st_mode & 0o777 == 0o600
    assert "ops\tcustom\toperate\texpires" in command("token", "list", file).output
    assert process("token", "new", "ops", "--config", file).returncode == 2, "the name is taken"
    assert command("token", "revoke", "ops", "--config", file).exit_code == 0
    assert command("token", "revoke", "ops", "--config", file).exit_code == 1
    (tmp_path / "tokens.json").chmod(0o644)
    shown = command("token", "list", file)
    assert (shown.exit_code, "others may read it" in shown.output) == (2, True)


def test_why_there_is_no_trade_is_said_to_people_and_programs(daemon: Any) -> None:
    shown = command("why", "--state-directory", daemon.folder).output
    assert shown.startswith("Orders may leave; the algorithm has wanted none in 12 steps.")
    daemon.do(lambda: setattr(daemon.operations, "halted", True))
    told = command("why", "--state-directory", daemon.folder, "--json", "--gate", "halted")
    answer = json.loads(told.output)
    assert (told.exit_code, answer["trading"], answer["words"]) == (
        0,
        False,
        "No order leaves now: by somebody.",
    )
    assert [gate["name"] for gate in answer["gates"] if gate["state"] == "closed"] == ["halt"]


def test_a_collaborator_gets_a_role(tmp_path: Path) -> None:
    file = write_config(tmp_path)
    for role, scopes in (
        ("view", {"read"}),
        ("control", {"read", "operate", "liquidate"}),
        ("admin", {"admin"}),
    ):
        made = command("token", "new", role, "--role", role, "--json", "--config", file)
        assert (made.exit_code, set(json.loads(made.output)["scopes"])) == (0, scopes), made.output
    listed = json.loads(command("token", "list", "--json", file).output)
    assert [(each["name"], each["role"]) for each in listed] == [
        (it, it) for it in ("view", "control", "admin")
    ]
    both = command("token", "new", "x", "--role", "view", "--scope", "read", "--config", file)
    assert (both.exit_code, "one or the other" in both.output) == (2, True)


def test_the_first_start_on_a_terminal_shows_a_token_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = load(write_config(tmp_path))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    _first_token(settings)
    shown = capsys.readouterr().err
    tokens = TokenStore(tmp_path / "tokens.json").refresh()
    assert [token.name for token in tokens] == ["operator"]
    assert digest(shown.split()[-1]) == tokens[0].sha256
    _first_token(settings)
    assert capsys.readouterr().err == ""


def test_a_first_start_without_a_terminal_makes_no_token(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _first_token(load(write_config(tmp_path)))
    assert capsys.readouterr().err == ""
    assert TokenStore(tmp_path / "tokens.json").refresh() == ()


def test_the_scopes_offered_are_the_scopes_there_are() -> None:
    assert set(SCOPES) == set(Scope) and set(ROLES) == set(Role)


def test_every_command_has_help_with_a_summary() -> None:
    for name in cli.commands:
        result = command(name, "--help")
        assert result.exit_code == 0 and len(result.output.splitlines()) > 4, name
    assert command("--version").output.startswith("livetrader, version ")
    assert set(json.loads(command("version", "--json").output)["plugins"]) == {
        "brokerages",
        "feeds",
        "histories",
        "notifiers",
    }


@pytest.mark.parametrize("words", [["--help"], ["status", "--state-directory", "."], ["check", "test.toml"]])
def test_looking_something_up_loads_nothing_heavy(tmp_path: Path, words: list[str]) -> None:
    write_config(tmp_path)
    code = (
        "import sys\n"
        "from livetrader.cli.main import cli\n"
        "cli(sys.argv[1:], standalone_mode=False) if '--help' in sys.argv else None\n"
        "try:\n    cli(sys.argv[1:])\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'pandas', 'sklearn', 'aiohttp', 'numpy', 'prometheus_client', 'exchange_calendars'}\n"
        "print('LOADED', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        timeout=15,
        cwd=tmp_path,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "LOADED []", done


@pytest.mark.slow
def test_watch_writes_json_lines_and_ends_cleanly_on_ctrl_c(daemon: Any) -> None:
    words = [*LIVETRADER, "watch", *map(str, at(daemon)), "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        for _ in range(3):
            following.stdout.readline()
        daemon.do(lambda: daemon.operations.write("hello watcher"))
        assert json.loads(following.stdout.readline())["line"]["message"] == "hello watcher"
        following.send_signal(signal.SIGINT)
        assert following.wait(10) == 0


@pytest.mark.slow
def test_watch_draws_on_a_terminal_and_gives_it_back_on_ctrl_c(daemon: Any) -> None:
    words = [*LIVETRADER, "watch", *map(str, at(daemon))]
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "50"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(words, stdout=theirs, stderr=subprocess.PIPE, env=environment) as drawing:
        os.close(theirs)
        try:
            drawn = read_until(ours, b"101,500.25")
            daemon.do(lambda: daemon.operations.write("hello watcher"))
            drawn += read_until(ours, b"hello watcher")
            drawing.send_signal(signal.SIGINT)
            drawn += read_until(ours, None)
            assert drawing.wait(10) == 0
            assert drawing.stderr is not None and drawing.stderr.read() == b""
        finally:
            drawing.kill()  # one that hangs would outlive its test, and the tests with it
    os.close(ours)
    assert b"\x1b[32m" in drawn, "colours on a terminal"
    assert drawn.rindex(b"\x1b[?25h") > drawn.rindex(b"\x1b[?25l"), "the cursor is back"


def test_no_color_means_no_escapes_on_a_terminal_either(daemon: Any) -> None:
    ours, theirs = pty.openpty()
    words = [*LIVETRADER, "status", *map(str, at(daemon))]
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "120", "NO_COLOR": "1"}
    with subprocess.Popen(words, stdout=theirs, stderr=theirs, env=environment) as shown:
        os.close(theirs)
        drawn = read_until(ours, None)
        assert shown.wait(10) == 0
    os.close(ours)
    assert b"101,500.25" in drawn
    assert b"\x1b" not in drawn


def read_until(terminal: int, wanted: bytes | None) -> bytes:
    """Return what was drawn up to `wanted`, or to the end."""
    drawn = b""
    while wanted is None or wanted not in drawn:
        readable, _, _ = select.select([terminal], [], [], 10)
        assert readable, drawn
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux says EIO where the other end of a terminal is closed
            piece = b""
        if not piece:
            assert wanted is None, drawn
            break
        drawn += piece
    return drawn


@pytest.mark.slow
def test_backtest_starts_with_the_cash_of_the_command_line(tmp_path: Path, lean_data: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text(
        "from AlgorithmImports import *\n\n\n"
        "class Idle(QCAlgorithm):\n"
        "    def initialize(self):\n"
        "        self.set_cash(7)\n"
        '        self.add_equity("SPY", Resolution.DAILY)\n'
    )
    words = [
        "--data",
        lean_data,
        "--output",
        tmp_path / "out",
        "--start",
        "2013-10-07",
        "--end",
        "2013-10-11",
    ]
    done = process("backtest", file, *words, "--cash", "50000", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["statistics"]["End Equity"] == "50000"
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["status"] == "Completed"
    file.write_text(file.read_text().replace("self.set_cash(7)", "raise ValueError('mine')"))
    broken = process("backtest", file, *words)
    assert broken.returncode == 3
    assert "ValueError: mine" in broken.stderr and "livetrader" not in broken.stderr.partition("Trace")[2]


def test_reconcile_shows_what_does_not_agree(daemon: Any) -> None:
    shown = command("reconcile", *at(daemon))
    assert shown.exit_code == 0 and "nobody knows why" in shown.output and "V7" in shown.output
    view = json.loads(command("reconcile", *at(daemon), "--json").output)
    assert view["restricted"][0]["ticker"] == "SPY" and view["foreign_orders"][0]["quantity"] == "5"


def test_adopt_and_ignore_say_what_they_are_about(daemon: Any) -> None:
    assert command("adopt", "SPY", *at(daemon), "--reason", "split").exit_code == 0
    assert command("ignore", "lt-1", *at(daemon)).exit_code == 0
    assert command("ignore", "SPY", "--quantity", "2.5", *at(daemon)).exit_code == 0
    kinds = [kind for kind, _, _ in daemon.operations.asked]
    assert kinds == ["adopt SPY", "ignore None lt-1", "ignore 2.5 SPY"]
    unknown = command("adopt", "ZZZ", *at(daemon))
    assert unknown.exit_code == 6 and "livetrader reconcile" in unknown.output
    assert command("ignore", "SPY", "--quantity", "lots", *at(daemon)).exit_code == 2


def test_flatten_and_liquidate_with_foreign_orders_confirm_for_their_user(daemon: Any) -> None:
    done = command("flatten", "SPY", *at(daemon), "--yes", "--reason", "x")
    assert (done.exit_code, done.output) == (0, "flatten SPY: done: done\n")
    assert command("flatten", "ZZZ", *at(daemon), "--yes").exit_code == 6
    assert command("liquidate", *at(daemon), "--yes", "--include-foreign").exit_code == 0
    assert [kind for kind, _, _ in daemon.operations.asked] == [
        "flatten SPY",
        "liquidate with foreign orders",
    ]
