// Prints where the browser of the interop suite is: $LEPTONMQ_CHROMIUM, or Debian's chromium, which it installs when it is missing
// (that needs root, once).
import { accessSync, constants } from "node:fs";
import { needPackages, whileAlone } from "./brokers/install.mjs";
import { BrokerError } from "./brokers/system.mjs";

const DEBIAN = "/usr/bin/chromium";
const given = process.env["LEPTONMQ_CHROMIUM"];

try {
  if (given === undefined && !runs(DEBIAN)) await whileAlone("chromium", () => needPackages("chromium", ["chromium"]));
  const path = given ?? DEBIAN;
  if (!runs(path)) throw new BrokerError(`there is no program ${path}`);
  process.stdout.write(`${path}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof BrokerError ? error.message : error.stack}\n`);
  process.exitCode = 1;
}

function runs(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
