// RabbitMQ, twice: Debian 12's 3.10 with its AMQP 1.0 plugin, and Debian 13's 4.0, whose own protocol is AMQP 1.0, in a root
// folder of its own. Users: guest/guest, and "client" by its certificate.
import { randomBytes } from "node:crypto";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { needDebianRoot, needPackages, packageVersion } from "./install.mjs";
import { startProcess } from "./processes.mjs";
import { queueNames } from "./queues.mjs";
import { BrokerError, freePort } from "./system.mjs";

export const rabbitmq3 = {
  async install(name) {
    await needPackages(name, ["rabbitmq-server"]);
    const version = await packageVersion("rabbitmq-server");
    if (!version?.startsWith("3.")) throw new BrokerError(`${name}: this Debian has RabbitMQ ${version}; 3.10 is in Debian 12 (bookworm)`);
    return {};
  },
  start: (name, folder, tls) =>
    startBroker(name, folder, tls, {
      seen: folder,
      inside: (command) => command,
      plugins: "rabbitmq_amqp1_0,rabbitmq_auth_mechanism_ssl",
      settings: ["amqp1_0.default_user = guest"],
    }),
};

export const rabbitmq4 = {
  async install(name) {
    return { root: await needDebianRoot(name, "trixie", ["rabbitmq-server"]) };
  },
  start: (name, folder, tls, { root }) =>
    startBroker(name, folder, tls, {
      ...inRoot(root, folder),
      plugins: "rabbitmq_auth_mechanism_ssl",
      settings: ["anonymous_login_user = guest", "anonymous_login_pass = guest"],
    }),
};

// The mounts are made in a mount namespace of the process: they vanish with it, however it ends.
const ENTER = `root=$1; state=$2; shift 2
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind "$state" "$root/broker"
exec chroot "$root" "$@"`;

