/** Options for `vi.waitFor`: long enough for any machine. */
export const wait = { timeout: 600_000, interval: 20 };
