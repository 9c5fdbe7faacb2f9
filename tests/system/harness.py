"""Boots a real systemd as PID 1 in namespaces of its own, with our package installed at /opt/livetrader.

The root file system is an overlay: this machine's files below, a throw-away tmpfs on top. What a test wants
to find there (units, users, configuration, the installed package) is prepared as a plain folder, the *layer*,
and copied on top before systemd starts. Only the units of the layer exist: no host service, udev or getty.
Killing the one outer process ends everything inside, and nothing written inside survives.

The shipped units run unmodified at the paths they name; tests shorten their times with drop-ins.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from zipfile import ZipFile

SYSTEMD = Path("/lib/systemd/systemd")
TOOLS = ("unshare", "nsenter", "mount", "umount", "pivot_root", "ldconfig", "systemctl", "useradd")
BOOT_LIMIT_S = 20.0
COMMAND_LIMIT_S = 60.0
POLL_S = 0.05
UNIT_FOLDER = "/opt/units"  # in the layer; SYSTEMD_UNIT_PATH names it and nothing else
LOG_FOLDER = "/opt/logs"

# Targets that units name; the real ones would pull the host's services in.
TARGETS = (
    "basic.target",
    "sysinit.target",
    "shutdown.target",
    "umount.target",
    "final.target",
    "multi-user.target",
    "network-online.target",
    "time-sync.target",
)

# Runs as PID 1 of the new namespaces and becomes systemd. $1 work folder, $2 layer, then pairs: from to.
ENTER = r"""
set -eu
work=$1 layer=$2
shift 2
mount --make-rprivate /
mount -t tmpfs -o mode=0755 none "$work"
mkdir "$work/upper" "$work/scratch" "$work/root"
cp -a "$layer/." "$work/upper/"
chmod 0755 "$work/upper"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/scratch" "$work/root"
root=$work/root
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mkdir -p "$root/sys/fs/cgroup"
mount -t cgroup2 none "$root/sys/fs/cgroup"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=0755 none "$root/run"
mount -t tmpfs -o mode=1777 none "$root/tmp"
while [ $# -gt 0 ]; do
  mkdir -p "$root$2"
  mount --bind -o ro "$1" "$root$2"
  shift 2
done
if command -v ip >/dev/null; then ip link set lo up; fi
mkdir -p "$root/old-root"
cd "$root"
pivot_root . old-root
umount -l /old-root
mount --make-rshared /
ldconfig
export container=livetrader-tests
export SYSTEMD_UNIT_PATH=/opt/units
export SYSTEMD_GENERATOR_PATH=/nowhere SYSTEMD_ENVIRONMENT_GENERATOR_PATH=/nowhere
exec /lib/systemd/systemd --system --unit=ready.target --show-status=0 --log-target=null
"""


def unavailable() -> str | None:
    """Return why a systemd cannot be booted here, None where it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs root on Linux"
    if not SYSTEMD.exists():
        return f"needs {SYSTEMD}"
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [tool for tool in TOOLS if shutil.which(tool, path=path) is None]
    if missing:
        return f"needs {', '.join(missing)}"
    if _cgroup2() is None:
        return "needs a cgroup2 mount that can be written to"
    trial = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--cgroup", "--net", "true"], check=False
    )
    return None if trial.returncode == 0 else "needs the right to make namespaces (unshare)"


def _cgroup2() -> Path | None:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 "):
            place = Path(before.split()[4])
            return place if os.access(place, os.W_OK) and not after.endswith("ro") else None
    return None


