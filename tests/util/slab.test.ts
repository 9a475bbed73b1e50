import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Segment, Slab } from "../../src/util/slab.ts";
import { SLAB_SIZE, SlabPool, SlabWriter } from "../../src/util/slab.ts";

/** A pool that knows how much it has allocated. */
function counted(): { readonly pool: SlabPool; readonly sizes: number[] } {
  const sizes: number[] = [];
  const pool = new SlabPool((size) => {
    sizes.push(size);
    return new Uint8Array(size);
  });
  return { pool, sizes };
}

const fill = (w: SlabWriter, size: number, octet: number): void => {
  w.begin();
  w.reserve(size);
  w.bytes.fill(octet, w.position, w.position + size);
  w.position += size;
  w.finish();
};

const done = (pool: SlabPool, segments: readonly Segment[]): void => {
  for (const { slab } of segments) if (slab !== undefined) pool.release(slab);
};

const text = (segments: readonly Segment[]): string => segments.map(({ bytes }) => [...bytes].join()).join(" | ");

test("Q.secrets no printer shows what is in a slab: passwords have been there, and uninitialised memory", () => {
  const pool = new SlabPool((size) => new Uint8Array(size).fill(0x5a));
  const writer = new SlabWriter(pool);
  writer.begin();
  writer.reserve(4);
  writer.bytes.set([0x5b, 0x5c, 0x5d, 0x5e], writer.position);
  writer.position += 4;
  writer.finish();
  for (const value of [writer, writer.slab, { delivery: { slab: writer.slab } }]) {
    expect(`${inspect(value, { depth: 5, showHidden: true })} ${JSON.stringify(value)}`).not.toMatch(/90|5a|91|5b/);
  }
});

describe("SlabPool", () => {
  test("hands out 64 KiB, steps of 16 KiB up to four times that, then powers of two, and takes back those that are sealed and unused", () => {
    const { pool, sizes } = counted();
    expect([1, SLAB_SIZE, SLAB_SIZE + 1, 1_000_000].map((size) => pool.take(size).bytes.length)).toEqual([65536, 65536, 81920, 1048576]);
    const slab = pool.take(10);
    slab.users = 2;
    pool.release(slab);
    pool.seal(slab);
    expect(pool.take(10)).not.toBe(slab);
    pool.release(slab);
    expect(pool.take(10)).toBe(slab);
    expect([slab.sealed, slab.users, sizes.length]).toEqual([false, 0, 6]);
    // one that a writer still appends to stays out, used or not
    slab.users = 1;
    pool.release(slab);
    expect(pool.take(10)).not.toBe(slab);
  });

  test("keeps 8 MiB at the most", () => {
    const { pool, sizes } = counted();
    const slabs = Array.from({ length: 200 }, () => pool.take(1));
    for (const slab of slabs) pool.seal(slab);
    for (let i = 0; i < 200; i++) pool.take(1);
    expect(sizes.length).toBe(200 + (200 - 128));
  });

  test("a slab goes back by its own size only", () => {
    const { pool } = counted();
    const large = pool.take(300_000);
    pool.seal(large);
    expect(pool.take(1)).not.toBe(large);
    expect(pool.take(200_000).bytes.length).toBe(212992);
    expect(pool.take(300_000)).toBe(large);
  });
});

