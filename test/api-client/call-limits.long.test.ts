import { describe, expect, test } from 'vitest';
import { emulatedAws } from '../support/emulated-aws.ts';
import { type LimitedReplies, type LimitedRepliesResult, replyToMessages } from '../support/limited-replies.ts';
import { PLATFORM_LIMITS } from '../support/rate-limiting-api.ts';

// `npm run bench -- call-limits` measures the time, and fails if more than 1 % of the calls are rejected.

/** The schedule leaves this much room. */
const LATE_MILLISECONDS = 250;

const MINUTES = 15 * 60_000;

function expectEachReplyOnce({ replies, deadLetters }: LimitedRepliesResult, { messages }: LimitedReplies): void {
  expect(deadLetters).toBe(0);
  expect(replies.size).toBe(messages);
  expect(new Set(replies.values())).toEqual(new Set([1]));
}

describe('The platform’s limits', () => {
  const aws = emulatedAws();

  test('reject less than 1 % of 2,000 replies to 20 chats from 10 workers', { timeout: MINUTES }, async () => {
    const options = { limits: PLATFORM_LIMITS, limitCallRate: true, messages: 2000, chats: 20, workers: 10 };
    const result = await replyToMessages(aws.emulators, options);
    expectEachReplyOnce(result, options);
    // If the machine is so busy that calls are late, more of them fall into the same second.
    const share = result.latestMilliseconds < LATE_MILLISECONDS ? 0.01 : 0.1;
    expect(result.rejected).toBeLessThan(share * options.messages);
  });
});

describe.each([
  { ordering: 'none', limitCallRate: true },
  { ordering: 'none', limitCallRate: false },
  { ordering: 'conversation', limitCallRate: true },
] as const)(
  'Stricter limits, with ordering=$ordering and limitCallRate=$limitCallRate,',
  ({ ordering, limitCallRate }) => {
    const aws = emulatedAws({ ordering });

    test('delay replies, but lose and repeat none', { timeout: MINUTES }, async () => {
      const limits = { perSecond: 6, perMinute: 90, perChatAndSecond: 1 };
      // So short that the client rarely waits, and events return to the queue.
      const options = { limits, limitCallRate, messages: 150, chats: 5, workers: 10, timeoutMilliseconds: 15_000 };
      const result = await replyToMessages(aws.emulators, options);
      expectEachReplyOnce(result, options);
    });
  },
);
