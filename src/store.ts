/** The door `leptonmq/store`: where exactly-once links keep what is not settled. */

export { FileStore } from "./stores/file-store.ts";
export type { FileStoreOptions } from "./stores/file-store.ts";
export { MemoryStore } from "./stores/memory-store.ts";
export type { LinkIdentity, UnsettledEntry, UnsettledStore } from "./client/unsettled-store.ts";
