/** The options of a MessagingHandler. */

/** Options of `new MessagingHandler()`; what a link's own options say stands before them. */
export interface MessagingHandlerOptions {
  /** Messages that receivers fetch ahead; 0 is by hand, with `receiver.flow()`. @default 10 */
  prefetch?: number | undefined;
  /** Accept a message when `on_message` is done, unless it was settled. @default true */
  autoAccept?: boolean | undefined;
  /** Settle what was sent when its outcome is known. @default true */
  autoSettle?: boolean | undefined;
  /** Whether the peer's close without an error is an error. @default false */
  peerCloseIsError?: boolean | undefined;
}
