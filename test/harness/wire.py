"""One raw connection to a member: OP_MSG commands, and any bytes at all for the hostile tests."""

import itertools
import socket
import struct

from . import bson

OP_REPLY, OP_QUERY, OP_COMPRESSED, OP_MSG = 1, 2004, 2012, 2013
MESSAGE_LIMIT = 48_000_000

# Kill, step-down and shutdown show as one of these on a connection; ValueError is a torn reply.
LOST = (OSError, EOFError)

_request_ids = itertools.count(1)


class CommandFailed(Exception):
    """The server said no; reply is the whole answer."""

    def __init__(self, command, reply):
        super().__init__("%s: %r" % (command, reply))
        self.reply = reply
        self.code = failure_code(reply)


def failure_code(reply):
    """The code of the error in a reply, wherever it stands; 0 when there is none."""
    if reply.get("ok") != 1:
        return reply.get("code", -1)
    if reply.get("writeErrors"):
        return reply["writeErrors"][0]["code"]
    return reply.get("writeConcernError", {}).get("code", 0)


def message(opcode, body):
    """A whole message: header and body."""
    return struct.pack("<iiii", len(body) + 16, next(_request_ids), 0, opcode) + body


def op_msg(database, command):
    """The body of an OP_MSG with one document."""
    return struct.pack("<iB", 0, 0) + bson.encode({**command, "$db": database})


def op_query(namespace, query, flags=0, skip=0, limit=-1):
    """The body of an OP_QUERY."""
    return struct.pack("<i", flags) + namespace.encode() + b"\0" + struct.pack("<ii", skip, limit) + bson.encode(query)


class Connection:
    """A socket to one member. Not for several threads at once."""

    def __init__(self, address, timeout=20):
        self.address = address
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        """The opcode and body of the next message."""
        length, _, _, opcode = struct.unpack("<iiii", self._exactly(16))
        if not 16 <= length <= MESSAGE_LIMIT:
            raise EOFError("%s sent a message of length %d" % (self.address, length))
        return opcode, self._exactly(length - 16)

    def receive_document(self):
        """The bytes of the document in the next message, OP_MSG or OP_REPLY."""
        opcode, body = self.receive()
        if opcode == OP_MSG:
            return body[5:]
        if opcode == OP_REPLY:
            return body[20:]
        raise EOFError("%s answered with opcode %d" % (self.address, opcode))

    def command_raw(self, database, command):
        """Runs a command; the reply's bytes."""
        self.send(message(OP_MSG, op_msg(database, command)))
        return self.receive_document()

    def command(self, database, command):
        """Runs a command; the reply, also when it is an error."""
        return bson.decode(self.command_raw(database, command))

    def run(self, database, command):
        """Runs a command that must succeed in every part."""
        reply = self.command(database, command)
        if failure_code(reply):
            raise CommandFailed(next(iter(command)), reply)
        return reply

    def documents_raw(self, database, command):
        """The raw bytes of all documents of a cursor command, to the end of the cursor."""
        batch = "firstBatch"
        while True:
            data = self.command_raw(database, command)
            reply = bson.decode(data)
            if failure_code(reply):
                raise CommandFailed(next(iter(command)), reply)
            yield from bson.raw_array(data, "cursor", batch)
            if not reply["cursor"]["id"]:
                return
            command, batch = {"getMore": reply["cursor"]["id"], "collection": reply["cursor"]["ns"].split(".", 1)[1]}, "nextBatch"

    def documents(self, database, command):
        """All documents of a cursor command."""
        return [bson.decode(data) for data in self.documents_raw(database, command)]

    def _exactly(self, count):
        parts = []
        while count:
            part = self.socket.recv(min(count, 1 << 20))
            if not part:
                raise EOFError("%s closed the connection" % self.address)
            parts.append(part)
            count -= len(part)
        return b"".join(parts)
