"""Writers until a file appears: writers.py URI STOP_FILE WRITERS. Each inserts a document and increments its counter, with default settings; an error ends the program."""

import json
import os
import sys
import threading
import time

import pymongo


def main(uri, stop_file, writers):
    client = pymongo.MongoClient(uri)
    database = client["acceptance"]
    database["counters"].insert_many([{"_id": n, "n": 0} for n in range(writers)])
    print(json.dumps({"event": "loading"}), flush=True)
    written, slowest, errors = [0] * writers, [0.0] * writers, []

    def work(n):
        while not os.path.exists(stop_file) and not errors:
            begin = time.monotonic()
            try:
                database["items"].insert_one({"_id": "%d-%d" % (n, written[n])})
                database["counters"].update_one({"_id": n}, {"$inc": {"n": 1}})
            except Exception as error:
                errors.append(repr(error))
                return
            written[n] += 1
            slowest[n] = max(slowest[n], time.monotonic() - begin)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    event = {"event": "error", "errors": errors[:3]} if errors else {"event": "done", "writes": sum(written), "slowest ms": round(max(slowest) * 1000)}
    print(json.dumps(event), flush=True)


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
