// Drives one Chromium for the page's tests.
//
// Argument: JSON {"program": "/usr/bin/chromium", "arguments": ["--flag", …]}.
// Standard input: one JSON line each, {"id": 1, "tab": 1, "script": "…"}: the body of an async function that is given the tab's
// `page` and `context`. Tabs are made when they are first named, each in a context of its own.
// Standard output: {"ready": true}, then for each script {"id": 1, "result": …} or {"id": 1, "error": "…"}, as they end.
// Standard error: what the pages' consoles say. The process ends when its standard input does.

import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

const { program, arguments: args } = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: program, headless: true, args });
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const Script = (async () => {}).constructor;
const tabs = new Map();

async function open() {
  const context = await browser.newContext({ viewport: { width: 900, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("console", (message) => process.stderr.write(`console ${message.type()}: ${message.text()}\n`));
  page.on("pageerror", (error) => process.stderr.write(`uncaught: ${error.stack ?? error}\n`));
  return { context, page };
}

async function run({ id, tab, script }) {
  try {
    if (!tabs.has(tab)) tabs.set(tab, open());
    const { context, page } = await tabs.get(tab);
    say({ id, result: (await new Script("page", "context", script)(page, context)) ?? null });
  } catch (error) {
    say({ id, error: String(error.stack ?? error) });
  }
}

say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) void run(JSON.parse(line));
await browser.close();
