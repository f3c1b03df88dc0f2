// The audio thread's part: both sides' samples, taken by one clock, gathered, and passed to the worker. It knows nothing else,
// and allocates nothing while it runs: the worker sends each buffer back.
//
// The clock is `currentFrame`, the context's count of what it has rendered: a place on it is exact. How much time goes by is the
// worker's to tell, since this scope has only the wall clock, which steps, and no `performance`:
// https://webaudio.github.io/web-audio-api/#AudioWorkletGlobalScope

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
    // A block has one place, so what does not follow begins another.
    if (this.count > 0 && currentFrame !== this.frame + this.count) this.post();
    if (this.count === 0) {
      this.frame = currentFrame;
      // None comes back while the worker is busy, and audio must not be lost.
      this.block = this.spare.pop() ?? new Float32Array(2 * LENGTH);
    }
    this.put(microphone[0], this.count, quantum);
    this.put(remote[0], LENGTH + this.count, quantum);
    this.count += quantum;
    if (this.count + quantum > LENGTH) this.post();
    return this.isOpen;
  }

  post() {
    const { block, count, frame, isFirst } = this;
    this.worker.postMessage({ block, count, frame, isFirst, rate: sampleRate }, [block.buffer]);
    this.count = 0;
    this.isFirst = false;
  }

  put(samples, at, quantum) {
    if (samples) this.block.set(samples, at);
    else this.block.fill(0, at, at + quantum);
  }
});
