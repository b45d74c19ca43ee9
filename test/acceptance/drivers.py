"""Today's drivers through failovers: the Node driver, mongosh and the Go driver, each under a load of its own.

Each client program prints a line of JSON per event and ends when the stop file appears. Meanwhile the primary is
killed and restarted. No error may reach the application; every write that was acknowledged took effect once.
The one exception is an error of the Node driver's own making, see clients/load.cjs.
"""

import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from harness import environments
from harness.cluster import REPO, Cluster
from harness.report import CheckFailed, Skipped, check, equal, note

CLIENTS = Path(__file__).with_name("clients")
START_TIMEOUT, END_TIMEOUT = 180, 60  # the Go client is compiled first
LOAD_SECONDS = 1.0                    # under load before each kill

CRUD_RESULT = {"first": {"_id": "a", "n": 11, "name": "first"}, "sorted": ["b", "a"], "count": 3,
               "distinct": ["first"], "upserted": "d"}


def run(report, server, kills):
    for name, command in (("Node driver", _node), ("Node driver, polling", _node_polling), ("mongosh", _mongosh), ("Go driver", _go)):
        if report.wanted(name):
            _driver(report, server, name, command, kills)


def _node(uri, stop_file):
    modules = environments.node_modules()
    return ["node", str(CLIENTS / "node.cjs"), uri, stop_file], {"NODE_PATH": str(modules)}


def _node_polling(uri, stop_file):
    """Without the pushed topology, so that the monitor is never the first to see a dead primary; see load.cjs."""
    command, variables = _node(uri + "&serverMonitoringMode=poll", stop_file)
    return command, {**variables, "STRICT": "1"}


def _mongosh(uri, stop_file):
    shell = environments.node_modules() / ".bin" / "mongosh"
    patient = uri + "&serverSelectionTimeoutMS=30000"  # the drivers' default; mongosh's own is 2 s on this host
    return ([str(shell), "--quiet", "--norc", patient, "--file", str(CLIENTS / "mongosh.js")],
            {"LOAD": str(CLIENTS / "load.cjs"), "STOP_FILE": stop_file})


def _go(uri, stop_file):
    return go_command("TestDriverUnderLoad", uri, stop_file)


def go_command(test, uri, stop_file):
    """The command of a test of godriver."""
    if not shutil.which("go"):
        raise Skipped("go is absent")
    return (["go", "test", "-tags", "acceptance", "-count=1", "-v", "-run", test, "./test/acceptance/godriver"],
            {"ACCEPTANCE_URI": uri, "ACCEPTANCE_STOP_FILE": stop_file})


class Client:
    """A running client program and the events that it printed."""

    def __init__(self, command, variables):
        self._process = subprocess.Popen(command, cwd=REPO, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, text=True, env={**os.environ, **variables})
        self._events, self._other = queue.Queue(), []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            try:
                self._events.put(json.loads(line))
            except ValueError:
                self._other.append(line)
        self._events.put({"event": "ended"})

    def expect(self, event, timeout):
        """The next event, which must be of that kind."""
        try:
            got = self._events.get(timeout=timeout)
        except queue.Empty:
            raise CheckFailed("no event %s within %d s; output:\n%s" % (event, timeout, "".join(self._other))) from None
        check(got.get("event") == event, "expected the event %s, got %s\n%s", event, got, "".join(self._other[-40:]))
        return {name: value for name, value in got.items() if name != "event"}

    def check_running(self):
        """Fails with what the client said when it has ended, or reported an error, under load."""
        if not self._events.empty():
            self.expect("nothing, it is under load", 1)

    def kill(self):
        self._process.kill()
        self._process.wait()


def _driver(report, server, name, command, kills):
    with tempfile.TemporaryDirectory(prefix="morton-client-") as folder:
        stop_file = Path(folder) / "stop"
        with report.test("%s: CRUD with replicaSet=" % name):
            with Cluster(server).start().initiate() as cluster:
                client = Client(*command(cluster.uri, str(stop_file)))
                try:
                    equal(client.expect("crud", START_TIMEOUT), CRUD_RESULT, "results of the CRUD calls")
                    client.expect("loading", END_TIMEOUT)
                    story = "%s: %d kills of the primary under load, no error, each write once" % (name, kills)
                    with report.test(story, cluster):
                        _kill_under_load(cluster, client, kills)
                        stop_file.touch()
                        _verify(cluster, client.expect("done", END_TIMEOUT))
                finally:
                    client.kill()


def _kill_under_load(cluster, client, kills):
    for _ in range(kills):
        time.sleep(LOAD_SECONDS)
        client.check_running()
        primary = cluster.wait_primary()
        primary.kill()
        cluster.wait_primary()
        time.sleep(LOAD_SECONDS)
        primary.start()
        cluster.wait_healthy()
    client.check_running()


def _verify(cluster, result):
    """What the client saw, and what the set holds."""
    writes = result["writes"]
    check(writes > 0, "the load wrote nothing")
    equal((result["counter"], result["documents"], result["reads"]), (writes, writes, writes),
          "counter, documents and reads as the client sees them after %d writes" % writes)
    with cluster.wait_primary().connect() as connection:
        identities = [d["_id"] for d in connection.documents("acceptance", {"find": "items", "sort": {"_id": 1}})]
    check([int(i) for i in identities] == list(range(writes)), "the set does not hold 0 to %d once each", writes - 1)
    missed = result.get("missed", 0)
    note("%d writes acknowledged, %s" % (writes, "%d errors that the Node driver should have retried" % missed if missed else "no error"))
