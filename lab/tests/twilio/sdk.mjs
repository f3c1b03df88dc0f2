// Drives the lab's Twilio with Twilio's own library, and is the application that the lab asks and tells. Prints what came
// of it, as JSON.
// usage: node sdk.mjs http://127.0.0.1:PORT/twilio CREDENTIALS
import { createServer } from "node:http";
import twilio from "twilio";

const [lab, json] = process.argv.slice(2);
const { account, token, key, secret, app } = JSON.parse(json);
const [ann, bob, others] = ["+12025550123", "+12025550199", ["+12025550130", "+12025550131"]];
const told = { refused: {}, heard: [] };

// The application: it checks every signature with the library.
const application = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const fields = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
  const signature = request.headers["x-twilio-signature"];
  const valid = twilio.validateRequest(token, signature, origin + request.url, fields);
  told.heard.push({ path: request.url, valid, fields });
  if (request.url === "/voice") {
    const answer = new twilio.twiml.VoiceResponse();
    const progress = { statusCallback: `${origin}/progress`, statusCallbackMethod: "POST" };
    const statusCallbackEvent = ["initiated", "ringing", "answered", "completed"];
    const dial = answer.dial({ callerId: ann, timeLimit: 60, answerOnBridge: true });
    dial.number({ ...progress, statusCallbackEvent }, fields.To);
    response.setHeader("content-type", "text/xml");
    response.end(answer.toString());
  } else {
    response.writeHead(204).end();
  }
});
await new Promise((resolve) => application.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${application.address().port}`;

class ToLab extends twilio.RequestClient {
  request(options) {
    return super.request({ ...options, uri: options.uri.replace("https://api.twilio.com", lab) });
  }
}
const as = (user, password, accountSid = account) =>
  twilio(user, password, { accountSid, httpClient: new ToLab({ autoRetry: false }) });
const refused = async (name, request) => {
  const error = await request.then(() => ({}), (error) => error);
  told.refused[name] = { status: error.status, code: error.code };
};
const until = async (condition) => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
};

const client = as(key, secret);
await refused("stranger", as(account, "wrong").outgoingCallerIds.list());
await refused("foreign", as(account, token, `AC${"f".repeat(32)}`).outgoingCallerIds.list());
await refused("number", client.validationRequests.create({ phoneNumber: "+1202555" }));
await refused("delay", client.validationRequests.create({ phoneNumber: ann, callDelay: 61 }));

const statusCallback = `${origin}/status?who=it's`;
const wanted = { phoneNumber: ann, friendlyName: "Ann's", callDelay: 1, statusCallback, statusCallbackMethod: "POST" };
told.started = (await client.validationRequests.create(wanted)).toJSON();
await refused("ringing", client.validationRequests.create({ phoneNumber: ann }));
await until(() => told.heard.length > 0);
await refused("verified", client.validationRequests.create({ phoneNumber: ann }));

const found = await client.outgoingCallerIds.list({ phoneNumber: ann });
told.found = found.map(({ sid }) => sid);
told.missed = await client.outgoingCallerIds.list({ phoneNumber: bob });
told.fetched = (await client.outgoingCallerIds(found[0].sid).fetch()).toJSON();
told.renamed = (await client.outgoingCallerIds(found[0].sid).update({ friendlyName: "Ann Lee's" })).friendlyName;
for (const phoneNumber of others) await client.validationRequests.create({ phoneNumber });
await until(async () => (await client.outgoingCallerIds.list()).length === 3);
told.paged = (await client.outgoingCallerIds.list({ pageSize: 1 })).map(({ phoneNumber }) => phoneNumber).sort();

const { AccessToken } = twilio.jwt;
const access = new AccessToken(account, key, secret, { identity: "ann", ttl: 600 });
const outgoingApplicationParams = { Plan: "free" };
access.addGrant(new AccessToken.VoiceGrant({ outgoingApplicationSid: app, outgoingApplicationParams }));
const post = async (path, body) => {
  const headers = { "content-type": "application/json" };
  return (await fetch(`${lab}/lab/${path}`, { method: "POST", headers, body: JSON.stringify(body) })).json();
};
const call = { webhook_url: `${origin}/voice`, access_token: access.toJwt(), to: bob, params: { CallId: "42" } };
told.placed = await post("place-call", call);
await post("play-call", { call_sid: told.placed.call_sid, talk_seconds: 0 });

told.removed = await client.outgoingCallerIds(found[0].sid).remove();
await refused("gone", client.outgoingCallerIds(found[0].sid).fetch());
process.stdout.write(JSON.stringify(told), () => process.exit(0));
