import type { Suite } from './report.ts';
import { SCENARIOS } from './simulation/scenarios.ts';
import { tableOf } from './simulation/table.ts';

/** Simulates 10, 1,000 and 50,000 events a second: the table in docs/scaling.md. Deterministic. */
export const simulateScale: Suite = async () => tableOf(SCENARIOS);
