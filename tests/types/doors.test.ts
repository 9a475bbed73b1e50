/**
 * The doors export exactly the names written here, and the programs beside this file compile against them under the strictest
 * options: what an application imports today keeps working.
 */

import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import ts from "typescript";

/** Door -> its values and its types. A change here is a change that users see: CHANGELOG.md. */
const DOORS = {
  index: {
    values: [
      "AtLeastOnce", "AtMostOnce", "Copy", "DurableSubscription", "DynamicNodeProperties", "ExactlyOnce", "Filter", "Move", "Selector",
      "AmqpError", "Backoff", "BodySection", "ConfigError", "ConnectionError", "Container", "DecodeError", "Described", "DuplicateWindow",
      "EncodeError", "InDoubtError", "LimitError", "LinkError", "Message", "MessagingHandler", "Reject", "Release",
      "ModifiedError", "NotSentError", "RedirectError", "RejectedError", "ReleasedError", "SaslError", "SendError", "SessionError",
      "TimeoutError", "TlsError", "TransactionError", "Typed", "Uuid", "connect", "data", "scramCredentials", "sequence", "streamed", "types", "value",
    ],
    types: [
      "AuthenticateContext", "CbsOptions", "PasswordsContext", "PeerCertificate", "SaslClient", "SaslClientContext", "SaslMessage", "SaslServer",
      "SaslServerContext", "SaslServerStep", "ScramCredentials", "ScramMechanism", "ScramOptions",
      "AmqpTypeName", "BackoffOptions", "BatchOptions", "ReconnectOptions", "RedirectOptions", "Bytes", "CallOptions", "Clock", "CloseOptions", "ConnectOptions", "Connection", "ConnectionStatus", "ConsumeOptions",
      "ContainerOptions", "Coordinator", "Credentials", "CredentialsContext", "DeduplicateOptions", "Delivery", "DeliveryState", "DeliveryStateInit", "EndpointState",
      "ErrorCode", "ErrorInit", "ErrorOrigin", "ErrorScope", "Explanation", "FlowOptions", "Guarantee", "IncomingDelivery", "Limits", "Link", "LinkIdentity", "LinkOption",
      "LinkRequest", "Listener", "ListenOptions", "Logger", "MessageId", "MessageInit", "Opening", "Outcome", "OutgoingDelivery", "PeerIdentity",
      "PropertyValue", "Receiver", "ReceiverOptions", "ReceiverRequest", "Recovery", "Requester", "RequesterOptions", "Responder", "ResponderOptions", "SchemaIssue", "SchemaResult", "StandardSchema", "StreamedOptions",
      "ScheduledTask", "ConnectionErrorEvent", "ConnectionEvent", "DeliveryEvent", "EndpointHandler", "Event", "Handler", "Handlers",
      "IncomingEvent", "LinkErrorEvent", "LinkEvent", "LinkOpeningEvent", "MessagingHandlerOptions", "OutgoingEvent", "ReceiverEvent", "SenderEvent", "SessionErrorEvent",
      "SessionEvent", "TransactionEvent", "TransactionHandler",
      "SendOptions", "SendOutcome", "Sendable", "Sender", "SenderOptions", "SenderRequest", "Sent", "Session", "SessionOptions", "Settling", "Side", "Source",
      "SourceInit", "TakeOptions", "Target", "TargetInit", "Terminus", "TerminusInit", "Timeouts", "TlsOptions", "Transaction", "TransactionOptions", "Transport", "Unsettled", "UnsettledEntry", "UnsettledStore", "WebSocketListenOptions", "WebSocketOptions",
    ],
  },
  rxjs: { values: ["accepted", "fromHandler", "messages", "sendTo", "status"], types: ["MessagesOptions", "SendToOptions"] },
  broker: { values: ["Broker"], types: ["BrokerOptions", "QueueOptions", "TransactionLimits"] },
  store: { values: ["FileStore", "MemoryStore"], types: ["FileStoreOptions", "LinkIdentity", "UnsettledEntry", "UnsettledStore"] },
  testing: {
    values: ["FaultProxy", "ManualClock", "ScriptedPeer", "memoryPair"],
    types: ["FaultDirection", "FaultProxyOptions", "FieldsInit", "Frame", "FrameName", "HandshakeOptions", "Script", "ScriptFunction", "ScriptedPeerOptions", "StreamPair"],
  },
} as const;

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");

const config = ts.getParsedCommandLineOfConfigFile(join(root, "tsconfig.json"), {}, { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined });
const programs = readdirSync(here).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts")).map((name) => join(here, name));
const doors = Object.keys(DOORS).map((name) => join(root, "src", `${name}.ts`));
const program = ts.createProgram([...doors, ...programs], { ...config?.options, noEmit: true });

function exportsOf(path: string): { values: string[]; types: string[] } {
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(path);
  const module = source && checker.getSymbolAtLocation(source);
  const found: { values: string[]; types: string[] } = { values: [], types: [] };
  for (const one of module === undefined ? [] : checker.getExportsOfModule(module)) {
    const meaning = one.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(one) : one;
    const typeOnly = one.declarations?.some((declaration) => ts.isTypeOnlyExportDeclaration(declaration)) === true;
    (!typeOnly && meaning.flags & ts.SymbolFlags.Value ? found.values : found.types).push(one.name);
  }
  return { values: found.values.sort(), types: found.types.sort() };
}

describe("the doors", () => {
  test.each(Object.entries(DOORS))("%s exports these names and no others", (name, names) => {
    expect(exportsOf(join(root, "src", `${name}.ts`))).toEqual({ values: [...names.values].sort(), types: [...names.types].sort() });
  });

  test.each(programs.map((path) => [path.slice(here.length + 1), path]))("program %s compiles", (_name, path) => {
    const source = program.getSourceFile(path);
    const complaints = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map((one) => {
      const line = one.file?.getLineAndCharacterOfPosition(one.start ?? 0).line ?? -1;
      return `${line + 1}: ${ts.flattenDiagnosticMessageText(one.messageText, "\n")}`;
    });
    expect(complaints).toEqual([]);
  });
});
