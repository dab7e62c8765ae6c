import { startEmulators } from '../../lib/local/emulators.ts';

// The emulators as a process: see emulator-process.ts.

const { queueUrl, queueArn, claimsTable, environment } = await startEmulators({
  ordering: 'none',
  visibilityTimeoutSeconds: 360,
});
process.send?.({ queueUrl, queueArn, claimsTable, environment });
process.once('disconnect', () => process.exit());
