/** For `vi.waitFor`: waits for a condition that must not depend on how fast the machine is. */
export const wait = { timeout: 600_000, interval: 20 };
