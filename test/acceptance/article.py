"""The article word for word, for each PyMongo: start, initiate, connect in five ways, save, kill, reconnect.

The article is "Connecting to a Replica Set" of PyMongo's documentation (doc/examples/replica_set.rst since 1.8.1).
Where a later release changed its constructor, DIALECTS holds the statement of the same meaning.
"""

import contextlib
import time

from harness import environments
from harness.cluster import Cluster
from harness.report import CheckFailed, check, equal, eventually
from session import Session

INFO = "Config now saved locally.  Should come online in about a minute."
INFO2 = "no configuration explicitly specified -- making one"


class Dialect:
    """How one generation of PyMongo says what the article says."""

    def __init__(self, setup, first, forms, save, host, port, connect, eager):
        self.setup = setup
        self.first = first        # connect to a member that is not initiated
        self.forms = forms        # the article's five; h is the host, p1 to p3 are the ports
        self.save = save
        self.host, self.port = host, port
        self.connect = connect    # the connection that lives through the failover
        self.eager = eager        # no monitor thread: the constructor connects, and a dead primary shows as AutoReconnect


_DISCOVERING = 'MongoClient("mongodb://{h}:{p1},{h}:{p2},{h}:{p3}")'

FIRST = Dialect(
    setup="from pymongo import Connection; Connection.PORT = {p1}",  # 27017 in the article
    first='Connection("{h}:{p1}", slave_okay=True)',
    forms=['Connection("{h}")', 'Connection("{h}:{p2}")', 'Connection("{h}", {p3})',
           'Connection(["{h}:{p2}", "{h}:{p3}"])', 'Connection("mongodb://{h}:{p1},{h}:{p2},{h}:{p3}")'],
    save='db.test.save({{"x": 1}})', host="db.connection.host", port="db.connection.port",
    connect='Connection("{h}")', eager=True)

NAMED = Dialect(  # since 2.0 a single seed is a direct connection unless the set is named
    setup="from pymongo import Connection, MongoReplicaSetClient",
    first='Connection("{h}:{p1}", slave_okay=True)',
    forms=['Connection("{h}:{p1}", replicaSet="foo")', 'Connection("{h}:{p2}", replicaSet="foo")',
           'Connection("{h}", {p3}, replicaSet="foo")', 'Connection(["{h}:{p2}", "{h}:{p3}"])',
           'Connection("mongodb://{h}:{p1},{h}:{p2},{h}:{p3}")'],
    save='db.test.save({{"x": 1}})', host="db.connection.host", port="db.connection.port",
    connect='Connection("{h}:{p1}", replicaSet="foo")', eager=True)

THREE = Dialect(
    setup="from pymongo import MongoClient",
    first='MongoClient("{h}:{p1}")',
    forms=['MongoClient("{h}:{p1}", replicaSet="foo")', 'MongoClient("{h}:{p2}", replicaSet="foo")',
           'MongoClient("{h}", {p3}, replicaSet="foo")', 'MongoClient(["{h}:{p2}", "{h}:{p3}"])', _DISCOVERING],
    save='db.test.save({{"x": 1}})', host="db.client.address[0]", port="db.client.address[1]",
    connect='MongoClient("{h}:{p1}", replicaSet="foo", retryReads=False, serverSelectionTimeoutMS=50)',
    eager=False)

FOUR = Dialect(  # a single seed discovers again, as in 1.8
    setup="from pymongo import MongoClient",
    first='MongoClient("{h}:{p1}", directConnection=True)',
    forms=['MongoClient("{h}:{p1}")', 'MongoClient("{h}:{p2}")', 'MongoClient("{h}", {p3})',
           'MongoClient(["{h}:{p2}", "{h}:{p3}"])', _DISCOVERING],
    save='db.test.insert_one({{"x": 1}}).inserted_id', host="db.client.address[0]", port="db.client.address[1]",
    connect='MongoClient("{h}:{p1}", retryReads=False, serverSelectionTimeoutMS=50)', eager=False)

DIALECTS = {"1.8.1": FIRST, "1.9": FIRST, "2.9.5": NAMED, "3.13.0": THREE, "4.10.1": FOUR, "newest 4": FOUR}


def run(report, server, failovers):
    """The article with every PyMongo, then many failovers in a row with the oldest."""
    for pymongo in environments.PYMONGOS:
        if report.wanted("article %s" % pymongo):
            _article(report, server, pymongo)
    name = "replSetInitiate names all members in the seeds' manner"
    if report.wanted(name):
        with report.test(name), Cluster(server, host="127.0.0.1").start() as cluster:
            _initiate_by_address(cluster)
    oldest = environments.PYMONGOS[0]
    name = "%d failovers in a row, %s" % (failovers, oldest)
    if report.wanted(name):
        with report.test(name), Session(oldest) as session, Cluster(server).start().initiate() as cluster:
            _failovers_in_a_row(session, cluster, failovers)


