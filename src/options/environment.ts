/** What a container takes from the world around it: time and a place for its log. */

/** Time and timers, so that tests can turn the clock by hand. */
export interface Clock {
  /** Milliseconds from any fixed point; never goes back. */
  now(): number;
  /** Runs the task once after `delay` milliseconds, at most 2^31-1. */
  setTimer(delay: number, task: () => void): { cancel(): void };
}

/** Where log lines go; nothing is logged without one, and no line ever has a secret in it. */
export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}
