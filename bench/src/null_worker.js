// The floor of the comparison: a Worker that only receives. Each call's socket reaches an object of its own, hibernation
// API and all, and every message is dropped. A browser's first message is answered, since the client waits for that.
import { DurableObject } from "cloudflare:workers";

export class Call extends DurableObject {
  fetch() {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage(socket, message) {
    if (typeof message === "string") socket.send('{"type":"auth_response","success":true}');
  }
}

export default {
  fetch(request, env) {
    if (new URL(request.url).pathname === "/healthz") return new Response("ok");
    return env.CALLS.get(env.CALLS.newUniqueId()).fetch(request);
  },
};
