// What the benchmark does with a tab, in Node, beside the page's own use: the body of an async function that is given
// Playwright's `page` and `context`, and `order`: what is to be done, and with what.

const browser = context.browser();

switch (order.do) {
  // Before the first call: the page's policy would not let the second worklet in, which is no file of the page. Playwright does not
  // put one there either: it does not see what worklets load.
  case "let in": {
    const session = await context.newCDPSession(page);
    await session.send("Page.setBypassCSP", { enabled: true });
    await page.reload();
    return void (await page.waitForSelector("#dial:not([hidden])"));
  }

  // Before the first call: the module's place is taken by a module that does nothing.
  case "replace recorder":
    return await context.route("**/pkg/fourwire_web.js", (route) =>
      route.fulfill({ contentType: "text/javascript", body: order.module }));

  // Before the first call: contexts have this rate unless they are asked for another.
  case "set rate":
    return await page.evaluate((sampleRate) => {
      const Native = globalThis.AudioContext;
      globalThis.AudioContext = class extends Native {
        constructor(options) {
          super({ sampleRate, ...options });
        }
      };
    }, order.rate);

  // The processes of all pages.
  case "renderers": {
    const session = await browser.newBrowserCDPSession();
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    await session.detach();
    return processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
  }

  // Hears the same call through a context as the module's, with a processor that does nothing.
  case "hear with nothing":
    return await page.evaluate(async (worklet) => {
      const peer = peers.filter(({ connectionState }) => connectionState === "connected").at(-1);
      const tap = new AudioContext();
      await tap.audioWorklet.addModule(`data:text/javascript,${encodeURIComponent(worklet)}`);
      const node = new AudioWorkletNode(tap, "null-tap", { numberOfInputs: 2, channelCount: 1, channelCountMode: "explicit" });
      node.connect(tap.destination);
      const tracks = [peer.getSenders()[0].track, peer.getReceivers()[0].track];
      tracks.forEach((track, input) => {
        tap.createMediaStreamSource(new MediaStream([track])).connect(node, 0, input);
      });
      await tap.resume();
      // Kept, or the browser might drop it.
      globalThis.nullTap = { tap, node };
    }, order.worklet);

  case "start trace":
    return await browser.startTracing(page, { categories: order.categories });

  case "stop trace":
    process.getBuiltinModule("node:fs").writeFileSync(order.file, await browser.stopTracing());
    return;

  case "version":
    return browser.version();

  case "close":
    return await context.close();

  default:
    throw new Error(`no such order: ${order.do}`);
}
