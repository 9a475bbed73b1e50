/** A server's open that waits for its owner. */

import { describe, expect, test } from "@jest/globals";
import { frameTexts, Pair } from "./support.ts";

describe("an open that is put off", () => {
  test("what follows the peer's open is answered after ours, in order", () => {
    const pair = new Pair({ server: { holdOpen: true } });
    pair.client.begin().sender("l");
    pair.pump();
    expect(pair.server.log).toEqual(["opening by client"]);
    expect(frameTexts(pair.frames("server"))).toEqual(["header"]);
    pair.wire.server.answerOpen(pair.wire.now);
    pair.pump();
    expect(frameTexts(pair.frames("server")).slice(0, 4)).toEqual(["header", "open", "begin", "attach"]);
    expect(pair.server.log.slice(0, 3)).toEqual(["opening by client", "opened by client", "session of the peer"]);
    pair.wire.server.answerOpen(pair.wire.now);
    expect(frameTexts(pair.frames("server")).filter((text) => text === "open").length).toBe(1);
  });

  test("no heartbeat goes out before it", () => {
    const pair = new Pair({ client: { idleTimeout: 2_000 }, server: { holdOpen: true } });
    pair.wire.advance(900);
    expect(frameTexts(pair.frames("server"))).toEqual(["header"]);
    pair.wire.server.answerOpen(pair.wire.now);
    pair.pump();
    pair.wire.advance(900);
    expect(frameTexts(pair.frames("server"))).toEqual(["header", "open", "empty"]);
  });

  test("a close instead: our open and our close go out, of what was held only the peer's close counts", () => {
    const pair = new Pair({ server: { holdOpen: true } });
    pair.client.begin();
    pair.pump();
    pair.wire.server.close({ condition: "app:no" });
    pair.pump();
    expect(frameTexts(pair.frames("server"))).toEqual(["header", "open", "close app:no"]);
    expect(pair.server.sessions).toEqual([]);
    expect([pair.client.log.at(-1), pair.wire.server.finished]).toEqual(["closed app:no", true]);
  });

  test("the peer's close among what was held is answered once the open is", () => {
    const pair = new Pair({ server: { holdOpen: true } });
    pair.wire.client.close();
    pair.pump();
    pair.wire.server.answerOpen(pair.wire.now);
    pair.pump();
    expect(frameTexts(pair.frames("server"))).toEqual(["header", "open", "close"]);
    expect(pair.server.log).toEqual(["opening by client", "opened by client", "closed -"]);
  });
});
