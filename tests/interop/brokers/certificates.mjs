// Certificates for the TLS listeners, made with openssl: a CA of our own, a server certificate for localhost and 127.0.0.1, a
// client certificate with the common name "client", and a second CA that signed nothing here (for the test of a wrong CA).
import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./system.mjs";

/** The password of the PKCS#12 files, which Java brokers want. */
export const STORE_PASSWORD = "changeit";

/** Makes the files once in `folder`/tls and answers their paths. */
export async function needCertificates(folder) {
  const at = join(folder, "tls");
  const files = {
    ca: join(at, "ca.pem"),
    otherCa: join(at, "other-ca.pem"),
    cert: join(at, "server.pem"),
    key: join(at, "server.key"),
    store: join(at, "server.p12"),
    clientCert: join(at, "client.pem"),
    clientKey: join(at, "client.key"),
    done: join(at, "done"),
  };
  if (existsSync(files.done)) return files;
  await mkdir(at, { recursive: true });
  await authority(at, "ca", "leptonmq interop CA");
  await authority(at, "other-ca", "leptonmq other CA");
  await issue(at, "server", "localhost", "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n");
  await issue(at, "client", "client", "extendedKeyUsage=clientAuth\n");
  await openssl(at, ["pkcs12", "-export", "-in", "server.pem", "-inkey", "server.key", "-certfile", "ca.pem", "-name", "server", "-passout", `pass:${STORE_PASSWORD}`, "-out", "server.p12"]);
  for (const file of ["server.key", "server.p12", "client.key"]) await chmod(join(at, file), 0o644);
  await writeFile(files.done, "");
  return files;
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

function authority(at, name, commonName) {
  const use = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"];
  return openssl(at, ["req", "-x509", ...KEY, "-days", "3650", "-subj", `/CN=${commonName}`, ...use, "-keyout", `${name}.key`, "-out", `${name}.pem`]);
}

async function issue(at, name, commonName, extensions) {
  await writeFile(join(at, `${name}.ext`), `basicConstraints=CA:false\n${extensions}`);
  await openssl(at, ["req", ...KEY, "-subj", `/CN=${commonName}`, "-keyout", `${name}.key`, "-out", `${name}.csr`]);
  const by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
  await openssl(at, ["x509", "-req", "-in", `${name}.csr`, ...by, "-days", "3650", "-extfile", `${name}.ext`, "-out", `${name}.pem`]);
}

const openssl = (cwd, args) => run("tls", "openssl", args, { cwd, timeout: 30 });
