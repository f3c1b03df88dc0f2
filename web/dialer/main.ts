// The dialer's page: sign in, prove a number, dial, see both sides' captions, hang up, read what came of it.

import type { Device } from "@twilio/voice-sdk";
import type { Caption, CaptionChange, Conversation, RecorderState } from "./pkg/fourwire_web.js";

import { type Check, Edge, type Outcome, Refused } from "./edge";
import { type Line, PhoneCall, type PhoneState, reasonOf } from "./phone_call";
import { settings } from "./settings";
import { byName, byToken, forget, remembered, type SignedIn } from "./sign_in";

/** How often a number that rings is asked about, in milliseconds. */
const CHECK_EVERY = 2_000;

const set = await settings();
let signedIn: SignedIn | undefined;
let edge: Edge | undefined;
let line: Line | undefined;
let call: PhoneCall | undefined;
let talkingSince = 0;

function byId<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/** Shows one of the page's forms, or the call. */
function show(id: "sign-in" | "verify" | "dial" | "call"): void {
  for (const other of ["sign-in", "verify", "dial", "call"]) byId(other).hidden = other !== id;
  byId(id).querySelector<HTMLElement>("input:not([hidden]), textarea")?.focus();
}

function trouble(text?: string): void {
  const place = byId("trouble");
  place.textContent = text ?? "";
  place.hidden = !text;
}

/** Runs what a form asks for, with its button off meanwhile, and tells what goes wrong. */
function onSubmit(id: string, run: (values: FormData) => Promise<void>): void {
  const form = byId<HTMLFormElement>(id);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    if (!button || button.disabled) return;
    button.disabled = true;
    trouble();
    try {
      await run(new FormData(form));
    } catch (error) {
      trouble(error instanceof Refused || error instanceof Error ? error.message : reasonOf(error));
    } finally {
      button.disabled = false;
    }
  });
}

async function enter(who: SignedIn): Promise<void> {
  signedIn = who;
  edge = new Edge(who.token);
  byId("user").textContent = who.user;
  byId("who").hidden = false;
  await offerDialling();
}

async function offerDialling(): Promise<void> {
  const numbers = (await edge?.numbers()) ?? [];
  const primary = numbers.find((number) => number.is_primary);
  if (primary) byId("caller-id").textContent = primary.phone_number;
  show(primary ? "dial" : "verify");
}

/** Twilio's SDK and the recorder, loaded once, when a call is first placed: a click lets a page make sound. */
async function openLine(who: SignedIn, with_: Edge): Promise<Line> {
  // In development the SDK is pointed at the lab, by a script that must run before it.
  if (set.lab) await import(`${set.lab}/carrier/shim.js`);
  const [{ Call, Device }, recorderModule] = await Promise.all([
    import("@twilio/voice-sdk"),
    import("./pkg/fourwire_web.js"),
  ]);
  await recorderModule.default();
  const device: Device = new Device(await with_.accessToken(), {
    codecPreferences: [Call.Codec.Opus, Call.Codec.PCMU],
    enableImprovedSignalingErrorPrecision: true,
    closeProtection: true,
    ...(set.lab ? labOptions(set.lab) : {}),
  });
  return { device, recorderModule, token: who.token };
}

/** Options with which the SDK asks nobody but the lab. */
function labOptions(lab: string): object {
  const silence = `${lab}/carrier/silence.wav`;
  const names = ["disconnect", "dtmf0", "dtmf1", "dtmf2", "dtmf3", "dtmf4", "dtmf5", "dtmf6", "dtmf7", "dtmf8", "dtmf9",
    "dtmfh", "dtmfs", "incoming", "outgoing"];
  return {
    chunderw: new URL(lab).host,
    publishEvents: false,
    sounds: Object.fromEntries(names.map((name) => [name, silence])),
  };
}

onSubmit("sign-in", async (values) => {
  const who = set.lab ? await byName(set.lab, String(values.get("name"))) : byToken(String(values.get("token")));
  await enter(who);
});

