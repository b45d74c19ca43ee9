"""Whether all members of a set hold the same data, read from each of them directly."""

import hashlib

from . import bson
from .report import CheckFailed, eventually

READ_ANYWHERE = {"$readPreference": {"mode": "secondaryPreferred"}}
OWN_DATABASES = ("local", "config")  # a member's own state, and MongoDB's records of its own working


def check_members_equal(cluster, timeout=60):
    """Fails unless all members come to hold the same documents and indexes; returns the number of documents.

    The writers must have stopped.
    """
    eventually(lambda: len({_position(member) for member in cluster.members}) == 1, timeout,
               "all members are at the same position of the oplog", interval=0.1)
    digests = [_digest(member) for member in cluster.members]
    for member, digest in zip(cluster.members[1:], digests[1:]):
        for name in sorted({*digests[0], *digest}):
            if digests[0].get(name) != digest.get(name):
                raise CheckFailed("%s differs: (documents, hash, indexes) on %s %r, on %s %r" % (
                    name, cluster.members[0], digests[0].get(name), member, digest.get(name)))
    return sum(count for count, _, _ in digests[0].values())


def _position(member):
    return member.hello()["lastWrite"]["opTime"]["ts"]


def _digest(member):
    """{namespace: (documents, hash of the documents whatever their order, names and keys of the indexes)}."""
    result = {}
    with member.connect(timeout=60) as connection:
        databases = connection.run("admin", {"listDatabases": 1, "nameOnly": True, **READ_ANYWHERE})["databases"]
        for database in sorted({d["name"] for d in databases}.difference(OWN_DATABASES)):
            for collection in connection.documents(database, {"listCollections": 1, **READ_ANYWHERE}):
                name = collection["name"]
                documents = sorted(connection.documents_raw(database, {"find": name, **READ_ANYWHERE}))
                indexes = connection.documents(database, {"listIndexes": name, **READ_ANYWHERE})
                result[database + "." + name] = (len(documents), hashlib.sha256(b"".join(documents)).hexdigest(),
                                                 sorted((i["name"], bson.encode(i["key"])) for i in indexes))
    return result
