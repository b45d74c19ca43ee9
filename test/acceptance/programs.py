"""Small programs as people write them, with libraries on top of the drivers: mongoose, MongoEngine, GridFS; and a session with mongo-express."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from harness import environments
from harness.cluster import Cluster, free_ports
from harness.report import Skipped, check, equal

CLIENTS = Path(__file__).with_name("clients")
GRIDFS_MEGABYTES = 100
TIMEOUT = 300

MONGOENGINE = {"duplicate": True, "titles": ["renamed", "post 4"], "votes": 11, "author": "ada", "tags": ["all", "new", "t0", "t1", "t2"],
               "count": 3, "only": "post 0", "modified": ["x"], "indexes": ["_id_", "author_1_title_-1", "tags_1"], "after cascade": 2}
MONGOOSE = {"duplicate": 11000, "author": "ada", "votes": 11, "titles": ["renamed"], "comments": 2, "tags": ["all", "new", "t0", "t1", "t2", "x"],
            "count": 2, "replaced": ["x"], "deleted": 1, "indexes": ["_id_", "tags_1"]}
MONGO_EXPRESS = {"front": ["shop", "MongoDB Version", "6.0.5", "Uptime"], "database": ["items", "Collections", "Indexes"], "list": ["tea", "coffee", "name_1"],
                 "simple": ["tea"], "exported": [["coffee", 4, None], ["tea", 5, ["hot"]]], "renamed": True, "dropped": True}
GRIDFS = {"equal": True, "length": GRIDFS_MEGABYTES << 20, "last": GRIDFS_MEGABYTES - 1, "files": ["large"], "chunks left": 0}


def run(report, server):
    names = {"mongoose": _mongoose, "MongoEngine": _mongoengine, "mongo-express": _mongo_express, "GridFS": _gridfs}
    wanted = {name: program for name, program in names.items() if report.wanted(name)}
    if not wanted:
        return
    with Cluster(server).start().initiate() as cluster:
        for name, program in wanted.items():
            with report.test("%s program" % name, cluster):
                program(cluster.uri)


def _python(packages, program, *arguments):
    libraries = environments.python_packages(*packages)
    return _read([sys.executable, str(CLIENTS / program), *arguments], PYTHONPATH=str(libraries))


def _mongoengine(uri):
    equal(_python(["mongoengine>=0.29,<0.30", "pymongo==4.10.1"], "mongoengine_program.py", uri), MONGOENGINE, "what the program read")


def _gridfs(uri):
    equal(_python(["pymongo==4.10.1"], "gridfs_program.py", uri, str(GRIDFS_MEGABYTES)), GRIDFS, "what the program read")


def _mongoose(uri):
    if not shutil.which("node"):
        raise Skipped("node is absent")
    modules = environments.node_packages("mongoose@8")
    equal(_read(["node", str(CLIENTS / "mongoose_program.cjs"), uri], NODE_PATH=str(modules)), MONGOOSE, "what the program read")


def _mongo_express(uri):
    if not shutil.which("node"):
        raise Skipped("node is absent")
    modules = environments.node_packages("mongo-express@1.1.0-rc-4")  # the newest whose dependencies are all published
    command = ["node", str(CLIENTS / "mongo_express_program.cjs"), uri, str(free_ports(1)[0])]
    equal(_read(command, NODE_PATH=str(modules)), MONGO_EXPRESS, "what the pages showed")


def _read(command, **variables):
    """The JSON in the last line that a program prints."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT,
                          env={**os.environ, **variables})
    check(done.returncode == 0, "%s failed:\n%s", command[1], done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])
