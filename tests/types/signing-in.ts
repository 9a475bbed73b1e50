/** Programs about signing in and letting in: compiled, never run. */

import { expectTypeOf } from "expect-type";
import { connect, scramCredentials } from "leptonmq";
import type {
  ConnectOptions, Credentials, CredentialsContext, ListenOptions, PeerCertificate, SaslClient, SaslClientContext, SaslServer, SaslServerStep, ScramCredentials,
 Container} from "leptonmq";

export async function everyWayToSignIn(url: string): Promise<void> {
  await connect(url, { token: "t" });
  await connect(url, { token: () => "t", user: "u" });
  await connect(url, { token: async ({ attempt }) => `t${attempt.toFixed()}` });
  await connect(url, { credentials: async ({ url: place, signal }: CredentialsContext): Promise<Credentials> => ({ token: place, expiresAt: signal.aborted ? new Date() : Date.now() }) });
  await connect(url, { credentials: () => ({ user: "u", password: "p" }) });
  await connect(url, { token: "t", cbs: { audience: ["a", "b"], type: "servicebus.windows.net:sastoken" } });
  const own = ({ user, password, token, secure }: SaslClientContext): SaslClient => ({
    start: () => (secure ? `${user} ${password} ${token}` : undefined),
    challenge: async (data) => data,
  });
  const options: ConnectOptions = { mechanisms: { "X-OWN": own }, allowedMechs: "X-OWN SCRAM-SHA-256" };
  const connection = await connect(url, options);
  expectTypeOf(connection.peerCertificate).toEqualTypeOf<PeerCertificate | undefined>();
  expectTypeOf(connection.identity?.certificate).toEqualTypeOf<PeerCertificate | undefined>();
  // @ts-expect-error a token or a user with a password
  await connect(url, { credentials: () => ({ user: "u" }) });
}

export async function everyWayToLetIn(container: Container): Promise<void> {
  const kept = await scramCredentials("secret", { mechanism: "SCRAM-SHA-512", iterations: 10_000 });
  expectTypeOf(kept).toEqualTypeOf<ScramCredentials>();
  const own = (): SaslServer => ({
    start: (initial): SaslServerStep => (initial === undefined ? { challenge: "who?" } : false),
    response: async (data) => (data.length > 0 ? { user: "u", additionalData: data } : false),
  });
  const options: ListenOptions = {
    passwords: async (user, { mechanism, remoteAddress }) => (mechanism === "SCRAM-SHA-512" && remoteAddress !== "" ? kept : user),
    authenticateToken: (token, user) => (token === "t" ? (user ?? true) : false),
    authenticateCertificate: ({ commonName, alternativeNames, validTo }) => validTo > new Date() && (commonName ?? alternativeNames[0] ?? false),
    mechanisms: { "X-OWN": own },
  };
  await container.listen({ port: 0, ...options });
  await container.listen({ port: 0, passwords: (user) => new Map([["ann", "secret"]]).get(user) });
}
