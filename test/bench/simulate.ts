import type { Suite } from './report.ts';
import { SCENARIOS } from './simulation/scenarios.ts';
import { tableOf } from './simulation/table.ts';

/** What becomes of 10, 1,000 and 50,000 events a second: the table in docs/scaling.md. The same at every run. */
export const simulateScale: Suite = async () => tableOf(SCENARIOS);
