/**
 * How a connection goes on over another socket in good order, before the peer would end the present one: what is under way is settled
 * first, and what is new waits for the other socket. Whatever is not done in time has the fate of a connection that is lost.
 */

import { timerDelay } from "../options/timeouts.ts";
import type { ClientLink } from "./link.ts";
import type { Profile } from "./profile.ts";
import type { Transactions } from "./transactions.ts";

/** Milliseconds between two looks at what is still under way. */
const LOOK = 20;

/** A link that may have something under way. */
interface Working {
  /** Whether something has left and is not decided, or is in the hands of a taker. */
  readonly busy: boolean;
  /** Of a receiver: its credit. */
  readonly credits?: { hold(): void };
}

/** What is needed of the connection. */
export interface TurnoverOwner {
  readonly profile: Profile;
  readonly opened: boolean;
  readonly ending: boolean;
  /** Requests that wait for their replies. */
  readonly requests: number;
  readonly transactions: Transactions;
  /** What is new waits. */
  holding: boolean;
}

/** Waits until nothing is under way, for `time` milliseconds at the most; from a moment on new sends wait. Whether the connection is still there. */
export async function settleAll(owner: TurnoverOwner, links: () => Iterable<ClientLink>, time: number): Promise<boolean> {
  const { clock, timeouts } = owner.profile;
  const alive = (): boolean => owner.opened && !owner.ending;
  const looks = async (done: () => boolean, within: number): Promise<void> => {
    for (const end = clock.now() + within; alive() && !done() && clock.now() < end;) {
      await new Promise<void>((resolve) => clock.setTimer(timerDelay(Math.min(LOOK, end - clock.now())) ?? LOOK, resolve));
    }
  };
  // These need new messages to come to their end, so nothing is held back yet.
  await looks(() => owner.requests === 0 && !owner.transactions.busy, time / 2);
  if (!alive()) return false;
  owner.holding = true;
  const working = (): readonly Working[] => [...links()] as unknown as Working[];
  for (const link of working()) link.credits?.hold();
  await looks(() => working().every(({ busy }) => !busy), Math.min(time / 2, timeouts.close));
  return alive();
}
