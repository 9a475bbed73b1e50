/**
 * A `Message` to bytes. Sections that nobody changed since they were received are copied byte for byte (§3.2: the bare
 * message is immutable in the network), less what belongs to the hop it came over: delivery-count, first-acquirer and the delivery
 * annotations. A section that was only read is compared with its bytes, and of a changed map the entries are.
 */

import type { ByteWriter } from "../util/byte-writer.ts";
import { beginList, beginMap, endList, endMap, writeDescriptor } from "../wire/encode.ts";
import { sequence } from "./body.ts";
import { copySame, KeptEntries, writeKept } from "./keep.ts";
import { bodyEnd, findBody, findSection, firstElement, SECTION, sectionCode, sectionValue, valueEnd } from "./layout.ts";
import type { MessageState } from "./message-state.ts";
import { FLAG } from "./message-state.ts";
import type { Properties } from "./read-sections.ts";
import { readBody, readMapSection, readProperties } from "./read-sections.ts";
import { same, sameRecords } from "./same.ts";
import type { BodyReference } from "./write-sections.ts";
import {
  BY_REFERENCE, unfitEntry, wantMap, writeBody, writeData, writeEntry, writeHeader, writeMapSection, writeProperties, writePropertyValue,
} from "./write-sections.ts";

/** Writes a message from its state. @throws EncodeError not-encodable @throws DecodeError decode-error */
export function writeState(w: ByteWriter, m: MessageState, references: BodyReference[] | undefined): void {
  const start = w.position;
  writeHeaderOf(w, m);
  writeInstructions(w, m);
  if (isTailUntouched(m)) {
    copy(w, m.wire, afterHop(m), m.wireEnd, start, references);
    return;
  }
  writeMap(w, m, SECTION.messageAnnotations, "annotations", m.annotationsMap);
  writePropertiesOf(w, m);
  writeMap(w, m, SECTION.applicationProperties, "properties", m.propertiesMap);
  writeBodyOf(w, m, start, references);
  writeMap(w, m, SECTION.footer, "footer", m.footerMap);
}

/** Whether all that comes after the sections of one hop is as it came, and has a body. */
function isTailUntouched(m: MessageState): boolean {
  if (m.wireStart === m.wireEnd || (m.flags & (FLAG.properties | FLAG.bodySet)) !== 0) return false;
  if (m.annotationsMap !== undefined || m.propertiesMap !== undefined || m.footerMap !== undefined) return false;
  if ((m.flags & FLAG.bodyRead) !== 0 && typeof m.content === "object" && m.content !== null) return false;
  const at = findBody(m.wire, m.wireStart, m.wireEnd);
  return at < m.wireEnd && sectionCode(m.wire, at) !== SECTION.footer;
}

/** Where the first section behind header and delivery annotations begins. */
function afterHop(m: MessageState): number {
  let at = m.wireStart;
  while (sectionCode(m.wire, at) <= SECTION.deliveryAnnotations) at = valueEnd(m.wire, sectionValue(m.wire, at));
  return at;
}

function writeHeaderOf(w: ByteWriter, m: MessageState): void {
  const { header, flags } = m;
  if ((flags & FLAG.firstOnly) !== 0) {
    w.writeBytes(FIRST_ACQUIRER);
    return;
  }
  const received = m.wireStart < m.wireEnd;
  if (header !== undefined && (!received || (flags & FLAG.header) !== 0)) {
    writeHeader(
      w, header.durable, header.priority, header.ttl,
      !received || (flags & FLAG.firstAcquirer) !== 0 ? header.firstAcquirer : undefined,
      !received || (flags & FLAG.deliveryCount) !== 0 ? header.deliveryCount : undefined,
    );
  } else if (received && sectionCode(m.wire, m.wireStart) === SECTION.header) {
    copyHeader(w, m.wire, m.wireStart);
  }
}

/** A header of which nothing but first-acquirer is set. */
const FIRST_ACQUIRER = Uint8Array.of(0x00, 0x53, 0x70, 0xc0, 0x05, 0x04, 0x40, 0x40, 0x40, 0x41);

/** Copies a header without its last two fields, and nothing if no other is left. */
function copyHeader(w: ByteWriter, bytes: Uint8Array, at: number): void {
  const list = sectionValue(bytes, at);
  const end = valueEnd(bytes, list);
  const first = firstElement(bytes, list);
  let next = first;
  let keptEnd = first;
  let kept = 0;
  let ofHop = false;
  for (let field = 0; next < end; field++) {
    const isNull = bytes[next] === 0x40;
    next = valueEnd(bytes, next);
    if (isNull) continue;
    if (field > 2) {
      ofHop = true;
    } else {
      kept = field + 1;
      keptEnd = next;
    }
  }
  if (!ofHop) {
    w.writeBytes(bytes.subarray(at, end));
  } else if (kept > 0) {
    writeDescriptor(w, SECTION.header);
    const mark = beginList(w);
    w.writeBytes(bytes.subarray(first, keptEnd));
    endList(w, mark, kept);
  }
}

