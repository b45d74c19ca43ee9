"""Every rs. helper of mongosh against a set of five processes; what they print must be what they print with mongod.

clients/rs.txt is the transcript of a mongod 6.0.5.
"""

import os
import subprocess
from pathlib import Path

from harness import environments
from harness.cluster import Cluster
from harness.report import CheckFailed

CLIENTS = Path(__file__).with_name("clients")
TRANSCRIPT = CLIENTS / "rs.txt"
TIMEOUT = 300


def run(report, server):
    if report.wanted("rs. helpers"):
        with report.test("mongosh: all rs. helpers"):
            with Cluster(server, members=5) as cluster:
                cluster.start()
                compare(transcript(cluster))


def transcript(cluster):
    """The lines that clients/rs.js prints."""
    shell = environments.node_modules() / ".bin" / "mongosh"
    done = subprocess.run(
        [str(shell), "--quiet", "--norc", "mongodb://%s/?directConnection=true" % cluster.addresses[0], "--file", str(CLIENTS / "rs.js")],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT,
        env={**os.environ, "HOSTS": ",".join(cluster.addresses)})
    lines = [line for line in done.stdout.splitlines() if " => " in line or line.startswith(("END", "never: "))]
    if not lines or lines[-1] != "END":
        raise CheckFailed("the transcript does not end:\n%s" % done.stdout[-3000:])
    return lines


def compare(lines):
    want = TRANSCRIPT.read_text().splitlines()
    for i in range(max(len(lines), len(want))):
        got, expect = (part[i] if i < len(part) else "nothing" for part in (lines, want))
        if got != expect:
            raise CheckFailed("line %d of the transcript:\n  got      %s\n  expected %s" % (i + 1, got, expect))