describe("SlabWriter", () => {
  test("what is written leaves in order, once", () => {
    const w = new SlabWriter(counted().pool);
    fill(w, 2, 1);
    fill(w, 1, 2);
    expect([w.total, w.waiting]).toEqual([3, 3]);
    expect(text(w.take())).toBe("1,1,2");
    expect([text(w.take()), w.total, w.waiting]).toEqual(["", 3, 0]);
    fill(w, 1, 3);
    expect(text(w.take())).toBe("3");
    expect(w.total).toBe(4);
  });

  test("references stand where they were put, and are the very bytes", () => {
    const w = new SlabWriter(counted().pool);
    const body = Uint8Array.of(9, 9);
    fill(w, 1, 1);
    w.reference(body);
    w.reference(body.subarray(1));
    fill(w, 1, 2);
    expect([w.total, w.waiting]).toEqual([5, 5]);
    const segments = w.take();
    expect(text(segments)).toBe("1 | 9,9 | 9 | 2");
    expect(segments[1]?.bytes).toBe(body);
    expect(segments.map(({ slab }) => slab === undefined)).toEqual([false, true, true, false]);
  });

  test("rewind takes back what was begun, and nothing before it", () => {
    const w = new SlabWriter(counted().pool);
    fill(w, 2, 1);
    w.begin();
    w.writeBytes(Uint8Array.of(7, 7, 7));
    w.rewind();
    expect([w.total, text(w.take())]).toEqual([2, "1,1"]);
    // also after the frame has moved to a larger slab
    fill(w, 2, 2);
    w.begin();
    w.writeBytes(new Uint8Array(200_000));
    w.rewind();
    fill(w, 1, 3);
    expect([w.total, text(w.take())]).toEqual([5, "2,2 | 3"]);
  });

  test("a frame that grows keeps its offsets, and what was written before it leaves from the old slab", () => {
    const { pool, sizes } = counted();
    const w = new SlabWriter(pool);
    fill(w, 1000, 1);
    const start = w.begin();
    w.reserve(4);
    w.position += 4;
    const mark = w.position;
    for (const [size, written] of [[60_000, 60_000], [100_000, 160_000], [300_000, 460_000]] as const) {
      w.writeBytes(new Uint8Array(size).fill(size / 20_000));
      expect(w.position).toBe(mark + written);
    }
    expect(sizes.length).toBe(3);
    w.view.setUint32(start, w.position - start);
    w.finish();
    const segments = w.take();
    expect(segments.map(({ bytes }) => bytes.length)).toEqual([1000, 460_004]);
    const frame = segments[1]?.bytes as Uint8Array;
    expect([...frame.subarray(0, 4)]).toEqual([0, 7, 4, 0xe4]);
    expect([frame[4], frame[60_003], frame[60_004], frame[160_003], frame[160_004], frame[460_003]]).toEqual([3, 3, 5, 5, 15, 15]);
    expect(w.total).toBe(461_004);
  });

  test("a slab is not filled again while the transport has its bytes", () => {
    const { pool } = counted();
    const w = new SlabWriter(pool);
    const under: { readonly segments: readonly Segment[]; readonly octet: number }[] = [];
    for (let octet = 1; octet <= 50; octet++) {
      fill(w, 40_000, octet);
      under.push({ segments: w.take(), octet });
    }
    for (const { segments, octet } of under) expect(segments.every(({ bytes }) => bytes.every((each) => each === octet))).toBe(true);
    for (const { segments } of under) done(pool, segments);
    const { users } = w.slab;
    expect(users).toBe(0);
  });

  test("a slab is not filled again while a delivery in it is pinned, however often the transport calls back", () => {
    const { pool, sizes } = counted();
    const w = new SlabWriter(pool);
    fill(w, 40_000, 1);
    const pinned = w.pin();
    const bytes = pinned.bytes.subarray(0, 40_000);
    for (let i = 0; i < 20; i++) {
      done(pool, w.take());
      fill(w, 40_000, 2);
      expect(w.slab).not.toBe(pinned);
    }
    expect(bytes.every((octet) => octet === 1)).toBe(true);
    // one other serves over and over
    expect(sizes.length).toBe(2);
    pool.release(pinned);
    // while the transport holds the other one, it is this one's turn
    w.take();
    fill(w, 40_000, 3);
    expect([w.slab === pinned, sizes.length]).toEqual([true, 2]);
  });

  test("tells when a slab is full, with its bytes ready to be taken", () => {
    const { pool } = counted();
    const taken: number[] = [];
    const w: SlabWriter = new SlabWriter(pool, () => {
      const segments = w.take();
      taken.push(segments.reduce((sum, { bytes }) => sum + bytes.length, 0));
      done(pool, segments);
    });
    for (let i = 0; i < 100; i++) fill(w, 10_000, i);
    expect(new Set(taken)).toEqual(new Set([60_000]));
    done(pool, w.take());
    expect(w.total).toBe(1_000_000);
  });

  test("L.idle has no slab before it writes, and none when all of it has left and is needed no more", () => {
    const { pool, sizes } = counted();
    const writers = Array.from({ length: 100 }, () => new SlabWriter(pool));
    expect(sizes).toEqual([]);
    for (const w of writers) {
      fill(w, 10, 1);
      done(pool, w.take());
      expect(w.bytes.length).toBe(0);
    }
    // all of them have used the same one
    expect(sizes).toEqual([65_536]);
    const [w] = writers as [SlabWriter];
    fill(w, 10, 2);
    const segments = w.take();
    fill(w, 10, 3);
    // what is written and has not left stays
    done(pool, segments);
    expect([text(w.take()), w.total]).toEqual([[3, 3, 3, 3, 3, 3, 3, 3, 3, 3].join(), 30]);
  });

  test("keeps its slab in the middle of a frame, and while a delivery is pinned in it", () => {
    const { pool } = counted();
    const w = new SlabWriter(pool);
    fill(w, 10, 1);
    const segments = w.take();
    w.begin();
    done(pool, segments);
    w.writeBytes(Uint8Array.of(7, 7));
    w.finish();
    expect(text(w.take())).toBe("7,7");
    fill(w, 1, 2);
    const slab = w.pin();
    done(pool, w.take());
    expect(w.slab).toBe(slab);
  });

  test("what is retained stays with whoever pinned it, and does not leave", () => {
    const { pool } = counted();
    const w = new SlabWriter(pool);
    fill(w, 1, 1);
    const before = w.take();
    fill(w, 3, 2);
    const slab = w.pin();
    w.retain();
    fill(w, 1, 3);
    expect([text(before), text(w.take()), w.total]).toEqual(["1", "3", 5]);
    expect([...slab.bytes.subarray(0, 5)]).toEqual([1, 2, 2, 2, 3]);
  });

  test("steady traffic of any size lives on a few slabs, none of them much larger than a frame", () => {
    for (const size of [10, 511, 5000, 65_000, 65_536, 70_000, 100_000, 150_000, 200_000, 300_000, 1_000_000]) {
      const { pool, sizes } = counted();
      const w = new SlabWriter(pool);
      for (let i = 0; i < 500; i++) {
        fill(w, size, i);
        done(pool, w.take());
      }
      expect([size, sizes.length <= 4, Math.max(...sizes) <= 4 * Math.max(size, SLAB_SIZE)]).toEqual([size, true, true]);
    }
  });

  test("any run of writes, references, rewinds, pins and late callbacks: every octet leaves once, in order, unharmed", () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant("write" as const), n: fc.oneof(fc.nat(400), fc.nat(40_000), fc.constantFrom(65_536, 100_000)) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("parts" as const), n: fc.integer({ min: 1, max: 20_000 }) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("pin" as const), n: fc.nat(20_000) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("rewind" as const), n: fc.nat(100_000) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("reference" as const), n: fc.nat(5000) }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("take" as const, "done" as const, "unpin" as const), n: fc.constant(0) }) },
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { pool } = counted();
      const w = new SlabWriter(pool);
      let octet = 0;
      /** What should have left: runs of one octet. */
      const expected: [octet: number, count: number][] = [];
      const pins: { readonly slab: Slab; readonly at: number; readonly n: number; readonly octet: number }[] = [];
      const under: (readonly Segment[])[] = [];
      const left: [number, number][] = [];
      const leave = (segments: readonly Segment[]): void => {
        for (const { bytes } of segments) for (const each of bytes) {
          const last = left.at(-1);
          if (last !== undefined && last[0] === each) last[1] += 1;
          else left.push([each, 1]);
        }
        done(pool, segments);
      };
      for (const { kind, n } of steps) {
        octet = (octet % 250) + 1;
        if (kind === "write" || kind === "pin") {
          const at = w.begin();
          w.writeBytes(new Uint8Array(n).fill(octet));
          if (kind === "pin") pins.push({ slab: w.pin(), at, n, octet });
          w.finish();
          expected.push([octet, n]);
        } else if (kind === "parts") {
          w.begin();
          for (let i = 0; i < 5; i++) w.writeBytes(new Uint8Array(n).fill(octet));
          w.finish();
          expected.push([octet, 5 * n]);
        } else if (kind === "rewind") {
          w.begin();
          w.writeBytes(new Uint8Array(n).fill(octet));
          w.rewind();
        } else if (kind === "reference") {
          w.reference(new Uint8Array(n).fill(octet));
          expected.push([octet, n]);
        } else if (kind === "take") under.push(w.take());
        else if (kind === "done") leave(under.shift() ?? []);
        else {
          const pin = pins.shift();
          if (pin === undefined) continue;
          expect(pin.slab.bytes.subarray(pin.at, pin.at + pin.n).every((each) => each === pin.octet)).toBe(true);
          pool.release(pin.slab);
        }
      }
      expect(w.total).toBe(expected.reduce((sum, [, count]) => sum + count, 0));
      under.push(w.take());
      for (const segments of under) leave(segments);
      const runs: [number, number][] = [];
      for (const [each, count] of expected) {
        const last = runs.at(-1);
        if (count === 0) continue;
        if (last !== undefined && last[0] === each) last[1] += count;
        else runs.push([each, count]);
      }
      expect(left).toEqual(runs);
      for (const { slab, at, n, octet: wanted } of pins) expect(slab.bytes.subarray(at, at + n).every((each) => each === wanted)).toBe(true);
    }), { numRuns: 60 });
  });
});
