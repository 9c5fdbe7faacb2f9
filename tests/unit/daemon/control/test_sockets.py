from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec
import pytest

from livetrader.control.auth import Scope
from livetrader.control.client import Client, Target
from livetrader.control.operations import StatusView
from livetrader.control.server import ControlServer
from livetrader.control.sockets import listen, short_path
from livetrader.errors import ConfigError, NotRunningError
from tests.unit.daemon.control.conftest import free_port

Serve = Callable[[], AbstractAsyncContextManager]


def test_a_host_that_is_not_loopback_needs_tls(serve: Serve) -> None:
    async def scenario() -> None:
        async with serve() as running:
            control = msgspec.structs.replace(running.settings.control, host="0.0.0.0")
            exposed = ControlServer(
                running.operations,
                msgspec.structs.replace(running.settings, control=control),
                metrics=running.metrics,
                audit=running.audit.append,
            )
            with pytest.raises(ConfigError, match="TLS"):
                await exposed.start()

    asyncio.run(scenario())


def test_a_file_that_is_no_certificate_is_named_and_nothing_stays_behind(
    tmp_path: Path, serve: Serve
) -> None:
    async def scenario() -> None:
        async with serve() as running:
            no_pem, folder = tmp_path / "cert.pem", tmp_path / "other"
            no_pem.write_text("none")
            folder.mkdir()
            control = msgspec.structs.replace(
                running.settings.control, port=free_port(), tls_certificate=no_pem, tls_key=no_pem
            )
            account = msgspec.structs.replace(running.settings.account, state_directory=folder)
            server = ControlServer(
                running.operations,
                msgspec.structs.replace(running.settings, control=control, account=account),
                metrics=running.metrics,
                audit=running.audit.append,
            )
            with pytest.raises(ConfigError, match=r"control.tls_certificate: .*cert.pem"):
                await server.start()
            assert not server.socket_path.exists()

    asyncio.run(scenario())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_with_tls_the_client_verifies_the_server_and_plain_http_is_refused(
    serve: Serve, tmp_path: Path
) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True, timeout=15,
    )  # fmt: skip

    async def scenario() -> None:
        async with serve() as running:
            headers = await running.token(Scope.READ)
            await running.server.stop()
            control = msgspec.structs.replace(
                running.settings.control, tls_certificate=certificate, tls_key=key
            )
            server = ControlServer(
                running.operations,
                msgspec.structs.replace(running.settings, control=control),
                metrics=running.metrics,
                audit=running.audit.append,
            )
            await server.start()
            try:
                secret = headers["Authorization"].removeprefix("Bearer ")
                nowhere = tmp_path / "none.sock"
                target = Target(
                    socket_path=nowhere, port=running.port, token=secret, tls_certificate=certificate
                )
                view = await asyncio.to_thread(Client(target).get, "/v1/status", StatusView)
                assert view.pid == 4242
                for wrong in (None, key):
                    distrusting = msgspec.structs.replace(target, tls_certificate=wrong)
                    with pytest.raises(NotRunningError):
                        await asyncio.to_thread(Client(distrusting).get, "/v1/status", StatusView)
            finally:
                await server.stop()

    asyncio.run(scenario())


def test_a_socket_path_longer_than_the_kernel_allows_works(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    listener = listen(folder / "control.sock")
    with listener, socket.socket(socket.AF_UNIX) as client, short_path(folder / "control.sock") as name:
        client.connect(name)
