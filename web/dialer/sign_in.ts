// Who is there: by name where the lab is the identity provider, else by an ID token that the user has.

import type { Settings } from "./settings";

const STORED = "fourwire.user";
/** A token is replaced so long before it ends, in seconds. */
const EARLY = 60;

export interface SignedIn {
  user: string;
  /** An ID token that is good now. */
  token: () => Promise<string>;
}

/** Somebody who signed in by name before, in this tab. */
export async function remembered({ lab }: Settings): Promise<SignedIn | undefined> {
  const user = sessionStorage.getItem(STORED);
  return lab && user ? byName(lab, user) : undefined;
}

export async function byName(lab: string, user: string): Promise<SignedIn> {
  let current = await labToken(lab, user);
  sessionStorage.setItem(STORED, user);
  const token = async () => {
    if (claims(current).exp < Date.now() / 1000 + EARLY) current = await labToken(lab, user);
    return current;
  };
  return { user, token };
}

export function byToken(text: string): SignedIn {
  const token = text.trim();
  const { exp, sub } = claims(token);
  if (exp < Date.now() / 1000) throw new Error("This ID token has expired.");
  return { user: sub, token: async () => token };
}

export function forget(): void {
  sessionStorage.removeItem(STORED);
}

async function labToken(lab: string, user: string): Promise<string> {
  const answer = await fetch(`${lab}/identity/sign-in`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ user }),
  });
  if (!answer.ok) throw new Error("The sign-in was refused.");
  return (await answer.json()).id_token;
}

/** What a token says. Only the edge can tell whether it is true. */
function claims(token: string): { exp: number; sub: string } {
  try {
    const [, payload = ""] = token.split(".");
    const { exp, sub } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    if (typeof exp === "number" && typeof sub === "string") return { exp, sub };
  } catch {
    // Told below.
  }
  throw new Error("This is no ID token.");
}
