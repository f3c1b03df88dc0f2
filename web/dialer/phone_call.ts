// One telephone call: Twilio's SDK carries it, Fourwire's module records it. This file is all that a dialer needs of both.

import type { Call, Device } from "@twilio/voice-sdk";
import type { Caption, CaptionChange, CallRecorder, Conversation, Levels, Notice, RecorderState } from "./pkg/fourwire_web.js";

/** What the page shows of a call. */
export interface Screen {
  /** The telephone's side: `dialling`, `ringing`, `talking`, `ended`, or what went wrong. */
  onPhone(state: PhoneState): void;
  onRecorder(state: RecorderState): void;
  onCaptions(captions: readonly Caption[], changed: Caption, change: CaptionChange): void;
  onLevels(levels: Levels): void;
  onNotice(notice: Notice): void;
  /** The call is over; with its conversation, if it was recorded, or with its name, if nobody was reached. */
  onEnd(result: { conversation?: Conversation; unanswered?: string }): void;
}

export type PhoneState =
  | { kind: "dialling" | "ringing" | "talking" | "reconnecting" | "ended" }
  | { kind: "failed"; reason: string };

/** What the call needs of the page. */
export interface Line {
  device: Device;
  recorderModule: typeof import("./pkg/fourwire_web.js");
  token: () => Promise<string>;
}

export class PhoneCall {
  /** The other party was reached, the user gave up, or the page was told of an error: nothing has to be explained. */
  private isExplained = false;

  /** The tracks that are recorded. */
  private tapped = "";

  private constructor(
    private readonly callId: string,
    private readonly call: Call,
    private readonly recorder: CallRecorder,
    private readonly screen: Screen,
  ) {}

  /** Dials. The recorder connects meanwhile, and records nothing before somebody answers. */
  static async place(line: Line, to: string, screen: Screen): Promise<PhoneCall> {
    const callId = crypto.randomUUID();
    const recorder = line.recorderModule.CallRecorder.open({
      url: location.origin,
      token: line.token,
      callId,
      onState: (state) => screen.onRecorder(state),
      onCaptions: (captions, changed, change) => screen.onCaptions(captions, changed, change),
      onLevels: (levels) => screen.onLevels(levels),
      onNotice: (notice) => screen.onNotice(notice),
    });
    screen.onPhone({ kind: "dialling" });
    let call: Call;
    try {
      call = await line.device.connect({ params: { To: to, CallId: callId } });
    } catch (error) {
      void recorder.end();
      throw error;
    }
    const placed = new PhoneCall(callId, call, recorder, screen);
    placed.listen();
    return placed;
  }

  mute(muted: boolean): void {
    this.call.mute(muted);
    // Twilio mutes what it sends. What is recorded comes from the microphone beside that.
    this.recorder.mute(muted);
  }

  pause(paused: boolean): void {
    if (paused) this.recorder.pause();
    else this.recorder.resume();
  }

  press(digit: string): void {
    this.call.sendDigits(digit);
  }

  hangUp(): void {
    this.isExplained = true;
    this.call.disconnect();
  }

  private listen(): void {
    const { call, recorder, screen } = this;
    call.on("ringing", () => screen.onPhone({ kind: "ringing" }));
    call.on("accept", () => {
      this.isExplained = true;
      screen.onPhone({ kind: "talking" });
      this.tap();
    });
    call.on("reconnecting", () => screen.onPhone({ kind: "reconnecting" }));
    call.on("reconnected", () => screen.onPhone({ kind: "talking" }));
    // Once a second: another microphone, or media that was set up anew, is another stream, and no event says so.
    call.on("sample", () => this.retap());
    call.on("error", (error) => {
      this.isExplained = true;
      screen.onPhone({ kind: "failed", reason: reasonOf(error) });
    });
    const end = () => {
      screen.onPhone({ kind: "ended" });
      void recorder.end().then((conversation) => {
        screen.onEnd({ ...(conversation && { conversation }), ...(!this.isExplained && { unanswered: this.callId }) });
      });
    };
    call.on("disconnect", end);
    call.on("cancel", end);
    call.on("reject", end);
  }

  private tap(): void {
    const [microphone, remote] = [this.call.getLocalStream(), this.call.getRemoteStream()];
    if (!microphone || !remote) return;
    this.tapped = trackOf(microphone) + trackOf(remote);
    // Where it fails, the recorder's state says so.
    this.recorder.start(microphone, remote).catch(() => {});
  }

  private retap(): void {
    const [microphone, remote] = [this.call.getLocalStream(), this.call.getRemoteStream()];
    if (!this.tapped || !microphone || !remote) return;
    const tracks = trackOf(microphone) + trackOf(remote);
    if (tracks === this.tapped) return;
    this.tapped = tracks;
    this.recorder.replace({ microphone, remote }).catch(() => {});
  }
}

function trackOf(stream: MediaStream): string {
  return stream.getAudioTracks()[0]?.id ?? "";
}

/** What went wrong, for the person who dialled. The codes are Twilio's. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: number; message?: string };
  switch (code) {
    case 31401:
      return "This page may not use the microphone. Allow it in the browser and call again.";
    case 31402:
      return "There is no microphone.";
    case 31486:
      return "The line is busy.";
    case 31603:
    case 31002:
      return "The call was declined.";
    case 31404:
      return "There is no such number.";
    case 31480:
      return "Nobody can be reached there now.";
    case 20101:
    case 20104:
    case 20151:
      return "The telephone company did not let us in. Sign in again.";
    case 31005:
    case 31009:
    case 53000:
    case 53001:
    case 53405:
      return "The connection to the telephone company was lost.";
    default:
      return message ?? "The call failed.";
  }
}
