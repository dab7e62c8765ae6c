import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Emulators } from '../../lib/local/emulators.ts';

export interface EmulatorProcess extends AsyncDisposable {
  emulators: Pick<Emulators, 'queueUrl' | 'queueArn' | 'claimsTable' | 'environment'>;
}

/** SQS and DynamoDB in a process of their own, where they take no processor time and no memory of what is looked at. */
export async function startEmulatorProcess(): Promise<EmulatorProcess> {
  const child = fork(fileURLToPath(new URL('emulator-program.ts', import.meta.url)), { execArgv: [] });
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
