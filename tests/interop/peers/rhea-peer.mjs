// What rhea-send.mjs and rhea-recv.mjs share: options, JSON lines on standard output, connecting or listening.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import rhea from "rhea";
import { WebSocket, WebSocketServer } from "ws";

/** Prints one JSON line. */
export function say(event, fields = {}) {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

/** The options of the command line, the same as those of the Proton programs; `more` are those of one program alone. */
export function options(more = {}) {
  const { values } = parseArgs({
    options: {
      ...more,
      connect: { type: "string" },
      listen: { type: "boolean", default: false },
      "web-socket": { type: "boolean", default: false },
      address: { type: "string", default: "examples" },
      user: { type: "string" },
      password: { type: "string" },
      ca: { type: "string" },
      spec: { type: "string" },
      count: { type: "string", default: "0" },
      timeout: { type: "string", default: "60" },
    },
  });
  return { ...values, count: Number(values.count), timeout: Number(values.timeout) };
}

/**
 * A rhea container with one connection, made or accepted; `link(connection)` is called for a connecting one. Answers `finish`, which
 * closes the connection and so ends the program.
 */
export function startPeer(given, { link, listeners }) {
  const container = rhea.create_container(given.container === undefined ? {} : { id: given.container });
  let connection;
  let server;
  let done = false;
  const timer = setTimeout(() => fail(`no end after ${given.timeout} s`), given.timeout * 1000);

  function finish() {
    done = true;
    clearTimeout(timer);
    server?.close();
    connection?.close();
  }

  function fail(text) {
    if (done) return;
    say("error", { text });
    process.exitCode = 1;
    finish();
  }

  for (const event of ["connection_error", "session_error", "sender_error", "receiver_error"]) {
    container.on(event, (context) => {
      const endpoint = context.sender ?? context.receiver ?? context.session ?? context.connection;
      fail(`${event}: ${endpoint.error?.condition ?? endpoint.error} ${endpoint.error?.description ?? ""}`);
    });
  }
  container.on("disconnected", (context) => fail(`disconnected: ${context.error ?? ""}`));
  container.on("connection_open", (context) => (connection = context.connection));
  for (const [event, listener] of Object.entries(listeners)) container.on(event, (context) => listener(context, finish));

  if (given.listen && given["web-socket"]) {
    server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: (protocols) => protocols.has("amqp") && "amqp" });
    server.on("connection", (socket) => container.websocket_accept(socket, {}));
    server.on("listening", () => say("listening", { port: server.address().port }));
    return;
  }
  if (given.listen) {
    server = container.listen({ port: 0, host: "127.0.0.1" });
    server.on("listening", () => say("listening", { port: server.address().port }));
    return;
  }
  if (given["web-socket"]) {
    const { ca, user, password } = given;
    const url = `${ca === undefined ? "ws" : "wss"}://${given.connect}/`;
    const details = container.websocket_connect(WebSocket)(url, ["amqp"], ca === undefined ? {} : { ca: readFileSync(ca) });
    connection = container.connect({ connection_details: details, username: user ?? "anonymous", password, reconnect: false });
    link(connection);
    return;
  }
  const [host, port] = given.connect.split(":");
  const tls = given.ca === undefined ? {} : { transport: "tls", ca: [readFileSync(given.ca)], rejectUnauthorized: true };
  connection = container.connect({ host, port: Number(port), username: given.user ?? "anonymous", password: given.password, reconnect: false, ...tls });
  link(connection);
}
