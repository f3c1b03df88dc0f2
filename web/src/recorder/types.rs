//! What a page gives and gets, with its TypeScript types.

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use web_sys::MediaStream;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What a recording is about, and who is told. Times are seconds since the call's first sample. */
export interface RecorderOptions {
  /** The edge's address, such as `https://calls.example.com`. */
  url: string;
  /** Yields an ID token that is good now. Called at each connect. */
  token: () => string | Promise<string>;
  /** Names the call: the same that Twilio gets as parameter `CallId`. 1 to 128 letters, digits and `-_.:@|`. */
  callId: string;
  /** A language tag such as `en` or `pt-BR`, or `multi`. English if left out. */
  language?: string;
  /** Who the other party is. */
  contactName?: string;
  /** Asks for an audio context of this rate instead of the device's. */
  sampleRate?: number;
  onState?: (state: RecorderState) => void;
  /**
   * All captions by time, and the one that this call is about: `"shown"` where it is new, has changed or has moved, `"removed"`
   * where its words came to nothing and it is not among them any more. It is shown again should the words come after all.
   */
  onCaptions?: (captions: readonly Caption[], changed: Caption, change: CaptionChange) => void;
  /** Ten times a second while recording. */
  onLevels?: (levels: Levels) => void;
  onNotice?: (notice: Notice) => void;
}

export type CaptionChange = "shown" | "removed";

/** What one side said. `id` stays the same while the text grows. */
export interface Caption {
  readonly id: string;
  /** 1: the user. 2: the other party. */
  readonly channel: 1 | 2;
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** False while the words may still change. */
  readonly isFinal: boolean;
}

/** Root mean square of 100 ms, 0 to 1. */
export interface Levels {
  readonly user: number;
  readonly remote: number;
}

export type RecorderState =
  /** The call was not answered yet. */
  | { readonly kind: "waiting" }
  /** What is said is kept, and the server is being reached. */
  | { readonly kind: "connecting" }
  | { readonly kind: "recording" }
  | { readonly kind: "paused" }
  /** The connection is lost. What is said is kept and sent later. */
  | { readonly kind: "reconnecting"; readonly attempt: number; readonly retryIn: number }
  /** The call is over, and its conversation is awaited. */
  | { readonly kind: "ending" }
  | { readonly kind: "ended" }
  /** Given up. `reason` is for people. The call itself goes on. */
  | {
      readonly kind: "failed";
      readonly code: "not_allowed" | "limit_reached" | "unreachable" | "unsupported" | "no_audio";
      readonly reason: string;
    };

/** Something that the user should know while recording goes on. */
export interface Notice {
  readonly code:
    | "stt_failed" | "stt_restored" | "stt_gap"
    | "recording_delayed" | "recording_restored" | "recording_gap"
    | "audio_not_understood"
    | "microphone_lost" | "rate_unsupported";
  /** For people. */
  readonly text: string;
  readonly channel?: 1 | 2;
}

/** What is to be heard from now on; what is left out stays. */
export interface Streams {
  microphone?: MediaStream;
  remote?: MediaStream;
}

/** A finished conversation; the edge's API description has all its fields. */
export interface Conversation {
  readonly id: string;
  readonly structured: {
    readonly title: string;
    readonly overview: string;
    readonly emoji: string;
    readonly category: string;
    readonly action_items: readonly { readonly description: string; readonly completed: boolean }[];
    readonly events: readonly { readonly title: string; readonly start: string }[];
  };
  /** Nothing was said. */
  readonly discarded: boolean;
  /** How often the call was finished: once more for each time that a client came back with more audio. */
  readonly finishes: number;
  readonly [field: string]: unknown;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// The options of a recorder.
    #[wasm_bindgen(typescript_type = "RecorderOptions")]
    pub type RecorderOptions;

    /// The edge's address.
    #[wasm_bindgen(method, getter)]
    pub(super) fn url(this: &RecorderOptions) -> String;

    /// Yields an ID token.
    #[wasm_bindgen(method, getter)]
    pub(super) fn token(this: &RecorderOptions) -> Function;

    /// Names the call.
    #[wasm_bindgen(method, getter, js_name = callId)]
    pub(super) fn call_id(this: &RecorderOptions) -> String;

    /// What is spoken.
    #[wasm_bindgen(method, getter)]
    pub(super) fn language(this: &RecorderOptions) -> Option<String>;

    /// Who the other party is.
    #[wasm_bindgen(method, getter, js_name = contactName)]
    pub(super) fn contact_name(this: &RecorderOptions) -> Option<String>;

    /// The rate of the audio context.
    #[wasm_bindgen(method, getter, js_name = sampleRate)]
    pub(super) fn sample_rate(this: &RecorderOptions) -> Option<f32>;

    /// Is told of states.
    #[wasm_bindgen(method, getter, js_name = onState)]
    pub(super) fn on_state(this: &RecorderOptions) -> Option<Function>;

    /// Is told of captions.
    #[wasm_bindgen(method, getter, js_name = onCaptions)]
    pub(super) fn on_captions(this: &RecorderOptions) -> Option<Function>;

    /// Is told of levels.
    #[wasm_bindgen(method, getter, js_name = onLevels)]
    pub(super) fn on_levels(this: &RecorderOptions) -> Option<Function>;

    /// Is told of trouble.
    #[wasm_bindgen(method, getter, js_name = onNotice)]
    pub(super) fn on_notice(this: &RecorderOptions) -> Option<Function>;

    /// Streams that take the place of others.
    #[wasm_bindgen(typescript_type = "Streams")]
    pub type Streams;

    /// The user's side.
    #[wasm_bindgen(method, getter)]
    pub(super) fn microphone(this: &Streams) -> Option<MediaStream>;

    /// The other party's.
    #[wasm_bindgen(method, getter)]
    pub(super) fn remote(this: &Streams) -> Option<MediaStream>;

    /// A conversation to come.
    #[wasm_bindgen(extends = Promise, typescript_type = "Promise<Conversation | undefined>")]
    pub type ConversationPromise;
}
