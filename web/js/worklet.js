// The audio thread's part: both sides' samples, taken by one clock, gathered, and passed to the worker. It knows nothing else,
// and allocates nothing while it runs: the worker sends each buffer back.

/** Samples of a side in a block: 43 ms at 48 kHz. */
const LENGTH = 2048;
/** Samples in a render quantum of an input that is not connected. */
const QUANTUM = 128;

registerProcessor("fourwire-tap", class extends AudioWorkletProcessor {
  constructor() {
    super();
    this.isOpen = true;
    this.isFirst = true;
    this.spare = [];
    this.count = 0;
    for (let n = 0; n < 4; n += 1) this.spare.push(new Float32Array(2 * LENGTH));
    this.port.onmessage = ({ data }) => {
      this.worker = data;
      this.isOpen = Boolean(data);
      if (data) data.onmessage = (back) => this.spare.push(back.data);
    };
  }

  process([microphone, remote]) {
    if (!this.worker) return this.isOpen;
    const quantum = microphone[0]?.length ?? remote[0]?.length ?? QUANTUM;
    if (this.count === 0) {
      this.at = Date.now();
      // None comes back while the worker is busy, and audio must not be lost.
      this.block = this.spare.pop() ?? new Float32Array(2 * LENGTH);
    }
    this.put(microphone[0], this.count, quantum);
    this.put(remote[0], LENGTH + this.count, quantum);
    this.count += quantum;
    if (this.count + quantum > LENGTH) {
      const { block, count, at, isFirst } = this;
      this.worker.postMessage({ block, count, at, isFirst, rate: sampleRate }, [block.buffer]);
      this.count = 0;
      this.isFirst = false;
    }
    return this.isOpen;
  }

  put(samples, at, quantum) {
    if (samples) this.block.set(samples, at);
    else this.block.fill(0, at, at + quantum);
  }
});
