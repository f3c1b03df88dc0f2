// The built Worker, unchanged, with a counter at everything that the platform bills or limits. Rows are the platform's own
// count, which every SQL cursor has. `/counts` tells the sums since the start.

const counts = {};

function add(name, by = 1) {
  counts[name] = (counts[name] ?? 0) + by;
}

/// Puts a counter in front of a method of a platform class, once for all its objects.
function watch(object, method, count) {
  let owner = object;
  while (owner && !Object.hasOwn(owner, method)) owner = Object.getPrototypeOf(owner);
  const original = owner[method];
  if (original.isWatched) return;
  owner[method] = function (...args) {
    const result = original.apply(this, args);
    count(args, result);
    return result;
  };
  owner[method].isWatched = true;
}

function watchBucket(env) {
  for (const method of ["put", "get", "head", "list", "delete"]) {
    watch(env.ARCHIVE, method, (_, result) => {
      add(`r2/${method}`);
      result.catch(() => add(`refused by r2/${method}`));
    });
  }
}

function watchStorage(storage) {
  watch(storage, "setAlarm", () => add("alarms set"));
  watch(storage, "deleteAll", () => add("objects erased"));
  watch(storage.sql, "exec", ([query], cursor) => {
    const table = /\b(?:INTO|FROM|UPDATE|EXISTS)\s+(\w+)/i.exec(query)?.[1] ?? "other";
    const what = `${query.trim().split(" ", 1)[0]} ${table}`;
    add(`statements/${what}`);
    // The Worker takes a cursor's rows at once, so they are all counted when its turn is over.
    queueMicrotask(() => {
      add(`rows read/${what}`, cursor.rowsRead);
      add(`rows written/${what}`, cursor.rowsWritten);
    });
  });
}

watch(globalThis, "fetch", () => add("fetches"));
watch(WebSocket.prototype, "send", () => add("messages out"));

// The Worker's memory is that of its one WebAssembly instance.
let memory;
const { Instance } = WebAssembly;
WebAssembly.Instance = class extends Instance {
  constructor(...args) {
    super(...args);
    memory = this.exports.memory;
  }
};

const built = await import("./index.js");

function counted(Built, name) {
  return class extends Built {
    constructor(ctx, env) {
      watchBucket(env);
      watchStorage(ctx.storage);
      super(ctx, env);
    }
    fetch(request) {
      add(`requests/${name}`);
      return super.fetch(request);
    }
    alarm() {
      add(`requests/${name}`);
      return super.alarm();
    }
    webSocketMessage(socket, message) {
      add("messages in");
      return super.webSocketMessage(socket, message);
    }
  };
}

export const Call = counted(built.Call, "Call");
export const User = counted(built.User, "User");
export const Line = counted(built.Line, "Line");

export default class extends built.default {
  constructor(ctx, env) {
    watchBucket(env);
    super(ctx, env);
  }
  fetch(request) {
    if (new URL(request.url).pathname === "/counts") {
      return Response.json({ ...counts, "wasm bytes": memory.buffer.byteLength });
    }
    add("requests/Worker");
    return super.fetch(request);
  }
}
