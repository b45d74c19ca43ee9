"""A rolling restart: every member is stopped cleanly and started again while 16 writers go on, with default settings. No error reaches the application."""

import sys
import tempfile
import time
from pathlib import Path

from drivers import CLIENTS, END_TIMEOUT, START_TIMEOUT, Client, go_command
from harness import environments
from harness.cluster import Cluster
from harness.report import check, equal, note

WRITERS = 16
ROUNDS = 2           # restarts of each member
LOAD_SECONDS = 0.5   # between two restarts


def run(report, server):
    for name, command in (("PyMongo", _pymongo), ("Go driver", _go)):
        story = "%s: a rolling restart under %d writers, no error, each write once" % (name, WRITERS)
        if report.wanted(story):
            with report.test(story):
                with Cluster(server).start().initiate() as cluster, tempfile.TemporaryDirectory(prefix="morton-client-") as folder:
                    _roll(cluster, command, Path(folder) / "stop")


def _pymongo(uri, stop_file):
    libraries = environments.python_packages("pymongo==4.10.1")
    return [sys.executable, str(CLIENTS / "writers.py"), uri, stop_file, str(WRITERS)], {"PYTHONPATH": str(libraries)}


def _go(uri, stop_file):
    command, variables = go_command("TestWriters", uri, stop_file)
    return command, {**variables, "ACCEPTANCE_WRITERS": str(WRITERS)}


def _roll(cluster, command, stop_file):
    client = Client(*command(cluster.uri, str(stop_file)))
    try:
        client.expect("loading", START_TIMEOUT)
        for _ in range(ROUNDS):
            for member in cluster.members:
                time.sleep(LOAD_SECONDS)
                client.check_running()
                code = member.stop()
                check(code == 0, "%s ended with %r", member, code)
                time.sleep(LOAD_SECONDS)
                member.start()
                cluster.wait_healthy()
        client.check_running()
        stop_file.touch()
        result = client.expect("done", END_TIMEOUT)
    finally:
        client.kill()
    with cluster.wait_primary().connect() as connection:
        documents = connection.run("acceptance", {"count": "items"})["n"]
        counters = sum(d["n"] for d in connection.documents("acceptance", {"find": "counters"}))
    check(result["writes"] > 0, "nothing was written")
    equal((documents, counters), (result["writes"], result["writes"]), "documents and increments after %d writes of each" % result["writes"])
    note("%d inserts and as many increments acknowledged, the slowest took %d ms" % (result["writes"], result["slowest ms"]))
