"""`self.download`: the text at an address, as LEAN fetches it. The step waits for it.

The engine process may be killed at any time, so nothing here is more than a request. Bounded are each wait
for the server, and the size; a server that trickles is ended by the limit of the step.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any, Final

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.wire import writable

WAIT_LIMIT_S: Final = 30.0  # for the server to say anything more
SIZE_LIMIT_BYTES: Final = 64 * 1024 * 1024  # a text of an algorithm's; data come through feeds and histories
_AGENT: Final = "livetrader"


def download(address: str, headers: Any = None, user_name: str = "", password: str = "") -> str:
    """Return the text at an http or https address. Raises AlgorithmError where it cannot be had."""
    import urllib.error  # only algorithms that fetch something pay for it
    import urllib.request

    if not str(address).lower().startswith(("http://", "https://")):
        raise AlgorithmError(f"download: {address!r} begins neither with http:// nor with https://")
    request = urllib.request.Request(str(address), headers=_headers(headers))
    if not request.has_header("User-agent"):
        request.add_header("User-Agent", _AGENT)
    if user_name or password:
        pair = base64.b64encode(writable(f"{user_name}:{password}").encode()).decode()
        request.add_header("Authorization", f"Basic {pair}")
    try:
        with urllib.request.urlopen(request, timeout=WAIT_LIMIT_S) as answer:
            body = answer.read(SIZE_LIMIT_BYTES + 1)
    except urllib.error.HTTPError as error:
        with error:
            raise AlgorithmError(f"download: {address} answers {error.code} {error.reason}") from error
    except (OSError, ValueError) as error:  # what urllib and http.client raise of networks and addresses
        raise AlgorithmError(f"download: {address} cannot be had: {error}") from error
    if len(body) > SIZE_LIMIT_BYTES:
        raise AlgorithmError(f"download: {address} is larger than {SIZE_LIMIT_BYTES} bytes")
    return bytes(body).decode("utf-8-sig", errors="replace")


def _headers(given: Any) -> dict[str, str]:
    """Return headers as a dictionary: LEAN takes pairs, Python's dictionaries among them."""
    if given is None:
        return {}
    pairs: Iterable[Any] = given.items() if isinstance(given, Mapping) else given
    headers = {}
    for pair in pairs:
        name, value = (pair.key, pair.value) if hasattr(pair, "key") else pair
        headers[str(name)] = str(value)
    return headers
