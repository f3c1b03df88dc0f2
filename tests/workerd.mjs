// Runs the built Worker in real workerd for the black-box tests, configured by wrangler.toml itself.
//
// Argument: JSON {"worker": "build/fault-injection", "options": {…}, "vars": {…}, "state": DIRECTORY, "port": 0}; options.mjs makes
// the options.
// Standard output: one JSON line {"ready": "http://127.0.0.1:PORT/"}, then one line for each order.
// Standard input: orders, one JSON line each: {"evict": NAME, "class": "Call", "sockets": "hibernate" | "close"}.
// Standard error: what the Worker logs. The process ends when its standard input does, and DIRECTORY with it.

import { rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import path from "node:path";

import { convertV4MiniflareOptions, Miniflare } from "miniflare";

const order = JSON.parse(process.argv[2]);
const root = path.resolve(order.worker);

// What wrangler gives is in the form of Miniflare 4's options.
const miniflare = new Miniflare(convertV4MiniflareOptions({
  host: "127.0.0.1",
  port: order.port ?? 0,
  cf: false,
  resourcePersistencePath: path.join(order.state, "kept"),
  handleStructuredLogs: ({ level, message }) => process.stderr.write(`${level}: ${message}\n`),
  workers: [
    {
      ...order.options,
      name: "fourwire",
      rootPath: root,
      modulesRoot: root,
      modulesRules: undefined,
      modules: [
        { type: "ESModule", path: path.join(root, "index.js") },
        { type: "CompiledWasm", path: path.join(root, "index_bg.wasm") },
      ],
      bindings: { ...order.options.bindings, ...order.vars },
    },
  ],
}));

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
say({ ready: (await miniflare.ready).href });

for await (const line of createInterface({ input: process.stdin })) {
  const { evict: name, class: className, sockets } = JSON.parse(line);
  try {
    await miniflare.unsafeEvictDurableObject("fourwire", className, { name, webSockets: sockets });
    say({ done: true });
  } catch (error) {
    say({ failed: String(error) });
  }
}
await miniflare.dispose();
await rm(order.state, { recursive: true, force: true });
