"""Writers that go on through crashes and know what was promised to them."""

import threading
import uuid

from harness import bson, wire
from harness.report import check, eventually

DATABASE = "crash"
MAJORITY = {"w": "majority"}
PAD = "x" * 100

# What a failover or shutdown may answer to a write in flight; everything else is a bug.
INTERRUPTED = {6, 7, 64, 89, 91, 189, 9001, 10107, 11600, 11601, 11602, 13435, 13436}


class Load:
    """A group of writers, running or at rest; what each knows lives on between two runs."""

    def __init__(self, cluster, inserters=3, incrementers=3, unsafe=1):
        self._cluster = cluster
        self.writers = [MajorityInserts(i) for i in range(inserters)]
        self.writers += [RetriedIncrements(i) for i in range(incrementers)]
        self.writers += [UnsafeInserts(i) for i in range(unsafe)]
        self._stopped, self._threads = threading.Event(), []

    def __enter__(self):
        self._stopped.clear()
        self._threads = [threading.Thread(target=self._run, args=(writer,)) for writer in self.writers]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _run(self, writer):
        try:
            while not self._stopped.wait(0.02):
                primary = self._cluster.primary()
                if primary is not None:
                    with _interrupted_is_fine(), primary.connect() as connection:
                        while not self._stopped.is_set():
                            writer.step(connection)
        except Exception as error:
            writer.failure = error

    def verify(self):
        """Settles what is in flight, then fails unless the set holds what every writer was promised."""
        with self._cluster.wait_primary().connect(timeout=60) as connection:
            for writer in self.writers:
                check(writer.failure is None, "%s: %r", writer, writer.failure)
                writer.verify(connection)

    def acknowledged(self):
        """The number of promises so far."""
        return sum(writer.acknowledged for writer in self.writers)


class _interrupted_is_fine:
    """Swallows what a crash does to a connection; any other error is the test's finding."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if isinstance(error, wire.CommandFailed):
            return error.code in INTERRUPTED
        return kind is not None and issubclass(kind, wire.LOST)


class MajorityInserts:
    """Inserts with w: majority: each one that was acknowledged must be there, ever after."""

    collection, write_concern = "items", MAJORITY

    def __init__(self, number):
        self.number, self.sequence = number, 0
        self.promised, self.failure = set(), None

    def __str__(self):
        return "%s %d" % (type(self).__name__, self.number)

    @property
    def acknowledged(self):
        return len(self.promised)

    def document(self, sequence):
        return {"_id": "%d-%d" % (self.number, sequence), "by": self.number, "n": sequence, "pad": PAD}

    def step(self, connection):
        sequence, self.sequence = self.sequence, self.sequence + 1
        connection.run(DATABASE, {"insert": self.collection, "documents": [self.document(sequence)],
                                  "writeConcern": self.write_concern})
        self.promised.add(sequence)

    def verify(self, connection):
        found = set()
        for document in connection.documents(DATABASE, {"find": self.collection, "filter": {"by": self.number},
                                                        "batchSize": 10000, "readConcern": {"level": "majority"}}):
            check(document == self.document(document["n"]), "%s holds %r", self.collection, document)
            check(document["n"] < self.sequence, "%s holds document %d, which was never sent", self.collection, document["n"])
            found.add(document["n"])
        self.verify_found(found)

    def verify_found(self, found):
        missing = sorted(self.promised - found)
        check(not missing, "%s: %d of %d majority-acknowledged documents are lost: %s ...",
              self, len(missing), len(self.promised), missing[:10])


class UnsafeInserts(MajorityInserts):
    """Inserts with w: 1, which a crash may lose; what is there must be what was sent."""

    collection, write_concern = "unsafe", {"w": 1}

    def verify_found(self, found):
        self.promised &= found  # a loss is remembered as none; what a restart kept stays for good


class RetriedIncrements:
    """$inc with a txnNumber, every statement sent twice: the second answer is the first's, the effect is one."""

    def __init__(self, number):
        self.number, self.session = number, uuid.uuid4()
        self.done, self.pending, self.failure = 0, False, None

    __str__ = MajorityInserts.__str__

    @property
    def acknowledged(self):
        return self.done

    def step(self, connection):
        self.pending = True
        statement = {"update": "counters", "updates": [{"q": {"_id": self.number}, "u": {"$inc": {"n": 1}}, "upsert": True}],
                     "writeConcern": MAJORITY, "lsid": {"id": self.session}, "txnNumber": bson.Int64(self.done + 1)}
        first, second = (connection.run(DATABASE, statement) for _ in range(2))
        expected = {"n": 1, "nModified": 1}
        if self.done == 0:
            expected = {"n": 1, "nModified": 0, "upserted": [{"index": 0, "_id": self.number}]}
        for answer in (first, second):
            got = {name: answer.get(name) for name in expected}
            check(got == expected, "%s: statement %d was answered by %r", self, self.done + 1, answer)
        self.done, self.pending = self.done + 1, False

    def verify(self, connection):
        if self.pending:  # the statement in flight at the crash: its retry must find out whether it took effect
            self.step(connection)
        expected = [self.done] * bool(self.done)
        # Whether a majority read may lag behind is the acceptance tests' question (guarantees.py), not this one's.
        eventually(lambda: self._read(connection) == expected, 2,
                   "%s: the counter is %r after %d increments, each sent twice" % (self, self._read(connection), self.done))

    def _read(self, connection):
        return [counter["n"] for counter in connection.documents(DATABASE, {
            "find": "counters", "filter": {"_id": self.number}, "readConcern": {"level": "majority"}})]
