/** A function with this memory has one vCPU. @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html */
const MEGABYTES_OF_ONE_VCPU = 1769;

/** Per GB-second, arm64, in us-east-1, in US dollars, as in docs/cost.md. @see https://aws.amazon.com/lambda/pricing/ */
export const DOLLARS_PER_GIGABYTE_SECOND = 0.0000133334;

/**
 * Returns the share of one vCPU that an invocation has.
 *
 * @param memoryMegabytes the function's `memorySize`, at most 1769
 */
export function cpuShareOf(memoryMegabytes: number): number {
  return Math.min(1, memoryMegabytes / MEGABYTES_OF_ONE_VCPU);
}

/**
 * Returns what Lambda charges for the time of invocations, in US dollars per million events.
 *
 * @param invocationMilliseconds the duration of each invocation that an event needs. Lambda rounds each up to a millisecond.
 */
export function durationCostOfMillion(memoryMegabytes: number, invocationMilliseconds: readonly number[]): number {
  const billed = invocationMilliseconds.reduce((sum, milliseconds) => sum + Math.ceil(milliseconds), 0);
  return (memoryMegabytes / 1024) * (billed / 1000) * DOLLARS_PER_GIGABYTE_SECOND * 1e6;
}
