/**
 * Where a peer that redirects leads, and whether to go there: only to hosts that option `redirects` allows, never from an encrypted
 * place to one that is not, never twice to the same place, and no more than a few times in a row (robustness: Q, Redirect).
 */

import { textOf } from "../client/remote-error.ts";
import { ConfigError, RedirectError } from "../errors.ts";
import { printable } from "../frames/printable.ts";
import type { ResolvedRedirects } from "../options/redirects.ts";
import type { ResolvedConnect } from "../options/resolve-connect.ts";
import { hostPort, isAddress, parseUrl } from "../options/url.ts";
import type { ParsedUrl } from "../options/url.ts";
import { STEADY } from "./backoff.ts";

/** A place to connect to, and the options that are right for it. */
export interface Target {
  readonly url: ParsedUrl;
  readonly options: ResolvedConnect;
}

/** The way from one place to the next, of a connection or a link. */
export class Trail {
  readonly #been = new Set<string>();
  #hops = 0;
  #since: number | undefined = undefined;

  /** Begins anew at a place that the program has named itself. */
  begin(place: string): void {
    this.#been.clear();
    this.#been.add(place);
    this.#hops = 0;
  }

  /** Why another step is one too many. What has held for a while was no detour: the counting begins anew. */
  refuses(place: string, max: number, now: number): string | undefined {
    if (this.#since !== undefined && now - this.#since >= STEADY) {
      this.#been.clear();
      this.#hops = 0;
    }
    if (this.#been.has(place)) return "it leads in a circle";
    if (this.#hops >= max) return `it is the redirect number ${this.#hops + 1} in a row, of which ${max} are followed (redirects.max)`;
    return undefined;
  }

  go(place: string, now: number): void {
    this.#been.add(place);
    this.#hops += 1;
    this.#since = now;
  }
}

/** What a redirect says of the place, as `info` has it; `from` is where it came from. @throws RedirectError what cannot be followed, and why */
export function targetOf(error: RedirectError, from: Target): Target {
  const { options } = from;
  const { redirects } = options;
  const info = new Map(Object.entries(error.info ?? {}));
  const [hostname, scheme, path] = ["hostname", "scheme", "path"].map((key) => textOf(info.get(key)));
  if (redirects === undefined) throw error;
  const { host, port } = error;
  for (const each of hostname === undefined || hostname === host ? [host] : [host, hostname]) {
    if (!redirects.allows(each, port)) throw refused(error, `${printable(each, 253)} is not one of the hosts that redirects.allow names for port ${port}`);
  }
  const url = urlOf(error, scheme ?? from.url.scheme, path, from.url);
  if (from.url.secure && !url.secure) throw refused(error, `${url.scheme}:// is not encrypted, as ${from.url.scheme}:// was`);
  // The name that the peer is known by is what TLS verifies, in place of the name that was right for the place before.
  const sni = hostname === undefined || isAddress(hostname) ? undefined : hostname;
  return { url, options: { ...options, sni, virtualHost: hostname ?? options.virtualHost } };
}

/** The same error with the reason why it was not followed. */
export function refused(error: RedirectError, why: string): RedirectError {
  const { code, scope, origin, condition, description, info, host, port, address } = error;
  return new RedirectError(`${error.message.replace(/; not followed: .*$/s, "")}; not followed: ${why}`, { code, scope, origin, condition, description, info, host, port, address });
}

/** Host and port, by which places are told apart. */
export function placeKey({ host, port }: ParsedUrl): string {
  return hostPort(host, port);
}

/** Credentials of the url before are those of the place that was allowed; its path and query, where a token may be, stay behind. */
function urlOf(error: RedirectError, scheme: string, path: string | undefined, from: ParsedUrl): ParsedUrl {
  try {
    const web = scheme === "ws" || scheme === "wss";
    const url = parseUrl(`${scheme}://${hostPort(error.host, error.port)}${web && path !== undefined ? `/${path.replace(/^\//, "")}` : ""}`);
    return { ...url, user: from.user, password: from.password };
  } catch (cause) {
    throw refused(error, `it names a place that cannot be: ${cause instanceof ConfigError ? cause.message : "no url"}`);
  }
}

/** Redirects of a whole connection. */
export class Redirects {
  readonly #trail = new Trail();
  #here: Target | undefined = undefined;

  /** Where the connection is, or is about to be. */
  get here(): Target | undefined {
    return this.#here;
  }

  /** At a url of the program's own. */
  begin(target: Target): void {
    this.#here = target;
    this.#trail.begin(placeKey(target.url));
  }

  /** Where to go now. @throws RedirectError why not there */
  next(error: RedirectError, now: number): Target {
    const from = this.#here;
    const redirects: ResolvedRedirects | undefined = from?.options.redirects;
    if (from === undefined || redirects === undefined) throw error;
    const target = targetOf(error, from);
    const place = placeKey(target.url);
    const why = this.#trail.refuses(place, redirects.max, now);
    if (why !== undefined) throw refused(error, why);
    this.#trail.go(place, now);
    this.#here = target;
    return target;
  }
}