onSubmit("verify", async (values) => {
  if (!edge) return;
  const number = String(values.get("number"));
  const place = byId("code");
  try {
    place.querySelector("strong")!.textContent = await edge.verify(number);
    place.hidden = false;
    const status = await proven(edge, number, place.querySelector("span")!);
    if (status === "verified") await offerDialling();
    else trouble(WHY_NOT[status]);
  } catch (error) {
    if (!(error instanceof Refused && error.code === "already_verified")) throw error;
    await offerDialling();
  } finally {
    place.hidden = true;
  }
});

const WHY_NOT: Record<Exclude<Check, "verified" | "ringing">, string> = {
  none: "The number was given up. Ring it again.",
  wrong_code: "That was not the code. Ring the number again.",
  no_answer: "Nobody answered. Ring the number again.",
  expired: "We heard nothing of that call. Ring the number again.",
};

async function proven(edge: Edge, number: string, place: HTMLElement): Promise<Exclude<Check, "ringing">> {
  for (let seconds = 0; ; seconds += CHECK_EVERY / 1000) {
    const status = await edge.check(number);
    if (status !== "ringing") return status;
    place.textContent = `${seconds} s`;
    await new Promise((resolve) => setTimeout(resolve, CHECK_EVERY));
  }
}

onSubmit("dial", async (values) => {
  if (!edge || !signedIn || call) return;
  const to = String(values.get("to")).trim();
  try {
    if (line) line.device.updateToken(await edge.accessToken());
    else line = await openLine(signedIn, edge);
    prepareCall(to);
    call = await PhoneCall.place(line, to, {
      onPhone: showPhone,
      onRecorder: showRecorder,
      onCaptions: showCaption,
      onLevels: ({ user, remote }) => {
        byId<HTMLMeterElement>("level-user").value = loudness(user);
        byId<HTMLMeterElement>("level-remote").value = loudness(remote);
      },
      onNotice: ({ text }) => trouble(text),
      onEnd: showResult,
    });
  } catch (error) {
    show("dial");
    throw new Error(error instanceof Refused ? error.message : reasonOf(error));
  }
});

function prepareCall(to: string): void {
  byId("party").textContent = to;
  byId("clock").textContent = "";
  byId("captions").replaceChildren();
  byId("result").hidden = true;
  for (const id of ["mute", "pause"]) byId(id).setAttribute("aria-pressed", "false");
  recording = "";
  show("call");
}

let recording = "";
let phone = "";

function showState(): void {
  byId("state").textContent = [phone, recording].filter(Boolean).join(" · ");
  byId("call").dataset.phone = phone;
}

function showPhone(state: PhoneState): void {
  const names = { dialling: "Dialling", ringing: "Ringing", talking: "", reconnecting: "Connecting again", ended: "Ended" };
  phone = state.kind === "failed" ? "" : names[state.kind];
  if (state.kind === "failed") trouble(state.reason);
  if (state.kind === "talking" && !talkingSince) talkingSince = Date.now();
  if (state.kind === "ended") talkingSince = 0;
  showState();
}

function showRecorder(state: RecorderState): void {
  switch (state.kind) {
    case "connecting":
    case "waiting":
      recording = "";
      break;
    case "recording":
      recording = "Recording";
      break;
    case "paused":
      recording = "Recording is paused";
      break;
    case "reconnecting":
      recording = "Not connected; what is said is kept and sent later";
      break;
    case "ending":
      recording = "Writing it down";
      break;
    case "ended":
      recording = "";
      break;
    case "failed":
      recording = "Not recording";
      trouble(`The call is not recorded. ${state.reason}`);
  }
  showState();
}

