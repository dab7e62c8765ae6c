import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, describe, expect, it } from 'vitest';
import type { StreamedReply } from '../../lib/reply-streams.ts';
import { createStreamStates, type StreamStates } from '../../lib/store/stream-states.ts';
import { emulatedAws } from '../support/emulated-aws.ts';

const REPLY: StreamedReply = {
  target: { id: 'om_1' },
  failureText: 'Failed.',
  status: 'open',
  parts: [{ cardId: '1', messageId: 'om_2', shown: 3 }],
};
const DAY_SECONDS = 24 * 60 * 60;

describe('The state of streamed replies', () => {
  const aws = emulatedAws();
  const { signal } = new AbortController();
  let states: StreamStates;
  beforeAll(() => {
    states = createStreamStates(aws.emulators.dynamo, aws.emulators.claimsTable);
  });

  it('counts the runs of an event, and returns what earlier runs stored', async () => {
    const first = await states.begin('event 1', signal);
    expect(first).toMatchObject({ run: 1, replies: {} });
    await states.write('event 1', { ...first, replies: { reply: REPLY } }, signal);
    expect(await states.begin('event 1', signal)).toEqual({ ...first, run: 2, replies: { reply: REPLY } });
    expect(await states.read('event 1', signal)).toEqual({ reply: REPLY });
    expect(await states.begin('event 2', signal)).toMatchObject({ run: 1, replies: {} });
    expect(await states.read('event 3', signal)).toEqual({});
  });

  it('is not changed by a run after a later one has begun', async () => {
    const first = await states.begin('event 4', signal);
    await states.begin('event 4', signal);
    await expect(states.write('event 4', { ...first, replies: { reply: REPLY } }, signal)).rejects.toThrow(
      'A later delivery continues the streamed replies',
    );
    expect(await states.read('event 4', signal)).toEqual({});
  });

  it('expires before the cards do, and counts on', async () => {
    const now = Math.floor(Date.now() / 1000);
    const stored = await states.begin('event 5', signal);
    expect(stored.expiration - now).toBeLessThan(14 * DAY_SECONDS);
    await states.write('event 5', { ...stored, expiration: now - 1, replies: { reply: REPLY } }, signal);
    const next = await states.begin('event 5', signal);
    expect(next).toMatchObject({ run: 2, replies: {} });
    expect(next.expiration).toBeGreaterThan(now + 12 * DAY_SECONDS);
  });

  it('has an id of its own kind', async () => {
    const { Items = [] } = await aws.emulators.dynamo.send(new ScanCommand({ TableName: aws.emulators.claimsTable }));
    expect(Items.every(({ id }) => id?.S?.startsWith('streams#'))).toBe(true);
  });
});
