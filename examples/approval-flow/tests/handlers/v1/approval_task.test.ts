import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { run } from '#feishu-events/testing';
import { findTask } from '../../../functions/approval-flow/task-store.ts';
import handler from '../../../functions/handlers/v1/approval_task.ts';
import { APPROVER, lastCard, Platform, taskEvent } from '../../approval-flow/approval.ts';
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
});
const handle = (status: string, time: number) => run(handler, taskEvent(status, time), { feishu: platform.stubs });

it('stores the task and sends a card with buttons to the approver', async () => {
  const { outcome, calls, uuids } = await handle('PENDING', 1);
  expect(outcome).toBe('handled');
  expect(calls.at(-1)).toMatchObject({
    name: 'im.message.create',
    payload: { params: { receive_id_type: 'open_id' }, data: { receive_id: APPROVER, uuid: uuids.card } },
  });
  expect(lastCard(calls)).toContain('Amount: 42');
  expect(lastCard(calls)).toContain('Reject');
  expect(await findTask('task-1')).toMatchObject({ status: 'PENDING', approver: APPROVER, cardMessageId: 'om_card' });
});

it('says that the table is missing', async () => {
  delete process.env.APPROVALS_TABLE;
  const result = await handle('PENDING', 1);
  expect(result).toMatchObject({ outcome: 'retrying', error: { message: expect.stringContaining('APPROVALS_TABLE') } });
});

it('sends the same card again if the attempt before was interrupted', async () => {
  const interrupted = { ...platform.stubs, im: { message: { create: () => Promise.reject(new Error('ECONNRESET')) } } };
  const first = await run(handler, taskEvent('PENDING', 1), { feishu: interrupted });
  expect(first.outcome).toBe('retrying');
  const second = await run(handler, taskEvent('PENDING', 1), { feishu: platform.stubs, attempt: 2 });
  expect(second.outcome).toBe('handled');
  expect(second.uuids.card).toBe(first.uuids.card);
});

it('removes the buttons when the task was decided in the Approval app', async () => {
  await handle('PENDING', 1);
  const { calls } = await handle('APPROVED', 2);
  expect(calls.at(-1)).toMatchObject({ name: 'im.message.patch', payload: { path: { message_id: 'om_card' } } });
  expect(lastCard(calls)).toContain('Approved');
  expect(lastCard(calls)).not.toContain('button');
});

it('keeps the later status if events arrive in the wrong order', async () => {
  await handle('PENDING', 1);
  await handle('REJECTED', 3);
  const { calls } = await handle('PENDING', 2);
  expect(lastCard(calls)).toContain('Rejected');
  expect(await findTask('task-1')).toMatchObject({ status: 'REJECTED' });
});

it('sends no card for a task that was decided before its first event arrived', async () => {
  expect(await handle('APPROVED', 2)).toMatchObject({ outcome: 'dropped' });
  expect(await handle('PENDING', 1)).toMatchObject({ outcome: 'dropped', calls: [] });
});

it('updates the card if the task is decided while the card is sent', async () => {
  const create = async () => {
    await handle('APPROVED', 2);
    return { code: 0, data: { message_id: 'om_card' } };
  };
  const { calls } = await run(handler, taskEvent('PENDING', 1), {
    feishu: { ...platform.stubs, im: { message: { create } } },
  });
  expect(calls.at(-1)?.name).toBe('im.message.patch');
  expect(lastCard(calls)).toContain('Approved');
});
