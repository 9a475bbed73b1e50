/** A link that the peer attaches, until it is accepted or refused. */

import type { LinkSettings } from "../engine/link.ts";
import type { ReceiverEndpoint } from "../engine/receiver.ts";
import { SenderEndpoint } from "../engine/sender.ts";
import { ConfigError, LinkError } from "../errors.ts";
import type { Attach } from "../frames/performatives.ts";
import type { Source as WireSource, Target as WireTarget } from "../frames/terminus.ts";
import type { ErrorInit } from "../options/call.ts";
import { resolveReceiverOptions, resolveSenderOptions } from "../options/resolve-link.ts";
import { layered } from "../options/resolve.ts";
import type { ResolvedReceiver, ResolvedSender } from "../options/resolve-link.ts";
import { timerDelay } from "../options/timeouts.ts";
import type {
  Connection, LinkRequest, Receiver, ReceiverOptions, ReceiverRequest, Sender, SenderOptions, SenderRequest, Session,
} from "./api.ts";
import type { Source, Target } from "./shapes.ts";
import { CAPABILITIES, checkCoordinator } from "./coordinate.ts";
import type { Coordinator } from "./coordinator.ts";
import { badCall, checkEncodable, unfitError } from "./encodable.ts";
import { UNHEARD } from "./events.ts";
import { guaranteeOf } from "./guarantees.ts";
import type { Claim } from "./keeper.ts";
import type { ClientLink, LinkHost } from "./link.ts";
import { storeOf } from "./link-store.ts";
import { commonSettings, receivingSettings, wireSize } from "./link-settings.ts";
import { ClientReceiver } from "./receiver.ts";
import { revive } from "./revival.ts";
import { ClientSender } from "./sender.ts";
import { answeredSource, answeredTarget, conditionOf, shownSource, shownTarget } from "./termini.ts";

/** The session of a request, which takes the link in. */
export interface RequestHost extends LinkHost {
  readonly links: Set<ClientLink>;
}

type AcceptSender = SenderOptions & { address?: string | undefined };
type AcceptReceiver = ReceiverOptions & { address?: string | undefined; coordinator?: Coordinator | undefined };
type AcceptOptions = AcceptSender | AcceptReceiver;

/** Options that a request's `accept` has besides those of the link. */
const ALSO: readonly string[] = ["session", "address", "coordinator"];

export class IncomingLink {
  readonly role: "sender" | "receiver";
  readonly name: string;
  readonly source: Source | null;
  readonly target: Target | null;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly desiredCapabilities: readonly string[];
  /** The link that came of it. */
  link: Sender | Receiver | undefined = undefined;
  /** Called when it is answered, whichever way. */
  onAnswered: (() => void) | undefined = undefined;
  /** Called when the link that came of it is over, or none will come. */
  onOver: (() => void) | undefined = undefined;
  /** What is known of it on the listening side. */
  claim: Claim<ClientLink> | undefined = undefined;
  /** The link of this name that waits for its peer: accepting goes on with it, refusing ends it. */
  resumes: ClientLink | undefined = undefined;
  readonly #host: RequestHost;
  readonly #endpoint: SenderEndpoint | ReceiverEndpoint;
  readonly #attach: Attach;
  #answered = false;
  /** The link waits for what the store has of it. */
  #loading: Promise<void> | undefined = undefined;
  #timer: { cancel(): void } | undefined = undefined;

  constructor(host: RequestHost, endpoint: SenderEndpoint | ReceiverEndpoint, attach: Attach) {
    this.#host = host;
    this.#endpoint = endpoint;
    this.#attach = attach;
    this.role = endpoint instanceof SenderEndpoint ? "sender" : "receiver";
    this.name = attach.name;
    this.source = attach.source == null ? null : shownSource(attach.source);
    this.target = attach.target == null ? null : shownTarget(attach.target);
    this.properties = attach.properties ?? {};
    this.desiredCapabilities = attach.desiredCapabilities ?? [];
  }

  get session(): Session {
    return this.#host.session;
  }

  get connection(): Connection {
    return this.#host.connection;
  }

  /** What the peer asks our end's terminus to be; undefined where it leaves that to us. */
  get asked(): Attach["source"] | Attach["target"] {
    return this.role === "sender" ? this.#attach.source : this.#attach.target;
  }

