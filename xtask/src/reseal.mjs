// Has a deployed Worker seal everything anew under its current secret, some users at a time.
//
// Environment: FOURWIRE_EDGE, such as https://calls.example.com; OPERATOR_KEY.

const { FOURWIRE_EDGE: edge, OPERATOR_KEY: key } = process.env;
let [users, failed, records, cursor] = [0, 0, 0, ""];
do {
  const url = new URL("/v1/operator/reseal", edge);
  if (cursor) url.searchParams.set("cursor", cursor);
  const answer = await fetch(url, { method: "POST", headers: { authorization: `Bearer ${key}` } });
  const done = await answer.json();
  if (!answer.ok) throw new Error(`${answer.status}: ${done.detail}`);
  users += done.users;
  failed += done.failed;
  records += done.records;
  cursor = done.cursor;
  console.log(`${users} users, ${records} records sealed anew`);
} while (cursor);
if (failed) {
  throw new Error(`of ${failed} users something could not be opened: the Worker's log says what (event reseal_failed)`);
}
