// The processor that does nothing: what the platform itself takes for any worklet with the same two inputs.

registerProcessor("null-tap", class extends AudioWorkletProcessor {
  process() {
    return true;
  }
});
