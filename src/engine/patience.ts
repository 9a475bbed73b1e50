/**
 * How often a peer may tell states that settle nothing: each delivery may be gone over a number of times, and whoever names a wide
 * range of unsettled deliveries in one small frame after another is stopped. Frames about a few deliveries cost what their octets cost.
 */

/** How often a delivery may be gone over, on average. */
const TIMES = 16;
/** Ids of a frame up to which it is not counted. */
const FEW = 16;

export class Patience {
  /** Visits that are left. */
  #left = 0;
  /** The id of the next delivery when that was last looked at; -1 before. */
  #seen = -1;

  /** @param next the id of the next delivery. @param held unsettled deliveries. @param ids that the frame names. Answers false where it is over. */
  lasts(next: number, held: number, ids: number): boolean {
    const fresh = this.#seen < 0 ? held : (next - this.#seen) >>> 0;
    this.#seen = next;
    this.#left += fresh * TIMES;
    if (ids <= FEW) return true;
    // What was saved up with deliveries that are settled now is of no use any more.
    this.#left = Math.min(this.#left, held * TIMES) - Math.min(held, ids);
    return this.#left >= 0;
  }
}
