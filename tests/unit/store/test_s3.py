"""The object store on an S3 server on loopback, through s3fs: the contract, and S3's own ways to fail."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner

from livetrader.cli.main import cli
from livetrader.store.opening import open_store
from livetrader.store.options import StoreOptions
from livetrader_engine.errors import StoreError
from tests.conftest import Deadline
from tests.parity.test_object_store import WAITING
from tests.parity.test_quit_live import CONFIGURATION
from tests.unit.store.contract import Opens, StoreContract

pytestmark = [
    pytest.mark.heavy,
    # botocore and s3fs on their own
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "tester",
    "AWS_SECRET_ACCESS_KEY": "hidden",
    "AWS_DEFAULT_REGION": "us-east-1",
}
_buckets = count()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment of a daemon would have."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a running server."""
    if find_spec("moto") is None or find_spec("s3fs") is None:
        pytest.fail("make heavy installs what this needs: pip install --group s3-server 'livetrader[s3]'")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(server: str) -> str:
    import boto3

    name = f"bucket{next(_buckets)}"
    boto3.client("s3", endpoint_url=server).create_bucket(Bucket=name)
    return name


class TestS3(StoreContract):
    @pytest.fixture
    def url(self, bucket: str) -> str:
        return f"s3://{bucket}/a/prefix"

    @pytest.fixture
    def filesystem(self, server: str) -> dict[str, str | int | float | bool]:
        return {"endpoint_url": server}

    def test_a_value_above_the_size_of_a_part_comes_back_whole(self, opens: Opens) -> None:
        value = os.urandom(1 << 20) * 12
        opens().save("big", value)
        assert opens().read("big") == value


def test_a_bucket_that_is_not_there_is_told_with_what_to_do(server: str, tmp_path: Path) -> None:
    store = open_store(
        StoreOptions("s3://no-such-bucket/x", filesystem={"endpoint_url": server}, copies=str(tmp_path))
    )
    with pytest.raises(StoreError, match=r"there is no s3://no-such-bucket/x: .* create it"):
        store.save("a", b"1")


def test_a_server_that_is_away_is_an_error_in_bounded_time(tmp_path: Path) -> None:
    options = StoreOptions(
        "s3://bucket/x", filesystem={"endpoint_url": "http://127.0.0.1:9"}, copies=str(tmp_path)
    )
    store = open_store(options)
    with pytest.raises(StoreError, match="check that it runs"):
        store.read("a")
    with pytest.raises(StoreError, match="not tried"):
        store.read("a")


@pytest.mark.timeout(90)
def test_a_live_algorithm_works_on_s3_with_the_daemons_credentials(
    server: str, bucket: str, tmp_path: Path, lean_data: Path, deadline: Deadline
) -> None:
    (tmp_path / "algorithm.py").write_text(WAITING)
    configuration = tmp_path / "livetrader.toml"
    section = f'[object_store]\nurl = "s3://{bucket}/store"\ntier = "free"\nproject = "waiting"\n'
    section += f'options = {{ endpoint_url = "{server}" }}\n'
    configuration.write_text(CONFIGURATION.format(folder=tmp_path, data=lean_data) + section)
    daemon = subprocess.Popen(
        [sys.executable, "-m", "livetrader", "run", str(configuration)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        others = open_store(
            StoreOptions(
                f"s3://{bucket}/store",
                filesystem={"endpoint_url": server},
                copies=str(tmp_path / "copies"),
                fresh_s=0.0,
            )
        )
        deadline.until(lambda: others.contains("waiting/here"), "the algorithm's save", 45.0)
        others.save("waiting/go", b"now")
        told, _ = daemon.communicate(timeout=40)
    finally:
        daemon.kill()
        daemon.wait()
    assert daemon.returncode == 0, told[-2000:]
    assert "got now" in told and "large one saved: False" in told
    assert "hidden" not in told  # the secret key
    assert not others.contains("waiting/large")


SICK = """
from AlgorithmImports import *

class Sick(QCAlgorithm):
    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.DAILY).symbol
        self.steps = 0
        self.log(f"there: {self.object_store.contains_key('model')}")

    def on_data(self, data):
        self.object_store.save("state", str(self.time))
        self.object_store.contains_key("model")
        self.steps += 1
        if self.steps == 20:
            self.set_holdings(self.spy, 0.5)
        if self.steps == 200:
            self.log(f"invested: {self.portfolio.invested}")
            self.quit("done")
"""


@pytest.mark.timeout(90)
def test_trading_goes_on_while_s3_is_away(tmp_path: Path, lean_data: Path) -> None:
    (tmp_path / "algorithm.py").write_text(SICK)
    configuration = tmp_path / "livetrader.toml"
    section = '[object_store]\nurl = "s3://bucket/x"\noptions = { endpoint_url = "http://127.0.0.1:9" }\n'
    configuration.write_text(CONFIGURATION.format(folder=tmp_path, data=lean_data) + section)
    done = subprocess.run(
        [sys.executable, "-m", "livetrader", "run", str(configuration)],
        capture_output=True, text=True, timeout=80,
    )  # fmt: skip
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-2000:]
    said = [line for line in told.splitlines() if "there:" in line or "invested:" in line]
    assert "there: False" in said[0] and "invested: True" in said[-1], said
    assert "Object store: look for 'model': s3://bucket/x failed" in told


def test_commands_find_the_server_in_the_environment(
    server: str, bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("LIVETRADER_OBJECT_STORE", f"s3://{bucket}/commands")
    put = CliRunner().invoke(cli, ["store", "put", "-", "models/a"], input=b"\x00weights")
    assert put.exit_code == 0, put.output
    assert CliRunner().invoke(cli, ["store", "get", "models/a", "-"]).stdout_bytes == b"\x00weights"
    assert CliRunner().invoke(cli, ["store", "ls"]).stdout.split()[-1] == "models/a"
    assert CliRunner().invoke(cli, ["store", "rm", "models/a"]).exit_code == 0
    assert CliRunner().invoke(cli, ["store", "stat", "models/a"]).exit_code == 1
