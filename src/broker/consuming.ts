/** Links that consume: what their source asks for becomes a terminus at a node, or is refused with the reason. */

import type { ErrorInit, Sender, SenderRequest, Source, SourceInit } from "../container/public.ts";
import { readFilters } from "./filters.ts";
import type { Interest } from "./interest.ts";
import { lifetimeOf } from "./lifetime.ts";
import type { Node, Place } from "./node.ts";
import type { Nodes } from "./nodes.ts";
import { isLasting, keyOf } from "./termini.ts";
import type { Termini, Terminus } from "./termini.ts";

/** What a source asks for. */
interface Wanted {
  readonly source: SourceInit;
  readonly text: string;
  readonly interest: Interest;
  readonly copy: boolean;
}

/** Serves the consumers of a broker. */
export class Consuming {
  readonly #nodes: Nodes;
  readonly #termini: Termini;

  constructor(nodes: Nodes, termini: Termini) {
    this.#nodes = nodes;
    this.#termini = termini;
  }

  /** Answers a link, and stays with it until it is over. */
  async serve(request: SenderRequest): Promise<void> {
    const key = keyOf(request);
    const known = this.#termini.get(key);
    if (request.source === null && known === undefined) {
      return request.refuse({ condition: "amqp:not-found", description: `this container has no subscription with the name ${JSON.stringify(request.name.slice(0, 200))}` });
    }
    const wanted = this.#read(request.source ?? (known as Terminus).source, request);
    if ("condition" in wanted) return request.refuse(wanted);
    if (request.resumes !== undefined && known?.isHeldBy(request.resumes) === true) {
      // Whoever attached it first stays with it.
      known.again(await request.accept());
      return;
    }
    const same = known !== undefined && (request.source === null || known.text === wanted.text);
    const terminus = same ? known : this.#begin(key, wanted, known);
    if ("condition" in terminus) return request.refuse(terminus);
    const claim = terminus.claim();
    let sender: Sender | undefined;
    try {
      sender = await request.accept({ source: terminus.source });
      const place = this.#place(terminus, wanted);
      if (place === undefined) return await sender.close({ error: GONE });
      if (!terminus.hold(claim, sender, place)) return await sender.close({ error: { condition: "amqp:link:stolen", description: "the link is attached anew under its name" } });
      await sender.closed;
    } finally {
      terminus.release(claim, sender);
    }
  }

  /** A source that is not known yet, or no longer the one that was. */
  #begin(key: string, wanted: Wanted, known: Terminus | undefined): Terminus | ErrorInit {
    const { source, text } = wanted;
    if (isLasting(source) && this.#termini.full && known === undefined) {
      return { condition: "amqp:resource-limit-exceeded", description: `${this.#termini.kept} subscriptions are kept already; close some, or raise maxSubscriptions` };
    }
    const node = source.dynamic === true ? this.#nodes.makeDynamic(lifetimeOf(source.properties)) : this.#node(source.address);
    if (node === undefined) return source.address === undefined || source.address === "" ? NO_ADDRESS : GONE;
    // Whoever is attached under the name loses it.
    known?.claim();
    known?.end();
    const dynamic = source.dynamic === true;
    return this.#termini.add(key, {
      source: dynamic ? { ...source, address: node.address } : source,
      text,
      onEnded: () => (dynamic ? this.#nodes.release(node) : this.#tidy(node.address)),
    });
  }

  /** Where its messages come from: what was kept for it, or its node as it is now. */
  #place(terminus: Terminus, { interest, copy }: Wanted): Place | undefined {
    if (terminus.place?.collects === true) return terminus.place;
    return this.#node(terminus.source.address)?.open(interest, copy);
  }

  #read(source: Source | SourceInit, request: SenderRequest): Wanted | ErrorInit {
    const filters = readFilters(source.filter ?? {});
    if ("condition" in filters) return filters;
    const notFrom = filters.noLocal ? this.#nodes.originOf(request.connection) : undefined;
    const { address, dynamic, durability, expiryPolicy, timeout, distributionMode, capabilities, properties } = source;
    const texts = filters.selectors.map((selector) => selector.text);
    return {
      source: {
        address, dynamic, durability, expiryPolicy, timeout, distributionMode, capabilities,
        filter: Object.keys(source.filter ?? {}).length === 0 ? undefined : filters.applied,
        properties: dynamic === true ? lifetimeOf(properties).properties ?? {} : undefined,
      },
      text: JSON.stringify([dynamic === true ? null : address, distributionMode, texts, filters.noLocal]),
      interest: { selectors: filters.selectors, notFrom },
      copy: distributionMode === "copy",
    };
  }

  // The node of then may have been forgotten and made anew.
  #tidy(address: string): void {
    const node = this.#nodes.find(address);
    if (node !== undefined) this.#nodes.tidy(node);
  }

  #node(address: string | undefined): Node | undefined {
    return address === undefined || address === "" ? undefined : this.#nodes.get(address);
  }
}

const NO_ADDRESS: ErrorInit = { condition: "amqp:not-found", description: "a terminus needs an address" };
const GONE: ErrorInit = { condition: "amqp:not-found", description: "there is no such dynamic node (any more)" };
