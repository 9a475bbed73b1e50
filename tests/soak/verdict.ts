/** What a soak comes to: each thing that must hold, whether it does, and with which numbers. */

/** Memory of one program, after forced garbage collection. */
export interface HeapSample {
  /** Seconds from the beginning. */
  readonly at: number;
  readonly heap: number;
}

/** One thing that must hold. */
export interface Check {
  readonly what: string;
  readonly holds: boolean;
  readonly told: string;
}

/** Megabytes by which the last quarter may be above the second. */
const GROWTH = 1;
/** Hours from which on a slope says something. */
const SLOPE_FROM = 2;

/** The median of the last quarter beyond that of the second quarter, in megabytes; the first is warming up. */
export function growth(samples: readonly HeapSample[]): number {
  const quarter = (n: number): number[] => {
    const [from, to] = [Math.floor(samples.length * n / 4), Math.floor(samples.length * (n + 1) / 4)];
    return samples.slice(from, to).map(({ heap }) => heap);
  };
  return (median(quarter(3)) - median(quarter(1))) / 1e6;
}

/** Megabytes an hour, by least squares; undefined for less than two hours. */
export function slope(samples: readonly HeapSample[]): number | undefined {
  const hours = samples.map(({ at }) => at / 3600);
  const span = (hours.at(-1) ?? 0) - (hours[0] ?? 0);
  if (span < SLOPE_FROM) return undefined;
  const heaps = samples.map(({ heap }) => heap / 1e6);
  const [x, y] = [mean(hours), mean(heaps)];
  const over = hours.reduce((sum, hour, n) => sum + (hour - x) * ((heaps[n] ?? 0) - y), 0);
  return over / hours.reduce((sum, hour) => sum + (hour - x) ** 2, 0);
}

export function heapCheck(program: string, samples: readonly HeapSample[]): Check {
  if (samples.length < 4) return { what: `heap of the ${program}`, holds: true, told: "too few samples to tell: it ran for less than two minutes" };
  const grown = growth(samples);
  const rises = slope(samples);
  const told = `the last quarter's median is ${grown.toFixed(2)} MB above the second's, at most ${GROWTH} MB; ${samples.length} samples${rises === undefined ? "" : `; ${rises.toFixed(3)} MB an hour`}`;
  return { what: `heap of the ${program}`, holds: grown <= GROWTH, told };
}

export function equal(what: string, measured: number, wanted: number, told = ""): Check {
  return { what, holds: measured === wanted, told: `${measured}${measured === wanted ? "" : `, not ${wanted}`}${told === "" ? "" : `: ${told}`}` };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] ?? 0 : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
