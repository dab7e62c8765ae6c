import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { samplePayload } from '#feishu-events/samples';
import { run } from '#feishu-events/testing';
import { findTask } from '../../../functions/approval-flow/task-store.ts';
import taskHandler from '../../../functions/handlers/v1/approval_task.ts';
import handler from '../../../functions/handlers/v2/card.action.trigger.ts';
import { click, lastCard, Platform, taskEvent } from '../../approval-flow/approval.ts';
import { createTable, startDatabase } from '../../approval-flow/table.ts';

let database: AsyncDisposable;
let platform: Platform;
beforeAll(async () => {
  database = await startDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(async () => {
  await createTable();
  platform = new Platform();
  await run(taskHandler, taskEvent('PENDING', 1), { feishu: platform.stubs });
});
const handle = (...parameters: Parameters<typeof click>) =>
  run(handler, click(...parameters), { feishu: platform.stubs });

it.each(['APPROVED', 'REJECTED'] as const)(
  'passes the decision %s to the platform, stores it and updates the card',
  async (status) => {
    const { outcome, calls } = await handle(status);
    expect(outcome).toBe('handled');
    expect(platform.taskStatus).toBe(status);
    expect(lastCard(calls)).not.toContain('button');
    expect(await findTask('task-1')).toMatchObject({ status });
  },
);

it('decides once, however often the approver clicks', async () => {
  await handle('APPROVED');
  const { outcome, calls } = await handle('REJECTED');
  expect(outcome).toBe('handled');
  expect(platform.decisions).toBe(1);
  expect(lastCard(calls)).toContain('Approved');
});

it('completes a decision whose first attempt was interrupted', async () => {
  platform.taskStatus = 'APPROVED';
  const { outcome } = await handle('APPROVED');
  expect(outcome).toBe('handled');
  expect(platform.decisions).toBe(0);
  expect(await findTask('task-1')).toMatchObject({ status: 'APPROVED' });
});

it('retries if the platform rejects the decision', async () => {
  const reject = { ...platform.stubs.approval, task: { approve: () => ({ code: 1390001, msg: 'param is invalid' }) } };
  const result = await run(handler, click('APPROVED'), { feishu: { approval: reject } });
  expect(result).toMatchObject({ outcome: 'retrying', error: { message: expect.stringContaining('1390001') } });
  expect(await findTask('task-1')).toMatchObject({ status: 'PENDING' });
});

it('drops clicks of anybody but the approver, of unknown tasks and of other cards', async () => {
  expect(await handle('APPROVED', 'ou_somebody')).toMatchObject({ outcome: 'dropped', calls: [] });
  expect(await handle('APPROVED', undefined, 'task-2')).toMatchObject({ outcome: 'dropped', calls: [] });
  expect(await run(handler, samplePayload('card.action.trigger'))).toMatchObject({ outcome: 'dropped' });
  expect(await findTask('task-1')).toMatchObject({ status: 'PENDING' });
});
