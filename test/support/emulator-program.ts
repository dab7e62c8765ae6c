import { type EmulatorOptions, startEmulators } from '../../lib/local/emulators/emulators.ts';

// The program that emulator-process.ts starts.

const {
  sqs,
  dynamo,
  stop: _,
  ...emulators
} = await startEmulators({
  ordering: process.argv[2] as EmulatorOptions['ordering'],
  visibilityTimeoutSeconds: 360,
});
process.send?.(emulators);
process.once('disconnect', () => {
  sqs.destroy();
  dynamo.destroy();
  process.exit();
});
