// Reads what a Worker that is not running any more has left on disk, by Miniflare's own interface and without any of the
// Worker's code: everything in its bucket, and the keys in one user's database.
//
// Argument: JSON {"options": {…}, "state": DIRECTORY, "object": NAME}; options.mjs makes the options.
// Standard output: {"objects": [{"name": …, "body": …}, …], "keys": {CONVERSATION: KEY}}, bodies and keys in Base64.

import path from "node:path";

import { convertV4MiniflareOptions, Miniflare } from "miniflare";

const { options, state, object } = JSON.parse(process.argv[2]);
const { durableObjects, r2Buckets } = options;
const classes = Object.values(durableObjects).map(({ className }) => `export class ${className} extends DurableObject {}`);

const miniflare = new Miniflare(convertV4MiniflareOptions({
  host: "127.0.0.1",
  port: 0,
  cf: false,
  unsafeInspectDurableObjects: true,
  resourcePersistencePath: path.join(state, "kept"),
  workers: [
    {
      name: "fourwire",
      compatibilityDate: options.compatibilityDate,
      modules: true,
      script: `import { DurableObject } from "cloudflare:workers"; ${classes.join(" ")} export default {};`,
      durableObjects,
      r2Buckets,
    },
  ],
}));

const bucket = await miniflare.getR2Bucket("ARCHIVE");
const objects = [];
for (let cursor, more = true; more; ) {
  const page = await bucket.list({ cursor });
  for (const { key: name } of page.objects) {
    const body = await (await bucket.get(name)).arrayBuffer();
    objects.push({ name, body: Buffer.from(body).toString("base64") });
  }
  more = page.truncated;
  cursor = page.cursor;
}

const { className } = durableObjects.USERS;
const database = await miniflare.unsafeGetDurableObjectStorage("fourwire", className, { name: object });
const tables = await database.exec("SELECT name FROM sqlite_master WHERE name = 'conversations'");
const rows = tables.length > 0 ? await database.exec("SELECT id, hex(key) AS key FROM conversations") : [];
const keys = Object.fromEntries(rows.map(({ id, key }) => [id, Buffer.from(key, "hex").toString("base64")]));

process.stdout.write(JSON.stringify({ objects, keys }));
await miniflare.dispose();