function showCaption(captions: readonly Caption[], changed: Caption, change: CaptionChange): void {
  const list = byId("captions");
  const atEnd = innerHeight + scrollY > document.body.scrollHeight - 120;
  const known = document.getElementById(changed.id);
  if (change === "removed") {
    known?.remove();
    return;
  }
  const item = known ?? document.createElement("li");
  if (!known) {
    item.id = changed.id;
    item.append(document.createElement("b"), document.createElement("time"), document.createElement("span"));
  }
  item.className = `${changed.channel === 1 ? "user" : "remote"}${changed.isFinal ? "" : " interim"}`;
  const [name, time, text] = item.children as unknown as [HTMLElement, HTMLElement, HTMLElement];
  name.textContent = changed.channel === 1 ? "You" : "Them";
  time.textContent = clock(changed.start);
  text.textContent = changed.text;
  // It changes at the end of the list, as a rule.
  const next = captions[captions.lastIndexOf(changed) + 1];
  const place = next ? document.getElementById(next.id) : null;
  if (!known || item.nextElementSibling !== place) list.insertBefore(item, place);
  if (atEnd) scrollTo({ top: document.body.scrollHeight });
}

function showResult({ conversation, unanswered }: { conversation?: Conversation; unanswered?: string }): void {
  call = undefined;
  show("dial");
  if (unanswered) void explain(unanswered);
  if (!conversation || conversation.discarded) return;
  const { title, overview, emoji, category, action_items } = conversation.structured;
  const result = byId("result");
  result.querySelector(".category")!.textContent = `${emoji} ${category.replaceAll("_", " ")}`;
  result.querySelector("h2")!.textContent = title;
  result.querySelector(".overview")!.textContent = overview;
  const tasks = action_items.map(({ description }) => {
    const item = document.createElement("li");
    item.textContent = description;
    return item;
  });
  result.querySelector(".tasks")!.replaceChildren(...tasks);
  result.hidden = false;
}

/** Says why nobody was reached. The carrier's word may come a moment after the call's end. */
async function explain(callId: string): Promise<void> {
  for (let tries = 0; tries < 4 && !call; tries += 1) {
    const outcome = await edge?.outcome(callId).catch(() => undefined);
    if (outcome && !call) return trouble(NOT_REACHED[outcome]);
    await new Promise((resolve) => setTimeout(resolve, 700));
  }
  if (!call) trouble("The call was not answered.");
}

const NOT_REACHED: Record<Outcome, string> = {
  busy: "The line is busy.",
  no_answer: "Nobody answered.",
  failed: "The number cannot be reached.",
  refused: "This call is not allowed.",
  canceled: "The call was not answered.",
  completed: "The call was not answered.",
};

/** A level between 0 and 1 for the eye: 60 dB below full scale is nothing. */
function loudness(rms: number): number {
  return Math.max(0, 1 + (20 * Math.log10(Math.max(rms, 1e-6))) / 60);
}

function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function toggle(id: string, run: (on: boolean) => void): void {
  const button = byId<HTMLButtonElement>(id);
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    run(on);
  });
}

toggle("mute", (on) => call?.mute(on));
toggle("pause", (on) => call?.pause(on));
byId("hang-up").addEventListener("click", () => call?.hangUp());
byId("sign-out").addEventListener("click", () => {
  forget();
  location.reload();
});
for (const digit of "123456789*0#") {
  const key = document.createElement("button");
  key.textContent = digit;
  key.addEventListener("click", () => call?.press(digit));
  byId("keypad").append(key);
}
setInterval(() => {
  if (talkingSince) byId("clock").textContent = clock((Date.now() - talkingSince) / 1000);
}, 500);

byId("name-field").hidden = !set.lab;
byId<HTMLInputElement>("name-field").querySelector("input")!.disabled = !set.lab;
byId("token-field").hidden = byId("token-hint").hidden = Boolean(set.lab);
byId("token-field").querySelector("textarea")!.disabled = Boolean(set.lab);
const known = await remembered(set).catch(() => undefined);
if (known) await enter(known).catch((error) => trouble(error.message));
else show("sign-in");
