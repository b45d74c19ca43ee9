// mongosh under load: mongosh URI --file mongosh.js, with STOP_FILE and LOAD (the path of load.cjs) in the environment.
require(process.env.LOAD)((name) => db.getSiblingDB("acceptance").getCollection(name), process.env.STOP_FILE);
