"""Receivers on loopback, each in a thread of its own: they take, refuse, or never answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import aioftp
import asyncssh
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session, syntax

HANG_S = 30.0  # longer than any caller waits; a receiver that is closed lets go


class WebReceiver:
    """An HTTP server. `requests` are (path, headers, body); `status` is what it answers."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], str]] = []
        self.status = 200
        self.hangs = False
        self.let_go = threading.Event()
        self.arrived = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                if receiver.hangs:
                    receiver.let_go.wait(HANG_S)
                status = receiver.status
                with receiver.arrived:
                    if status < 300 and not receiver.hangs:
                        receiver.requests.append((self.path, dict(self.headers), body))
                    receiver.arrived.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # the caller has given up

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_for(self, count: int, limit_s: float = 15.0) -> list[tuple[str, dict[str, str], str]]:
        """Return the requests once there are so many."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.requests) >= count, limit_s), self.requests
            return list(self.requests)

    def close(self) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class MailReceiver:
    """An SMTP server that wants a password. `mails` are what it took."""

    def __init__(self, user: str = "livetrader", password: str = "") -> None:
        self.mails: list[EmailMessage] = []
        self.addressees: list[list[str]] = []
        self.status = "250 OK"
        self.hangs = False
        self.let_go = threading.Event()
        self.port = 0
        receiver = self

        def login(
            server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
        ) -> AuthResult:
            fits = data.login.decode() == user and data.password.decode() == password
            return AuthResult(success=fits)

        class Greeter(SMTP):
            @syntax("HELO hostname")
            async def smtp_EHLO(self, hostname: str) -> None:
                if receiver.hangs:
                    await self.loop.run_in_executor(None, receiver.let_go.wait, HANG_S)
                await super().smtp_EHLO(hostname)

        class Handler:
            async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
                if password and not session.authenticated:
                    return "530 log in"
                if receiver.status.startswith("250"):
                    mail = message_from_bytes(envelope.content or b"", policy=policy.default)
                    receiver.mails.append(mail)
                    receiver.addressees.append(envelope.rcpt_tos)
                return receiver.status

        class Server(Controller):
            def factory(self) -> SMTP:
                return Greeter(self.handler, authenticator=login, auth_require_tls=False)

            def _trigger_server(self) -> None:
                receiver.port = self.server.sockets[0].getsockname()[1]
                self.port = receiver.port
                super()._trigger_server()

        self._server = Server(Handler(), hostname="127.0.0.1", port=0)
        self._server.start()

    def texts(self) -> list[str]:
        """Return each mail as one text: subject, addressees, every part."""
        return [
            "\n".join(
                [str(mail["subject"]), *to]
                + [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
            )
            for mail, to in zip(self.mails, self.addressees, strict=True)
        ]

    def close(self) -> None:
        self.let_go.set()
        self._server.stop()


class LoopThread:
    """An event loop in a thread, for servers that live on one. `run` waits for a coroutine there."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(HANG_S)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def ftp_server(folder: Path, user: str, password: str) -> Iterator[int]:
    """Serve a folder by FTP; yield the port."""
    thread = LoopThread()
    server = aioftp.Server([aioftp.User(user, password, base_path=folder)])
    thread.run(server.start("127.0.0.1", 0))
    try:
        yield server.address[1]
    finally:
        thread.run(server.close())
        thread.close()


@contextmanager
def sftp_server(folder: Path, user: str, password: str) -> Iterator[tuple[int, str, str]]:
    """Serve a folder by SFTP; yield the port, its line for known hosts, and a user's private key."""
    thread = LoopThread()
    host_key, user_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    allowed = asyncssh.import_authorized_keys(user_key.export_public_key().decode())

    class Door(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, given: str) -> bool:
            return (username, given) == (user, password)

    async def start() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[host_key], server_factory=Door, authorized_client_keys=allowed,
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder)),
        )  # fmt: skip

    server = thread.run(start())
    port = server.get_port()
    public = host_key.export_public_key().decode().strip()
    try:
        yield port, f"[127.0.0.1]:{port} {public}\n", user_key.export_private_key().decode()
    finally:
        server.close()
        thread.run(server.wait_closed())
        thread.close()
