// The edge's routes that the page uses, with errors that a person can read.

export interface VerifiedNumber {
  id: string;
  phone_number: string;
  is_primary: boolean;
}

export type Check = "none" | "ringing" | "wrong_code" | "no_answer" | "expired" | "verified";

export type Outcome = "completed" | "busy" | "no_answer" | "failed" | "canceled" | "refused";

/** Something that the edge refused; its message is a sentence for the user. */
export class Refused extends Error {
  constructor(readonly code: string, message: string, readonly status: number) {
    super(message);
  }
}

export class Edge {
  constructor(private readonly token: () => Promise<string>) {}

  async numbers(): Promise<VerifiedNumber[]> {
    return (await this.ask<{ numbers: VerifiedNumber[] }>("GET", "/v1/phone/numbers")).numbers;
  }

  async verify(number: string): Promise<string> {
    const asked = { phone_number: number };
    return (await this.ask<{ validation_code: string }>("POST", "/v1/phone/numbers/verify", asked)).validation_code;
  }

  async check(number: string): Promise<Check> {
    const asked = { phone_number: number };
    return (await this.ask<{ status: Check }>("POST", "/v1/phone/numbers/verify/check", asked)).status;
  }

  async accessToken(): Promise<string> {
    return (await this.ask<{ access_token: string }>("POST", "/v1/phone/token")).access_token;
  }

  /** How a call ended, as the carrier has told; none while it has not. */
  async outcome(callId: string): Promise<Outcome | undefined> {
    const { calls } = await this.ask<{ calls: { call_id: string; outcome: Outcome | null }[] }>("GET", "/v1/phone/calls");
    return calls.find((call) => call.call_id === callId)?.outcome ?? undefined;
  }

  private async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers: Record<string, string> = { Authorization: `Bearer ${await this.token()}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let answer: Response;
    try {
      answer = await fetch(path, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
    } catch {
      throw new Refused("offline", "The server cannot be reached.", 0);
    }
    if (answer.ok) return await answer.json();
    const { code, detail } = await answer.json().catch(() => ({}));
    throw new Refused(code ?? "unknown", detail ?? "The server did not understand.", answer.status);
  }
}
