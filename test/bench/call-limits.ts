import { startEmulators } from '../../lib/local/emulators/emulators.ts';
import { replyToMessages } from '../support/limited-replies.ts';
import { PLATFORM_LIMITS } from '../support/rate-limiting-api.ts';
import type { Report, SuiteOptions } from './report.ts';

const WORKERS = 10;
const CHATS = 20;
/** Of the time that the limits require. */
const TARGET = 1.2;
const REJECTED_TARGET = 0.01;

/**
 * Measures how long workers with `limitCallRate=true` take to reply to queued messages, over an API that enforces the
 * platform's rate limits in any second and any minute.
 */
export async function benchCallLimits({ isQuick }: SuiteOptions): Promise<Report> {
  const messages = isQuick ? 200 : 2000;
  await using parts = new AsyncDisposableStack();
  const emulators = await startEmulators({ ordering: 'none', visibilityTimeoutSeconds: 360 });
  parts.defer(() => emulators.stop());
  Object.assign(process.env, emulators.environment, { POWERTOOLS_METRICS_DISABLED: 'true' });
  const options = { limits: PLATFORM_LIMITS, limitCallRate: true, messages, chats: CHATS, workers: WORKERS };
  const { replies, rejected, deadLetters, milliseconds } = await replyToMessages(emulators, options);
  if (replies.size !== messages || deadLetters > 0) {
    throw new Error(`Only ${replies.size} of ${messages} messages have a reply, and ${deadLetters} are dead letters`);
  }
  const required = requiredSeconds(messages);
  const seconds = milliseconds / 1000;
  const ratio = seconds / required;
  const cells = [seconds.toFixed(0), required.toFixed(0), ratio.toFixed(2), `≤ ${TARGET}`, `${rejected}`];
  if ((ratio > TARGET || rejected > REJECTED_TARGET * messages) && !isQuick) process.exitCode = 1;
  return {
    columns: ['seconds', 'required by the limits', 'ratio', 'target', 'rejected calls'],
    rows: [{ name: `${messages} replies to ${CHATS} chats from ${WORKERS} workers`, cells }],
    notes: [
      `The API accepts ${PLATFORM_LIMITS.perSecond} calls in any second, ${PLATFORM_LIMITS.perMinute} in any minute and ` +
        `${PLATFORM_LIMITS.perChatAndSecond} messages to a chat in any second.`,
    ],
    samples: { messages, rejected, milliseconds },
  };
}

/** All calls of a minute can be made in its first seconds. */
function requiredSeconds(messages: number): number {
  const { perSecond, perMinute, perChatAndSecond } = PLATFORM_LIMITS;
  const fullMinutes = Math.ceil(messages / perMinute) - 1;
  const rest = messages - fullMinutes * perMinute;
  return Math.max(fullMinutes * 60 + rest / perSecond, messages / CHATS / perChatAndSecond);
}