def wait_until(holds: Callable[[], bool], limit_s: float, what: str) -> float:
    """Poll another process until `holds`, return the seconds it took; raise AssertionError at the limit."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > limit_s:
            raise AssertionError(f"not within {limit_s} s: {what}")
        time.sleep(POLL_S)
    return time.monotonic() - begun


@dataclass(frozen=True, slots=True)
class Layer:
    """What lies on top of this machine's files: a folder, and folders of this machine shown elsewhere."""

    folder: Path
    shown: dict[Path, str]

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Put a file into the layer; `path` is absolute, as seen inside."""
        target = self.folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(mode)

    def unit(self, name: str, text: str) -> None:
        """Put a unit, or a drop-in as NAME.d/x.conf, where systemd looks for it."""
        self.write(f"{UNIT_FOLDER}/{name}", text)


def make_layer(folder: Path, wheel: Path) -> Layer:
    """Lay out targets, root as the only user, and the installed wheel; dependencies are shown, not copied."""
    layer = Layer(folder, {Path(sysconfig.get_paths()["purelib"]): "/opt/dependencies"})
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    for name in TARGETS:
        layer.unit(name, f"[Unit]\nDescription={name}\nDefaultDependencies=no\n")
    layer.unit("ready.target", "[Unit]\nDescription=Ready\nDefaultDependencies=no\nAllowIsolate=yes\n")
    layer.write("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")
    layer.write("/etc/group", "root:x:0:\n")
    for name in ("shadow", "gshadow"):
        layer.write(f"/etc/{name}", "root:*::\n", 0o600)
    layer.write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\n")
    layer.write(f"{LOG_FOLDER}/.keep", "")
    _install(layer, wheel)
    return layer


def _install(layer: Layer, wheel: Path) -> None:
    """Write a virtual environment with the wheel at /opt/livetrader, by hand: its paths exist only inside."""
    base = Path(sys.base_prefix)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    home = str(base)
    if not base.is_relative_to("/usr"):  # an interpreter in somebody's home, which ProtectHome= would hide
        home = "/opt/python"
        layer.shown[base] = home
        layer.write("/etc/ld.so.conf.d/00-python.conf", f"{home}/lib\n")
    site = layer.folder / "opt/livetrader/lib" / version / "site-packages"
    site.mkdir(parents=True)
    with ZipFile(wheel) as archive:
        archive.extractall(site)
    (data,) = site.glob("*.data/data")  # what pip puts below the environment itself
    shutil.copytree(data, layer.folder / "opt/livetrader", dirs_exist_ok=True)
    (site / "dependencies.pth").write_text("/opt/dependencies\n")
    layer.write(
        "/opt/livetrader/pyvenv.cfg",
        f"home = {home}/bin\ninclude-system-site-packages = false\nversion = 3\n",
    )
    binaries = layer.folder / "opt/livetrader/bin"
    binaries.mkdir()
    (binaries / "python").symlink_to(f"{home}/bin/{version}")
    command = "import sys\nfrom livetrader.cli.main import main\nsys.exit(main())\n"
    script = f"#!/opt/livetrader/bin/python\n{command}"
    layer.write("/opt/livetrader/bin/livetrader", script, 0o755)


class BootedSystem:
    """A running systemd; leaving the context kills it with everything in it and removes its cgroup."""

    def __init__(self, folder: Path, layer: Layer) -> None:
        self._layer = layer
        self._work = folder / "work"
        self._work.mkdir()
        self._console = folder / "console.log"
        self._outer: subprocess.Popen[bytes] | None = None
        base = _cgroup2()
        assert base is not None
        self._cgroup = base / f"livetrader-tests-{os.getpid()}"
        self.installed: dict[str, Any] = {}  # what installing an account has answered, by its name

    def __enter__(self) -> BootedSystem:
        self._cgroup.mkdir()
        pairs = [str(word) for pair in self._layer.shown.items() for word in pair]
        inner = [
            "bash",
            "-c",
            ENTER,
            "enter",
            str(self._work),
            str(self._layer.folder),
            *pairs,
        ]
        spaces = ["--mount", "--pid", "--fork", "--cgroup", "--uts", "--ipc", "--net", "--kill-child=SIGKILL"]
        outer = [
            "bash",
            "-c",
            f'echo $$ > {self._cgroup}/cgroup.procs && exec "$@"',
            "outer",
            "unshare",
            *spaces,
        ]
        with self._console.open("ab") as log:
            self._outer = subprocess.Popen(
                [*outer, *inner], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        try:
            wait_until(self._is_up, BOOT_LIMIT_S, "systemd answers")
        except AssertionError as error:
            self.__exit__(None, None, None)
            raise AssertionError(f"{error}\n{self.console()}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._outer is not None
        self._outer.send_signal(signal.SIGKILL)  # --kill-child takes PID 1 along, and that takes everything
        self._outer.wait()
        wait_until(self._cgroup_is_gone, BOOT_LIMIT_S, "the cgroup is empty")

    def _is_up(self) -> bool:
        assert self._outer is not None
        assert self._outer.poll() is None, self.console()
        if self._pid() is None:
            return False
        return self.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded")

    def _pid(self) -> str | None:
        assert self._outer is not None
        children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children").read_text().split()
        return children[0] if children else None

    def _cgroup_is_gone(self) -> bool:
        if self._cgroup.exists():
            for folder, _, _ in os.walk(self._cgroup, topdown=False):
                try:
                    Path(folder).rmdir()
                except OSError:
                    return False  # a process in it is still dying
        return True

    def console(self) -> str:
        """Return what the way to systemd printed: mounts that failed, a missing tool."""
        return self._console.read_text(errors="replace")

    def run(self, *command: str, user: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command inside, as root or as `user`, and return its result; never raises on a bad exit."""
        pid = self._pid()
        assert pid is not None, self.console()
        words = ["nsenter", "--target", pid, "--all", "--root", "--wd", "--"]
        if user is not None:
            words += ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
        }
        return subprocess.run(
            [*words, *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT_S,
            check=False,
        )

    def read(self, path: str) -> bytes | None:
        """Return the content of a file inside, None where there is none."""
        pid = self._pid()
        assert pid is not None, self.console()
        try:
            return Path(f"/proc/{pid}/root{path}").read_bytes()
        except FileNotFoundError:
            return None

    def put(self, path: str, content: bytes, owner: str) -> None:
        """Write a file inside, of a user's own."""
        pid = self._pid()
        assert pid is not None, self.console()
        Path(f"/proc/{pid}/root{path}").write_bytes(content)
        self.run("chown", f"{owner}:{owner}", path)

    def show(self, unit: str, *names: str) -> Mapping[str, str]:
        """Return properties of a unit."""
        done = self.run("systemctl", "show", unit, *(f"--property={name}" for name in names))
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    def log(self, unit: str) -> str:
        """Return what a unit wrote, where its drop-in sends its output to LOG_FOLDER/UNIT."""
        return self.run("cat", f"{LOG_FOLDER}/{unit}").stdout
