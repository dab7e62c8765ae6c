import { expect, it } from 'vitest';
import { samplePayload } from '#feishu-events/samples';
import { run } from '#feishu-events/testing';
import handler from '../../../functions/handlers/callbacks/card.action.trigger.ts';
import { click } from '../../approval-flow/approval.ts';

it('confirms the click of the approver', async () => {
  expect(await run(handler, click('APPROVED'))).toMatchObject({
    outcome: 'answered',
    answer: { toast: { type: 'info' } },
  });
});

it('tells anybody else that only the approver can decide', async () => {
  expect(await run(handler, click('APPROVED', 'ou_somebody'))).toMatchObject({ answer: { toast: { type: 'error' } } });
});

it('leaves other cards alone', async () => {
  expect(await run(handler, samplePayload('card.action.trigger'))).toMatchObject({ outcome: 'answered', answer: {} });
});
