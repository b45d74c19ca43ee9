"""What a client may rely on after an acknowledgement: it reads its own majority writes, plainly and causally."""

import threading

from harness.cluster import Cluster
from harness.report import check, equal, note

WRITERS, ROUNDS = 4, 500
DATABASE = "guarantees"


def run(report, server):
    levels = (("a majority read on the primary sees a majority write that was acknowledged", _majority_read),
              ("a majority read after the write's operationTime sees it, on every member", _causal_read))
    if not any(report.wanted(name) for name, _ in levels):
        return
    cluster = report.step("guarantees: a set", lambda: Cluster(server).start().initiate())
    if not cluster:
        return
    with cluster:
        for name, read in levels:
            if report.wanted(name):
                with report.test(name, cluster):
                    _write_and_read(cluster, read)


def _write_and_read(cluster, read):
    """Several writers at once: each increments its counter with w: majority, and reads it back."""
    stale, errors = [], []

    def work(number):
        try:
            with cluster.primary().connect() as primary, cluster.members[number % len(cluster.members)].connect() as other:
                for _ in range(ROUNDS):
                    reply = primary.run(DATABASE, {"findAndModify": "counters", "query": {"_id": number}, "upsert": True,
                                                   "update": {"$inc": {"n": 1}}, "new": True, "writeConcern": {"w": "majority"}})
                    found = read(primary, other, number, reply)
                    if found != [reply["value"]]:
                        stale.append((reply["value"]["n"], found))
        except Exception as error:
            errors.append(error)

    cluster.primary().command(DATABASE, {"delete": "counters", "deletes": [{"q": {}, "limit": 0}]})
    threads = [threading.Thread(target=work, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(errors, [], "errors")
    check(not stale, "%d of %d reads missed the write before them; (written, found): %s",
          len(stale), WRITERS * ROUNDS, stale[:3])
    note("%d reads" % (WRITERS * ROUNDS))


def _majority_read(primary, _, number, __):
    return primary.documents(DATABASE, {"find": "counters", "filter": {"_id": number}, "readConcern": {"level": "majority"}})


def _causal_read(_, other, number, written):
    # The cluster time travels along, as every driver sends it.
    return other.documents(DATABASE, {"find": "counters", "filter": {"_id": number},
                                      "$readPreference": {"mode": "secondaryPreferred"},
                                      "$clusterTime": written["$clusterTime"],
                                      "readConcern": {"level": "majority", "afterClusterTime": written["operationTime"]}})