/** Where a folder is seen by what runs in a Debian root, and how to run something there. */
function inRoot(root, folder) {
  return { seen: "/broker", inside: (command) => ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-ec", ENTER, "enter", root, folder, ...command] };
}

/** Starts epmd and one node on free ports; `seen` is the state folder as the node sees it, `inside` wraps a command. */
async function startBroker(name, folder, tls, { seen, inside, plugins, settings }) {
  const epmd = await freePort();
  const mapper = startMapper(folder, epmd, inside);
  const { node, ...rest } = await startNode(`${name}@localhost`, folder, tls, { seen, inside, plugins, settings, epmd, cookie: randomBytes(16).toString("hex") });
  return { processes: [node, mapper], ...rest }; // in the order in which they end
}

/**
 * Starts the nodes of a RabbitMQ 4 cluster, which find each other by their names; each has a folder of its own in `folder`.
 *
 * @param names what is before the @ of their names
 */
export async function startCluster(names, folder, tls, { root }) {
  const epmd = await freePort();
  await mkdir(join(folder, "mapper"), { recursive: true });
  const mapper = startMapper(join(folder, "mapper"), epmd, inRoot(root, join(folder, "mapper")).inside);
  const cookie = randomBytes(16).toString("hex");
  const peers = names.map((name, n) => `cluster_formation.classic_config.nodes.${n + 1} = ${name}@localhost`);
  const settings = ["cluster_formation.peer_discovery_backend = classic_config", ...peers];
  const nodes = [];
  for (const name of names) {
    const own = join(folder, name);
    await mkdir(own, { recursive: true });
    nodes.push({ name, ...(await startNode(`${name}@localhost`, own, tls, { ...inRoot(root, own), plugins: "rabbitmq_auth_mechanism_ssl", settings, epmd, cookie })) });
  }
  return { mapper, nodes };
}

function startMapper(folder, epmd, inside) {
  const [command, ...args] = inside(["/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "ERL_EPMD_ADDRESS=127.0.0.1", "epmd", "-port", String(epmd)]);
  return startProcess(command, args, { log: join(folder, "epmd.log") });
}

async function startNode(name, folder, tls, { seen, inside, plugins, settings, epmd, cookie }) {
  const [port, tlsPort, distribution] = [await freePort(), await freePort(), await freePort()];
  await writeFiles(folder, { seen, plugins, settings, port, tlsPort, tls, cookie });
  const env = nodeEnvironment({ name, seen, distribution, epmd });
  const [command, ...args] = inside(["/usr/bin/env", "-i", ...env, "/usr/lib/rabbitmq/bin/rabbitmq-server"]);
  return {
    node: startProcess(command, args, { log: join(folder, "node.log") }),
    control: inside(["/usr/bin/env", "-i", ...env, "/usr/lib/rabbitmq/bin/rabbitmqctl"]),
    speaks: [port],
    listens: [tlsPort],
    endpoints: { url: `amqp://guest:guest@127.0.0.1:${port}`, tlsUrl: `amqps://guest:guest@127.0.0.1:${tlsPort}`, externalUrl: `amqps://127.0.0.1:${tlsPort}` },
  };
}

async function writeFiles(folder, { seen, plugins, settings, port, tlsPort, tls, cookie }) {
  await mkdir(join(folder, "data"), { recursive: true });
  for (const file of ["ca", "cert", "key"]) await writeFile(join(folder, `${file}.pem`), tls[file]);
  await writeFile(join(folder, "enabled_plugins"), `[${plugins}].\n`);
  await writeFile(join(folder, "advanced.config"), "[].\n");
  await writeFile(join(folder, ".erlang.cookie"), cookie);
  await chmod(join(folder, ".erlang.cookie"), 0o400);
  await writeFile(join(folder, "definitions.json"), JSON.stringify(definitions()));
  const lines = [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
    `load_definitions = ${seen}/definitions.json`,
    `ssl_options.cacertfile = ${seen}/ca.pem`,
    `ssl_options.certfile = ${seen}/cert.pem`,
    `ssl_options.keyfile = ${seen}/key.pem`,
    "ssl_options.verify = verify_peer",
    "ssl_options.fail_if_no_peer_cert = false",
    "ssl_cert_login_from = common_name",
    "auth_mechanisms.1 = PLAIN",
    "auth_mechanisms.2 = EXTERNAL",
    "auth_mechanisms.3 = ANONYMOUS",
    "vm_memory_high_watermark.absolute = 1GB",
    "disk_free_limit.absolute = 50MB",
    ...settings,
  ];
  await writeFile(join(folder, "rabbitmq.conf"), `${lines.join("\n")}\n`);
}

function definitions() {
  const all = { vhost: "/", configure: ".*", write: ".*", read: ".*" };
  return {
    vhosts: [{ name: "/" }],
    users: [
      { name: "guest", password: "guest", tags: ["administrator"] },
      { name: "client", password_hash: "", tags: [] },
    ],
    permissions: [
      { user: "guest", ...all },
      { user: "client", ...all },
    ],
    queues: queueNames.map((name) => ({ name, vhost: "/", durable: true, auto_delete: false, arguments: { "x-queue-type": "classic" } })),
  };
}

function nodeEnvironment({ name, seen, distribution, epmd }) {
  const loopback = "-kernel inet_dist_use_interface {127,0,0,1}";
  return [
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG=C.UTF-8",
    `HOME=${seen}`,
    "ERL_EPMD_ADDRESS=127.0.0.1",
    `ERL_EPMD_PORT=${epmd}`,
    "RABBITMQ_CONF_ENV_FILE=/dev/null",
    `RABBITMQ_NODENAME=${name}`,
    `RABBITMQ_CONFIG_FILE=${seen}/rabbitmq.conf`,
    `RABBITMQ_ADVANCED_CONFIG_FILE=${seen}/advanced.config`,
    `RABBITMQ_GENERATED_CONFIG_DIR=${seen}/generated`,
    `RABBITMQ_ENABLED_PLUGINS_FILE=${seen}/enabled_plugins`,
    `RABBITMQ_MNESIA_BASE=${seen}/data`,
    `RABBITMQ_MNESIA_DIR=${seen}/data/node`,
    `RABBITMQ_LOG_BASE=${seen}`,
    `RABBITMQ_LOGS=${seen}/rabbitmq.log`,
    `RABBITMQ_PID_FILE=${seen}/rabbitmq.pid`,
    `RABBITMQ_DIST_PORT=${distribution}`,
    // no busy waiting: the machine's few cores are shared with the tests
    `RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=${loopback} +sbwt none +sbwtdcpu none +sbwtdio none`,
    `RABBITMQ_CTL_ERL_ARGS=${loopback}`,
    "RUNNING_UNDER_SYSTEMD=true", // makes the script become the Erlang machine, so that its pid is the one we know
  ];
}
