// Stands where the browser module does, in the call that is not recorded: the page goes the same way with it, and nothing is
// heard, sent or captioned.

export default async function init() {}

export class CallRecorder {
  static open({ onState }) {
    return new CallRecorder(onState);
  }

  constructor(onState) {
    this.onState = onState;
    this.captions = [];
  }

  async start() {
    this.onState?.({ kind: "recording" });
  }

  async replace() {}
  mute() {}
  pause() {}
  resume() {}
  setContactName() {}
  async end() {}
}
