// For development only: Twilio's SDK opens wss:// wherever it is sent, and the lab speaks ws:// on this machine.
// To be loaded before the SDK, which takes the constructor when it is loaded.
{
  const Native = globalThis.WebSocket;
  const HERE = ['127.0.0.1', 'localhost'];
  globalThis.WebSocket = class WebSocket extends Native {
    constructor(address, protocols) {
      const url = new URL(address, location.href);
      if (url.protocol === 'wss:' && HERE.includes(url.hostname)) url.protocol = 'ws:';
      super(url.href, protocols);
    }
  };
}
