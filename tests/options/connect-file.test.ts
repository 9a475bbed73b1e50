/** connect.json: where it is looked for, what it may say, what stands before it, and what is said of one that makes no sense. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";

import { ConfigError } from "../../src/errors.ts";
import { connectFilePlaces } from "../../src/options/connect-file.ts";
import type { ConnectOptions } from "../../src/options/connect.ts";
import { withoutComments } from "../../src/options/json-comments.ts";
import { resolveConnectOptions, userAt } from "../../src/options/resolve-connect.ts";
import { connect, Container } from "../../src/index.ts";
import { withBroker } from "../support/broker.ts";
import { program } from "../support/programs.ts";
import type { Program } from "../support/programs.ts";

const folder = mkdtempSync(join(tmpdir(), "leptonmq-connect-"));
const PEM = join(folder, "some.pem");
const FILE = join(folder, "given.json");
writeFileSync(PEM, "-----PEM-----");

afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => { delete process.env["MESSAGING_CONNECT_FILE"]; });

/** What `connect()` makes of the file, and of options beside it. */
function resolved(file: object | string, options?: ConnectOptions, connection?: ConnectOptions): ReturnType<typeof resolveConnectOptions> {
  writeFileSync(FILE, typeof file === "string" ? file : JSON.stringify(file));
  process.env["MESSAGING_CONNECT_FILE"] = FILE;
  return resolveConnectOptions(undefined, options, { connection });
}

function message(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).code).toBe("config");
    expect((error as Error).cause).toBeUndefined();
    return (error as Error).message;
  }
  throw new Error("expected a ConfigError");
}

describe("P05 what a connect.json says", () => {
  test("every field", () => {
    const { urls: [url], tls, ...rest } = resolved(`{
      "scheme": "amqps",           // over TLS
      "host": "mq.example",        /* by name,
                                      not address */
      "port": 1234,
      "user": "ann // no comment", "password": "pa/*ss*/ \\" // 4711",
      "sasl": { "enable": true, "mechanisms": ["PLAIN", "EXTERNAL"], "allow_insecure": false },
      "tls": { "ca": ${JSON.stringify(PEM)}, "cert": ${JSON.stringify(PEM)}, "key": ${JSON.stringify(PEM)}, "verify": false }
    } // the end`);
    expect(url).toMatchObject({ scheme: "amqps", secure: true, host: "mq.example", port: 1234, user: "ann // no comment", href: "amqps://mq.example:1234" });
    expect(url?.password?.reveal()).toBe('pa/*ss*/ " // 4711');
    expect(tls.reveal()).toEqual({ ca: "-----PEM-----", cert: "-----PEM-----", key: "-----PEM-----", rejectUnauthorized: false });
    expect(rest).toMatchObject({ saslEnabled: true, allowedMechs: ["PLAIN", "EXTERNAL"], allowInsecureMechs: false });
  });

  test.each<[object, string]>([
    [{}, "amqps://localhost:5671"],
    [{ scheme: null, host: null, port: null, user: null, password: null, sasl: null, tls: null }, "amqps://localhost:5671"],
    [{ scheme: "amqp" }, "amqp://localhost:5672"],
    [{ scheme: "amqp", port: "amqps" }, "amqp://localhost:5671"],
    [{ port: "amqp" }, "amqps://localhost:5672"],
    [{ port: "1234" }, "amqps://localhost:1234"],
    [{ host: "::1", scheme: "amqp" }, "amqp://[::1]:5672"],
    [{ host: "fe80::1%eth0" }, "amqps://[fe80::1%eth0]:5671"],
    [{ host: "bücher.example" }, "amqps://xn--bcher-kva.example:5671"],
    [{ host: "127.0.0.1", scheme: "ws" }, "ws://127.0.0.1:80"],
    [{ scheme: "wss", port: 8443, tls: {} }, "wss://localhost:8443"],
  ])("P06 %j is %s", (file, href) => {
    expect(resolved(file).urls.map((url) => url.href)).toEqual([href]);
  });

  test("mechanisms in one text; SASL turned off, by either name", () => {
    expect(resolved({ sasl: { mechanisms: " PLAIN  SCRAM-SHA-256 " } }).allowedMechs).toEqual(["PLAIN", "SCRAM-SHA-256"]);
    expect(resolved({ sasl: { mechanisms: null } }).allowedMechs).toBeUndefined();
    expect([{ enable: false }, { enabled: false }, {}].map((sasl) => resolved({ sasl }).saslEnabled)).toEqual([false, false, true]);
    expect(resolved({ sasl: { allow_insecure: true } }).allowInsecureMechs).toBe(true);
  });

  test.each([
    ['{"a": "//x" /* y */ , // z\n"b": "\\"/*"}', '{"a": "//x"   ,  \n"b": "\\"/*"}'],
    ["1//", "1 "],
    ["/**/1/* * / */2", " 1 2"],
    ["1 / 2", "1 / 2"],
    ['"not closed // x', '"not closed // x'],
    ["1//\r2", "1 \r2"],
  ])("comments of %j", (text, clean) => {
    expect(withoutComments(text)).toBe(clean);
  });
});

