"""The dashboard's files: complete, of our own, and addressed by what is in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from livetrader.dashboard import assets

WEB = Path(assets.__file__).parent / "web"
FILES = sorted(path for path in WEB.rglob("*") if path.is_file())
IMPORT = re.compile(r"""(?:from|import)\s*\(?\s*"([^"]+)\"""")
ELSEWHERE = re.compile(r"""(?:https?:)?//[a-z0-9-]+\.[a-z]|@import|url\(""")
SINKS = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|\.srcdoc")
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", re.IGNORECASE)
LINES = 400


def test_every_file_is_served_and_nothing_else() -> None:
    found = assets.load()
    folders = {path.rpartition("/assets/")[2].partition("/")[0] for path in found if path != "/"}
    assert len(folders) == 1
    folder = folders.pop()
    served = {path.removeprefix(f"/assets/{folder}/") for path in found if path != "/"}
    assert served == {str(path.relative_to(WEB)) for path in FILES} - {"index.html"}


def test_the_page_and_the_modules_name_only_files_that_exist() -> None:
    found = assets.load()
    page = found["/"].body.decode()
    named = re.findall(r'(?:href|src)="(assets/[^"]+)"', page)
    assert len(named) >= 5
    assert all(f"/{name}" in found for name in named)
    for path in FILES:
        if path.suffix == ".js":
            for name in IMPORT.findall(path.read_text()):
                assert (path.parent / name).is_file(), f"{path.name} imports {name}"


def test_another_content_is_another_address_and_the_page_is_asked_for_again() -> None:
    before = assets.address({"index.html": b"<script src=assets/{version}/app.js>", "app.js": b"1"})
    after = assets.address({"index.html": b"<script src=assets/{version}/app.js>", "app.js": b"2"})
    assert set(before) & set(after) == {"/"}
    assert before["/"].etag != after["/"].etag
    for files in (before, after):
        script = next(path for path in files if path != "/")
        assert script.lstrip("/").encode() in files["/"].body
        assert "immutable" in files[script].cache_control
        assert files["/"].cache_control == "no-cache"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(WEB)))
def test_a_file_asks_nobody_else_and_makes_no_markup_of_text(path: Path) -> None:
    text = path.read_text().replace("http://www.w3.org/2000/svg", "")
    assert not ELSEWHERE.findall(text)
    assert not SINKS.findall(text)
    assert path.suffix != ".html" or not INLINE.findall(text)
    assert len(text.splitlines()) <= LINES


def test_the_policy_lets_nothing_run_but_our_own_files() -> None:
    policy = dict(part.partition(" ")[::2] for part in assets.CONTENT_SECURITY_POLICY.split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["form-action"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in assets.CONTENT_SECURITY_POLICY
