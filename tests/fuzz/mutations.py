"""Ways to spoil a message: of its meaning, its structure, its bytes. Seeded; the same seed, the same mess.

A document is a JSON tree as a venue would send it. `mangle` spoils the tree (a field is gone, twice, of
another kind, not a number, of the wrong unit, absurd), or the bytes (cut, flipped, not UTF-8), or both.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

Tree = Any  # what json.loads returns

# Written as they are, where a number stood: JSON that is none, numbers that no float or integer holds.
RAW_TOKENS = (
    "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e-999", "0.0", "-0.0", "00012", "+1", ".5", "1.",
    "0x10", "1_000", "123456789012345678901234567890", "9223372036854775808", "-9223372036854775809",
    "18446744073709551616", "1e400000", "tru", "nul", "null", "true", "[]", "{}", '""', "''", "undefined",
    "1,5", "4.9E-324", "1.7976931348623157e308", "1e308", "0.00000000000001", "--1",
)  # fmt: skip
STRINGS = (
    "", " ", "\x00", "\x7f", "AAPL\x00", "aapl", "É", "💥", "\ud800", "A" * 70, "A" * 5000, "NaN",
    "1.5", "null", "*", "T.*", "../../etc/passwd", "%s%n", "O:SPY", "I:", "\u202e", "2026-13-45", "-1",
)  # fmt: skip
NUMBERS = (
    0, -1, 1, -0.01, 0.0001, 1e-12, 1e9, 1e12, 1e18, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 1e300, 5e-324,
)  # fmt: skip
FACTORS = (-1.0, 0.0, 1e-9, 1e-6, 0.001, 0.01, 0.1, 0.5, 2.0, 10.0, 100.0, 1000.0, 1e6, 1e9)
DEPTH = 600  # of a nest that no parser of ours may follow to the end of its stack


class _Raw(str):
    """Text that takes the place of a value, unquoted."""


def mangle(document: Tree, random: Random) -> bytes:
    """Return the document, spoiled; now and then as it was."""
    draw = random.random()
    if draw < 0.05:
        return encode(document)
    if draw < 0.70:
        tree = document
        for _ in range(1 if draw < 0.5 else random.randint(2, 6)):
            tree = _spoil(tree, random)
        return encode(tree)
    body = encode(document if draw < 0.85 else _spoil(document, random))
    for _ in range(random.randint(1, 4)):
        body = random.choice(BYTE_WAYS)(body, random)
    return body


def encode(tree: Tree) -> bytes:
    """Return JSON, or what was put in its place, as bytes; lone surrogates as they would come."""
    raws: list[str] = []

    def marked(value: Tree) -> Tree:
        if isinstance(value, _Raw):
            raws.append(str(value))
            return f"\x01{len(raws) - 1}\x01"
        if isinstance(value, dict):
            return {key: marked(each) for key, each in value.items()}
        if isinstance(value, list):
            return [marked(each) for each in value]
        return value

    text = json.dumps(marked(tree), separators=(",", ":"), ensure_ascii=False)
    for number, raw in enumerate(raws):
        text = text.replace(f'"\\u0001{number}\\u0001"', raw, 1)
    return text.encode("utf-8", "surrogatepass")


def _spoil(tree: Tree, random: Random) -> Tree:
    """Return the tree with one thing wrong, somewhere in it."""
    if isinstance(tree, list) and tree:
        if random.random() < 0.15:
            return random.choice(LIST_WAYS)(tree, random)
        at = random.randrange(len(tree))
        return [*tree[:at], _spoil(tree[at], random), *tree[at + 1 :]]
    if isinstance(tree, dict) and tree:
        if random.random() < 0.25:
            return random.choice(DICT_WAYS)(tree, random)
        key = random.choice(list(tree))
        return {**tree, key: _spoil(tree[key], random)}
    return _value(tree, random)


def _value(value: Tree, random: Random) -> Tree:
    """Return something else than a value."""
    draw = random.random()
    if isinstance(value, int | float) and not isinstance(value, bool) and draw < 0.5:
        if draw < 0.2:
            return value * random.choice(FACTORS)
        if draw < 0.35:
            return value + random.choice((-1, 1)) * random.choice((0.01, 1, 60_000, 86_400_000))
        return random.choice(NUMBERS)
    if draw < 0.6:
        return _Raw(random.choice(RAW_TOKENS))
    if draw < 0.75:
        return random.choice(STRINGS)
    if draw < 0.8:
        return str(value)
    if draw < 0.82:
        return _Raw("[" * DEPTH + "]" * DEPTH)
    return random.choice((None, True, False, [], {}, [value], {"v": value}, [[value]], [value] * 50))


def _of_list(way: Callable[[list[Tree], int, Random], Tree]) -> Callable[[list[Tree], Random], Tree]:
    return lambda tree, random: way(tree, random.randrange(len(tree)), random)


LIST_WAYS: tuple[Callable[[list[Tree], Random], Tree], ...] = (
    _of_list(lambda tree, at, _: tree[:at] + tree[at + 1 :]),
    _of_list(lambda tree, at, _: [*tree, tree[at]]),
    _of_list(lambda tree, at, random: random.sample(tree, len(tree))),
    _of_list(lambda tree, at, _: tree[at]),
    _of_list(lambda tree, at, _: [tree]),
    _of_list(lambda tree, at, _: []),
    _of_list(lambda tree, at, _: None),
    _of_list(lambda tree, at, _: {"0": tree}),
    _of_list(lambda tree, at, _: [*tree[:at], None, *tree[at:]]),
    _of_list(lambda tree, at, _: tree * 20),
)


def _of_dict(
    way: Callable[[dict[str, Tree], str, Random], Tree],
) -> Callable[[dict[str, Tree], Random], Tree]:
    return lambda tree, random: way(tree, random.choice(list(tree)), random)


def _swapped(tree: dict[str, Tree], key: str, random: Random) -> Tree:
    other = random.choice(list(tree))
    return {**tree, key: tree[other], other: tree[key]}


DICT_WAYS: tuple[Callable[[dict[str, Tree], Random], Tree], ...] = (
    _of_dict(lambda tree, key, _: {name: each for name, each in tree.items() if name != key}),
    _of_dict(_swapped),
    _of_dict(lambda tree, key, random: {**tree, random.choice(STRINGS): tree[key]}),
    _of_dict(lambda tree, key, random: {**tree, f"{key}x": tree[key]}),
    _of_dict(lambda tree, key, _: {name.upper(): each for name, each in tree.items()}),
    _of_dict(lambda tree, key, _: list(tree.values())),
    _of_dict(lambda tree, key, _: [tree]),
    _of_dict(lambda tree, key, _: {}),
    _of_dict(lambda tree, key, _: None),
    _of_dict(lambda tree, key, random: {**tree, **{f"k{number}": number for number in range(200)}}),
)


def _cut(body: bytes, random: Random) -> bytes:
    return body[: random.randrange(len(body) + 1)]


def _flip(body: bytes, random: Random) -> bytes:
    if not body:
        return b"\xff"
    at = random.randrange(len(body))
    return body[:at] + bytes([body[at] ^ (1 << random.randrange(8))]) + body[at + 1 :]


def _insert(body: bytes, random: Random) -> bytes:
    at = random.randrange(len(body) + 1)
    return body[:at] + random.randbytes(random.randint(1, 8)) + body[at:]


def _repeat(body: bytes, random: Random) -> bytes:
    first, last = sorted((random.randrange(len(body) + 1), random.randrange(len(body) + 1)))
    return body[:last] + body[first:last] + body[last:]


def _drop(body: bytes, random: Random) -> bytes:
    first, last = sorted((random.randrange(len(body) + 1), random.randrange(len(body) + 1)))
    return body[:first] + body[last:]


def _noise(body: bytes, random: Random) -> bytes:
    return random.randbytes(random.randint(0, 64))


def _twice(body: bytes, random: Random) -> bytes:
    return body + body


BYTE_WAYS: tuple[Callable[[bytes, Random], bytes], ...] = (
    _cut, _flip, _flip, _flip, _insert, _repeat, _drop, _noise, _twice,
)  # fmt: skip
