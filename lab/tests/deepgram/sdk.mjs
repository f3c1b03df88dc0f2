// Transcribes 16 kHz PCM from standard input with Deepgram's own SDK and prints what the SDK understood, as JSON.
// usage: node sdk.mjs ws://127.0.0.1:PORT/deepgram KEY
import { DeepgramClient } from "@deepgram/sdk";

const [url, key] = process.argv.slice(2);
const environment = { base: url.replace(/^ws/, "http"), production: url, agent: url, agentRest: url };
const client = new DeepgramClient({ apiKey: key, environment });

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const audio = Buffer.concat(chunks);

const connection = await client.listen.v1.connect({
  model: "nova-3",
  language: "en",
  encoding: "linear16",
  sample_rate: 16000,
  channels: 1,
  interim_results: "true",
  endpointing: 300,
  utterance_end_ms: 1000,
  vad_events: "true",
  smart_format: "true",
  reconnectAttempts: 0,
});
const messages = [];
const closed = new Promise((resolve) => {
  connection.on("message", (message) => messages.push(message));
  connection.on("error", (error) => messages.push({ type: "sdk-error", message: error.message }));
  connection.on("close", (event) => resolve(event.code));
});
connection.connect();
await connection.waitForOpen();
connection.sendKeepAlive({ type: "KeepAlive" });
for (let at = 0; at < audio.length; at += 3200) connection.sendMedia(audio.subarray(at, at + 3200));
connection.sendFinalize({ type: "Finalize" });
connection.sendCloseStream({ type: "CloseStream" });
const code = await closed;
process.stdout.write(JSON.stringify({ code, messages }), () => process.exit(0));
