"""`self.download`: what LEAN's does, over real HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from livetrader_engine.errors import AlgorithmError
from livetrader_lean import downloading
from livetrader_lean.downloading import download


class Echo(BaseHTTPRequestHandler):
    """Answers with the headers it was asked with."""

    def do_GET(self) -> None:
        body = str(self.headers).encode()
        self.send_response(200 if self.path == "/" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_headers_user_and_password_reach_the_server(base: str) -> None:
    answer = download(f"{base}/", {"X-Kind": "one"}, "me", "pw")
    assert "X-Kind: one" in answer
    assert "Authorization: Basic bWU6cHc=" in answer
    assert "User-Agent: mine" in download(f"{base}/", [("User-Agent", "mine")])


def test_what_cannot_be_had_raises_and_says_why(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AlgorithmError, match="404"):
        download(f"{base}/nothing")
    with pytest.raises(AlgorithmError, match="begins neither with http"):
        download("file:///etc/passwd")
    with pytest.raises(AlgorithmError, match="cannot be had"):
        download("http://127.0.0.1:1/")
    monkeypatch.setattr(downloading, "SIZE_LIMIT_BYTES", 10)
    with pytest.raises(AlgorithmError, match="larger than 10 bytes"):
        download(f"{base}/")
