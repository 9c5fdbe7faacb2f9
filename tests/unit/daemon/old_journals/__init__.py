"""Journals as earlier versions wrote them: their tables, and their rows as text, built into files here.

The rows of schema-N.jsonl were written by the last version of each schema, letter by letter; nothing of this
package's own encoding takes part, so a change of it cannot hide in a round trip. They tell of a filled buy of
100, a working sell of 40, a charged training bucket and a halt.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path

ACCOUNT = "upgraded"
CREATED_NS = 1_577_970_000 * 10**9
INSTANCE = "xoj80i"  # what the name and the time of creation make, in the ids of its orders
SCHEMAS = (1, 2)

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE record (
    seq INTEGER PRIMARY KEY,
    time_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    client_order_id TEXT,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE INDEX record_by_order ON record (client_order_id) WHERE client_order_id IS NOT NULL;
CREATE VIEW readable AS
    SELECT seq, strftime('%Y-%m-%d %H:%M:%S', time_ns / 1000000000, 'unixepoch') AS utc,
           kind, client_order_id, body
    FROM record;
"""


def write_journal(path: Path, schema: int, account: str = ACCOUNT) -> None:
    """Write the journal that a livetrader of this schema would have left, closed in good order."""
    lines = Path(__file__).with_name(f"schema-{schema}.jsonl").read_text().splitlines()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(_TABLES)
    meta = {
        "account": account, "instance": INSTANCE, "created_ns": str(CREATED_NS),
        "schema_version": str(schema),
    }  # fmt: skip
    connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
    tail = ""
    for seq, body in enumerate(lines, 1):
        row = json.loads(body)
        client_order_id = row.get("client_order_id") or row.get("report", {}).get("client_order_id")
        text = f"{tail}\n{seq}\n{row['time_ns']}\n{row['type']}\n{body}"
        tail = hashlib.sha256(text.encode()).hexdigest()
        values = (seq, row["time_ns"], row["type"], schema, client_order_id, body, tail)
        connection.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    connection.commit()
    connection.close()
