"""Members as real processes: start, kill, suspend, restart; and the set that they make."""

import contextlib
import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from . import wire
from .report import CheckFailed, Fatal, eventually, note

REPO = Path(__file__).resolve().parents[2]
CACHE = REPO / ".cache" / "acceptance"

FIRST_PORT, LAST_PORT = 29000, 31700  # below the ephemeral range, and the console's port + 1000 is, too


class Server:
    """A server binary, and how its command line differs from the article's."""

    def __init__(self, binary, reference=False):
        self.binary = str(binary)
        self.reference = reference  # a real mongod, which proves that the test itself is right
        self.console = [] if reference else ["--rest"]

    def arguments(self, dbpath, host, port, replica_set=None, extra=()):
        line = [self.binary, "--dbpath", str(dbpath), "--port", str(port)]
        if replica_set:
            line += ["--replSet", replica_set]
        if self.reference:  # a real mongod takes its own name in the set from its bind address
            line += ["--bind_ip", host, "--wiredTigerCacheSizeGB", "0.25"]
        return line + list(extra)


def add_server_options(parser):
    """The options with which every script is told what to test."""
    parser.add_argument("--binary", help="a morton binary that is already built")
    parser.add_argument("--mongod", help="test this real mongod in place of Morton, to prove the test")


def chosen_server(options):
    """The server that the options of add_server_options name, built if need be."""
    if options.mongod:
        return Server(options.mongod, reference=True)
    return Server(mongod_link(options.binary or build_morton()))


def build_morton(*flags, name="morton"):
    """Builds cmd/morton as it is shipped: static and stripped."""
    target = CACHE / "bin" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["go", "build", "-trimpath", "-ldflags", "-s -w", *flags, "-o", str(target), "./cmd/morton"],
                   cwd=REPO, env={**os.environ, "CGO_ENABLED": "0"}, check=True)
    return target


def mongod_link(binary):
    """A link named mongod to a morton binary: called by that name it is `morton serve`."""
    link = CACHE / "bin" / "mongod"
    link.parent.mkdir(parents=True, exist_ok=True)
    temporary = link.with_name("mongod.%d" % os.getpid())
    temporary.symlink_to(Path(binary).resolve())
    temporary.replace(link)
    return link


def free_ports(count):
    """Consecutive ports that are free now, as are the console ports 1000 above them."""
    for _ in range(200):
        first = random.randrange(FIRST_PORT, LAST_PORT - count)
        if all(_free(first + i) and _free(first + i + 1000) for i in range(count)):
            return list(range(first, first + count))
    raise CheckFailed("no %d consecutive free ports from %d on" % (count, FIRST_PORT))


def _free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Member:
    """One server process and its data directory."""

    def __init__(self, server, dbpath, port, replica_set=None, extra=(), host="localhost"):
        self.dbpath, self.port, self.address = Path(dbpath), port, "%s:%d" % (host, port)
        self.command_line = server.arguments(dbpath, host, port, replica_set, extra)
        self.log_path = self.dbpath.with_suffix(".log")
        self.process = None

    def __repr__(self):
        return self.address

    @property
    def pid(self):
        return self.process.pid

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def start(self):
        """Starts the process without waiting for it."""
        self.dbpath.mkdir(parents=True, exist_ok=True)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command_line, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, preexec_fn=_die_with_parent)
        return self

    def wait_ready(self, timeout=60):
        """Waits until the member answers a ping."""
        eventually(self.answers, timeout, "%s answers ping" % self, interval=0.01)
        return self

    def answers(self):
        """Whether the member answers a ping now."""
        if not self.running:
            raise Fatal("%s exited with %r; the end of its log:\n%s" % (self, self.process.poll(), self.log_tail()))
        with self.connect(timeout=2) as connection:
            return connection.command("admin", {"ping": 1}).get("ok") == 1

    def connect(self, timeout=20):
        return wire.Connection(self.address, timeout)

    def command(self, database, command, timeout=20):
        """Runs one command that must succeed, on a connection of its own."""
        with self.connect(timeout) as connection:
            return connection.run(database, command)

    def hello(self, timeout=2):
        return self.command("admin", {"isMaster": 1}, timeout)

    def kill(self):
        """kill -9; it ends a suspended process, too."""
        self.send_kill()
        self.process.wait()

    def send_kill(self):
        """kill -9 without waiting, so that several members die in one moment."""
        if self.running:
            self.process.send_signal(signal.SIGKILL)

    def suspend(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self, timeout=30):
        """A clean shutdown; the exit code."""
        if self.running:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode

    def wipe(self):
        """Removes the data of a member that is down."""
        shutil.rmtree(self.dbpath)

    def resident_bytes(self):
        return _status_kb(self.pid, "VmRSS") * 1024

    def log_tail(self, lines=15):
        if not self.log_path.exists():
            return ""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])