  /** Whether an answer is still wanted. */
  get open(): boolean {
    return !this.#answered && this.#endpoint.state === "attach-received";
  }

  /** Refuses it unless somebody answers in time. */
  expire(after: number, error: ErrorInit): void {
    const delay = timerDelay(after);
    if (delay === undefined || !this.open) return;
    this.#timer = this.#host.io.profile.clock.setTimer(delay, () => {
      if (this.open) void this.refuse(error);
      else this.drop();
    });
  }

  /** The session is over, or the peer has given up: nobody will answer it. */
  drop(): void {
    this.#answer();
    this.claim?.dropped();
  }

  accept(options?: AcceptOptions): Promise<Sender | Receiver> {
    if (!this.open) return Promise.reject(this.#gone());
    const { resumes } = this;
    const waiting = resumes?.over === undefined ? resumes : undefined;
    const unfit = badCall(() => {
      this.link = waiting !== undefined ? this.#revive(waiting, this.#endpoint) : this.#endpoint instanceof SenderEndpoint
        ? this.#acceptSender(this.#endpoint, options as AcceptSender | undefined)
        : this.#acceptReceiver(this.#endpoint, options as AcceptReceiver | undefined);
    });
    if (unfit !== undefined) return Promise.reject(unfit);
    const link = this.link as Sender | Receiver;
    this.#answer();
    return this.#loading?.then(() => link) ?? Promise.resolve(link);
  }

  refuse(error: ErrorInit): Promise<void> {
    if (!this.open) return Promise.reject(this.#gone());
    const unfit = unfitError(error, "refuse()");
    if (unfit !== undefined) return Promise.reject(unfit);
    this.#answer();
    this.claim?.refused();
    this.#endpoint.refuse(conditionOf(error) ?? { condition: "amqp:not-allowed" });
    return Promise.resolve();
  }

  #answer(): void {
    this.#answered = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.onAnswered?.();
    this.onAnswered = undefined;
    // One that is kept tells its keeper.
    if (this.link === undefined || (this.link as unknown as ClientLink).keeper !== undefined) this.onOver?.();
    else void this.link.closed.then(() => this.onOver?.());
  }

  #acceptSender(endpoint: SenderEndpoint, options: AcceptSender | undefined): Sender {
    const { address, ...rest } = options ?? {};
    const { profile } = this.#host.io;
    const events = profile.events?.link(rest.handler ?? profile.defaults.sender?.handler, this.#host.events);
    const defaults = layered(profile.defaults.sender, events?.senderDefaults);
    const own = resolveSenderOptions(this.target?.address, rest, { defaults, accepting: true, also: ALSO, where: "accept()", store: storeOf(profile) });
    // The sender's modes are its own to choose; where it does not care, the peer's wish is taken (§2.6.9).
    const snd = rest.sndSettleMode ?? (!own.guaranteeGiven ? this.#attach.sndSettleMode ?? "mixed" : own.sndSettleMode);
    const rcv = this.#attach.rcvSettleMode ?? "first";
    const resolved: ResolvedSender = {
      ...own, sndSettleMode: snd, rcvSettleMode: rcv, guarantee: guaranteeOf(snd, rcv),
      target: this.target === null ? null : own.target,
    };
    const answer = answeredSource(this.#attach.source, rest.source, own.source);
    const source = answer === null ? null : this.#granted(made(answer, address));
    const link = new ClientSender(this.#host, this.name, resolved);
    endpoint.sink = link;
    link.endpoint = endpoint;
    link.hear(events);
    this.#admitNew(link, endpoint, {
      ...commonSettings(this.name, resolved), maxMessageSize: wireSize(resolved.maxMessageSize ?? Infinity),
      source, target: this.#attach.target,
    });
    this.claim?.accepted(link, source);
    return link as unknown as Sender;
  }

  #acceptReceiver(endpoint: ReceiverEndpoint, options: AcceptReceiver | undefined): Receiver {
    const { address, coordinator, ...given } = options ?? {};
    this.#checkTarget(coordinator);
    // What comes on a control link is answered by the library, and by nobody else.
    const rest = coordinator === undefined ? given : { ...given, autoAccept: false, handler: UNHEARD };
    const { profile } = this.#host.io;
    const events = rest.handler === UNHEARD ? undefined : profile.events?.link(rest.handler ?? profile.defaults.receiver?.handler, this.#host.events);
    const defaults = layered(profile.defaults.receiver, events?.receiverDefaults);
    const own = resolveReceiverOptions(this.source?.address, rest, { defaults, accepting: true, also: ALSO, where: "accept()", store: storeOf(profile) });
    const snd = this.#attach.sndSettleMode ?? "mixed";
    const rcv = rest.rcvSettleMode ?? (!own.guaranteeGiven ? this.#attach.rcvSettleMode ?? "first" : own.rcvSettleMode);
    const resolved: ResolvedReceiver = { ...own, sndSettleMode: snd, rcvSettleMode: rcv, guarantee: guaranteeOf(snd, rcv) };
    const link = new ClientReceiver(this.#host, this.name, resolved);
    endpoint.sink = link;
    link.endpoint = endpoint;
    link.hear(events);
    link.readAsItComes(endpoint);
    const { target: asked } = this.#attach;
    const target = asked?.type === "target" ? this.#granted(made(answeredTarget(asked, rest.target, own.target) ?? asked, address)) : null;
    this.#admitNew(link, endpoint, {
      ...commonSettings(this.name, resolved), ...receivingSettings(resolved, this.#host.io.profile.limits.maxMessageSize),
      source: this.#attach.source,
      target: asked?.type === "coordinator" ? { type: "coordinator", capabilities: coordinator?.capabilities ?? CAPABILITIES } : target,
    });
    this.claim?.accepted(link, target);
    if (coordinator !== undefined) this.#host.io.transactions.coordinate(link, coordinator);
    return link as unknown as Receiver;
  }

  /** The same link as before, for the peer that has come back for it. */
  #revive(waiting: ClientLink, endpoint: SenderEndpoint | ReceiverEndpoint): Sender | Receiver {
    const claim = this.claim as Claim<ClientLink>;
    const settings = revive(waiting, this.#host, endpoint, this.#attach, claim);
    this.#admit(waiting, endpoint, settings);
    claim.accepted(waiting, (endpoint instanceof SenderEndpoint ? settings.source : settings.target as WireTarget | null) ?? null);
    return waiting as unknown as Sender | Receiver;
  }

  #granted<T extends WireSource | WireTarget>(terminus: T): T {
    return this.claim === undefined ? terminus : this.claim.granted(terminus);
  }

  /** A coordinator answers the links that ask for one, and no others. @throws ConfigError config */
  #checkTarget(coordinator: Coordinator | undefined): void {
    const wanted = this.target?.type === "coordinator";
    if (coordinator !== undefined) checkCoordinator(coordinator);
    if (wanted === (coordinator !== undefined)) return;
    throw new ConfigError(wanted ? 'accept(): the peer wants to control transactions: give option "coordinator", or refuse() the link with amqp:not-implemented'
      : 'accept(): option "coordinator" is for a link whose target.type is "coordinator"', { code: "config", scope: "link" });
  }

  /** A link that was not here before: with a store, what a former process left of it is read first; meanwhile the peer may go. */
  #admitNew(link: ClientSender | ClientReceiver, endpoint: SenderEndpoint | ReceiverEndpoint, settings: LinkSettings): void {
    const { ledger } = link;
    if (ledger === undefined) {
      this.#admit(link, endpoint, settings);
      return;
    }
    this.#host.links.add(link);
    this.#loading = ledger.store.load().then((good) => {
      if (good && link.over === undefined && endpoint.state === "attach-received") this.#admit(link, endpoint, link.resuming(settings, endpoint.session.connection.frameLimit));
    });
  }

  #admit(link: ClientLink, endpoint: SenderEndpoint | ReceiverEndpoint, settings: LinkSettings): void {
    checkEncodable({ type: "attach", ...settings, handle: 0, role: endpoint.role });
    this.#host.links.add(link);
    endpoint.accept(settings);
    link.accepted(settings);
  }

  #gone(): LinkError {
    return new LinkError(`the link request "${this.name}" is answered already, or its peer is gone`, { code: "invalid-state", scope: "link" });
  }
}

/** As a request that programs see. */
export function asRequest(link: IncomingLink): LinkRequest {
  return link as unknown as SenderRequest | ReceiverRequest;
}

/** A terminus with the address of the node that was made for it. */
function made<T extends { readonly address?: string | undefined }>(terminus: T, address: string | undefined): T {
  return address === undefined ? terminus : { ...terminus, address };
}
