// Prints wrangler.toml as options for Miniflare. Once for a whole test run: loading wrangler takes a second.

import { unstable_getMiniflareWorkerOptions as workerOptions } from "wrangler";

process.stdout.write(JSON.stringify(workerOptions("wrangler.toml").workerOptions));
