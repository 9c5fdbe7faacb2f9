"""Makes the OpenAPI 3.1 document from the route table, so that it cannot say anything else."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from livetrader import __version__
from livetrader.control.auth import Scope
from livetrader.control.calls import NoBody
from livetrader.control.queries import NoQuery
from livetrader.control.refusals import ErrorBody
from livetrader.control.routes import ROUTES, Route
from livetrader.control.sessions import CSRF_HEADER

_REFUSALS: Final = {
    400: "The body or query does not fit the schema",
    401: "No valid token",
    403: "The token lacks the scope, or the request comes from elsewhere",
    404: "No such thing",
    409: "Not in this state, or a confirmation is needed: repeat with the `confirm` of this answer",
    413: "The body is too large",
    415: "The body is not declared as JSON",
    422: "The Idempotency-Key was used for another request",
    429: "Too many requests; Retry-After says how long to wait",
    500: "A fault of the daemon",
    503: "Not now",
}
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_IDEMPOTENCY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A repeated request with the same key gets the first answer and does nothing.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 128},
}
_CSRF: Final = {
    "name": CSRF_HEADER,
    "in": "header",
    "required": False,
    "description": "The csrf of the session; needed where the session's cookie says who asks.",
    "schema": {"type": "string"},
}
_DESCRIPTION: Final = (
    "Commands answer 202 with an operation id. Times are UTC nanoseconds, money and quantities are decimal"
    " strings. Who may do what is a matter of scopes: "
    + ", ".join(Scope)
    + "; the roles view (read), control (read, operate, liquidate) and admin are names for sets of them."
)


def document() -> dict[str, Any]:
    """Return the document as plain JSON data."""
    types: list[Any] = [ErrorBody]
    for route in ROUTES:
        types += [route.body] if route.body is not NoBody else []
        types += [route.answer] if route.answer is not None else []
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    by_type = {str(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, by_type)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "livetrader control API",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "On the unix socket root and the daemon's own user need none.",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "livetrader-PORT",
                    "description": "The cookie of POST /v1/session, named after the port of the daemon"
                    " (with __Host- in front where the browser speaks TLS). Changes need the csrf, too.",
                },
            },
        },
    }


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": route.summary}
    if route.answer is not None:
        good["content"] = {route.content_type: {"schema": schemas[str(route.answer)]}}
    elif route.content_type:
        good["content"] = {route.content_type: {"schema": {"type": "string"}}}
    scopes = None if route.scope is None else [str(route.scope)]
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "responses": {str(route.status): good} | _refusals(route, schemas),
        "security": [] if scopes is None else [{"token": scopes}, {"session": scopes}],
    }
    parameters = _parameters(route)
    if parameters:
        operation["parameters"] = parameters
    if route.body is not NoBody:
        operation["requestBody"] = {
            "required": False,
            "content": {"application/json": {"schema": schemas[str(route.body)]}},
        }
    return operation


def _operation_id(route: Route) -> str:
    words = route.path.removeprefix("/v1/").strip("/").replace(".json", "")
    words = _PARAMETER.sub(r"by_\1", words)
    return f"{route.method.lower()}_{words.replace('/', '_')}"


def _refusals(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    codes = {400, 403, 413, 415, 429, 500, *route.refusals}
    if route.scope is not None:
        codes.add(401)
    if route.keyed:
        codes |= {409, 422}
    if "{" in route.path:
        codes.add(404)
    error = {"content": {"application/json": {"schema": schemas[str(ErrorBody)]}}}
    answers = {str(code): {"description": _REFUSALS[code]} | error for code in sorted(codes)}
    if route.path in ("/live", "/ready"):
        same = {"content": {"application/json": {"schema": schemas[str(route.answer)]}}}
        answers["503"] = {"description": _REFUSALS[503]} | same
    return answers


def _parameters(route: Route) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    for name in _PARAMETER.findall(route.path):
        parameters.append({"name": name, "in": "path", "required": True, "schema": {"type": "string"}})
    if route.query is not NoQuery:
        definitions = msgspec.json.schema(route.query)["$defs"]
        schema = definitions[route.query.__name__]
        parameters += [
            {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", ()),
                "schema": _inlined(properties, definitions),
            }
            for name, properties in schema["properties"].items()
        ]
    if route.keyed:
        parameters.append(dict(_IDEMPOTENCY))
    if route.mutating and route.scope is not None:
        parameters.append(dict(_CSRF))
    return parameters


def _inlined(properties: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a parameter's schema without a reference to a definition of its own document."""
    given = dict(properties)
    name = given.pop("$ref", "").rpartition("/")[2]
    return definitions[name] | given if name else given
