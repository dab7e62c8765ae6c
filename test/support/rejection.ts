import { FeishuError } from '../../lib/feishu/errors.ts';

/**
 * Tells how something is refused.
 *
 * @returns `undefined` when it is accepted
 * @throws whatever is thrown that is no {@link FeishuError}: nothing else may be
 */
export function refusalOf(work: () => unknown): FeishuError | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof FeishuError) return error;
    throw error;
  }
  return undefined;
}
