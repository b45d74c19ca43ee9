// Every rs. helper of mongosh, one after the other: mongosh URI-of-the-first-member --file rs.js, with HOSTS (the members' host:port, with commas
// between them) in the environment. What each answers is printed as a line "helper => answer", without what is different in every run, so that two
// servers' transcripts can be compared as texts.
const hosts = process.env.HOSTS.split(",");
const names = ["A", "B", "C", "D", "E"];

const VOLATILE = new Set(["$clusterTime", "operationTime", "topologyVersion", "localTime", "connectionId", "lastWrite", "electionId", "processId",
  "replicaSetId", "date", "optimes", "lastStableRecoveryTimestamp", "electionCandidateMetrics", "electionParticipantMetrics", "uptime", "optime", "optimeDurable",
  "optimeDate", "optimeDurableDate", "lastAppliedWallTime", "lastDurableWallTime", "lastHeartbeat", "lastHeartbeatRecv", "pingMs", "electionTime", "electionDate",
  "term", "configTerm", "version", "setVersion", "configVersion", "infoMessage", "lastHeartbeatMessage", "syncSourceHost", "syncSourceId", "electionTimeoutMillis", "writeConcernMajorityJournalDefault"]);

// plain returns the answer with hosts by name and without what is volatile.
function plain(v) {
  if (v instanceof Date) return "a date";
  if (Array.isArray(v)) return v.map(plain);
  if (v === null || v === undefined) return v;
  if (typeof v === "object" && v._bsontype) {
    return v._bsontype === "Long" || v._bsontype === "Int32" || v._bsontype === "Double" ? Number(v) : "a " + v._bsontype;
  }
  if (typeof v === "object") {
    const r = {};
    for (const [key, value] of Object.entries(v)) {
      if (!VOLATILE.has(key)) r[key] = plain(value);
    }
    return r;
  }
  if (typeof v === "string") {
    hosts.forEach((h, i) => { v = v.split(h).join(names[i]); });
    return v.replace(/as of [0-9T:.+-]+/, "as of now").replace(/term: -?[0-9]+/g, "term: T").replace(/[0-9.]+ ?(secs|hrs|hours|MB|GB)/g, "N $1");
  }
  return v;
}

const sleepFor = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function step(name, run) {
  let answer;
  for (let i = 0; i < 100; i++) {
    try {
      answer = JSON.stringify(plain(await run()));
    } catch (e) {
      answer = "error " + (e.codeName ? e.code + " " + e.codeName + ": " : "") + plain(e.message);
      if (e.codeName === "ConfigurationInProgress") { // mongod changes the configuration once more after a member was added
        await sleepFor(100);
        continue;
      }
    }
    break;
  }
  print(name + " => " + answer);
}

async function until(what, condition) {
  for (let i = 0; i < 600; i++) {
    try {
      if (await condition()) return;
    } catch (e) {} // not yet
    await sleepFor(100);
  }
  print("never: " + what + ": " + states());
}

const states = () => rs.status().members.map((m) => m.stateStr).join(" ");
const other = (i) => new Mongo("mongodb://" + hosts[i] + "/?directConnection=true&readPreference=secondaryPreferred");

