/**
 * The most memory that this process had, looked at now and then. The operating system's own figure is of no use: it begins with what the
 * process had that started this one.
 */

/** Milliseconds between two looks. */
const EVERY = 20;

/** Begins to look; what it answers stops that and tells the most, in octets. */
export function watchMemory(): () => number {
  let most = 0;
  const look = (): void => {
    most = Math.max(most, process.memoryUsage.rss());
  };
  look();
  const timer = setInterval(look, EVERY);
  return () => {
    clearInterval(timer);
    look();
    return most;
  };
}
