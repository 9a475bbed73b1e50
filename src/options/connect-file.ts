/**
 * Proton's client configuration file: where `connect()` goes when nobody says. It is looked for in the places where Proton looks, the
 * first one counts, and its fields stand behind every option of the call and of the container.
 */

import { environment, inHome, readText } from "#platform";

import type { ConfigError } from "../errors.ts";
import { nearest } from "../util/suggest.ts";
import { configError } from "./check.ts";
import type { ConnectOptions, TlsOptions } from "./connect.ts";
import { withoutComments } from "./json-comments.ts";

/** What a file says, as arguments of `connect()`. */
export interface ConnectFile {
  /** Where it was found. */
  readonly path: string;
  /** Without user and password. */
  readonly url: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly options: Pick<ConnectOptions, "saslEnabled" | "allowedMechs" | "allowInsecureMechs" | "tls">;
}

/** Octets of the largest file that is read. */
const LARGEST = 1024 * 1024;
const NAME = "connect.json";

/**
 * The first file that there is; undefined where there is none.
 *
 * @throws ConfigError `config` for a file that cannot be read or understood; the text names file and field, and shows no value.
 */
export function findConnectFile(): ConnectFile | undefined {
  const named = environment("MESSAGING_CONNECT_FILE");
  if (named !== undefined) {
    const text = read(named, named);
    if (text === undefined) throw fail(named, "which MESSAGING_CONNECT_FILE names, is not there");
    return parseConnectFile(named, text);
  }
  for (const path of connectFilePlaces()) {
    const text = read(path, path);
    if (text !== undefined) return parseConnectFile(path, text);
  }
  return undefined;
}

/** Where a file is looked for when the environment names none, in order. */
export function connectFilePlaces(): string[] {
  const own = inHome(".config", "messaging", NAME);
  return [`./${NAME}`, ...(own === undefined ? [] : [own]), `/etc/messaging/${NAME}`];
}

/** Reads the text of a file. @throws ConfigError `config` */
function parseConnectFile(path: string, text: string): ConnectFile {
  let parsed: unknown;
  try {
    parsed = JSON.parse(withoutComments(text));
  } catch {
    // What the parser says quotes the text around the mistake, and that may be the password.
    throw fail(path, "is no JSON, even with its comments left out");
  }
  const file = new Fields(path, "", parsed, ["scheme", "host", "port", "user", "password", "sasl", "tls"]);
  const scheme = file.oneOf("scheme", ["amqp", "amqps", "ws", "wss"]) ?? "amqps";
  const secure = scheme === "amqps" || scheme === "wss";
  const host = file.text("host") ?? "localhost";
  // As it would stand in a url, so that it is read as a host and as nothing else.
  const written = host.includes(":") ? `[${host.replace("%", "%25")}]` : encodeURIComponent(host);
  const port = file.port("port");
  const user = file.text("user");
  const password = file.text("password", true);
  if (password !== undefined && user === undefined) throw file.fail("password", 'needs "user"');
  return { path, url: `${scheme}://${written}${port === undefined ? "" : `:${port}`}`, user, password, options: { ...readSasl(file), tls: readTls(file, secure) } };
}

function readSasl(file: Fields): Omit<ConnectFile["options"], "tls"> {
  const sasl = file.fields("sasl", ["enable", "enabled", "mechanisms", "allow_insecure"]);
  return {
    // Proton's documents and its C++ library say "enable", its Python library reads "enabled".
    saslEnabled: sasl?.flag("enable") ?? sasl?.flag("enabled"),
    allowedMechs: sasl?.words("mechanisms"),
    allowInsecureMechs: sasl?.flag("allow_insecure"),
  };
}

