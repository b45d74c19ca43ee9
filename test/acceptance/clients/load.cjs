// CRUD, then retryable writes and reads until the stop file exists. Shared by the Node driver and mongosh, whose
// collections take the same calls. Prints one line of JSON per event; an error that reaches this code ends it.
const fs = require("fs");

async function crud(things) {
  await things.insertOne({ _id: "a", n: 1 });
  await things.insertMany([{ _id: "b", n: 2 }, { _id: "c", n: 3 }]);
  await things.updateOne({ _id: "a" }, { $set: { name: "first" }, $inc: { n: 10 } });
  await things.replaceOne({ _id: "b" }, { n: 20 });
  await things.deleteOne({ _id: "c" });
  const upserted = await things.findOneAndUpdate({ _id: "d" }, { $set: { n: 4 } }, { upsert: true, returnDocument: "after" });
  await things.createIndex({ n: 1 });
  const large = (await things.find({ n: { $gt: 4 } })).sort({ n: -1 });
  return {
    first: await things.findOne({ _id: "a" }),
    sorted: (await large.toArray()).map((d) => d._id),
    count: await things.countDocuments({}),
    distinct: await things.distinct("name"),
    upserted: upserted._id,
  };
}

// The Node driver up to 7.8 does not retry a write in flight when its monitor sees the primary's end before the write's
// own connection does: decorateCommandError takes the error of a stale connection for old news and gives it no
// RetryableWriteError label. No server can help that (mongod fails in the same way), so that this one error is counted,
// and the application finds out whether the write took effect. STRICT takes no error at all.
function missedByDriver(error) {
  return !process.env.STRICT && error.name === "MongoNetworkError" && !error.hasErrorLabel("RetryableWriteError");
}

async function load(say, items, counters, stopFile) {
  await counters.insertOne({ _id: "all", n: 0 });
  say({ event: "loading" });
  let writes = 0;
  let reads = 0;
  let missed = 0;

  async function sure(write, tookEffect) {
    try {
      await write();
    } catch (error) {
      if (!missedByDriver(error)) throw error;
      missed++;
      if (!(await tookEffect())) await sure(write, tookEffect);
    }
  }

  const readCounter = async () => (await counters.findOne({ _id: "all" })).n;
  while (!fs.existsSync(stopFile)) {
    await sure(() => items.insertOne({ _id: writes }), () => items.findOne({ _id: writes }));
    await sure(() => counters.updateOne({ _id: "all" }, { $inc: { n: 1 } }), async () => (await readCounter()) > writes);
    writes++;
    const found = await items.findOne({ _id: writes - 1 });
    if (!found) throw new Error(`document ${writes - 1} is not there after its acknowledgement`);
    reads++;
  }
  return { writes, reads, missed, counter: await readCounter(), documents: await items.countDocuments({}) };
}

module.exports = async function (collection, stopFile) {
  const say = (event) => fs.writeSync(1, JSON.stringify(event) + "\n");
  try {
    say({ event: "crud", ...(await crud(collection("crud"))) });
    say({ event: "done", ...(await load(say, collection("items"), collection("counters"), stopFile)) });
  } catch (error) {
    say({ event: "error", message: String((error && error.stack) || error), labels: error.errorLabels });
  }
};
