/** Certificates for tests, made once in each test file by openssl in a folder of their own. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Certificates {
  readonly ca: string;
  /** localhost, 127.0.0.1 and ::1. */
  readonly server: Pair;
  /** localhost, but out of date since yesterday. */
  readonly expired: Pair;
  /** broker.example only. */
  readonly elsewhere: Pair;
  /** localhost, signed by itself. */
  readonly selfSigned: Pair;
  /** CN=client, O=Example, Inc. */
  readonly client: Pair;
  /** The client's key, encrypted with "open sesame". */
  readonly lockedKey: string;
  /** The client as PKCS#12, with the same passphrase. */
  readonly pfx: Uint8Array;
}

let made: Certificates | undefined;

export function certificates(): Certificates {
  return (made ??= make());
}

function make(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), "leptonmq-certificates-"));
  const openssl = (...args: string[]): void => { execFileSync("openssl", args, { cwd: folder, stdio: "pipe" }); };
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const pair = (name: string): Pair => ({ cert: read(`${name}.pem`), key: read(`${name}.key`) });
  const signed = (name: string, subject: string, san: string, days: string): Pair => {
    writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${san}\n`);
    openssl("req", ...newKey, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", subject);
    openssl("x509", "-req", "-in", `${name}.csr`, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", days, "-extfile", `${name}.ext`, "-out", `${name}.pem`);
    return pair(name);
  };
  try {
    openssl("req", "-x509", ...newKey, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test authority", "-days", "2");
    openssl("req", "-x509", ...newKey, "-keyout", "self.key", "-out", "self.pem", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2");
    const client = signed("client", "/O=Example, Inc/CN=client", "DNS:client", "2");
    openssl("ec", "-in", "client.key", "-aes128", "-passout", "pass:open sesame", "-out", "locked.key");
    openssl("pkcs12", "-export", "-in", "client.pem", "-inkey", "client.key", "-passout", "pass:open sesame", "-out", "client.pfx");
    return {
      ca: read("ca.pem"),
      server: signed("server", "/CN=localhost", "DNS:localhost,IP:127.0.0.1,IP:::1", "2"),
      expired: signed("expired", "/CN=localhost", "DNS:localhost", "-1"),
      elsewhere: signed("elsewhere", "/CN=broker.example", "DNS:broker.example", "2"),
      selfSigned: pair("self"),
      client,
      lockedKey: read("locked.key"),
      pfx: new Uint8Array(readFileSync(join(folder, "client.pfx"))),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
