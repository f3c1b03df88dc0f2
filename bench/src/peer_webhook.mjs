// What Fourwire's webhook is measured beside: the answer to a call without a destination, on Twilio's own package, as
// its documentation uses it. esbuild bundles it. Each step is the Worker's (edge/src/api/twilio_webhooks.rs), in its order.
import { parse } from "node:querystring";
import twilio from "twilio";

const MAX_BODY = 16 * 1024;
const CALL_SID = /^CA[0-9A-Za-z]{32}$/;
const IDENTITY = /^client:[0-9A-Za-z_]{1,121}$/;
const HEADERS = { "content-type": "text/xml; charset=utf-8", "cache-control": "no-store" };

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/healthz") return new Response("ok");
    if (pathname === "/v1/phone/twiml" && request.method === "POST") return voice(request, env);
    return new Response(null, { status: 404 });
  },
};

async function voice(request, env) {
  const { headers } = request;
  const signature = headers.get("x-twilio-signature");
  const isForm = headers.get("content-type")?.startsWith("application/x-www-form-urlencoded");
  if (!signature || !isForm || Number(headers.get("content-length")) > MAX_BODY) return refuse();
  const body = await request.text();
  if (body.length > MAX_BODY) return refuse();
  const fields = parse(body);
  // Path and query as they came: a parsed URL is written anew, and the signature is over the old one.
  const url = env.PUBLIC_ORIGIN + request.url.slice(request.url.indexOf("/", "https://".length));
  const tokens = env.TWILIO_AUTH_TOKEN.split(",").map((token) => token.trim());
  if (!tokens.some((token) => twilio.validateRequest(token, signature, url, fields))) return refuse();
  const answer = new twilio.twiml.VoiceResponse();
  answer.say(sentence(fields));
  return new Response(answer.toString(), { headers: HEADERS });
}

function sentence(fields) {
  const field = (name) => {
    const value = fields[name];
    if (!Array.isArray(value)) return value;
    return value.every((other) => other === value[0]) ? value[0] : undefined;
  };
  if (!CALL_SID.test(field("CallSid")) || !IDENTITY.test(field("From"))) {
    return "This call cannot be matched to a signed in user. Goodbye.";
  }
  if (!field("To")?.trim()) return "No destination number provided. Goodbye.";
  // Beyond this, the Worker's objects would have to be asked.
  return "Something went wrong on our side. Please try again in a moment.";
}

function refuse() {
  return Response.json({ detail: "Invalid Twilio signature", code: "signature_invalid" }, { status: 403 });
}
