/** Where a connection or link may go when its peer sends it elsewhere: to hosts that the program has named, and to no others. */

import { configError } from "./check.ts";
import { parseUrl } from "./url.ts";

/** Whether redirects of the peer are followed (amqp:connection:redirect, amqp:link:redirect; §2.8.16, §2.8.18). */
export interface RedirectOptions {
  /**
   * Hosts that may be gone to, each as "host", "host:port", "*.domain" or "*.domain:port"; of a port that is not named, any will do. A host that is
   * named here is trusted as the url's own is: it gets the same user and password, and `credentials` is asked anew for it.
   */
  allow: readonly string[];
  /** Redirects in a row, 1 to 10. @default 3 */
  max?: number | undefined;
}

/** `RedirectOptions`, read. */
export interface ResolvedRedirects {
  readonly max: number;
  /** Whether a host, a name or an address without brackets, may be gone to on this port. */
  allows(host: string, port: number): boolean;
}

/** Redirects in a row unless the program says otherwise. */
export const DEFAULT_REDIRECTS = 3;

/** Reads `redirects`. @throws ConfigError config for an entry that names no host */
export function resolveRedirects({ allow, max = DEFAULT_REDIRECTS }: RedirectOptions, where: string): ResolvedRedirects {
  const places = allow.map((entry, index) => readPlace(entry, `${where}: redirects.allow[${index}]`));
  return {
    max,
    allows: (host, port) => {
      const name = nameOf(host);
      return places.some((place) => (place.port === undefined || place.port === port) && (place.below ? name.endsWith(place.name) : name === place.name));
    },
  };
}

interface Place {
  /** A host; with `below` the end that names under it have, which begins with a dot. */
  readonly name: string;
  readonly below: boolean;
  readonly port: number | undefined;
}

function readPlace(entry: string, where: string): Place {
  const below = entry.startsWith("*.");
  const named = below ? entry.slice(2) : entry;
  // An IPv6 address without a port needs no brackets.
  const text = /^[0-9a-f:.]*:[0-9a-f.]*:[0-9a-f:.]*$/i.test(named) ? `[${named}]` : named;
  if (/[/@?#*]/.test(text)) throw configError(where, 'must be "host", "host:port", "*.domain" or "*.domain:port"');
  const { host, port } = parseUrl(`amqp://${text}`, { name: where });
  const explicit = /:\d+$/.test(text.replace(/^\[[^\]]*\]/, ""));
  return { name: below ? `.${nameOf(host)}` : nameOf(host), below, port: explicit ? port : undefined };
}

/** As names are compared: in lower case, without the dot that a full name may end with. */
function nameOf(host: string): string {
  return host.toLowerCase().replace(/\.$/, "");
}
