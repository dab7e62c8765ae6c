import { createHash } from 'node:crypto';
import type { CallbackContext } from '../handler.ts';

/**
 * Creates the context's `uuid` function. It returns 32 characters, of the 50 that Feishu's send APIs accept.
 *
 * @param key identifies the event
 */
export function createUuid(key: string): CallbackContext['uuid'] {
  return (label) =>
    createHash('sha256')
      .update(JSON.stringify([key, label]))
      .digest('hex')
      .slice(0, 32);
}
