// Prints wrangler.toml as options for Miniflare. Once for a whole test run: loading wrangler takes a second.

import { unstable_getMiniflareWorkerOptions as workerOptions } from "wrangler";

// The page's tests serve the page themselves; without it a world starts faster.
const { assets: _, ...options } = workerOptions("wrangler.toml").workerOptions;
process.stdout.write(JSON.stringify(options));
