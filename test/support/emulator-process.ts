import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { EmulatorOptions, Emulators } from '../../lib/local/emulators/emulators.ts';

export interface EmulatorProcess extends AsyncDisposable {
  emulators: Omit<Emulators, 'sqs' | 'dynamo' | 'stop'>;
}

/** Starts SQS and DynamoDB in a separate process, so that they do not use the measured process's CPU and memory. */
export async function startEmulatorProcess(ordering: EmulatorOptions['ordering'] = 'none'): Promise<EmulatorProcess> {
  const program = fileURLToPath(new URL('emulator-program.ts', import.meta.url));
  const child = fork(program, [ordering], { execArgv: [] });
  const [emulators] = await once(child, 'message');
  return {
    emulators,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
