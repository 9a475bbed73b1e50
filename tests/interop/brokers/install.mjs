// Installs what a broker needs: Debian packages, distributions by Maven coordinates, and a Debian 13 root folder. All of
// it is cached; one installation runs at a time on this machine, whoever asks.
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { BrokerError, pause, run, say } from "./system.mjs";
import { isAlive } from "./processes.mjs";

/** Where downloads and unpacked brokers stay between runs. */
export const cache = process.env["LEPTONMQ_CACHE"] ?? join(homedir(), ".cache", "leptonmq");

const isRoot = process.getuid?.() === 0;
const POLICY = "/usr/sbin/policy-rc.d"; // answers 101 while we install: no package may start its service
const NO_SERVICES = "#!/bin/sh\nexit 101\n";

/** Installs those of the Debian packages that are missing, without starting any service. */
export async function needPackages(name, packages) {
  const missing = [];
  for (const one of packages) if (!(await packageVersion(one))) missing.push(one);
  if (missing.length === 0) return;
  const list = missing.join(" ");
  if (!existsSync("/usr/bin/apt-get")) throw new BrokerError(`${name}: needs ${list}, and this machine has no apt-get: install them by hand`);
  if (!isRoot) throw new BrokerError(`${name}: needs root to install ${list}; run "apt-get install ${list}" once as root`);
  say(name, `installing ${list}`);
  const ours = !existsSync(POLICY);
  if (ours) await writeFile(POLICY, NO_SERVICES, { mode: 0o755 });
  try {
    await aptGet(name, "apt-get", [], missing);
  } finally {
    if (ours) await rm(POLICY, { force: true });
  }
}

/** Installs a package unless the command works already, wherever it came from. */
export async function needCommand(name, [command, ...args], one) {
  try {
    await run(name, command, args, { timeout: 60 });
  } catch {
    await needPackages(name, [one]);
  }
}

/** The installed version of a Debian package, or undefined. */
export async function packageVersion(one) {
  try {
    const [state, version] = (await run("dpkg", "dpkg-query", ["-W", "-f", "${db:Status-Status} ${Version}", one])).split(" ");
    return state === "installed" ? version : undefined;
  } catch {
    return undefined;
  }
}

/** apt-get update and install, three times at most: others may hold apt's lock. */
async function aptGet(name, command, before, packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const options = ["-qq", "-y", "-o", "DPkg::Lock::Timeout=240", "install", "--no-install-recommends"];
  for (let attempt = 1; ; attempt++) {
    try {
      await run(name, command, [...before, "-qq", "update"], { timeout: 180, env });
      await run(name, command, [...before, ...options, ...packages], { timeout: 400, env });
      return;
    } catch (error) {
      if (attempt === 3) throw error;
      say(name, `apt-get failed, trying again`);
      await pause(3_000);
    }
  }
}

/** Unpacks the distribution `group:artifact:version:tar.gz:bin` into the cache and answers its folder. */
export async function needDistribution(name, coordinates) {
  const [, artifact, version] = coordinates.split(":");
  const home = join(cache, `${artifact}-${version}`);
  if (existsSync(home)) return home;
  await needCommand(name, ["mvn", "--version"], "maven");
  say(name, `fetching ${coordinates}`);
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, "fetch-"));
  try {
    const maven = ["-q", "-B", "-Dmaven.wagon.http.retryHandler.count=3"];
    await run(name, "mvn", [...maven, "dependency:get", "-Dtransitive=false", `-Dartifact=${coordinates}`], { timeout: 400, cwd: work });
    await run(name, "mvn", [...maven, "dependency:copy", `-Dartifact=${coordinates}`, `-DoutputDirectory=${work}`], { timeout: 200, cwd: work });
    await mkdir(join(work, "unpacked"));
    const file = join(work, `${artifact}-${version}-bin.tar.gz`);
    await run(name, "tar", ["-xzf", file, "-C", join(work, "unpacked"), "--strip-components=1"]);
    await rename(join(work, "unpacked"), home);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return home;
}

/** Makes a Debian root folder of `suite` with `packages` in it, by debootstrap, and answers it. */
export async function needDebianRoot(name, suite, packages) {
  const root = join(cache, `${suite}-${packages.join("-")}`);
  if (existsSync(root)) return root;
  if (!isRoot) throw new BrokerError(`${name}: needs root, as it runs in a Debian ${suite} root folder of its own`);
  await needPackages(name, ["debootstrap", "debian-archive-keyring"]);
  say(name, `making a Debian ${suite} root (about a minute)`);
  const fresh = `${root}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(dirname(fresh), { recursive: true });
  const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
  await run(name, "debootstrap", ["--variant=minbase", `--keyring=${keyring}`, suite, fresh, await debianMirror(name)], { timeout: 400 });
  await writeFile(join(fresh, POLICY), NO_SERVICES, { mode: 0o755 });
  await writeFile(join(fresh, "etc/hosts"), "127.0.0.1 localhost\n");
  const settings = (await run(name, "apt-config", ["dump"])).split("\n").filter((line) => /^Acquire::(http|https|Check)/.test(line));
  await writeFile(join(fresh, "etc/apt/apt.conf.d/90host"), `${settings.join("\n")}\n`);
  say(name, `installing ${packages.join(" ")} in it`);
  await aptGet(name, "chroot", [fresh, "apt-get"], packages);
  await run(name, "chroot", [fresh, "apt-get", "clean"]);
  await mkdir(join(fresh, "broker"));
  await rename(fresh, root);
  return root;
}

/** The archive this machine's own apt takes Debian's main packages from. */
async function debianMirror(name) {
  for (let attempt = 0; attempt < 2; attempt++) {
    const lines = await run(name, "apt-get", ["indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Origin: Debian", "Created-By: Packages"]);
    for (const line of lines.split("\n")) {
      const [uri, codename] = line.split(" ");
      if (uri && codename && !codename.includes("-")) return uri; // not -updates, not -security
    }
    await run(name, "apt-get", ["-qq", "update"], { timeout: 180 });
  }
  throw new BrokerError(`${name}: apt knows no Debian archive to take packages from`);
}

/** Runs `work` while no other runner on this machine installs anything. */
export async function whileAlone(name, work) {
  const previous = queue;
  const { promise, resolve } = defer();
  queue = promise;
  await previous;
  try {
    const file = await takeLock(name);
    try {
      return await work();
    } finally {
      await rm(file, { force: true });
    }
  } finally {
    resolve();
  }
}

let queue = Promise.resolve();

function defer() {
  let resolve;
  const promise = new Promise((done) => (resolve = done));
  return { promise, resolve };
}

/** A lock file with our process number in it; one left by a dead process is taken away. */
async function takeLock(name) {
  await mkdir(cache, { recursive: true });
  const file = join(cache, "install.lock");
  for (let i = 0; i < 9_000; i++) {
    try {
      const handle = await open(file, "wx");
      await handle.writeFile(String(process.pid));
      await handle.close();
      return file;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const owner = Number(await readFile(file, "utf8").catch(() => "0"));
    if (owner > 0 && !isAlive({ pid: owner })) await rm(file, { force: true });
    else {
      if (i % 300 === 1) say(name, `waiting for process ${owner}, which installs something`);
      await pause(100);
    }
  }
  throw new BrokerError(`${name}: another installation did not end; remove ${file} if there is none`);
}
