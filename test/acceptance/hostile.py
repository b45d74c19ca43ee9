"""Bad input over real sockets: an error reply or that one connection closed, and nobody else notices.

A bystander keeps writing and reading on connections of its own all the while, and must see no error.
The codes in cases() are those that mongod 6.0.5 answered (for the old opcodes 4.2.6, too); closing the connection is
always allowed.
"""

import os
import random
import resource
import socket
import struct
import threading
import time
import zlib

from harness import bson, wire
from harness.cluster import Cluster
from harness.report import Skipped, check, note

REPLY_TIMEOUT = 10
MEMORY_GROWTH_MAX = 400 << 20  # some messages of 48 MB and what a garbage collector leaves lying; mongod 6.0.5: 106 MB
IDLE_CONNECTIONS = 5000
IDLE_MEMORY_MAX = 128 << 10    # bytes a connection; mongod 6.0.5 takes 93 KB
GARBAGE_SEED = int(os.environ.get("GARBAGE_SEED", "20100801"))
GARBAGE_CONNECTIONS = 300

OP_UPDATE, OP_INSERT, OP_GET_MORE, OP_DELETE, OP_KILL_CURSORS = 2001, 2002, 2005, 2006, 2007
SIXTEEN_MB = 16 << 20


def run(report, server):
    if not report.wanted("bad input"):
        return
    cluster = report.step("bad input: a member to send it to", lambda: Cluster(server, members=1).start().initiate())
    if not cluster:
        return
    with cluster:
        member = cluster.members[0]
        with Bystander(member) as bystander:
            with report.test("bad input: %d idle connections are held" % IDLE_CONNECTIONS, cluster):
                _idle_connections(member)
                bystander.check()
            before = member.resident_bytes()
            for name, data, codes in cases():
                with report.test("bad input: " + name, cluster):
                    _send(member, data, codes)
                    bystander.check()
            with report.test("bad input: %d connections of garbage (seed %d)" % (GARBAGE_CONNECTIONS, GARBAGE_SEED), cluster):
                _garbage(member)
                bystander.check()
            with report.test("bad input: memory stays bounded", cluster):
                grown = member.resident_bytes() - before
                check(grown < MEMORY_GROWTH_MAX, "resident memory grew by %d MB", grown >> 20)
                note("resident memory grew by %d MB" % (grown >> 20))


class Bystander:
    """A client that does nothing wrong, beside the ones that do."""

    def __init__(self, member):
        self._member = member
        self._stopped, self._error, self._rounds = threading.Event(), None, 0

    def __enter__(self):
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopped.set()
        self._thread.join()

    def _work(self):
        try:
            with self._member.connect() as connection:
                while not self._stopped.wait(0.01):
                    connection.run("test", {"insert": "bystander", "documents": [{"_id": self._rounds}]})
                    found = connection.documents("test", {"find": "bystander", "filter": {"_id": self._rounds}})
                    check(found == [{"_id": self._rounds}], "the bystander read %r", found)
                    self._rounds += 1
        except Exception as error:
            self._error = error

    def check(self):
        """Fails unless the bystander has had two more rounds without an error."""
        goal, deadline = self._rounds + 2, time.monotonic() + REPLY_TIMEOUT
        while self._rounds < goal and self._error is None and time.monotonic() < deadline:
            time.sleep(0.005)
        check(self._error is None, "another client noticed: %r", self._error)
        check(self._rounds >= goal, "another client was held up for %d s", REPLY_TIMEOUT)
        check(self._member.running, "the server ended")


