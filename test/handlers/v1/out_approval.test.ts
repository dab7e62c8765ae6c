import { expect, it } from 'vitest';
import { samplePayload } from '#feishu-events/samples';
import { run } from '#feishu-events/testing';
import handler from '../../../functions/handlers/v1/out_approval.ts';

it('logs who is out of the office, and when', async () => {
  const event = samplePayload('out_approval');
  const { outcome, log } = await run(handler, event);
  expect(outcome).toBe('handled');
  expect(log.map(({ fields }) => fields)).toEqual([
    { user: event.user_id, from: event.out_start_time, to: event.out_end_time },
  ]);
});
