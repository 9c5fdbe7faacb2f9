"""What an engine process inherits: what it needs to find Python and its libraries, and no secrets."""

from __future__ import annotations

import pytest

from livetrader.supervisor.engine_process import environment


def test_credentials_stay_with_the_daemon() -> None:
    given = {"PATH": "/bin", "CREDENTIALS_DIRECTORY": "/run/secrets", "BROKER_PASSWORD": "hunter2"}
    left = environment(given)
    assert left["PATH"] == "/bin"
    assert not {"CREDENTIALS_DIRECTORY", "BROKER_PASSWORD"} & set(left)


@pytest.mark.parametrize("asked", ["", "1"])
def test_compiled_modules_are_kept_as_the_operator_says(asked: str) -> None:
    given = {"PYTHONDONTWRITEBYTECODE": asked, "PYTHONPYCACHEPREFIX": "/cache"} if asked else {}
    left = environment(given)
    assert left.get("PYTHONDONTWRITEBYTECODE", "") == asked
    assert left.get("PYTHONPYCACHEPREFIX", "") == ("/cache" if asked else "")
