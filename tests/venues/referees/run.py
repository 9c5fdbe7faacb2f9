"""Let clients that we did not write, in languages and licences of their own, judge the TWS peer.

    python -m tests.venues.referees.run --python PYTHON_WITH_IBAPI --node FOLDER_WITH_NODE_MODULES

Each runs the scenario at several server versions against a fresh peer. It prints one line a run, and fails
where a referee finds something else than it should. A referee that is not there is skipped with the reason.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from random import Random

from livetrader_venues.tws import peer, script
from livetrader_venues.tws.script import Player
from livetrader_venues.tws.server import Server
from livetrader_venues.tws.settings import Settings
from tests.venues.referees.scenario import COMPLETED_SINCE, EXPECTED, EXPECTED_COMPLETED
from tests.venues.referees.scenario import script as scenario

HERE = Path(__file__).resolve().parent
LIMIT_S = 20
OFFICIAL_VERSIONS = (100, 124, 157, 163, 176, 178)
NODE_VERSIONS = (157, 176, 178)


async def played(command: list[str], version: int) -> tuple[str, str]:
    """Run one referee against a fresh peer. Return what it printed and what it complained of."""
    gateway = peer.gateway(settings=Settings(highest_version=version), now_ns=time.time_ns())
    Player(gateway, script.parsed(scenario()), Random(1)).start()
    async with Server(gateway, clock=time.time_ns) as server:
        process = await asyncio.create_subprocess_exec(
            *command, str(server.port), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            async with asyncio.timeout(LIMIT_S):
                out, complaints = await process.communicate()
        except TimeoutError:
            process.kill()
            out, complaints = await process.communicate()
    return out.decode(), complaints.decode()


def judged(command: list[str], version: int) -> list[str]:
    """Return what is wrong with a run, nothing where all is as expected."""
    out, complaints = asyncio.run(played(command, version))
    found = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    expected = [*EXPECTED, *([EXPECTED_COMPLETED] if version >= COMPLETED_SINCE else [])]
    wrong = [
        f"{step}: {each['found']!r}, not {value!r}"
        for (step, value), each in zip(expected, found, strict=False)
        if each != {"step": step, "found": value}
    ]
    if len(found) != len(expected):
        tail = (complaints or out)[-400:]
        wrong.append(f"{len(found)} of {len(expected)} steps; {tail}")
    return wrong


def referees(python: str, node: Path) -> list[tuple[str, list[str], tuple[int, ...], str]]:
    """Return every referee: name, command, versions, and why it is skipped where it is."""
    official = subprocess.run([python, "-c", "import ibapi"], capture_output=True, check=False)
    no_node = "" if shutil.which("node") else "node is not installed"
    if not no_node and not (node / "node_modules" / "@stoqey" / "ib").is_dir():
        no_node = f"@stoqey/ib is not in {node}"
    return [
        (
            "ibapi",
            [python, str(HERE / "official.py")],
            OFFICIAL_VERSIONS,
            "" if official.returncode == 0 else f"{python} has no ibapi",
        ),
        ("@stoqey/ib", ["node", str(HERE / "stoqey.cjs"), str(node)], NODE_VERSIONS, no_node),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--node", type=Path, default=Path())
    said = parser.parse_args()
    failed = False
    for name, command, versions, skipped in referees(said.python, said.node):
        if skipped:
            print(f"{name}: skipped, {skipped}")
            continue
        for version in versions:
            wrong = judged(command, version)
            failed |= bool(wrong)
            print(f"{name} at {version}: {'; '.join(wrong) or 'all steps as expected'}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