function readTls(file: Fields, secure: boolean): TlsOptions | undefined {
  const tls = file.fields("tls", ["ca", "cert", "key", "verify"]);
  if (tls === undefined) return undefined;
  if (!secure) throw file.fail("tls", 'is for the schemes "amqps" and "wss" only');
  const [cert, key] = [tls.content("cert"), tls.content("key")];
  if ((cert === undefined) !== (key === undefined)) throw tls.fail(cert === undefined ? "cert" : "key", "is missing: a certificate and its key go together");
  const found = { ca: tls.content("ca"), cert, key, rejectUnauthorized: tls.flag("verify") };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** The fields of an object in the file; null is the same as not there. */
class Fields {
  readonly #path: string;
  readonly #prefix: string;
  readonly #values: ReadonlyMap<string, unknown>;

  constructor(path: string, prefix: string, value: unknown, known: readonly string[]) {
    this.#path = path;
    this.#prefix = prefix;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw fail(path, prefix === "" ? "must hold an object, in braces" : `"${prefix.slice(0, -1)}" must be an object, in braces`);
    }
    this.#values = new Map(Object.entries(value).filter(([, one]) => one !== null));
    const strange = Object.keys(value).find((name) => !known.includes(name));
    if (strange === undefined) return;
    const meant = nearest(strange, known);
    const shown = strange.slice(0, 40).replace(/[^\x20-\x7e]/g, "?");
    throw fail(path, `there is no field "${prefix}${shown}"; ${meant === undefined ? `there are ${known.join(", ")}` : `did you mean "${meant}"?`}`);
  }

  fail(name: string, why: string): ConfigError {
    return fail(this.#path, `"${this.#prefix}${name}" ${why}`);
  }

  fields(name: string, known: readonly string[]): Fields | undefined {
    const value = this.#values.get(name);
    return value === undefined ? undefined : new Fields(this.#path, `${this.#prefix}${name}.`, value, known);
  }

  text(name: string, mayBeEmpty = false): string | undefined {
    const value = this.#values.get(name);
    if (value === undefined || (typeof value === "string" && (mayBeEmpty || value !== ""))) return value;
    throw this.fail(name, mayBeEmpty ? "must be a text" : "must be a text that is not empty");
  }

  flag(name: string): boolean | undefined {
    const value = this.#values.get(name);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.fail(name, "must be true or false");
  }

  oneOf(name: string, values: readonly string[]): string | undefined {
    const value = this.#values.get(name);
    if (value === undefined || (typeof value === "string" && values.includes(value))) return value;
    throw this.fail(name, `must be one of ${values.map((one) => `"${one}"`).join(", ")}`);
  }

  /** A number, also as text, or the name of a scheme, which stands for its port. */
  port(name: string): number | undefined {
    const value = this.#values.get(name);
    if (value === undefined) return undefined;
    const named = typeof value === "string" ? PORTS.get(value) : undefined;
    const port = named ?? (typeof value === "string" && /^\d{1,5}$/.test(value) ? Number(value) : value);
    if (typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
    throw this.fail(name, 'must be a number from 1 to 65535, "amqp" or "amqps"');
  }

  /** A list of names, or names separated by spaces. */
  words(name: string): readonly string[] | undefined {
    const value = this.#values.get(name);
    if (value === undefined) return undefined;
    const words: unknown = typeof value === "string" ? value.split(/\s+/).filter((word) => word !== "") : value;
    if (Array.isArray(words) && words.every((word) => typeof word === "string")) return words;
    throw this.fail(name, "must be a list of names");
  }

  /** What is in the file that the field names; a relative name is one in the working folder. */
  content(name: string): string | undefined {
    const path = this.text(name);
    if (path === undefined) return undefined;
    const content = read(path, this.#path, `${this.#prefix}${name}`);
    if (content === undefined) throw this.fail(name, "names a file that is not there");
    return content;
  }
}

const PORTS: ReadonlyMap<string, number> = new Map([["amqp", 5672], ["amqps", 5671]]);

function read(path: string, file: string, field?: string): string | undefined {
  try {
    return readText(path, LARGEST);
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    const why = typeof code === "string" ? `cannot be read (${code})` : message;
    throw fail(file, field === undefined ? why : `"${field}" names a file that ${why}`);
  }
}

function fail(path: string, why: string): ConfigError {
  return configError("connect()", `${path}: ${why}`);
}
