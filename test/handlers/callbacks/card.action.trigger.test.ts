import { expect, it } from 'vitest';
import { samplePayload } from '#feishu-events/samples';
import { run } from '#feishu-events/testing';
import handler from '../../../functions/handlers/callbacks/card.action.trigger.ts';

it('shows the user a success toast in both languages', async () => {
  const result = await run(handler, samplePayload('card.action.trigger'));
  expect(result).toMatchObject({
    outcome: 'answered',
    answer: { toast: { type: 'success', i18n: { en_us: 'Done', zh_cn: '已完成' } } },
  });
});
