/**
 * Reads AMQP urls exactly or not at all: scheme://[user[:password]@]host[:port][/address], where of a ws or wss url what follows the
 * host is the path and query of the HTTP request. The platform's URL class is
 * not used, since it repairs what it is given (tabs, backslashes, missing hosts) and so connects to places that nobody
 * wrote. No error text ever repeats the url or a part of it that could be a secret.
 */

import { ConfigError } from "../errors.ts";
import { Secret } from "./secret.ts";

/** The schemes that are known: AMQP over TCP, over TLS, and over WebSocket on either. */
export type UrlScheme = "amqp" | "amqps" | "ws" | "wss";

/** A url in its parts. */
export interface ParsedUrl {
  readonly scheme: UrlScheme;
  /** Whether the scheme asks for TLS. */
  readonly secure: boolean;
  /** A name or an address, an IPv6 one without brackets. */
  readonly host: string;
  readonly port: number;
  /** Percent-decoded. */
  readonly user: string | undefined;
  /** Percent-decoded. */
  readonly password: Secret<string> | undefined;
  /** The path after its first slash, percent-decoded; undefined of a ws or wss url. */
  readonly address: string | undefined;
  /** Of a ws or wss url the path and query to ask for, as written; may hold a token. */
  readonly request: Secret<string> | undefined;
  /** The url without user, password and query: fit for texts and logs. */
  readonly href: string;
}

/** The port of a url that names none. */
export const DEFAULT_PORTS: Readonly<Record<UrlScheme, number>> = { amqp: 5672, amqps: 5671, ws: 80, wss: 443 };

/** What may differ between a place to connect to and one to listen on. */
export interface ParseUrlOptions {
  /** Whether port 0, any free one, makes sense. @default false */
  portZero?: boolean | undefined;
  /** What the text is, for error texts. @default "url" */
  name?: string | undefined;
}

/** Takes a url apart. @throws ConfigError `config` when it is not exactly one; the text names the part and no content. */
export function parseUrl(text: string, options: ParseUrlOptions = {}): ParsedUrl {
  const fail = (why: string): never => {
    throw new ConfigError(`${options.name ?? "url"}: ${why}`, { code: "config", scope: "connection" });
  };
  if (text === "") fail('is empty; give one such as "amqp://localhost:5672"');
  if (UNPRINTABLE.test(text)) fail("has a space or control character in it; percent-encode it");
  const head = /^([a-z]+):\/\//i.exec(text);
  const scheme = head?.[1]?.toLowerCase();
  if (head === null || !isScheme(scheme)) return fail("must begin with amqp:// or amqps://, ws:// or wss://");
  const rest = text.slice(head[0].length);
  const authorityEnd = rest.search(/[/?#]/);
  const authority = authorityEnd === -1 ? rest : rest.slice(0, authorityEnd);
  const path = authorityEnd === -1 ? "" : rest.slice(authorityEnd);
  const web = scheme === "ws" || scheme === "wss";
  if ((web ? /#/ : /[?#]/).test(path)) fail(web ? "has a # after the host; write %23 where the user, password or path has one" : "has a ? or # after the host; write %3F or %23 where the user, password or address has one, and give options as options");

  const at = authority.lastIndexOf("@");
  const { user, password } = at === -1 ? NOBODY : readUserInfo(authority.slice(0, at), fail);
  const { host, port } = readHostPort(authority.slice(at + 1), fail, options.portZero === true);
  const decoded = path.length > 1 ? decode(path.slice(1), web ? "path" : "address", fail) : undefined;
  const finalPort = port ?? DEFAULT_PORTS[scheme];
  return {
    scheme,
    secure: scheme === "amqps" || scheme === "wss",
    host,
    port: finalPort,
    user,
    password,
    address: web ? undefined : decoded,
    request: web ? new Secret(path.startsWith("/") ? path : `/${path}`) : undefined,
    href: `${scheme}://${hostPort(host, finalPort)}${path.length > 1 ? path.replace(/\?.*$/, "") : ""}`,
  };
}

/** host:port, an IPv6 address in brackets. */
export function hostPort(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Whether it is an IPv4 or IPv6 address rather than a name. */
export function isAddress(host: string): boolean {
  return host.includes(":") || IPV4.test(host);
}

type Fail = (why: string) => never;

const NOBODY = { user: undefined, password: undefined };
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.|$)){4}$/;
const HOST_NAME = /^(?!-)[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*\.?$/u;
const UNPRINTABLE = /[\u0000-\u0020\u007f-\u00a0\u2028\u2029]/;
const CONTROL = /[\u0000-\u001f\u007f]/;

function isScheme(text: string | undefined): text is UrlScheme {
  return text === "amqp" || text === "amqps" || text === "ws" || text === "wss";
}

function readUserInfo(text: string, fail: Fail): { user: string; password: Secret<string> | undefined } {
  const colon = text.indexOf(":");
  const user = decode(colon === -1 ? text : text.slice(0, colon), "user", fail);
  if (user === "") fail("has no user before the @");
  if (colon === -1) return { user, password: undefined };
  return { user, password: new Secret(decode(text.slice(colon + 1), "password", fail)) };
}

function readHostPort(text: string, fail: Fail, portZero: boolean): { host: string; port: number | undefined } {
  const bracketed = text.startsWith("[");
  const match = bracketed ? /^\[([^\]]*)\](?::(.*))?$/.exec(text) : /^([^:]*)(?::(.*))?$/.exec(text);
  if (match === null) return fail(bracketed ? "has an IPv6 address that is not closed by ]" : "has no readable host; put an IPv6 address in brackets");
  const name = match[1] ?? "";
  if (name === "") fail("names no host");
  const host = bracketed ? readIpv6(name, fail) : readName(name, fail);
  if (match[2] === undefined) return { host, port: undefined };
  const port = /^\d{1,5}$/.test(match[2]) ? Number(match[2]) : -1;
  if (port < (portZero ? 0 : 1) || port > 65_535) {
    fail("has a port that is not a number from 1 to 65535; if the password has a / @ or : in it, write %2F %40 or %3A");
  }
  return { host, port };
}

function readIpv6(text: string, fail: Fail): string {
  const [address = "", zone, ...more] = text.split("%25");
  let valid = /^[0-9a-f:.]+$/i.test(address) && more.length === 0;
  if (valid) {
    try {
      new URL(`http://[${address}]/`);
    } catch {
      valid = false;
    }
  }
  if (!valid || (zone !== undefined && !/^[\w.-]+$/.test(zone))) fail("has a text in brackets that is no IPv6 address");
  return zone === undefined ? address.toLowerCase() : `${address.toLowerCase()}%${zone}`;
}

function readName(text: string, fail: Fail): string {
  const name = decode(text, "host", fail);
  if (name.length > 253 || !HOST_NAME.test(name)) fail("has a host that is neither a name nor an address");
  // A last label of digits only is meant as an IPv4 address, and resolvers disagree on the short and octal ones.
  if (/(?:^|\.)\d+\.?$/.test(name) && !IPV4.test(name)) fail("has a host that looks like an IPv4 address and is none");
  if (ASCII.test(name)) return name.toLowerCase();
  try {
    return new URL(`http://${name}/`).hostname;
  } catch {
    return fail("has a host that is neither a name nor an address");
  }
}

const ASCII = /^[\u0000-\u007f]*$/;

function decode(text: string, what: string, fail: Fail): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    return fail(`has a % in its ${what} that begins no percent-encoded UTF-8; write %25 for the sign itself`);
  }
  if (CONTROL.test(decoded)) fail(`has a control character in its ${what}`);
  return decoded;
}
