"""Write docs/reference/ from the code: command line, settings, control API, contract of plugins.

`python docs/reference.py` rewrites the pages; with --check it changes nothing and exits 1 when a page and the
code differ. A test calls the same functions. Nothing here depends on how a library formats its help.
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import msgspec
import msgspec.inspect as kinds

from livetrader import settings
from livetrader.cli.main import cli
from livetrader.control.openapi import document
from livetrader.registry import GROUPS, load_plugin

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"
GENERATED = "Generated from the code by `make docs`; a test fails where it is out of date."
COMMANDS = """Every command takes `-h`. Commands for a running daemon find it by the configuration file: as
the argument, by `--config`, in `$LIVETRADER_CONFIG`, or as `livetrader.toml` in the working directory. What
the exit codes mean is in the [runbook](../runbook.md#exit-codes)."""

SETTINGS = """A configuration is a TOML file; relative paths are relative to it. The same as a file, every
key with its default, is [config/livetrader.toml](../../config/livetrader.toml). `livetrader check FILE`
lists everything that is wrong with one; `livetrader run FILE --set SECTION.KEY=VALUE` replaces one key. A
text of a plugin may be `{ credential = "NAME" }` where it is a secret: the systemd credential of that name.
`[[feed]]`, `[[history]]` and `[[notify.channel]]` may stand several times."""

API = """The same for machines is at `/openapi.json`. How to log in, to confirm and to repeat safely is in
[control-api.md](../control-api.md)."""

CONTRACT = """A plugin is a class that a distribution of yours registers under an entry point; the bundled
ones are found in the same way. The contract kits in `livetrader_engine.testing` are numbered tests that a
plugin of a kind has to pass; they are part of the package, and `tests/contract/` shows how the bundled
plugins are put through them."""

OURS = "livetrader_plugins."  # other distributions' plugins have documents of their own


def main(arguments: list[str]) -> int:
    """Rewrite the pages, or with --check say whether they are current."""
    changed = False
    for name, make in PAGES.items():
        page = FOLDER / name
        new = make()
        changed |= not page.exists() or page.read_text(encoding="utf-8") != new
        if "--check" not in arguments:
            FOLDER.mkdir(exist_ok=True)
            page.write_text(new, encoding="utf-8")
    return int(changed and "--check" in arguments)


def cell(text: str) -> str:
    """Return text that fits into one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Return a table, nothing where it has no rows."""
    if not rows:
        return []
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return [*lines, *("| " + " | ".join(cell(each) for each in row) + " |" for row in rows), ""]


# -- the command line --------------------------------------------------------------------------------------


def command_line() -> str:
    """Return the page of all commands, in the order of the alphabet."""
    lines = ["# Command line", "", GENERATED, "", COMMANDS, ""]
    for path, command in _commands(cli, ("livetrader",)):
        lines += _command(path, command)
    return "\n".join(lines).rstrip() + "\n"


def _commands(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in sorted(group.commands.items()):
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


def _command(path: tuple[str, ...], command: click.Command) -> list[str]:
    arguments = [_argument(each) for each in command.params if isinstance(each, click.Argument)]
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    usage = [*path, *(["[OPTIONS]"] if options else []), *arguments]
    usage += ["COMMAND"] if isinstance(command, click.Group) else []
    lines = [f"{'#' * len(path)} {' '.join(path)}", "", "```text", " ".join(usage), "```", ""]
    lines += _help(command.help or "")
    return [*lines, *table(("option", "is"), [_option(each) for each in options])]


def _argument(argument: click.Argument) -> str:
    shown = argument.metavar or (argument.name or "").upper()
    shown += "..." if argument.nargs == -1 and not shown.endswith("...") else ""
    return shown if argument.required or shown.startswith("[") else f"[{shown}]"


def _option(option: click.Option) -> tuple[str, str]:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    if not option.is_flag and not option.count:
        names += f" {_value(option)}"
    said = [option.help or ("Print JSON." if option.name == "output_json" else "")]
    if isinstance(option.default, int | float | str) and not isinstance(option.default, bool):
        said += [f"Default: {option.default}."] if str(option.default) else []
    said += ["May be repeated."] if option.multiple and "repeated" not in said[0] else []
    said += ["Required."] if option.required else []
    return names, " ".join(each for each in said if each)


def _value(option: click.Option) -> str:
    if option.metavar:
        return option.metavar
    if isinstance(option.type, click.Choice):
        return "|".join(str(getattr(each, "value", each)) for each in option.type.choices)
    return re.sub(r" range$", "", option.type.name).upper()


def _help(text: str) -> list[str]:
    """Return a help text in Markdown: blocks behind a \\b are kept as they are."""
    lines: list[str] = []
    for block in inspect.cleandoc(text).partition("\f")[0].split("\n\n"):
        if block.startswith("\b"):
            lines += ["```console", *block.removeprefix("\b").strip("\n").splitlines(), "```", ""]
        else:
            lines += [*block.splitlines(), ""]
    return lines


# -- settings ----------------------------------------------------------------------------------------------


def all_settings() -> str:
    """Return the page of every key: the daemon's sections, then those of each bundled plugin."""
    lines = ["# Settings", "", GENERATED, "", SETTINGS, ""]
    said = _said_in_the_file()
    for field in kinds_of(settings.Settings):
        kind = field.type.cls if isinstance(field.type, kinds.StructType) else None
        if kind is not None and kind not in (settings.PluginSection, settings.ChannelSection):
            lines += [f"## [{field.name}]", "", *_about(kind), *_keys(kind, said.get(field.name, {}))]
    lines += ["## Plugins", "", "`plugin` names one; its own keys stand beside that in the same table.", ""]
    for group in GROUPS:
        for point in sorted(entry_points(group=group), key=lambda each: each.name):
            if point.value.startswith(OURS):
                config = load_plugin(group, point.name).Config
                lines += [f"### {group.removeprefix('livetrader.')}: {point.name}", ""]
                lines += [*_about(config), *_keys(config, comments_of(config))]
    return "\n".join(lines).rstrip() + "\n"


def kinds_of(struct: type[msgspec.Struct]) -> tuple[kinds.Field, ...]:
    """Return the fields of a struct with their types; a Path is a text for whoever writes it."""
    found = kinds.type_info(struct)
    assert isinstance(found, kinds.StructType)
    return found.fields


def _about(struct: type[msgspec.Struct]) -> list[str]:
    text = inspect.cleandoc(struct.__doc__ or "")
    text = re.sub(r"^\[+[a-z_.]+\]+ *", "", text).strip()
    return [*text.splitlines(), ""] if text else []


def _keys(struct: type[msgspec.Struct], said: Mapping[str, str]) -> list[str]:
    rows = [
        (f"`{field.encode_name}`", type_words(field.type), _default(field), said.get(field.encode_name, ""))
        for field in kinds_of(struct)
    ]
    return table(("key", "value", "default", "is"), rows)


def _default(field: kinds.Field) -> str:
    if field.required:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()  # type: ignore[misc, operator]  # one of the two is there
    value = getattr(value, "value", value)
    if value is None:
        return "not set"
    if isinstance(value, tuple | list):
        return f"`{msgspec.json.encode([getattr(each, 'value', each) for each in value]).decode()}`"
    return f"`{msgspec.json.encode(value).decode()}`"


def type_words(kind: kinds.Type) -> str:
    """Return in words what a key may be set to."""
    match kind:
        case kinds.EnumType(cls=cls):
            return ", ".join(f"`{each.value}`" for each in cls)
        case kinds.LiteralType(values=values):
            return ", ".join(f"`{each}`" for each in values)
        case kinds.UnionType(types=types):
            return " or ".join(type_words(each) for each in types if not isinstance(each, kinds.NoneType))
        case kinds.VarTupleType(item_type=item) | kinds.ListType(item_type=item):
            return f"list of: {type_words(item)}"
        case kinds.TupleType(item_types=items):
            return f"{len(items)} of: {type_words(items[0])}"
        case kinds.DictType(value_type=item):
            return f"table of: {type_words(item)}"
        case kinds.IntType() | kinds.FloatType():
            return ("whole number" if isinstance(kind, kinds.IntType) else "number") + _range(kind)
        case kinds.BoolType():
            return "`true`, `false`"
        case kinds.CustomType():
            return "path"
    return "text"


def _range(kind: kinds.IntType | kinds.FloatType) -> str:
    bounds = ((kind.gt, ">"), (kind.ge, "≥"), (kind.lt, "<"), (kind.le, "≤"))
    said = [f"{sign} {limit:,}" for limit, sign in bounds if limit is not None and abs(limit) < 1e9]
    return f" {', '.join(said)}" if said else ""


def _said_in_the_file() -> dict[str, dict[str, str]]:
    """Return what config/livetrader.toml says of each key, by section."""
    said: dict[str, dict[str, str]] = {}
    section = ""
    for line in (ROOT / "config" / "livetrader.toml").read_text(encoding="utf-8").splitlines():
        if head := re.match(r"\[+([a-z_.]+)\]+", line):
            section = head[1]
        elif row := re.match(r"(?:# )?([a-z_]+) = (?:\"[^\"]*\"|[^#\"]|\"[^\"]*\")*# (.*)", line):
            said.setdefault(section, {})[row[1]] = row[2].removeprefix("required: ")
    return said


def comments_of(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Return the comment behind each field in a struct's source."""
    source = inspect.getsource(struct)
    (body,) = ast.parse(source).body
    assert isinstance(body, ast.ClassDef)
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {
        token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT
    }
    said: dict[str, str] = {}
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            said[node.target.id] = " ".join(comments[line] for line in lines if line in comments)
    return said


# -- the control API ---------------------------------------------------------------------------------------


def control_api() -> str:
    """Return the page of all routes and of what they answer."""
    api = document()
    lines = ["# Control API", "", GENERATED, "", API, "", api["info"]["description"], ""]
    rows = [
        (f"`{method.upper()} {path}`", _scope(operation), operation["summary"])
        for path, methods in api["paths"].items()
        for method, operation in methods.items()
    ]
    lines += table(("route", "scope", "is"), rows)
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            lines += _route(f"{method.upper()} {path}", operation)
    lines += ["## What is answered and sent", ""]
    for name, schema in sorted(api["components"]["schemas"].items()):
        lines += _schema(name, schema)
    return "\n".join(lines).rstrip() + "\n"


def _scope(operation: Mapping[str, Any]) -> str:
    return operation["security"][0]["token"][0] if operation["security"] else "none"


def _route(head: str, operation: Mapping[str, Any]) -> list[str]:
    answers = operation["responses"]
    (good, *_) = answers
    lines = [f"## {head}", "", operation["summary"], ""]
    queries = [each for each in operation.get("parameters", ()) if each["in"] != "header"]
    rows = [(f"`{each['name']}`", schema_words(each["schema"]), _initial(each["schema"])) for each in queries]
    lines += table(("parameter", "value", "default"), rows)
    headers = [f"`{each['name']}`" for each in operation.get("parameters", ()) if each["in"] == "header"]
    lines += [f"Headers: {', '.join(headers)}.", ""] if headers else []
    if body := operation.get("requestBody"):
        lines += [f"Body: {schema_words(body['content']['application/json']['schema'])}.", ""]
    content = answers[good].get("content", {})
    told = ", ".join(f"{schema_words(each['schema'])} ({kind})" for kind, each in content.items())
    refused = ", ".join(code for code in answers if code != good)
    return [*lines, f"Answers {good}" + (f": {told}" if told else "") + f". Refusals: {refused}.", ""]


def _schema(name: str, schema: Mapping[str, Any]) -> list[str]:
    lines = [f"### {name}", ""]
    lines += (
        [*inspect.cleandoc(schema.get("description", "")).splitlines(), ""] if "description" in schema else []
    )
    if "enum" in schema:
        return [*lines, "One of " + ", ".join(f"`{each}`" for each in schema["enum"]) + ".", ""]
    if "properties" not in schema:
        return [*lines, schema_words(schema) + ".", ""]
    rows = [
        (f"`{key}`", schema_words(each), "required" if key in schema.get("required", ()) else _initial(each))
        for key, each in schema["properties"].items()
    ]
    return [*lines, *table(("field", "is", "default"), rows)]


def _initial(schema: Mapping[str, Any]) -> str:
    return f"`{msgspec.json.encode(schema['default']).decode()}`" if "default" in schema else ""


def schema_words(schema: Mapping[str, Any]) -> str:
    """Return a JSON schema in words, other schemas as links."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " or ".join(schema_words(each) for each in schema[word])
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        if "prefixItems" in schema:
            return "list of " + ", ".join(schema_words(each) for each in schema["prefixItems"])
        return f"list of {schema_words(schema['items'])}" if schema.get("items") else "list"
    if isinstance(schema.get("additionalProperties"), Mapping) and schema["additionalProperties"]:
        return f"object of {schema_words(schema['additionalProperties'])}"
    limits = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("maxLength", "length ≤"))
    said = [f"{sign} {schema[key]:g}" for key, sign in limits if key in schema and abs(schema[key]) < 1e15]
    return " ".join([str(schema.get("type", "anything")), ", ".join(said)]).strip()


# -- the contract of plugins -------------------------------------------------------------------------------


def plugin_contract() -> str:
    """Return the page of what a plugin implements, from the sources of the three modules."""
    lines = ["# Plugins", "", GENERATED, "", CONTRACT, ""]
    for module in ("spi", "spi_data", "spi_notify"):
        source = (ROOT / "engine" / "livetrader_engine" / f"{module}.py").read_text(encoding="utf-8")
        tree = ast.parse(source)
        lines += [f"## livetrader_engine.{module}", "", *(ast.get_docstring(tree) or "").splitlines(), ""]
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                lines += _class(node, source)
    return "\n".join(lines).rstrip() + "\n"


def _class(node: ast.ClassDef, source: str) -> list[str]:
    lines = [f"### {node.name}", "", *(ast.get_docstring(node) or "").splitlines(), ""]
    fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
    if fields:
        shown = [ast.get_source_segment(source, each) or "" for each in fields]  # with its own quotes
        lines += ["```python", *shown, "```", ""]
    for each in node.body:
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and not each.name.startswith("_"):
            lines += _method(each)
    return lines


def _method(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    signature = f"{word} {node.name}({ast.unparse(node.args)}){returns}"
    return ["```python", signature, "```", "", *(ast.get_docstring(node) or "").splitlines(), ""]


PAGES: dict[str, Callable[[], str]] = {
    "command-line.md": command_line,
    "settings.md": all_settings,
    "control-api.md": control_api,
    "plugins.md": plugin_contract,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
