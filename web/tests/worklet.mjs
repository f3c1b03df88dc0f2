// Runs the worklet in a scope that has what `AudioWorkletGlobalScope` has, and nothing else. Arguments: the worklet's file, and
// JSON: a list of [currentFrame, samples of the microphone or null, samples of the remote side or null], a render quantum each.
// Standard output: the posted blocks, as JSON. A sample's value is its place in its input.
import { readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";

const [, , file, quanta] = process.argv;
let Processor;
class AudioWorkletProcessor {
  port = {};
}
const scope = createContext({
  AudioWorkletProcessor,
  registerProcessor: (_name, processor) => (Processor = processor),
  sampleRate: 48_000,
  currentFrame: 0,
  // A wall clock that nobody may ask here.
  Date: undefined,
  performance: undefined,
});
runInContext(readFileSync(file, "utf8"), scope);

const blocks = [];
const spares = new Set();
const worker = {
  postMessage({ block, count, ...rest }, [buffer]) {
    if (buffer !== block.buffer) throw new Error("the block is not given away");
    spares.add(block);
    const side = (from) => [...block.slice(from, from + count)];
    blocks.push({ ...rest, user: side(0), remote: side(block.length / 2) });
    // It comes back when the worker has read it.
    worker.onmessage({ data: block });
  },
};
const processor = new Processor();
processor.process([[], []]);
processor.port.onmessage({ data: worker });
const places = [0, 0];
for (const [frame, ...counts] of JSON.parse(quanta)) {
  scope.currentFrame = frame;
  const inputs = counts.map((count, side) =>
    count === null ? [] : [Float32Array.from({ length: count }, () => (places[side] += 1))],
  );
  if (processor.process(inputs) !== true) throw new Error("the node ends by itself");
}
processor.port.onmessage({ data: null });
if (processor.process([[], []]) !== true && processor.isOpen) throw new Error("the node does not end");
process.stdout.write(JSON.stringify({ blocks, buffers: spares.size }));