(async () => {
  await step("rs.status() before rs.initiate()", () => rs.status());
  await step("rs.conf() before rs.initiate()", () => rs.conf());
  await step("rs.initiate(with an error)", () => rs.initiate({_id: "foo", members: [{_id: 0, host: hosts[0], priority: 1, hidden: true}]}));
  await step("rs.initiate(config)", () => rs.initiate({_id: "foo", members: [{_id: 0, host: hosts[0], priority: 2}, {_id: 1, host: hosts[1]}]}));
  await until("a primary and a secondary", () => states() === "PRIMARY SECONDARY" && rs.hello().isWritablePrimary);
  await step("rs.initiate() again", () => rs.initiate());
  await step("rs.add(host)", () => rs.add(hosts[2]));
  await until("a second secondary", () => states() === "PRIMARY SECONDARY SECONDARY");
  await step("rs.add(host) again", () => rs.add(hosts[2]));
  await step("rs.add(config of a hidden member)", () => rs.add({host: hosts[3], priority: 0, votes: 0, hidden: true, secondaryDelaySecs: 5, tags: {use: "backup"}}));
  await until("a hidden member", () => states() === "PRIMARY SECONDARY SECONDARY SECONDARY");
  await step("rs.remove(host)", () => rs.remove(hosts[2]));
  await until("a member less", () => states() === "PRIMARY SECONDARY SECONDARY");
  await step("rs.remove(nobody)", () => rs.remove("nobody:1"));
  await step("setDefaultRWConcern", () => db.adminCommand({setDefaultRWConcern: 1, defaultWriteConcern: {w: "majority"}}).ok);
  await step("rs.addArb(host)", () => rs.addArb(hosts[4]));
  await until("an arbiter", () => states() === "PRIMARY SECONDARY SECONDARY ARBITER");
  await step("rs.conf()", () => rs.conf());
  await step("rs.config()", () => rs.config().members.length);
  await step("rs.reconfig(tags and modes)", () => {
    const c = rs.conf();
    c.members[0].tags = {dc: "ny"};
    c.members[1].tags = {dc: "sf"};
    c.settings.getLastErrorModes = {both: {dc: 2}};
    return rs.reconfig(c);
  });
  await until("the new configuration", () => rs.status().members.every((m) => m.configVersion === rs.conf().version));
  await step("insert with w: both", () => db.getSiblingDB("test").c.insertOne({}, {writeConcern: {w: "both", wtimeout: 20000}}).acknowledged);
  await step("rs.reconfig(an error)", () => {
    const c = rs.conf();
    c.members[1].arbiterOnly = true;
    c.members[1].tags = {};
    return rs.reconfig(c);
  });
  await step("rs.status()", () => rs.status());
  await step("rs.hello()", () => rs.hello());
  await step("rs.isMaster()", () => rs.isMaster());
  for (const [i, who] of [[1, "a secondary"], [3, "the hidden member"], [4, "the arbiter"]]) {
    await step("hello of " + who, () => other(i).getDB("admin").hello());
  }
  await step("rs.printReplicationInfo()", () => Object.keys(rs.printReplicationInfo().value));
  await step("rs.printSecondaryReplicationInfo()", () => {
    const v = rs.printSecondaryReplicationInfo().value;
    return Object.fromEntries(Object.entries(v).map(([k, x]) => [names[hosts.indexOf(k.replace(/source: /, ""))], Object.keys(x)]));
  });
  await step("rs.printSlaveReplicationInfo()", () => rs.printSlaveReplicationInfo());
  await step("db.getReplicationInfo()", () => Object.keys(db.getReplicationInfo()));
  await step("rs.secondaryOk()", () => rs.secondaryOk());
  await step("rs.freeze(1) on the primary", () => rs.freeze(1));
  await step("rs.syncFrom() on the primary", () => rs.syncFrom(hosts[1]));
  await step("rs.stepDown(1)", () => rs.stepDown(1));
  await step("rs.stepDown(8, 3)", () => rs.stepDown(8, 3));
  await until("another primary", () => states().startsWith("SECONDARY PRIMARY"));
  await step("rs.syncFrom(the primary)", () => rs.syncFrom(hosts[1]).syncFromRequested);
  await step("rs.syncFrom(itself)", () => rs.syncFrom(hosts[0]));
  await step("rs.syncFrom(the arbiter)", () => rs.syncFrom(hosts[4]));
  await step("rs.syncFrom(nobody)", () => rs.syncFrom("nobody:1"));
  await step("replSetStepDown on a secondary", () => db.adminCommand({replSetStepDown: 60}));
  await step("rs.reconfig() on a secondary", () => rs.reconfig(rs.conf()));
  await step("rs.freeze(1)", () => rs.freeze(1));
  await step("rs.freeze(0)", () => rs.freeze(0));
  await until("the old primary again", () => states().startsWith("PRIMARY SECONDARY"));
  await step("replSetMaintenance on the secondary", () => other(1).getDB("admin").adminCommand({replSetMaintenance: true}).ok);
  await until("a member in maintenance", () => states().startsWith("PRIMARY RECOVERING"));
  await step("a read in maintenance", () => other(1).getDB("test").c.findOne());
  await step("replSetMaintenance off", () => other(1).getDB("admin").adminCommand({replSetMaintenance: false}).ok);
  await until("it is back", () => states().startsWith("PRIMARY SECONDARY"));
  await step("replSetResizeOplog", () => db.adminCommand({replSetResizeOplog: 1, size: 1200}).ok);
  await step("rs.help()", () => typeof rs.help());
  print("END");
})();
