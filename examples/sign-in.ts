/** A listener with users and tokens: passwords that nobody keeps as they are, a token that is fetched for each attempt, rights for each link. */

import { connect, Container, scramCredentials } from "leptonmq";
import type { AmqpError } from "leptonmq";

// What a database would hold: salt and keys, from which no password can be read and with which nobody can sign in elsewhere.
const users = new Map([["ann", await scramCredentials("correct horse battery staple")]]);

const container = new Container({ id: "till", onError: () => {} }); // who is turned away is not our problem
const listener = await container.listen({
  host: "127.0.0.1",
  port: 0, // from other machines: tls as well
  allowedMechs: "SCRAM-SHA-256 OAUTHBEARER",
  passwords: (user) => users.get(user),
  authenticateToken: async (token) => (token === "token-2" ? "robot" : false), // in real life: verify its signature and expiry
  authorize: ({ connection, target }) => connection.identity?.user === "ann" || target?.address === "orders",
});
const serving = listener.serve(async (request) => {
  if (request.role !== "receiver") return request.refuse({ condition: "amqp:not-allowed" });
  const { user, mechanism } = request.connection.identity ?? {};
  for await (const { message } of await request.accept()) console.log(`${user} (${mechanism}): ${message.body}`);
});

// A user and a password, which does not leave this process: the two sides prove to each other that they know it.
const ann = await connect(listener.url, { user: "ann", password: "correct horse battery staple" });
await (await ann.createSender("orders")).send({ body: "two teas" });
await ann.close();

// A function that is asked before every attempt; the first token turns out to be stale.
const fetchToken = async (attempt: number): Promise<string> => `token-${attempt}`;
const robot = await connect([listener.url, listener.url], { token: ({ attempt }) => fetchToken(attempt) });
await (await robot.createSender("orders")).send({ body: "a milk" });
await robot.createSender("prices").catch((error: AmqpError) => console.log(`robot: ${error.condition}`));
await robot.close();

// A wrong password, and a user that there is not, look the same.
for (const user of ["ann", "eve"]) {
  await connect(listener.url, { user, password: "guess" }).catch((error: AmqpError) => console.log(`${user}: ${error.code}`));
}

await listener.close();
await serving;
await container.close();
