import { FeishuError } from '../../lib/feishu/errors.ts';

/**
 * Returns the error that `work` is rejected with, `undefined` if it succeeds.
 *
 * @throws any error that is not a {@link FeishuError}
 */
export function rejectionOf(work: () => unknown): FeishuError | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof FeishuError) return error;
    throw error;
  }
  return undefined;
}