describe("P05 what stands before it", () => {
  const file = { scheme: "amqp", host: "h", user: "file", password: "s1" };
  const rules = { scheme: "amqp", sasl: { enable: false, mechanisms: ["PLAIN"], allow_insecure: true } };
  const who = (all: ReturnType<typeof resolved>): unknown => {
    const user = userAt(all, all.urls[0] as never);
    return user && [user.user, user.password?.reveal()];
  };

  test("any url, of the call or of the container, and any transport: the file is not even looked at", () => {
    process.env["MESSAGING_CONNECT_FILE"] = "/nowhere";
    expect(resolveConnectOptions("amqp://a").urls[0]?.host).toBe("a");
    expect(resolveConnectOptions(undefined, {}, { connection: { urls: ["amqp://b"] } }).urls[0]?.host).toBe("b");
    expect(resolveConnectOptions({ transport: async () => { throw new Error(); } }).urls[0]?.host).toBe("localhost");
  });

  test("each option of the call and of the container, the user together with the password", () => {
    expect(who(resolved(file))).toEqual(["file", "s1"]);
    expect(who(resolved(file, { user: "call", password: "s2" }))).toEqual(["call", "s2"]);
    expect(who(resolved(file, { user: "call" }))).toEqual(["call", undefined]);
    expect(who(resolved(file, {}, { user: "container", password: "s3" }))).toEqual(["container", "s3"]);
    expect(resolved(rules)).toMatchObject({ saslEnabled: false, allowedMechs: ["PLAIN"], allowInsecureMechs: true });
    expect(resolved(rules, { saslEnabled: true }, { allowedMechs: "EXTERNAL", allowInsecureMechs: false })).toMatchObject({ saslEnabled: true, allowedMechs: ["EXTERNAL"], allowInsecureMechs: false });
    expect(resolved({ tls: { ca: PEM } }, { tls: { ca: "mine" } }).tls.reveal()).toEqual({ ca: "mine" });
    expect(resolved(file, { tls: true }).urls[0]).toMatchObject({ scheme: "amqps", port: 5671, user: "file" });
    expect(message(() => resolved({}, { tls: false }))).toMatch(/amqps:\/\/ needs TLS, which option "tls" turns off/);
  });
});

describe("P05 Q.secrets what is wrong is said with file and field, and without a value", () => {
  test.each<[string, RegExp]>([
    ['{ "password": "s4711" ', /x\/connect\.json: is no JSON, even with its comments left out$/],
    ['{ "password": "s4711", } ', /is no JSON/],
    ["/* s4711", /is no JSON/],
    ["s4711", /is no JSON/],
    ["", /is no JSON/],
    ['["s4711"]', /must hold an object, in braces/],
    ['"s4711"', /must hold an object, in braces/],
    ['{ "pasword": "s4711" }', /there is no field "pasword"; did you mean "password"\?/],
    ['{ "sasl": { "mechanism": "s4711" } }', /there is no field "sasl\.mechanism"; did you mean "mechanisms"\?/],
    ['{ "tls": { "certificate": "s4711" } }', /there is no field "tls\.certificate"; there are ca, cert, key, verify/],
    ['{ "scheme": "s4711" }', /"scheme" must be one of "amqp", "amqps", "ws", "wss"/],
    ['{ "host": 4711 }', /"host" must be a text that is not empty/],
    ['{ "host": "h\\n4711" }', /x\/connect\.json: host: has a control character in its host/],
    ['{ "host": "u:s4711@h" }', /x\/connect\.json: host: has a host that is neither a name nor an address/],
    ['{ "host": "u4711@h" }', /x\/connect\.json: host: has a host that is neither a name nor an address/],
    ['{ "host": "h/4711" }', /x\/connect\.json: host: has a host that is neither/],
    ['{ "host": "h%00" }', /x\/connect\.json: host: has a host that is neither/],
    ['{ "port": "s4711" }', /"port" must be a number from 1 to 65535, "amqp" or "amqps"/],
    ['{ "port": 65536 }', /"port" must be a number/],
    ['{ "port": 0 }', /"port" must be a number/],
    ['{ "user": ["s4711"] }', /"user" must be a text/],
    ['{ "user": "", "password": "s4711" }', /"user" must be a text that is not empty/],
    ['{ "password": "s4711" }', /"password" needs "user"/],
    ['{ "user": "u", "password": 4711 }', /"password" must be a text/],
    ['{ "sasl": "s4711" }', /"sasl" must be an object/],
    ['{ "sasl": { "enable": "s4711" } }', /"sasl\.enable" must be true or false/],
    ['{ "sasl": { "mechanisms": [4711] } }', /"sasl\.mechanisms" must be a list of names/],
    ['{ "sasl": { "allow_insecure": 4711 } }', /"sasl\.allow_insecure" must be true or false/],
    ['{ "tls": { "verify": 4711 } }', /"tls\.verify" must be true or false/],
    ['{ "scheme": "amqp", "tls": {} }', /"tls" is for the schemes "amqps" and "wss" only/],
    ['{ "tls": { "ca": "/no/such/s4711" } }', /"tls\.ca" names a file that is not there/],
    ['{ "tls": { "ca": "/" } }', /"tls\.ca" names a file that cannot be read \(EISDIR\)/],
    [`{ "tls": { "cert": ${JSON.stringify(PEM)} } }`, /"tls\.key" is missing: a certificate and its key go together/],
  ])("%s", (text, why) => {
    const said = message(() => resolved(text)).replace(FILE, "x/connect.json");
    expect(said).toMatch(/^connect\(\): x\/connect\.json: /);
    expect(said).toMatch(why);
    expect(said).not.toMatch(/4711|\n/);
  });

  test("a file that is not there, cannot be read, or is far too large", () => {
    process.env["MESSAGING_CONNECT_FILE"] = join(folder, "missing.json");
    expect(message(() => resolveConnectOptions(undefined))).toBe(`connect(): ${join(folder, "missing.json")}: which MESSAGING_CONNECT_FILE names, is not there`);
    process.env["MESSAGING_CONNECT_FILE"] = folder;
    expect(message(() => resolveConnectOptions(undefined))).toBe(`connect(): ${folder}: cannot be read (EISDIR)`);
    const large = join(folder, "large.json");
    writeFileSync(large, `{ "user": "${"4711".repeat(300_000)}" }`);
    process.env["MESSAGING_CONNECT_FILE"] = large;
    expect(message(() => resolveConnectOptions(undefined))).toBe(`connect(): ${large}: has more than 1048576 octets`);
  });

  test("connect() and Container throw it at the call", async () => {
    process.env["MESSAGING_CONNECT_FILE"] = join(folder, "missing.json");
    expect(() => connect()).toThrow(ConfigError);
    const container = new Container();
    expect(() => container.connect({ user: "u", password: "p" })).toThrow(/MESSAGING_CONNECT_FILE/);
    await container.close();
  });
});