class Cluster:
    """A replica set of local processes, in a directory of its own that goes away with it."""

    def __init__(self, server, members=3, name="foo", host="localhost", extra=(), directory=None):
        self.server, self.name, self.keep = server, name, False
        self.directory = Path(directory or tempfile.mkdtemp(prefix="morton-test-"))
        ports = free_ports(members)
        addresses = ["%s:%d" % (host, port) for port in ports]
        self.members = []
        for i, port in enumerate(ports):
            # As in the article: the first member is told of all others, each other one of the first.
            seeds = addresses[1:] if i == 0 else addresses[:1]
            replica_set = name + ("/" + ",".join(seeds) if members > 1 else "")
            self.members.append(Member(server, self.directory / ("data%d" % (i + 1)), port, replica_set,
                                       [*server.console, *extra], host))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for member in self.members:
            if member.process is not None:
                member.kill()
        if kind is None and not self.keep:
            shutil.rmtree(self.directory, ignore_errors=True)
        else:
            note("data and logs are kept in %s" % self.directory)

    @property
    def addresses(self):
        return [member.address for member in self.members]

    @property
    def uri(self):
        return "mongodb://%s/?replicaSet=%s" % (",".join(self.addresses), self.name)

    @contextlib.contextmanager
    def _closed_on_failure(self):
        """A set that does not come up is stopped, and its files are kept."""
        try:
            yield
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise

    def start(self):
        """Starts all members and waits until they answer."""
        with self._closed_on_failure():
            for member in self.members:
                member.start()
            for member in self.members:
                member.wait_ready()
        return self

    def config(self, **settings):
        """The configuration with all members."""
        config = {"_id": self.name, "members": [{"_id": i, "host": a} for i, a in enumerate(self.addresses)]}
        return {**config, "settings": settings} if settings else config

    def initiate(self, **settings):
        """Initiates from the first member with a full configuration; waits for a primary and healthy members."""
        with self._closed_on_failure():
            self.members[0].command("admin", {"replSetInitiate": self.config(**settings)}, timeout=60)
            self.wait_healthy()
        return self

    def primary(self):
        """The member that says it is primary in the highest term, or None."""
        best = (b"", None)
        for member in self.members:
            with contextlib.suppress(OSError, EOFError, ValueError, wire.CommandFailed):
                hello = member.hello() if member.running else {}
                if hello.get("ismaster"):
                    best = max(best, (hello["electionId"], member), key=lambda pair: pair[0])
        return best[1]

    def wait_primary(self, timeout=60, other_than=None):
        """Waits for a primary (not other_than) that acknowledges."""
        def found():
            primary = self.primary()
            return primary if primary is not other_than else None
        return eventually(found, timeout, "the set has a primary")

    def wait_healthy(self, timeout=90):
        """Waits until one member is primary, the others are secondaries, and all of them name it."""
        def healthy():
            hellos = [member.hello() for member in self.members]
            primary = self.primary()
            return (primary and all(hello.get("primary") == primary.address for hello in hellos)
                    and sum(hello["secondary"] for hello in hellos) == len(self.members) - 1 and primary)
        return eventually(healthy, timeout, "one primary, known to all, and all other members secondaries", interval=0.05)

    def secondaries(self):
        primary = self.wait_primary()
        return [member for member in self.members if member is not primary]

    def member(self, address):
        """The member of that host:port."""
        return next(m for m in self.members if m.address == address)

    def log_tails(self):
        return "\n".join("--- %s\n%s" % (member, member.log_tail()) for member in self.members)


def _status_kb(pid, key):
    with open("/proc/%d/status" % pid) as status:
        for line in status:
            if line.startswith(key + ":"):
                return int(line.split()[1])
    raise CheckFailed("no %s of process %d" % (key, pid))


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with_parent():
    """No member outlives the script, even when the script is killed (Linux: PR_SET_PDEATHSIG)."""
    if _libc is not None:
        _libc.prctl(1, signal.SIGKILL)
