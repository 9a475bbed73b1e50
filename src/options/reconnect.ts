/** Whether and how a connection that is lost is made again. */

/** How the waiting between attempts grows. */
export interface BackoffOptions {
  /** Milliseconds that the waiting begins with; the first wait is at most twice that. @default 100 */
  initialDelay?: number | undefined;
  /** Milliseconds that no wait exceeds. @default 10_000 */
  maxDelay?: number | undefined;
  /** By how much the waiting grows with each round of the urls. @default 2 */
  factor?: number | undefined;
  /** Whether each wait is drawn from 0 to what it could be, so that many clients do not come back at once. @default true */
  jitter?: boolean | undefined;
  /** Attempts, each of one url, after which it gives up; counted anew with every open. @default Infinity */
  maxAttempts?: number | undefined;
}

/** Options of reconnecting. */
export interface ReconnectOptions extends BackoffOptions {
  /** Whether the first `connect()` also tries again and again. @default false, true under `run()` */
  initial?: boolean | undefined;
  /** Conditions of the peer's close after which the connection stays closed, besides those that are always fatal. @default none */
  fatalConditions?: readonly string[] | undefined;
}

/** How the waiting between attempts grows, as Proton gives it to `connect(reconnect)`. */
export class Backoff {
  readonly options: Readonly<BackoffOptions>;

  /** @throws ConfigError config, when it is used */
  constructor(options: BackoffOptions = {}) {
    this.options = Object.freeze({ ...options });
  }
}

/** Reconnecting with everything there. */
export interface ResolvedReconnect {
  readonly initialDelay: number;
  readonly maxDelay: number;
  readonly factor: number;
  readonly jitter: boolean;
  readonly maxAttempts: number;
  /** undefined: by whether the container runs. */
  readonly initial: boolean | undefined;
  readonly fatalConditions: readonly string[];
}
