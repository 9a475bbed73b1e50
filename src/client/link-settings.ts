/** Our attach of a link, by what its options resolved to; the termini of an accepted link come from the peer's attach. */

import type { LinkSettings } from "../engine/link.ts";
import { UNREAD_HOLDS_WINDOW } from "../engine/windows.ts";
import { LinkError } from "../errors.ts";
import type { Attach } from "../frames/performatives.ts";
import type { ResolvedLink, ResolvedReceiver, ResolvedSender } from "../options/resolve-link.ts";
import { some } from "./encodable.ts";
import { wireRelay, wireSource, wireTarget } from "./termini.ts";

/** The attach of a sender; written out, as in termini.ts, for the sake of memory. */
export function senderSettings(name: string, options: ResolvedSender): LinkSettings {
  const { sndSettleMode, rcvSettleMode, offeredCapabilities, desiredCapabilities, properties } = commonSettings(name, options);
  return {
    name, sndSettleMode, rcvSettleMode, offeredCapabilities, desiredCapabilities, properties, maxMessageSize: wireSize(options.maxMessageSize ?? Infinity),
    source: wireSource(options.source), target: options.target === null ? wireRelay() : wireTarget(options.target),
  };
}

/** The attach of a receiver. @param maxMessageSize octets, where its options name none */
export function receiverSettings(name: string, options: ResolvedReceiver, maxMessageSize: number): LinkSettings {
  const { sndSettleMode, rcvSettleMode, desiredCapabilities, properties } = commonSettings(name, options);
  const receiving = receivingSettings(options, maxMessageSize);
  return {
    name, sndSettleMode, rcvSettleMode, offeredCapabilities: receiving.offeredCapabilities, desiredCapabilities, properties, maxMessageSize: receiving.maxMessageSize,
    // Without a source the peer looks up what an earlier link of this name left (§2.6.3).
    source: options.lookup ? null : wireSource(options.source, options.selectors), target: wireTarget(options.target),
  };
}

/** The same with another address of the node, where there is one. */
export function readdressed(settings: LinkSettings, sender: boolean, address: string | undefined): LinkSettings {
  const { source, target } = settings;
  if (address === undefined) return settings;
  if (!sender) return source == null ? settings : { ...settings, source: { ...source, address } };
  return target?.type === "target" ? { ...settings, target: { ...target, address } } : settings;
}

/** What attaches of both roles have. */
export function commonSettings(name: string, options: ResolvedLink): LinkSettings {
  const { sndSettleMode, rcvSettleMode, offeredCapabilities, desiredCapabilities, properties } = options;
  return {
    name, sndSettleMode, rcvSettleMode, offeredCapabilities: some(offeredCapabilities), desiredCapabilities: some(desiredCapabilities), properties,
  };
}

/** What a receiver's attach says of the messages that it takes: those that are read as they come have no limit unless one was asked for. */
export function receivingSettings(options: ResolvedReceiver, maxMessageSize: number): Pick<LinkSettings, "maxMessageSize" | "offeredCapabilities"> {
  const { offeredCapabilities, partial } = options;
  return {
    maxMessageSize: wireSize(options.maxMessageSize ?? (partial ? Infinity : maxMessageSize)),
    offeredCapabilities: some(partial ? [...offeredCapabilities, UNREAD_HOLDS_WINDOW] : offeredCapabilities),
  };
}

/** A limit as it goes over the wire, where none is not said. */
export function wireSize(octets: number): number | undefined {
  return octets === Infinity ? undefined : octets;
}

/** Why a peer's answer will not do that left out filters of our source. */
export function missingFilter(settings: LinkSettings | undefined, attach: Attach, title: string): LinkError | undefined {
  const asked = settings?.source?.filter;
  if (asked === undefined) return undefined;
  const kept = new Set(Object.keys(attach.source?.filter ?? {}));
  const missing = Object.keys(asked).filter((name) => !kept.has(name));
  if (missing.length === 0) return undefined;
  return new LinkError(`${title}: the peer does not apply the filter ${missing.join(", ")} (filterRequired: false takes every message)`,
    { code: "filter-not-supported", scope: "link" });
}