def cases():
    """(name, bytes, codes): bytes of one connection, and the codes that may be answered in place of closing it."""
    header = struct.Struct("<iiii")
    ping = wire.op_msg("admin", {"ping": 1})
    small = bson.encode({"_id": 1})
    yield "a message that says 2 GB", header.pack(0x7FFFFFFF, 1, 0, wire.OP_MSG) + b"x" * 4096, ()
    yield "a message of negative length", header.pack(-1, 1, 0, wire.OP_MSG) + ping, ()
    yield "a message shorter than its header", header.pack(15, 1, 0, wire.OP_MSG), ()
    yield "a message of 48 MB + 1", header.pack(wire.MESSAGE_LIMIT + 1, 1, 0, wire.OP_MSG) + b"x" * 4096, ()
    yield "a truncated message", header.pack(1000, 1, 0, wire.OP_MSG) + b"\0" * 50, ()
    yield "a truncated header", b"\x10\0\0", ()
    yield "an unknown opcode", wire.message(9999, ping), ()
    yield "OP_REPLY from a client", wire.message(wire.OP_REPLY, struct.pack("<iqii", 0, 0, 0, 1) + small), ()
    yield "OP_MSG with an unknown required flag", wire.message(wire.OP_MSG, struct.pack("<I", 1 << 10) + ping[4:]), ()
    yield "OP_MSG with an unknown section", wire.message(wire.OP_MSG, ping[:4] + b"\x07" + ping[5:]), (40432,)
    yield "OP_MSG with two bodies", wire.message(wire.OP_MSG, ping + ping[4:]), (40430,)
    yield "OP_MSG without a body", wire.message(wire.OP_MSG, struct.pack("<I", 0)), (40587,)
    yield "OP_MSG with a wrong checksum", wire.message(wire.OP_MSG, struct.pack("<I", 1) + ping[4:] + b"\1\2\3\4"), ()
    yield "OP_MSG without $db", wire.message(wire.OP_MSG, struct.pack("<iB", 0, 0) + bson.encode({"ping": 1})), (40571,)
    yield "a document sequence longer than its message", wire.message(
        wire.OP_MSG, ping + b"\1" + struct.pack("<i", 1 << 20) + b"documents\0" + small), (15,)
    yield "a document sequence of length 0", wire.message(wire.OP_MSG, ping + b"\1" + struct.pack("<i", 0)), (15,)
    for name, document in _broken_documents(small):
        body = struct.pack("<iB", 0, 0)
        yield "BSON: %s, as the command" % name, wire.message(wire.OP_MSG, body + document), (22,)
        sequence = b"\1" + struct.pack("<i", 4 + len(b"documents\0") + len(document)) + b"documents\0" + document
        insert = wire.op_msg("test", {"insert": "hostile"})
        yield "BSON: %s, in an insert" % name, wire.message(wire.OP_MSG, insert + sequence), (22,)
    yield "BSON nested 10,000 deep", _insert(_nested(10_000)), (15,)
    yield "BSON nested 10,000 deep in a filter", wire.message(
        wire.OP_MSG, struct.pack("<iB", 0, 0) + _with_raw(b"filter", _nested(10_000), {"find": "hostile"})), (15,)
    yield "a document of 16 MB + 1", _insert(_document_of(SIXTEEN_MB + 1)), (2,)
    yield "a document of 47 MB", _insert(_document_of(47_000_000)), (10334,)
    yield "OP_COMPRESSED that says 2 GB", _compressed(ping, size=0x7FFFFFFF), ()
    yield "OP_COMPRESSED of negative size", _compressed(ping, size=-1), ()
    yield "OP_COMPRESSED of another size than it says", _compressed(ping, size=len(ping) + 1), ()
    yield "OP_COMPRESSED with an unknown compressor", _compressed(ping, compressor=77), ()
    yield "OP_COMPRESSED with garbage inside", _compressed(ping, data=b"garbage" * 9), ()
    yield "OP_COMPRESSED inside OP_COMPRESSED", _compressed(ping, opcode=wire.OP_COMPRESSED), ()
    yield "OP_COMPRESSED: 47 MB of zeros", _compressed(b"\0" * 47_000_000), ()
    yield "OP_QUERY without the end of its namespace", wire.message(wire.OP_QUERY, b"\0\0\0\0" + b"a" * 64), ()
    yield "OP_QUERY cut before its document", wire.message(wire.OP_QUERY, wire.op_query("a.$cmd", {})[:-3]), (22,)
    yield "OP_QUERY on an empty namespace", wire.message(wire.OP_QUERY, wire.op_query("", {"ping": 1})), (73, 5739101)
    yield "OP_INSERT with a broken document", wire.message(OP_INSERT, b"\0\0\0\0test.hostile\0" + b"\xff\xff\xff\x7f" * 3), ()
    yield "OP_UPDATE cut short", wire.message(OP_UPDATE, b"\0\0\0\0test.hostile\0\0\0"), ()
    yield "OP_DELETE cut short", wire.message(OP_DELETE, b"\0\0\0\0test.hostile\0\0\0"), ()
    yield "OP_GET_MORE cut short", wire.message(OP_GET_MORE, b"\0\0\0\0test.hostile\0\1"), (5739101,)
    yield "OP_KILL_CURSORS of 2^31-1 cursors", wire.message(OP_KILL_CURSORS, struct.pack("<ii", 0, 0x7FFFFFFF) + b"\0" * 16), ()
    yield "HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", ()
    yield "a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2, ()


