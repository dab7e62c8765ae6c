import fc from 'fast-check';
import { inject } from 'vitest';
import { runs } from './volume.ts';

// Setup file: every property test uses the seed of the run, so that a failure can be reproduced.

const DEFAULT_RUNS = 1000;

fc.configureGlobal({ seed: inject('propertySeed'), numRuns: runs(DEFAULT_RUNS) });
