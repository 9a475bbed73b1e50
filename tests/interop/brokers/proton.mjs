// Qpid Proton's example broker (Python), from Debian's package of examples: any address is a queue in memory. It knows
// ANONYMOUS and "no SASL" only.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { needPackages } from "./install.mjs";
import { startProcess } from "./processes.mjs";
import { BrokerError, freePort } from "./system.mjs";

const SCRIPT = "/usr/share/proton/examples/python/broker.py";

export const proton = {
  async install(name) {
    await needPackages(name, ["python3-qpid-proton", "libqpid-proton11-dev-examples"]);
    if (!existsSync(SCRIPT)) throw new BrokerError(`${name}: ${SCRIPT} is not where Debian 12's libqpid-proton11-dev-examples puts it`);
    return {};
  },

  async start(_name, folder) {
    const port = await freePort();
    const broker = startProcess("/usr/bin/python3", [SCRIPT, "-a", `127.0.0.1:${port}`], { log: join(folder, "broker.log") });
    return { processes: [broker], speaks: [port], endpoints: { url: `amqp://127.0.0.1:${port}` } };
  },
};
