"""What old applications call all day, with the old drivers: writes with and without getLastError, cursors, indexes.

Each row is a statement and what it must return, or the error class that it must raise. The rows hold for PyMongo
1.8.1, 1.9 and 2.9.5 alike, and but for INDEXES and NAMES (which mongod has dropped) against mongod 4.2.6.
"""

from harness import environments
from harness.cluster import Cluster
from harness.report import check, equal
from session import Session

ANY = object()


class Raises:
    """The statement raises this error; its text has the part."""

    def __init__(self, name, part=""):
        self.name, self.part = name, part


WRITES = [
    ('c.written.insert({"_id": 1, "x": 1}, safe=True)', 1),
    ('c.written.insert({"_id": 1}, safe=True)', Raises("DuplicateKeyError", "E11000")),
    ('c.written.insert([{"_id": 2, "x": 2}, {"_id": 3, "x": 3}], safe=True)', [2, 3]),
    ('c.written.insert([{"_id": 4}, {"_id": 1}, {"_id": 5}], safe=True)', Raises("DuplicateKeyError")),
    ('c.written.find({"_id": {"$gt": 3}}).count()', 1),  # the batch ends at its first error
    ('c.written.update({"_id": 1}, {"$set": {"x": 10}}, safe=True)["updatedExisting"]', True),
    ('c.written.update({"_id": 77}, {"$set": {"x": 10}}, safe=True)["n"]', 0),
    ('c.written.update({"_id": 6}, {"$inc": {"x": 5}}, upsert=True, safe=True)["updatedExisting"]', False),
    ('c.written.update({"x": {"$gt": 0}}, {"$inc": {"x": 1}}, multi=True, safe=True)["n"]', 4),
    ('c.written.update({"_id": 2}, {"y": 1}, safe=True)["n"]', 1),
    ('c.written.find_one({"_id": 2})', {"_id": 2, "y": 1}),
    ('c.written.save({"_id": 3, "z": 1}, safe=True)', 3),
    ('c.written.remove({"_id": 3}, safe=True)["n"]', 1),
    ('c.written.insert({"_id": 50}, safe=True, w=3, wtimeout=20000)', 50),
    ('c.written.insert({"_id": 51}, safe=True, w=1)', 51),
    ('c.fast.insert({"_id": 1})', 1),          # no getLastError: the next call must see it all the same
    ('c.fast.find_one()', {"_id": 1}),
    ('c.fast.insert({"_id": 1})', 1),          # a duplicate, and nobody asked
    ('c.fast.count()', 1),
    ('c.fast.update({"_id": 1}, {"$push": {"list": 7}})', ANY),
    ('c.fast.find_one(1)', {"_id": 1, "list": [7]}),
    ('c.fast.remove({"_id": 1})', ANY),
    ('c.fast.find_one()', None),
]

CURSORS = [
    ('[c.many.insert({"_id": i, "n": i % 10, "pad": "x" * 100}) for i in range(500)][-1]', 499),
    ('c.many.count()', 500),
    ('len(list(c.many.find()))', 500),                       # 101 documents, then OP_GET_MORE
    ('len(list(c.many.find({"n": 3})))', 50),
    ('[d["_id"] for d in c.many.find().sort("_id", -1).limit(3)]', [499, 498, 497]),
    ('[d["_id"] for d in c.many.find().sort("_id", 1).skip(10).limit(2)]', [10, 11]),
    ('[d["_id"] for d in c.many.find({"n": {"$in": [1, 2]}}).sort([("n", -1), ("_id", 1)]).limit(2)]', [2, 12]),
    ('sorted(c.many.find_one({"_id": 7}, ["n"]).keys())', ["_id", "n"]),
    ('len(list(c.many.find().limit(120)))', 120),
    ('c.many.find_one({"_id": 1000})', None),
    ('sorted(c.many.distinct("n"))', list(range(10))),
    ('c.many.find({"n": {"$gte": 8}}).count()', 100),
    ('c.many.find({"n": {"$bad": 1}}).count()', Raises("OperationFailure")),
    ('list(c.many.find({"n": {"$bad": 1}}))', Raises("OperationFailure")),
    ('cursor = c.many.find(); cursor.next(); del cursor', ANY),  # OP_KILL_CURSORS
    ('c.many.find_one({"_id": 1})["n"]', 1),
]

INDEXES = [
    ('c.indexed.insert([{"_id": 1, "a": 1, "b": 2}, {"_id": 2, "a": 2, "b": 1}], safe=True)', [1, 2]),
    ('c.indexed.create_index("a", unique=True)', "a_1"),
    ('c.indexed.create_index([("b", -1), ("a", 1)])', "b_-1_a_1"),
    ('sorted(c.indexed.index_information().keys())', ["_id_", "a_1", "b_-1_a_1"]),
    ('c.indexed.insert({"_id": 3, "a": 1}, safe=True)', Raises("DuplicateKeyError", "a_1")),
    ('c.indexed.drop_index("a_1")', ANY),
    ('c.indexed.insert({"_id": 3, "a": 1}, safe=True)', 3),
]

NAMES = [
    ('c.named.insert({"_id": 1}, safe=True)', 1),
    ('"named" in c.collection_names()', True),
    ('"everyday" in c.connection.database_names()', True),
    ('c.drop_collection("named")', ANY),
    ('"named" in c.collection_names()', False),
    ('c.command("nosuchcommand")', Raises("OperationFailure", "no such c")),
    ('c.command("ping")["ok"]', 1.0),
]

TABLES = [("writes", WRITES), ("queries and cursors", CURSORS), ("indexes", INDEXES), ("names and commands", NAMES)]
RELEASES = {"1.8.1", "1.9", "2.9.5"}


def run(report, server):
    names = ["everyday calls %s" % p for p in environments.PYMONGOS if p.release in RELEASES]
    if not any(map(report.wanted, names)):
        return
    cluster = report.step("everyday calls: a set for the old drivers", lambda: Cluster(server).start().initiate())
    if not cluster:
        return
    with cluster:
        for pymongo in environments.PYMONGOS:
            if pymongo.release in RELEASES and report.wanted("everyday calls %s" % pymongo):
                _with(report, pymongo, cluster)


def _with(report, pymongo, cluster):
    session = report.step("everyday calls %s: connect" % pymongo, lambda: _connected(pymongo, cluster))
    if not session:
        return
    with session:
        for title, rows in TABLES:
            with report.test("everyday calls %s: %s" % (pymongo, title), cluster):
                for statement, expected in rows:
                    _row(session, statement, expected)


def _connected(pymongo, cluster):
    session = Session(pymongo)
    session.do("from pymongo import Connection")
    session.do("connection = Connection(%r)" % cluster.addresses)
    session.do('connection.drop_database("everyday")')
    session.do("c = connection.everyday")
    return session


def _row(session, statement, expected):
    answer = session.attempt(statement)
    if isinstance(expected, Raises):
        check("error" in answer and expected.name in answer["error"] and expected.part in answer["message"],
              ">>> %s\n  got      %r\n  expected %s with %r", statement, answer, expected.name, expected.part)
        return
    check("error" not in answer, ">>> %s\n%s: %s", statement, answer.get("error", [""])[0], answer.get("message"))
    if expected is not ANY:
        equal(answer["value"], expected, ">>> " + statement)
