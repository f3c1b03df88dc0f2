// Twilio's own Node library as a judge. One order a line on standard input, one answer a line on standard output, in JSON.
import { createRequire } from "node:module";
import { parse, stringify } from "node:querystring";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);
const AccessToken = require("twilio/lib/jwt/AccessToken");
const webhooks = require("twilio/lib/webhooks/webhooks");
const jsonwebtoken = createRequire(require.resolve("twilio"))("jsonwebtoken");

function version() {
  return require("twilio/package.json").version;
}

// Signs a request as told, and says whether the library takes it.
function judge({ kind, tokens, url, body, signed, header }) {
  const fields = kind === "form" ? fieldsOf(signed.body) : {};
  const good = webhooks.getExpectedTwilioSignature(signed.token, respelt(signed), fields);
  const signature = altered(good, header);
  return { signature, accepted: tokens.some((token) => accepts(kind, token, signature, url, body)) };
}

function accepts(kind, token, signature, url, body) {
  const { validateRequest, validateRequestWithBody } = webhooks;
  const attempt = (check) => {
    try {
      return check();
    } catch (error) {
      // What `new URL` says of a text that is none.
      if (error.code !== "ERR_INVALID_URL") throw error;
      return false;
    }
  };
  const fields = kind === "form" ? fieldsOf(body) : {};
  const accepted = attempt(() =>
    kind === "form" ? validateRequest(token, signature, url, fields) : validateRequestWithBody(token, signature, url, body),
  );
  // The middleware goes by the URL, not by the body's kind, and it takes an empty body for `{}`.
  const named = url.indexOf("bodySHA256") > 0;
  if (kind === "form" ? !named : named && body !== "") {
    const status = attempt(() => middleware(token, signature, url, fields, body)) || 403;
    if (accepted !== (status === 200)) throw new Error(`the library disagrees with itself about ${url}`);
  }
  return accepted;
}

// Status with which the library's middleware for Express answers.
function middleware(token, signature, url, fields, rawBody) {
  let status = 200;
  const request = { header: () => signature, headers: {}, originalUrl: "/", protocol: "http", body: fields, rawBody };
  const response = { type: () => response, status: (code) => ((status = code), response), send: () => response };
  webhooks.webhook(token, { url })(request, response, () => {});
  return status;
}

// A form's fields, as an Express application hands them on: those that come more than once as arrays.
function fieldsOf(form) {
  const fields = new Map();
  // Node mistakes characters that are not escaped for bytes where something else is escaped badly.
  const escaped = form.replace(/[^\x00-\x7f]+/g, encodeURIComponent);
  for (const [name, value] of new URLSearchParams(`&${escaped}`)) fields.set(name, [...(fields.get(name) ?? []), value]);
  return Object.fromEntries([...fields].map(([name, values]) => [name, values.length === 1 ? values[0] : values]));
}

// Ways to write a URL.
const spellings = {
  raw: (url) => url,
  normal: (url) => (URL.canParse(url) ? new URL(url).href : url),
  requeried: (url) => {
    const [before, query] = splitOnce(spellings.normal(url), "?");
    return query ? `${before}?${stringify(parse(query))}` : before;
  },
  slash: (url) => `${url}/`,
  queryless: (url) => splitOnce(url, "?")[0],
  small: (url) => url.toLowerCase(),
  encoded: (url) => encodeURI(url),
  scheme: (url) => (url.startsWith("https") ? url.replace("https", "http") : url.replace(/^\w+/, "https")),
};

// The URL that is signed: another spelling of one, which may be the one that is sent.
function respelt({ url, spelling, port }) {
  const [, head, given = "", rest] = /^(\w+:\/\/(?:[^/?#]*@)?(?:\[[^\]]*\]|[^:/?#]*))(:[^/?#]*)?(.*)$/s.exec(spellings[spelling](url));
  const standard = /^https/i.test(head) ? ":443" : ":80";
  return head + { "as-is": given, none: "", standard: given || standard, foreign: ":4443" }[port] + rest;
}

function splitOnce(text, separator) {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function altered(signature, [how, detail]) {
  if (how === "cut") return signature.slice(0, detail);
  if (how === "flip") {
    const other = signature[detail] === "A" ? "B" : "A";
    return signature.slice(0, detail) + other + signature.slice(detail + 1);
  }
  return how === "text" ? detail : signature;
}

// The library's token for what ours is for, and what its verifier reads in ours.
function token({ account, key, secret, app, identity, params, ttl, now, ours }) {
  const { now: clock } = Date;
  Date.now = () => now;
  const theirs = new AccessToken(account, key, secret, { identity, ttl });
  const outgoingApplicationParams = Object.keys(params).length > 0 ? params : undefined;
  theirs.addGrant(new AccessToken.VoiceGrant({ outgoingApplicationSid: app, outgoingApplicationParams }));
  const jwt = theirs.toJwt();
  const read = jsonwebtoken.verify(ours, secret, { algorithms: ["HS256"], issuer: key, subject: account, complete: true });
  Date.now = clock;
  return { jwt, header: read.header, claims: read.payload };
}

const orders = { version, judge, token };
for await (const line of createInterface({ input: process.stdin })) {
  const [order, details] = JSON.parse(line);
  console.log(JSON.stringify(orders[order](details)));
}