describe("P05 where it is looked for", () => {
  let running: Program;
  const text = `
    import { connect } from "leptonmq";
    try {
      const connection = await connect();
      const receiver = await connection.createReceiver("q");
      const delivery = await receiver.receive({ timeout: 5_000 });
      await delivery.accept();
      console.log(delivery.message.body);
      await connection.close();
    } catch (error) {
      console.log(error.name, error.message);
    }`;

  beforeAll(async () => { running = await program({ text }); });
  afterAll(async () => { await running[Symbol.asyncDispose](); });

  test("the environment's file, else the working folder's, else the home folder's; else the error says where", async () => {
    await withBroker({ users: { ann: "s4711", bea: "s4712", eve: "s4713" } }, async ({ broker }) => {
      const port = Number(new URL(broker.url).port);
      const [home, work, other] = ["home", "work", "other"].map((name) => join(folder, name)) as [string, string, string];
      const configured = join(home, ".config", "messaging");
      for (const path of [configured, work, other]) mkdirSync(path, { recursive: true });
      const write = (path: string, user: string, password: string): void => writeFileSync(path, `// for ${user}\n${JSON.stringify({ scheme: "amqp", host: "127.0.0.1", port, user, password })}`);
      write(join(configured, "connect.json"), "ann", "s4711");
      write(join(work, "connect.json"), "bea", "s4712");
      write(join(folder, "named.json"), "eve", "s4713");
      const run = async (env: Record<string, string>, cwd: string): Promise<string> => (await running.run([], { HOME: home, ...env }, cwd)).stdout.trim();

      for (let n = 1; n <= 3; n++) broker.put("q", { body: `message ${n}` });
      expect(await run({ MESSAGING_CONNECT_FILE: join(folder, "named.json") }, work)).toBe("message 1");
      expect(await run({}, work)).toBe("message 2");
      expect(await run({ MESSAGING_CONNECT_FILE: "" }, other)).toBe("message 3");
      // The one that comes first counts, also when it is of no use.
      writeFileSync(join(work, "connect.json"), '{ "pasword": "s4711" }');
      expect(await run({}, work)).toBe('ConfigError connect(): ./connect.json: there is no field "pasword"; did you mean "password"?');
      expect(await run({ HOME: other }, other)).toBe(`ConfigError connect(): needs a url, such as "amqp://localhost:5672"; there is no ./connect.json or ${other}/.config/messaging/connect.json or /etc/messaging/connect.json either`);
    });
  }, 60_000);

  test("the places in order", () => {
    expect(connectFilePlaces()).toEqual(["./connect.json", expect.stringMatching(/\/\.config\/messaging\/connect\.json$/), "/etc/messaging/connect.json"]);
  });
});
