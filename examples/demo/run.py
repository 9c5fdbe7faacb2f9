"""Run the daemon on the paper brokerage over twelve years of daily prices, with a live view.

    python examples/demo/run.py            until the prices are over, or Ctrl-C
    python examples/demo/run.py --check    a short slice without a view; fails unless a fill was seen

Everything it writes lies in .demo/ and is removed at the start of the next run. Only processes started here are ended.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import IO

import make_data

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".demo"
CONFIG = FOLDER / "demo.toml"
STATE = FOLDER / "state"
DAEMON_OUTPUT = FOLDER / "daemon.log"
LIVETRADER = (sys.executable, "-m", "livetrader")

SPEED = 3_000_000  # times real time: about 35 days of prices in a second
START_LIMIT_S = 60.0  # from start to an answer of the control API
FILL_LIMIT_S = 60.0  # from start to the first fill, with --check
STOP_LIMIT_S = 30.0  # from SIGTERM to the end
POLL_S = 0.25
STATUS_EVERY_S = 5.0  # without a terminal

TEMPLATE = """\
# Written by examples/demo/run.py.
[algorithm]
path = "{algorithm}"

[algorithm.parameters]
symbol = "{symbol}"

[account]
name = "demo"
state_directory = "{state}"

[brokerage]
plugin = "paper"
cash = 100000.0

[feed]
plugin = "replay"
start = "2003-01-01"
end = "2013-03-01"
speed = {speed:.1f}

[data]
folder = "{data}"

[control]
port = {port}

[daemon]
on_feed_end = "stop"
"""


class DemoError(Exception):
    """Something the demo cannot go on with; the message is for whoever started it."""


def prepare(symbol: str) -> int:
    """Make the folder, the prices and the configuration anew; return the port of the control API."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    say(f"writing prices to {FOLDER / 'data'}")
    make_data.make(FOLDER / "data")
    port = free_port(8765)
    CONFIG.write_text(
        TEMPLATE.format(
            algorithm=ROOT / "examples" / "demo_sklearn.py",
            symbol=symbol,
            state=STATE,
            data=FOLDER / "data",
            speed=SPEED,
            port=port,
        ),
        encoding="utf-8",
    )
    return port


def free_port(preferred: int) -> int:
    """Return `preferred` where nobody listens on it, else any other."""
    for port in (preferred, 0):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(trial.getsockname()[1])
    raise DemoError("no free port on 127.0.0.1")


