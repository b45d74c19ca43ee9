// The Node driver under load: node node.cjs URI STOP_FILE, with NODE_PATH naming the folder that has the driver.
const { MongoClient } = require("mongodb");
const run = require("./load.cjs");

(async () => {
  const [uri, stopFile] = process.argv.slice(2);
  const client = new MongoClient(uri, { writeConcern: { w: "majority" } });
  await client.connect();
  await run((name) => client.db("acceptance").collection(name), stopFile);
  await client.close();
})();