def _broken_documents(small):
    """Documents that are not BSON."""
    yield "length 4", struct.pack("<i", 4)
    yield "negative length", struct.pack("<i", -5) + b"\0"
    yield "length past the message", struct.pack("<i", 1 << 20) + small[4:]
    yield "no terminator", small[:-1] + b"\1"
    yield "unknown type", _document(b"\x21a\0\0\0\0\0")
    yield "string without its terminator", _document(b"\x02a\0\2\0\0\0xx")
    yield "string of negative length", _document(b"\x02a\0\xff\xff\xff\xffx\0")
    yield "string past the document", _document(b"\x02a\0\xff\xff\0\0x\0")
    yield "binary past the document", _document(b"\x05a\0\xff\xff\xff\x7f\0x")
    yield "embedded document past its parent", _document(b"\x03a\0\xff\0\0\0\0")
    yield "name without an end", struct.pack("<i", 9) + b"\x10abcd"
    yield "cut in a double", _document(b"\x01a\0\0\0")


def _document(elements):
    return struct.pack("<i", len(elements) + 5) + elements + b"\0"


def _nested(depth):
    document = _document(b"")
    for _ in range(depth):
        document = _document(b"\x03a\0" + document)
    return document


def _document_of(size):
    filler = size - 30
    return _document(b"\x07_id\0" + os.urandom(12) + b"\x05b\0" + struct.pack("<ib", filler, 0) + b"x" * filler)


def _with_raw(name, value, command):
    """A command whose last field is a document that is given as bytes."""
    rest = bson.encode({**command, "$db": "test"})[4:-1]
    return _document(rest + b"\x03" + name + b"\0" + value)


def _insert(document):
    sequence = b"documents\0" + document
    return wire.message(wire.OP_MSG, wire.op_msg("test", {"insert": "hostile"}) + b"\1"
                        + struct.pack("<i", len(sequence) + 4) + sequence)


def _compressed(body, size=None, compressor=2, data=None, opcode=wire.OP_MSG):
    return wire.message(wire.OP_COMPRESSED, struct.pack("<iib", opcode, len(body) if size is None else size, compressor)
                        + (zlib.compress(body) if data is None else data))


def _send(member, data, codes):
    """Sends the bytes and half-closes; the server must answer with an error or close."""
    with member.connect(timeout=REPLY_TIMEOUT) as connection:
        try:
            connection.send(data)
            connection.socket.shutdown(socket.SHUT_WR)
        except OSError:
            return  # closed while we were still sending
        try:
            document = connection.receive_document()
        except socket.timeout:
            check(False, "neither an answer nor the connection closed within %d s", REPLY_TIMEOUT)
        except wire.LOST:
            return
        reply = bson.decode(document)
        code = wire.failure_code(reply) or ("$err" in reply and reply.get("code"))
        check(code, "the server took it: %r", reply)
        check(code in codes, "error %r where mongod has %r: %r", code, codes or "the connection closed", reply)


def _garbage(member):
    """Random bytes, some after a header that is right."""
    source = random.Random(GARBAGE_SEED)
    opcodes = [wire.OP_MSG, wire.OP_QUERY, wire.OP_COMPRESSED, OP_INSERT, OP_UPDATE, OP_DELETE, OP_GET_MORE, OP_KILL_CURSORS]
    for i in range(GARBAGE_CONNECTIONS):
        data = source.randbytes(source.randrange(1, 2000))
        if i % 3:
            data = wire.message(source.choice(opcodes), data)
        if i % 3 == 2:  # a message that is right but for some bytes
            data = bytearray(wire.message(wire.OP_MSG, wire.op_msg("test", {"find": "hostile", "filter": {"a": [1, {"b": "c"}]}})))
            for _ in range(source.randrange(1, 4)):
                data[source.randrange(16, len(data))] = source.randrange(256)
        with member.connect(timeout=REPLY_TIMEOUT) as connection:
            try:
                connection.send(data)
                connection.socket.shutdown(socket.SHUT_WR)
                while connection.socket.recv(65536):
                    pass
            except socket.timeout:
                check(False, "connection %d stays open after its end was sent", i)
            except OSError:
                pass


def _idle_connections(member):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = IDLE_CONNECTIONS + 200
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise Skipped("only %d open files are allowed" % hard)
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    before, connections = member.resident_bytes(), []
    try:
        for _ in range(IDLE_CONNECTIONS):
            connections.append(member.connect())
            connections[-1].run("admin", {"hello": 1})
        grown = (member.resident_bytes() - before) / IDLE_CONNECTIONS
        note("%.1f KB a connection" % (grown / 1024))
        for connection in connections[:: 50]:
            connection.run("admin", {"ping": 1})
        check(grown < IDLE_MEMORY_MAX, "%d KB a connection", grown / 1024)
    finally:
        for connection in connections:
            connection.close()
