/**
 * Links that their peer sends elsewhere (amqp:link:redirect, §2.8.18): each is detached here and attached there, on a further connection
 * that is made for the place, with the same options and the credentials of that attempt. Such a connection ends with its last link, and
 * with the connection that the program has made.
 */

import type { ClientConnection } from "../client/connection.ts";
import type { ClientLink } from "../client/link.ts";
import type { AmqpError } from "../errors.ts";
import { ConnectionError, RedirectError } from "../errors.ts";
import { hostPort } from "../options/url.ts";
import type { CloseOptions } from "../options/call.ts";
import type { Clock } from "../options/environment.ts";
import { nextTurn } from "../transport/next-turn.ts";
import { Trail, placeKey, refused, targetOf } from "./redirects.ts";
import type { Target } from "./redirects.ts";

/** Makes a connection to a place, and begins to connect; `connected` settles when it is there. */
export type OpenElsewhere = (target: Target) => { readonly connection: ClientConnection; readonly connected: Promise<unknown> };

/** Has the links of a connection follow their redirects. @param primary what the program has made @param here where that is now */
export function followLinks(primary: ClientConnection, here: () => Target | undefined, clock: Clock, open: OpenElsewhere): void {
  const redirects = new LinkRedirects(clock, open);
  redirects.adopt(primary, here);
  primary.onClosing = (options) => redirects.close(options);
  void primary.closed.then(() => redirects.close({ timeout: 0 }));
}

class LinkRedirects {
  readonly #clock: Clock;
  readonly #open: OpenElsewhere;
  readonly #trails = new WeakMap<ClientLink, Trail>();
  /** Connections that were made for links, by their place. */
  readonly #elsewhere = new Map<string, ClientConnection>();
  /** Where each connection is, which is where its links come from. */
  readonly #targets = new WeakMap<ClientConnection, () => Target | undefined>();

  constructor(clock: Clock, open: OpenElsewhere) {
    this.#clock = clock;
    this.#open = open;
  }

  /** Its links are taken where their peer sends them. */
  adopt(connection: ClientConnection, here: () => Target | undefined): void {
    this.#targets.set(connection, here);
    connection.onLinkRedirect = (link, error) => this.#follow(link, error);
  }

  /** Closes what was made for links. */
  async close(options: CloseOptions | undefined): Promise<void> {
    await Promise.all([...this.#elsewhere.values()].map((connection) => connection.close(options).catch(() => undefined)));
  }

  /** Takes a link to where its peer sends it; answers why it does not go there. */
  #follow(link: ClientLink, error: RedirectError): AmqpError | undefined {
    const connection = link.connection as ClientConnection;
    const from = this.#targets.get(connection)?.();
    if (from?.options.redirects === undefined) return error;
    try {
      const now = this.#clock.now();
      const here = placeKey(from.url);
      const stays = hostPort(error.host, error.port) === here;
      // To another address of the same peer nothing is trusted that was not trusted before.
      const target = stays ? from : targetOf(error, from);
      const step = `${placeKey(target.url)} ${error.address ?? ""}`;
      const trail = this.#trailOf(link, here);
      const why = stays && error.address === undefined ? "it names the place where the link is" : trail.refuses(step, from.options.redirects.max, now);
      if (why !== undefined) return refused(error, why);
      trail.go(step, now);
      link.movedTo = error.address ?? link.movedTo;
      const there = stays ? connection : this.#at(target);
      link.suspend(error);
      if (there === connection) nextTurn(() => link.host.resume(link));
      else this.#move(link, there);
      return undefined;
    } catch (failure) {
      return failure instanceof RedirectError ? failure : new ConnectionError(`${error.message}: ${failure instanceof Error ? failure.message : String(failure)}`, { code: "redirect", scope: "link", cause: failure });
    }
  }

  #trailOf(link: ClientLink, here: string): Trail {
    let trail = this.#trails.get(link);
    if (trail === undefined) {
      trail = new Trail();
      const { source, target } = link;
      trail.begin(`${here} ${(link.isSender ? target.address : source.address) ?? ""}`);
      this.#trails.set(link, trail);
    }
    return trail;
  }

  #move(link: ClientLink, there: ClientConnection): void {
    link.host.leave(link);
    there.takeLink(link);
    void link.closed.then((error) => {
      // With its connection it goes without a word, since the handlers of that hear of it; of this one they know nothing.
      if (error !== undefined && error.cause === there.failure) link.events?.fail("on_link_error", { error }, false);
      if (there.linkCount === 0 && !there.ending) void there.close().catch(() => undefined);
    });
  }

  #at(target: Target): ClientConnection {
    const key = `${target.url.scheme} ${placeKey(target.url)} ${target.options.virtualHost ?? ""}`;
    const known = this.#elsewhere.get(key);
    if (known !== undefined && !known.ending) return known;
    const { connection, connected } = this.#open(target);
    // Its links tell.
    connected.catch(() => undefined);
    this.#elsewhere.set(key, connection);
    this.adopt(connection, () => target);
    void connection.closed.then(() => {
      if (this.#elsewhere.get(key) === connection) this.#elsewhere.delete(key);
    });
    return connection;
  }
}
