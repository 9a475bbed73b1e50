/** How the commands of this folder end where something is wrong. */

/** Wrong words on the command line; its message is for the user. */
export class UsageError extends Error {}

/** Says on stderr why a command failed: wrong words by their message, everything else with where it happened. Answers its exit code. */
export function tellFailure(error: unknown): 1 | 2 {
  const usage = error instanceof UsageError;
  process.stderr.write(`${usage ? error.message : error instanceof Error ? error.stack ?? error.message : String(error)}\n`);
  return usage ? 2 : 1;
}
