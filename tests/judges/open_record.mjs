// An independent judge: opens what is stored of a user's conversations, written from docs/storage.md alone, on Node's own
// cryptography (OpenSSL).
//
// Each line of the input is one order, each line of the output its answer, in JSON:
//
//   { "secrets": ["…"], "user": "…", "keys": { "<conversation id>": "<wrapped key>" }, "objects": [{ "name": "…", "body": "…" }] }
//   [{ "name": "…", "plain": ["…"] } or { "name": "…", "error": "…" }, …]
//
// Keys, bodies and plain texts are in Base64. A document has one plain text, as has the entry of the
// user; a chunk has two: the user's and the remote's.

import { createDecipheriv, createHmac, hkdfSync } from "node:crypto";
import { createInterface } from "node:readline";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const CHUNK = /^(\d{10})-(\d{10})-(\d{10})-(\d{10})$/;
// Version, key id, nonce and tag.
const SEAL_BYTES = 1 + 4 + 12 + 16;

function hkdf(key, salt, info) {
  return Buffer.from(hkdfSync("sha256", key, salt, info, 32));
}

function keyId(key) {
  return hkdf(key, "", "fourwire/v1/key-id").subarray(0, 4);
}

// Opens a record of a version, with the first of the keys (id and AES key) that has its id.
function open(sealed, version, keys, address) {
  if (sealed.length < SEAL_BYTES || sealed[0] !== version) throw new Error("is not a sealed record");
  const key = keys.find(({ id }) => id.equals(sealed.subarray(1, 5)));
  if (!key) throw new Error("is sealed under a key that is not known");
  const decipher = createDecipheriv("aes-256-gcm", key.aes, sealed.subarray(5, 17), { authTagLength: 16 });
  decipher.setAAD(Buffer.concat([sealed.subarray(0, 5), Buffer.from(address)]));
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(17, -16)), decipher.final()]);
}

// The name of a user's folder: an HMAC under a key of the oldest secret.
function ownerOf(user, secrets) {
  const mac = createHmac("sha256", hkdf(secrets.at(-1), "", "fourwire/v1/index"));
  return mac.update(`user\0${user}`).digest("hex").slice(0, 32);
}

function conversationKey(user, secrets, id, wrapped) {
  const keys = secrets.map((secret) => ({ id: keyId(secret), aes: hkdf(secret, user, "fourwire/v1/user") }));
  const key = open(wrapped, 1, keys, `key/${id}`);
  if (key.length !== 32) throw new Error("is not a key");
  return [{ id: keyId(key), aes: key }];
}

function openObject({ user, secrets, keys }, name, body) {
  const [top, owner, id, kind, place, ...rest] = name.split("/");
  if (top === "users" && owner === ownerOf(user, secrets) && id === undefined) {
    const keys = secrets.map((secret) => ({ id: keyId(secret), aes: hkdf(secret, "", "fourwire/v1/operator") }));
    return [open(body, 1, keys, name)];
  }
  if (top !== "conversations" || owner !== ownerOf(user, secrets) || !UUID.test(id) || rest.length > 0) {
    throw new Error("is not an object of this user");
  }
  if (!keys[id]) throw new Error("has no key");
  const key = conversationKey(user, secrets, id, Buffer.from(keys[id], "base64"));
  if (kind === "conversation" && place === undefined) return [open(body, 2, key, name)];

  const numbers = kind === "audio" && CHUNK.exec(place ?? "");
  if (!numbers) throw new Error("has a name of no kind that is known");
  const [us, ue, rs, re] = numbers.slice(1).map(Number);
  if (us > ue || rs > re) throw new Error("ends before it begins");
  const lengths = [ue - us, re - rs].map((samples) => samples * 2);
  const plain = [];
  for (const [index, length] of lengths.entries()) {
    const record = length > 0 ? length + SEAL_BYTES : 0;
    const sealed = body.subarray(0, record);
    body = body.subarray(record);
    plain.push(record > 0 ? open(sealed, 2, key, `${name}/${index + 1}`) : Buffer.alloc(0));
    if (plain[index].length !== length) throw new Error("is not as long as its name says");
  }
  if (body.length > 0) throw new Error("is longer than its name says");
  return plain;
}

function answer({ secrets, user, keys, objects }) {
  const store = { user, secrets: secrets.map((secret) => Buffer.from(secret)), keys };
  return objects.map(({ name, body }) => {
    try {
      const plain = openObject(store, name, Buffer.from(body, "base64"));
      return { name, plain: plain.map((bytes) => bytes.toString("base64")) };
    } catch (error) {
      return { name, error: error.message };
    }
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(answer(JSON.parse(line))));
}
