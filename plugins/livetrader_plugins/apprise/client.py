"""The Apprise library: blocking, called in a thread. Loaded when it is used first; it is not small.

Apprise returns False and logs why; so its log is listened to, thread by thread, and nothing of it reaches
ours: it may show URLs. Its own retries, its cache on disk and its thread pool are not used.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from livetrader_engine.outgoing import Headers
from livetrader_engine.spi import PluginError, VenueError
from livetrader_plugins.apprise.convert import redacted

if TYPE_CHECKING:
    from apprise import NotifyBase

CONNECT_S: Final = 4.0  # to a service; below the daemon's limit of one attempt
READ_S: Final = 5.0
WORDS_KEPT: Final = 5  # lines of the library's log that say why something failed
_OWN_HEADERS: Final = ("from", "to", "cc", "bcc", "subject", "date", "content-", "mime-", "message-id")


class _Listener(logging.Handler):
    """Keeps what the library says, by thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: dict[int, list[str]] = {}  # one entry a thread that is in a call

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        said = self._said.get(threading.get_ident())
        if said is not None and len(said) < WORDS_KEPT:
            said.append(record.getMessage())

    def begin(self) -> None:
        """Listen to this thread."""
        self._said[threading.get_ident()] = []

    def end(self) -> Sequence[str]:
        """Return what was said, and listen no more."""
        said = self._said.pop(threading.get_ident(), [])
        return [line for line in said if "://" not in line]  # a URL with most of its secrets blotted out


_listener: Final = _Listener()
_loading: Final = threading.Lock()


def load() -> Any:
    """Import the library, once. Raises PluginError where it is not installed."""
    with _loading:
        try:
            import apprise
        except ImportError as error:
            raise PluginError(f"Apprise cannot be imported ({error}); pip install apprise") from error
        logger = logging.getLogger("apprise")
        if _listener not in logger.handlers:
            logger.propagate = False
            logger.addHandler(_listener)
        return apprise


def service(url: str) -> NotifyBase:
    """Return the service of a URL. Raises PluginError, without the URL, where there is none."""
    apprise = load()
    asset = apprise.AppriseAsset(
        async_mode=False, storage_mode=apprise.PersistentStoreMode.MEMORY, secure_logging=True
    )
    _listener.begin()
    made: NotifyBase | None = None
    try:
        made = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    finally:
        said = "; ".join(_listener.end())
    if made is None:
        scheme = url.partition("://")[0]
        because = f" ({redacted(said, url)})" if said else ""
        raise PluginError(
            f"Apprise knows no service for this {scheme}:// URL{because}; its documentation lists them"
        )
    made.socket_connect_timeout = min(made.socket_connect_timeout, CONNECT_S)
    made.socket_read_timeout = min(made.socket_read_timeout, READ_S)
    return made


def tell(
    url: str, title: str, body: str, *, kind: str = "info", attachment: str = "", headers: Headers = ()
) -> None:
    """Send a message; return when the service took it. Raises PluginError, or VenueError with its words."""
    apprise = load()
    made = service(url)
    own = getattr(made, "headers", None)
    if isinstance(own, dict):
        own.update({name: value for name, value in headers if not name.lower().startswith(_OWN_HEADERS)})
    attached = None
    if attachment:
        from apprise.attachment.memory import AttachMemory

        memory = AttachMemory(  # type: ignore[no-untyped-call]  # the library's
            content=attachment, name="data.txt", mimetype="text/plain"
        )
        attached = apprise.AppriseAttachment(memory)
    _listener.begin()
    problem = ""
    taken = False
    try:
        taken = made.notify(body=body, title=title, notify_type=kind, body_format="text", attach=attached)
    except Exception as error:  # noqa: BLE001 — boundary: a hundred services of others; what they raise may show a URL
        problem = f"{type(error).__name__}: {error}"
    finally:
        said = "; ".join(_listener.end())
    if not taken:
        raise VenueError(redacted(problem or said or "the service did not take it", url))