def _article(report, server, pymongo):
    with contextlib.ExitStack() as stack:
        session = report.step("article %s: the driver is installed" % pymongo,
                              lambda: stack.enter_context(Session(pymongo)))
        cluster = session and report.step("article %s: its three command lines" % pymongo,
                                          lambda: stack.enter_context(Cluster(server).start()))
        if not cluster:
            return
        story = Story(session, DIALECTS[pymongo.release], cluster)
        for name, step in (("initiate answers in the article's words", story.initiate),
                           ("the five Connection forms", story.connect),
                           ("save and find_one", story.save),
                           ("kill -9 of the primary, AutoReconnect, success", story.failover),
                           ("the killed member comes back", story.restart)):
            with report.test("article %s: %s" % (pymongo, name), cluster):
                step()


def _initiate_by_address(cluster):
    cluster.members[0].command("admin", {"replSetInitiate": 1}, timeout=60)
    cluster.wait_healthy()
    config = cluster.members[0].command("admin", {"replSetGetConfig": 1})["config"]
    equal([m["host"] for m in config["members"]], cluster.addresses, "members made from seeds that are addresses")


class Story:
    """The article's steps in their order, on one set."""

    def __init__(self, session, dialect, cluster):
        self.session, self.dialect, self.cluster = session, dialect, cluster
        self.places = dict(zip(("p1", "p2", "p3"), (m.port for m in cluster.members)), h="localhost")
        self.document = self.killed = None

    def say(self, statement):
        return statement.format(**self.places)

    def do(self, statement):
        return self.session.do(self.say(statement))

    def place(self):
        """host:port of the connection, as the driver says it."""
        return "%s:%s" % (self.do(self.dialect.host), self.do(self.dialect.port))

    def initiate(self):
        self.do(self.dialect.setup)
        self.do("c = " + self.dialect.first)
        reply = self.do('c.admin.command("replSetInitiate")')
        equal(reply.get("ok"), 1.0, "ok of replSetInitiate")
        if not self.cluster.server.reference:
            equal((reply.get("info"), reply.get("info2")), (INFO, INFO2), "info and info2 of replSetInitiate")
            if self.dialect.eager:  # clients that came by OP_QUERY get no more than was printed
                equal(sorted(reply), ["info", "info2", "ok"], "fields of the reply to replSetInitiate")
        self.cluster.wait_healthy()
        config = self.cluster.members[0].command("admin", {"replSetGetConfig": 1})["config"]
        equal([m["host"] for m in config["members"]], self.cluster.addresses, "members made from the command line's seeds")
        equal(config["_id"], "foo", "name of the set")

    def connect(self):
        for form in self.dialect.forms:
            self.do("db = %s.test" % form)
            if not self.dialect.eager:
                self.do('db.command("ping")')
            equal(self.place(), self.cluster.wait_primary().address, "host and port of " + self.say(form))

    def save(self):
        self.do("db = %s.test" % self.dialect.connect)
        identity = self.do(self.dialect.save)
        check("ObjectId" in identity, "save returned %r", identity)
        self.document = self.do("db.test.find_one()")
        equal(self.document, {"x": 1, "_id": identity}, "find_one after save")
        equal(self.place(), self.cluster.wait_primary().address, "host and port of the connection")
        # The article's save is not acknowledged; its reader is slower than replication, so wait as long here.
        eventually(lambda: self.cluster.wait_primary().command(
            "test", {"count": "test", "readConcern": {"level": "majority"}})["n"] == 1, 10, "the majority has the document")

    def failover(self):
        check(self.document is not None, "save has failed")
        self.killed = self.cluster.wait_primary()
        self.killed.kill()
        errors = find_after_kill(self.session, self.document)
        if self.dialect.eager:
            check(errors > 0, "the first find_one after the kill raised nothing")
        place = self.place()
        check(place != self.killed.address, "host and port still say %s, which was killed", place)
        equal(place, self.cluster.wait_primary().address, "host and port after the failover")

    def restart(self):
        check(self.killed is not None, "save has failed")
        self.killed.start()
        self.cluster.wait_healthy()
        equal(self.do("db.test.find_one()"), self.document, "find_one with three members again")


def find_after_kill(session, document, timeout=90):
    """Repeats find_one until it returns the document; each failure must be an AutoReconnect. Returns their number."""
    deadline, errors = time.monotonic() + timeout, 0
    while True:
        answer = session.attempt("db.test.find_one()")
        if "error" not in answer:
            equal(answer["value"], document, "find_one after the failover")
            return errors
        check("AutoReconnect" in answer["error"], "find_one raised %s after %d AutoReconnects: %s",
              answer["error"][0], errors, answer["message"])
        check(time.monotonic() < deadline, "find_one raised nothing but AutoReconnect for %d s, %d times, last: %s",
              timeout, errors, answer["message"])
        errors += 1
        time.sleep(0.02)


def _failovers_in_a_row(session, cluster, count):
    story = Story(session, FIRST, cluster)
    story.do(FIRST.setup)
    story.save()
    for i in range(count):
        primary = cluster.wait_primary()
        primary.kill()
        try:
            check(find_after_kill(session, story.document) > 0, "the first find_one after the kill raised nothing")
        except CheckFailed as failure:
            raise CheckFailed("failover %d of %d: %s" % (i + 1, count, failure)) from None
        equal(story.place(), cluster.wait_primary().address, "host and port after failover %d" % (i + 1))
        primary.start()
        cluster.wait_healthy()
