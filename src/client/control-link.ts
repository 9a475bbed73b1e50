/** The link on which we control transactions (§4.1): a sender to the peer's coordinator, for the library's own messages only. */

import type { LinkSettings } from "../engine/link.ts";
import type { AmqpError } from "../errors.ts";
import { LinkError } from "../errors.ts";
import type { Attach } from "../frames/performatives.ts";
import { resolveSenderOptions } from "../options/resolve-link.ts";
import type { OutgoingDelivery } from "./api.ts";
import { UNHEARD } from "./events.ts";
import type { LinkHost } from "./link.ts";
import type { ClientOutgoing } from "./outgoing.ts";
import { ClientSender } from "./sender.ts";

/** What the coordinator is asked to be able to do (§4.5.7); what it answers counts. */
const WANTED: readonly string[] = ["amqp:local-transactions", "amqp:multi-txns-per-ssn", "amqp:multi-ssns-per-txn"];
const OUTCOMES: readonly string[] = ["accepted", "rejected", "released", "modified", "declared"].map((name) => `amqp:${name}:list`);

export class ControlLink extends ClientSender {
  /** Called when it is over, whatever ended it. */
  onEnd: ((error: AmqpError) => void) | undefined = undefined;
  /** Called when the peer tells the outcome of a message for which nobody waits any more. */
  onLate: ((delivery: OutgoingDelivery) => void) | undefined = undefined;

  constructor(host: LinkHost, name: string) {
    super(host, name, resolveSenderOptions({}, { sndSettleMode: "unsettled", handler: UNHEARD }, { accepting: true }));
  }

  /** Transactions do not outlive it, so neither does it outlive its connection. */
  override get lasting(): boolean {
    return false;
  }

  override get title(): string {
    return "the link to the peer's transaction coordinator";
  }

  override get controls(): boolean {
    return true;
  }

  /** Whether the coordinator says that it can do this. */
  offers(capability: "amqp:multi-txns-per-ssn" | "amqp:multi-ssns-per-txn"): boolean {
    return this.remoteTarget.capabilities.includes(capability);
  }

  override decided(delivery: ClientOutgoing): void {
    const late = delivery.outcome?.type === "in-doubt" && this.over === undefined;
    super.decided(delivery);
    if (late) this.onLate?.(delivery);
  }

  protected override settings(): LinkSettings {
    const settings = super.settings();
    return { ...settings, source: settings.source == null ? settings.source : { ...settings.source, outcomes: OUTCOMES }, target: { type: "coordinator", capabilities: WANTED } };
  }

  protected override judge(attach: Attach): LinkError | undefined {
    if (attach.target?.type !== "coordinator") {
      return new LinkError(`${this.title}: the peer attached something that is no coordinator`, { code: "link-refused", scope: "link", origin: "remote" });
    }
    return super.judge(attach);
  }

  protected override onOver(error: AmqpError): void {
    super.onOver(error);
    this.onEnd?.(error);
  }
}