/** Delivery annotations are the next hop's: of received ones only those that were changed or added, unless set as a whole. */
function writeInstructions(w: ByteWriter, m: MessageState): void {
  const map = m.instructionsMap;
  if (map === undefined) return;
  if (m.wireStart === m.wireEnd || (m.flags & FLAG.instructions) !== 0) {
    writeMap(w, m, SECTION.deliveryAnnotations, "instructions", map);
    return;
  }
  const received = readMapSection(m.wire, m.wireStart, m.wireEnd, SECTION.deliveryAnnotations, m.decoding);
  const own: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const key of Object.keys(map)) if (!(key in received) || !same(received[key], map[key])) own[key] = map[key];
  writeMapSection(w, SECTION.deliveryAnnotations, "instructions", own);
}

function writePropertiesOf(w: ByteWriter, m: MessageState): void {
  const p = m.list;
  if (p === undefined || (m.flags & FLAG.properties) === 0 || isAsReceived(m, p)) {
    copySection(w, m, SECTION.properties);
    return;
  }
  writeProperties(
    w, p.id, p.userId, p.to, p.subject, p.replyTo, p.correlationId, p.contentType, p.contentEncoding, p.expiryTime, p.creationTime,
    p.groupId, p.groupSequence, p.replyToGroupId,
  );
}

function isAsReceived(m: MessageState, properties: Properties): boolean {
  return m.wireStart < m.wireEnd && same(readProperties(m.wire, m.wireStart, m.wireEnd, m.decoding), properties);
}

function writeMap(w: ByteWriter, m: MessageState, code: number, name: string, map: Readonly<Record<string, unknown>> | undefined): void {
  const at = m.wireStart < m.wireEnd ? findSection(m.wire, m.wireStart, m.wireEnd, code) : -1;
  if (map === undefined) {
    if (at >= 0) copySectionAt(w, m.wire, at);
  } else if (at < 0) {
    writeMapSection(w, code, name, map);
  } else {
    wantMap(name, map);
    if (sameRecords(m.readMap(code), map)) copySectionAt(w, m.wire, at);
    else writeChangedMap(w, m, at, code, name, map);
  }
}

function writeChangedMap(w: ByteWriter, m: MessageState, at: number, code: number, name: string, map: Readonly<Record<string, unknown>>): void {
  const received = new KeptEntries(m.wire, sectionValue(m.wire, at), undefined, true);
  const start = w.position;
  writeDescriptor(w, code);
  const mark = beginMap(w);
  let count = 0;
  for (const key of Object.keys(map)) {
    const value = map[key];
    if (value === undefined) continue;
    count += 2;
    const entry = received.find(key);
    if (entry === undefined) {
      writeEntry(w, code, name, key, value);
      continue;
    }
    w.writeBytes(m.wire.subarray(entry.at, entry.value));
    try {
      if (code !== SECTION.applicationProperties) writeKept(w, m.wire, entry.value, value, m.decoding);
      else if (!copySame(w, m.wire, entry.value, value, m.decoding)) writePropertyValue(w, value);
    } catch (cause) {
      throw unfitEntry(name, key, cause);
    }
  }
  if (count === 0) w.position = start;
  else endMap(w, mark, count);
}

function writeBodyOf(w: ByteWriter, m: MessageState, start: number, references: BodyReference[] | undefined): void {
  const bytes = m.wire;
  const at = findBody(bytes, m.wireStart, m.wireEnd);
  const end = bodyEnd(bytes, at, m.wireEnd);
  if ((m.flags & FLAG.bodySet) !== 0) {
    writeBody(w, m.content, m.isInferred(), start, references);
  } else if (at === end) {
    // Without a body: made here, or from a peer that leaves a body of null out. Not every broker forgives that.
    writeBody(w, null, false, start, references);
  } else if ((m.flags & FLAG.bodyRead) === 0 || same(readBody(bytes, at, end, m.decoding), m.content)) {
    copy(w, bytes, at, end, start, references);
  } else {
    writeChangedBody(w, m, at, end, start, references);
  }
}

/** A received body that was changed in place: it keeps its kind of section. */
function writeChangedBody(
  w: ByteWriter, m: MessageState, at: number, end: number, start: number, references: BodyReference[] | undefined,
): void {
  const bytes = m.wire;
  const code = sectionCode(bytes, at);
  if (code === SECTION.data) {
    writeData(w, m.content as Uint8Array, start, references);
    return;
  }
  const value = sectionValue(bytes, at);
  const next = valueEnd(bytes, value);
  if (code === SECTION.value || next === end) {
    writeDescriptor(w, code);
    writeKept(w, bytes, value, m.content, m.decoding);
    return;
  }
  writeBody(w, sequence(...(m.content as unknown[][])), false, start, references);
}

function copySection(w: ByteWriter, m: MessageState, code: number): void {
  const at = m.wireStart < m.wireEnd ? findSection(m.wire, m.wireStart, m.wireEnd, code) : -1;
  if (at >= 0) copySectionAt(w, m.wire, at);
}

function copySectionAt(w: ByteWriter, bytes: Uint8Array, at: number): void {
  w.writeBytes(bytes.subarray(at, valueEnd(bytes, sectionValue(bytes, at))));
}

/** Copies received bytes, or refers to them where they are many. */
function copy(w: ByteWriter, bytes: Uint8Array, from: number, to: number, start: number, references: BodyReference[] | undefined): void {
  const part = bytes.subarray(from, to);
  if (references !== undefined && part.length > BY_REFERENCE) references.push({ at: w.position - start, bytes: part });
  else w.writeBytes(part);
}
