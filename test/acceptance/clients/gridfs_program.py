"""GridFS: python gridfs_program.py URI MEGABYTES stores a file and reads it back; prints what it found, as JSON."""

import hashlib
import json
import os
import sys

from gridfs import GridFSBucket
from pymongo import MongoClient

client = MongoClient(sys.argv[1])
client.drop_database("gridfs_program")
bucket = GridFSBucket(client.gridfs_program)
block, megabytes = os.urandom(1 << 20), int(sys.argv[2])
written = hashlib.sha256()
with bucket.open_upload_stream("large", metadata={"kind": "random"}) as upload:
    for i in range(megabytes):
        part = i.to_bytes(4, "little") + block[4:]
        written.update(part)
        upload.write(part)
read, length = hashlib.sha256(), 0
with bucket.open_download_stream_by_name("large") as download:
    while part := download.read(1 << 20):
        read.update(part)
        length += len(part)
    download.seek((megabytes - 1) << 20)
    last = int.from_bytes(download.read(4), "little")
found = {"equal": read.digest() == written.digest(), "length": length, "last": last,
         "files": [f.filename for f in bucket.find({"metadata.kind": "random"})]}
bucket.delete(upload._id)
found["chunks left"] = client.gridfs_program.fs.chunks.count_documents({})
client.drop_database("gridfs_program")
print(json.dumps(found))
