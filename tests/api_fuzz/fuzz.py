"""Asks a daemon everything that its document allows, and much that it does not, as everybody there is.

Each round takes every operation of the document and makes requests that fit its schema, or break it
(`schemathesis` does). Each request is sent by somebody with each scope, by a browser's session without its
csrf, with a wrong token and with none, and every answer is held against the document: a status that is
documented, a body that fits its schema, headers and content type as they should be, a 5xx only where it is
documented; and against the scopes: who may not is told so and nothing else.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from livetrader.control.auth import GRANTS, Scope

CHECKS: Final = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
# An answer without an end has a test of its own, and who stops the daemon learns nothing more from it.
LEFT_OUT: Final = frozenset({("/v1/events", "get"), ("/v1/stop", "post")})
ANSWER_LIMIT_S: Final = 10.0
_WHO: Final = frozenset({"authorization", "cookie"})
NOBODY: Final = "nobody"
WRONG: Final = "wrong token"
SESSION: Final = "session"  # of an admin, in a page that does not know the csrf


class Fuzzer:
    """One run against one daemon. `asked` counts requests by operation and status."""

    def __init__(self, url: str, tokens: dict[Scope, str], number: int = 1) -> None:
        self.url = url
        self.asked: Counter[tuple[str, int]] = Counter()
        self._seed = number
        self._http = requests.Session()
        self._http.trust_env = False
        self._headers = {scope.value: {"Authorization": f"Bearer {token}"} for scope, token in tokens.items()}
        self._headers[WRONG] = {"Authorization": "Bearer wrong"}
        self._headers[NOBODY] = {}
        self._headers[SESSION] = {"Cookie": self._log_in(tokens[Scope.ADMIN])}
        load_all_checks()
        document = self._http.get(f"{url}/openapi.json", timeout=ANSWER_LIMIT_S).json()
        schema = schemathesis.openapi.from_dict(
            document, config=SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})
        )
        found = [each.ok() for each in schema.get_all_operations()]
        self._cases = [_cases(each) for each in found if (each.path, each.method.lower()) not in LEFT_OUT]

    @property
    def total(self) -> int:
        """How many requests were answered."""
        return self.asked.total()

    def run(self, wanted: int, batch: int = 25) -> None:
        """Ask until so many were answered; `batch` different requests of an operation at a time.

        Raises what schemathesis found, with a curl command to see it again.
        """
        while self.total < wanted:
            for cases in self._cases:
                self._batch(cases, batch)
            self._seed += 1

    def _batch(self, cases: st.SearchStrategy[Case], batch: int) -> None:
        @seed(self._seed)
        @settings(
            max_examples=batch, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=cases)
        def ask(case: Case) -> None:
            # who asks is ours to say: the header of a token counts more than any cookie
            kept = {name: text for name, text in (case.headers or {}).items() if name.lower() not in _WHO}
            case.headers = type(case.headers)(kept) if case.headers else case.headers
            for who, headers in self._headers.items():
                self._ask(case, who, headers)

        ask()

    def _ask(self, case: Case, who: str, headers: dict[str, str]) -> None:
        answer = case.call(base_url=self.url, session=self._http, headers=headers, timeout=ANSWER_LIMIT_S)
        self._http.cookies.clear()
        self.asked[f"{case.method} {case.path}", answer.status_code] += 1
        checks = CHECKS if answer.status_code == 503 else [*CHECKS, not_a_server_error]
        case.validate_response(answer, checks=checks, headers=headers)
        _check_scope(case, who, answer.status_code)

    def _log_in(self, token: str) -> str:
        answer = self._http.post(f"{self.url}/v1/session", json={"token": token}, timeout=ANSWER_LIMIT_S)
        assert answer.status_code == 200, answer.text
        self._http.cookies.clear()
        return str(answer.headers["Set-Cookie"].partition(";")[0])


def _check_scope(case: Case, who: str, status: int) -> None:
    """Hold an answer against what the document says of who may ask."""
    security: list[dict[str, Any]] = case.operation.definition.raw["security"]
    if not security or case.method.lower() not in (case.operation.method.lower(), "head"):
        return  # for everybody, or a method that schemathesis tries although there is none
    needed = Scope(security[0]["token"][0])
    if who in (NOBODY, WRONG):
        assert status == 401, (who, case.method, case.path, status)
    elif who == SESSION:
        assert (status == 403) is (case.method.upper() != "GET"), (who, case.method, case.path, status)
    else:
        assert (status == 403) is (needed not in GRANTS[Scope(who)]), (who, case.method, case.path, status)


def _cases(operation: APIOperation) -> st.SearchStrategy[Case]:
    """Return requests of one operation: those that fit its schema, and those that break it."""
    return st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )
