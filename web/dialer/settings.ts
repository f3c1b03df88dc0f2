// What the operator, or `cargo xtask dev`, says of this page in `dialer.json` beside it. There need not be one.

export interface Settings {
  /** Address of the lab, which then plays identity provider and telephone company. */
  lab?: string;
}

export async function settings(): Promise<Settings> {
  const answer = await fetch("dialer.json");
  return answer.ok ? await answer.json() : {};
}