def start_daemon() -> subprocess.Popen[bytes]:
    """Start the daemon in a session of its own, so that a Ctrl-C reaches it only through us."""
    with DAEMON_OUTPUT.open("wb") as output:
        return subprocess.Popen(
            [*LIVETRADER, "run", str(CONFIG)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def ask(*words: str) -> object | None:
    """Return what a command of ours answers as JSON, None where the daemon does not answer (yet)."""
    done = subprocess.run([*LIVETRADER, *words, "--json"], capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def wait_until_it_answers(daemon: subprocess.Popen[bytes]) -> None:
    """Wait for the control API. Raises DemoError with the daemon's own words where it ends instead."""
    begun = time.monotonic()
    while ask("status", str(CONFIG)) is None:
        if daemon.poll() is not None:
            raise DemoError(f"the daemon ended with {daemon.returncode}:\n{last_lines()}")
        if time.monotonic() - begun > START_LIMIT_S:
            raise DemoError(f"the daemon does not answer after {START_LIMIT_S:.0f} s:\n{last_lines()}")
        time.sleep(POLL_S)


def last_lines(count: int = 20) -> str:
    """Return the end of what the daemon wrote."""
    return "\n".join(DAEMON_OUTPUT.read_text(errors="replace").splitlines()[-count:])


def explain_control(port: int) -> None:
    """Print how to reach the control API of this run."""
    done = subprocess.run(
        [*LIVETRADER, "token", "create", "demo", "--scope", "admin", "--config", str(CONFIG)],
        capture_output=True,
        text=True,
        check=True,
    )
    token = done.stdout.strip().splitlines()[-1]
    say("the control API of this run:")
    say(f"  curl -H 'Authorization: Bearer {token}' http://127.0.0.1:{port}/v1/status")
    say(f"  curl --unix-socket {STATE / 'control.sock'} http://localhost/v1/portfolio")
    say(f"  {sys.executable} -m livetrader liquidate {CONFIG}")
    say(f"the daemon writes to {DAEMON_OUTPUT}")


def watch(daemon: subprocess.Popen[bytes]) -> None:
    """Show the live view until the daemon ends or somebody presses Ctrl-C, which reaches the view, too."""
    terminal = sys.stdout.isatty()
    output = None if terminal else subprocess.PIPE
    view = subprocess.Popen([*LIVETRADER, "watch", str(CONFIG), *(() if terminal else ("--json",))], stdout=output)
    try:
        if view.stdout is not None:
            follow(view.stdout)
        daemon.wait()
    finally:
        end(view, signal.SIGINT)


def follow(events: IO[bytes]) -> None:
    """Print plain lines where there is no terminal: every fill, and the account now and then."""
    next_status = 0.0
    for line in events:
        event = json.loads(line)
        if event["event"] == "order" and event["order"]["status"] == "filled":
            order = event["order"]
            when = time.strftime("%Y-%m-%d", time.gmtime(order["history"][-1]["time_ns"] / 1e9))
            say(f"{when}  filled {order['filled_quantity']} {order['ticker']} at {order['average_fill_price']}")
        elif event["event"] == "status" and time.monotonic() >= next_status:
            status = event["status"]
            next_status = time.monotonic() + STATUS_EVERY_S
            when = time.strftime("%Y-%m-%d", time.gmtime(status["time_ns"] / 1e9))
            bucket = status["training"]["bucket_level_minutes"]
            say(f"{when}  {status['state']}, equity {status['equity']} {status['currency']}, bucket {bucket} min")


def wait_for_fill(daemon: subprocess.Popen[bytes], begun: float) -> None:
    """Wait for a filled order and say when it came. Raises DemoError at the limit."""
    while True:
        ended = daemon.poll() is not None
        filled = [order for order in ask("orders", str(CONFIG)) or [] if float(order["filled_quantity"])]
        if filled:
            first = min(filled, key=lambda order: order["created_ns"])
            say(f"first fill seen after {time.monotonic() - begun:.1f} s: {first['ticker']} {first['filled_quantity']}")
            return
        if ended or time.monotonic() - begun > FILL_LIMIT_S:
            raise DemoError(f"no fill after {time.monotonic() - begun:.0f} s:\n{last_lines()}")
        time.sleep(POLL_S)


def summary() -> str:
    """Return in a line what the paper account itself says, now that nobody writes to it."""
    with closing(sqlite3.connect(f"file:{STATE / 'brokerage' / 'paper.sqlite3'}?mode=ro", uri=True)) as account:
        (fills,) = account.execute("SELECT count(*) FROM fills").fetchone()
        cash = ", ".join(f"{float(amount):,.2f} {currency}" for currency, amount in account.execute("SELECT * FROM cash"))
        held = ", ".join(f"{quantity} {symbol.split()[0]}" for symbol, quantity, _ in account.execute("SELECT * FROM positions"))
    return f"the paper account: {fills} fills, {cash}, {held or 'no position'}"


def end(process: subprocess.Popen[bytes], by: signal.Signals) -> None:
    """End a process of ours and wait for it; one that does not listen is killed."""
    if process.poll() is None:
        process.send_signal(by)
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run the demo; return the exit code."""
    parser = argparse.ArgumentParser(description="livetrader on paper, over replayed prices")
    parser.add_argument("--check", action="store_true", help="a short slice; fail unless a fill was seen")
    parser.add_argument("--symbol", default="AAPL", choices=make_data.TICKERS)
    arguments = parser.parse_args()
    begun = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # make passes SIGTERM on: end as for Ctrl-C
    daemon = None
    try:
        port = prepare(arguments.symbol)
        daemon = start_daemon()
        wait_until_it_answers(daemon)
        explain_control(port)
        if arguments.check:
            wait_for_fill(daemon, begun)
        else:
            watch(daemon)
    except KeyboardInterrupt:
        say("\nstopping")
    except DemoError as error:
        say(f"demo: {error}")
        return 1
    finally:
        if daemon is not None:
            end(daemon, signal.SIGTERM)
    say(f"the daemon ended with {daemon.returncode}; {summary()}")
    return 0 if daemon.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
