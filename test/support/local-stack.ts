import { type Stack, type StackOptions, startStack } from '../../lib/local/stack.ts';
import { PROJECT_ROOT } from './project.ts';
import { encryptKey, verificationToken } from './secrets.ts';
import { recordOutput } from './written-output.ts';

/** Starts a local stack of this project on a free port. Its lines are checked for leaks; its notices are discarded. */
export function startLocalStack(options: Partial<StackOptions> = {}): Promise<Stack> {
  return startStack({
    root: PROJECT_ROOT,
    environment: { FEISHU_ENCRYPT_KEY: encryptKey, FEISHU_VERIFICATION_TOKEN: verificationToken },
    host: '127.0.0.1',
    port: 0,
    watch: false,
    onLine: (line) => recordOutput(`${line}\n`),
    onNotice: () => {},
    onApiCall: () => {},
    ...options,
  });
}
