import { WEBHOOK_PATH } from '../webhook/path.ts';
import type { DeployedStack } from './deployed-stack.ts';

/** Returns the webhook's request URL, or `undefined` if the stack has no webhook. */
export function requestUrlOf(stack: DeployedStack): string | undefined {
  const origin = stack.output('HttpApiUrl');
  return origin === undefined ? undefined : `${origin.replace(/\/$/, '')}${WEBHOOK_PATH}`;
}
