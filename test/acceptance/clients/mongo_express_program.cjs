// A session with mongo-express, as a person clicks through it: node mongo_express_program.cjs URI PORT; prints what it saw, as JSON.
const { spawn } = require("child_process");
const fs = require("fs");
const path = require("path");

const [uri, port] = process.argv.slice(2);
const home = path.join(process.env.NODE_PATH, "mongo-express");
// The published package comes without the scripts of its pages, whose names it reads from this file. The server's part needs none of them.
fs.writeFileSync(path.join(home, "build-assets.json"), "{}");

const app = spawn(process.execPath, ["app.js"], {
  cwd: home, stdio: ["ignore", "pipe", "pipe"],
  env: {
    ...process.env, NODE_ENV: "test", ME_CONFIG_MONGODB_URL: uri, ME_CONFIG_MONGODB_ENABLE_ADMIN: "true", ME_CONFIG_BASICAUTH_ENABLED: "false",
    ME_CONFIG_SITE_COOKIESECRET: "cookie", ME_CONFIG_SITE_SESSIONSECRET: "session", ME_CONFIG_SITE_GRIDFS_ENABLED: "true", PORT: port, VCAP_APP_HOST: "127.0.0.1",
  },
});
let said = "";
app.stdout.on("data", (d) => (said += d));
app.stderr.on("data", (d) => (said += d));

let cookies = "";

async function ask(method, where, body) {
  const answer = await fetch(`http://127.0.0.1:${port}${where}`, {
    method, redirect: "manual", headers: { "content-type": "application/x-www-form-urlencoded", cookie: cookies, "x-requested-with": "x" },
    body: body && new URLSearchParams(body),
  });
  cookies = answer.headers.getSetCookie().map((c) => c.split(";")[0]).join("; ") || cookies;
  const text = await answer.text();
  if (answer.status >= 400) throw new Error(`${method} ${where}: ${answer.status} ${text.slice(0, 500)}`);
  return text;
}

// remove deletes as the pages' forms do.
const remove = (where) => ask("POST", where, { _method: "DELETE" });

async function started() {
  for (const end = Date.now() + 30000; Date.now() < end; await new Promise((r) => setTimeout(r, 100))) {
    if (app.exitCode !== null) break;
    try {
      return await ask("GET", "/status");
    } catch (e) {
      if (!e.cause) throw e;
    }
  }
  throw new Error("mongo-express does not answer");
}

(async () => {
  await started();
  const saw = {};
  await ask("POST", "/", { database: "shop" });
  await ask("POST", "/db/shop", { collection: "items" });
  for (const [name, price] of [["tea", 3], ["coffee", 4], ["milk", 1]]) {
    await ask("POST", "/db/shop/items", { document: `{ _id: "${name}", name: "${name}", price: NumberInt(${price}), since: ISODate("2010-08-01T00:00:00Z") }` });
  }
  await ask("PUT", `/db/shop/items/${encodeURIComponent('"tea"')}`, { document: `{ _id: "tea", name: "tea", price: NumberInt(5), tags: ["hot"] }` });
  await remove(`/db/shop/items/${encodeURIComponent('"milk"')}`);
  await ask("POST", "/db/shop/addIndex/items", { index: "{ name: 1 }" });
  const front = await ask("GET", "/");
  saw.front = ["shop", "MongoDB Version", "6.0.5", "Uptime"].filter((word) => front.includes(word));
  const database = await ask("GET", "/db/shop");
  saw.database = ["items", "Collections", "Indexes"].filter((word) => database.includes(word));
  const list = await ask("GET", "/db/shop/items");
  saw.list = ["tea", "coffee", "milk", "name_1"].filter((word) => list.includes(word));
  const found = await ask("GET", `/db/shop/items?key=name&value=tea&type=S`);
  saw.simple = ["tea", "coffee"].filter((word) => found.includes(`&quot;${word}&quot;`) || found.includes(`"${word}"`) || found.includes(`${word}</`));
  saw.exported = JSON.parse(`[${(await ask("GET", "/db/shop/export/items")).trim().replace(/\}\s*\{/g, "},{")}]`).map((d) => [d._id, d.price, d.tags ?? null]).sort();
  await ask("PUT", "/db/shop/items", { collection: "goods" });
  saw.renamed = (await ask("GET", "/db/shop")).includes("goods");
  await remove("/db/shop/goods");
  await remove("/shop");
  saw.dropped = !(await ask("GET", "/")).includes("/db/shop");
  console.log(JSON.stringify(saw));
})().then(() => app.kill(), (e) => {
  console.error(e, said);
  app.kill();
  process.exitCode = 1;
});
