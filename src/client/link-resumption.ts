/**
 * How a link goes on after it has lost its attachment (protocol.md X): whether what was unsettled is kept, what our next attach says of
 * it, and what came of it when the peer has attached its end again.
 */

import type { LinkSettings } from "../engine/link.ts";
import { withUnsettled } from "../engine/recovery/unsettled-map.ts";
import type { Attach, UnsettledEntry } from "../frames/performatives.ts";
import type { Logger } from "../options/environment.ts";
import type { Guarantee } from "../options/link.ts";
import type { Connection } from "./api.ts";
import { logResumed } from "./log.ts";
import type { RowCounts } from "./sender-recovery.ts";
import type { Recovery } from "./shapes.ts";

/** What is resumed. */
export interface ResumedLink {
  readonly host: { readonly io: { readonly profile: { readonly logger: Logger | undefined } } };
  readonly connection: Connection;
  readonly name: string;
  readonly isSender: boolean;
  /** What it keeps, and in the options what was asked for. */
  readonly guarantee: Guarantee;
  readonly options: { readonly guarantee: Guarantee };
  unsettledMap(): readonly UnsettledEntry[] | undefined;
  onResumed(attach: Attach, complete: boolean, rows: RowCounts): void;
  onDowngraded(): void;
}

export class LinkResumption {
  /** What was unsettled when the last attachment was lost is kept for the next one. */
  #keeps = false;
  /** The peer's container when the link was open last: another one knows nothing of it. */
  #peer: string | undefined = undefined;
  /** Our last attach named all that was unsettled. */
  #complete = true;
  /** We detach only to attach anew. */
  #again = false;

  /** An attachment is lost. @param keeps whether the link is one whose deliveries outlive that */
  suspended(keeps: boolean): void {
    if (keeps) this.#keeps = true;
    this.#again = false;
  }

  /** A former process has left what the store has of it: the first attachment goes on with that. */
  restored(peer: string | undefined): void {
    this.#keeps = true;
    this.#peer = peer;
  }

  /** Our attach, with what is unsettled; on a first attachment there is no map (X.4). */
  attach(settings: LinkSettings, link: ResumedLink, frameLimit: number): LinkSettings {
    const unsettled = this.#keeps ? link.unsettledMap() : undefined;
    const attach = unsettled === undefined ? settings : withUnsettled(settings, unsettled, frameLimit);
    this.#complete = attach.incompleteUnsettled !== true;
    return attach;
  }

  /** Both ends are attached. @param again whether that was so before. Answers what was recovered (X.10) */
  attached(link: ResumedLink, attach: Attach | undefined, again: boolean): Recovery {
    const { remoteContainer } = link.connection;
    const known = remoteContainer === this.#peer;
    this.#peer = remoteContainer;
    // With its fallback it keeps less than was asked for.
    if (!this.#keeps) return !again ? "new" : link.options.guarantee === "exactly-once" ? "downgraded" : "reattached";
    this.#keeps = false;
    // Nobody has anything of an earlier time.
    if (!again && (attach?.unsettled ?? []).length === 0 && (link.unsettledMap() ?? []).length === 0) return "new";
    if (attach?.unsettled === undefined || link.guarantee !== "exactly-once" || !known) {
      link.onDowngraded();
      return "downgraded";
    }
    const rows: RowCounts = {};
    link.onResumed(attach, this.#complete, rows);
    logResumed(link.host.io.profile.logger, link.name, link.isSender ? "sender" : "receiver", rows);
    return "resumed";
  }

  /** We are about to detach for the next attachment to show more of what is unsettled; false if we did so already. */
  detach(): boolean {
    if (this.#again) return false;
    this.#again = true;
    return true;
  }

  /** Whether a detach is for that only, ours or the peer's (X.8). */
  showsMore(remote: Attach | undefined): boolean {
    const ours = this.#again;
    this.#again = false;
    return ours || !this.#complete || remote?.incompleteUnsettled === true;
  }
}
