import type { ApprovalHandler } from '../handler.ts';
import { RESPONSE_TIME_LIMIT_MILLISECONDS } from '../intake/time-limit.ts';

/**
 * The time limits from a request's arrival. The platform waits for 3 s for options (its FAQ says about 4 s), as for
 * callbacks, and for 10 s after a decision, including the time on the network.
 *
 * @see https://open.feishu.cn/document/ukTMukTMukTM/uADM4QjLwADO04CMwgDN
 * @see https://open.feishu.cn/document/ukTMukTMukTM/ukjNyYjL5YjM24SO2IjN/quick-approval-callback
 */
export const APPROVAL_TIME_LIMIT_MILLISECONDS: Readonly<Record<ApprovalHandler['type'], number>> = {
  options: RESPONSE_TIME_LIMIT_MILLISECONDS,
  'quick-approval': 9000,
};
