/** A seeded random number generator. */
export interface Random {
  /** From 0 (inclusive) to 1 (exclusive). */
  uniform(): number;
  /** Exponentially distributed, like the time between the events of a Poisson process. */
  exponential(mean: number): number;
}

/** Creates a Mulberry32 generator, which has 32 bits of state: enough for a simulation. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { uniform, exponential: (mean) => -mean * Math.log(1 - uniform()) };
}
