import type { EventPayloads, EventPayloadsV1 } from '#feishu-events';
import { samplePayload } from '#feishu-events/samples';
import type { EventRunOptions } from '#feishu-events/testing';
import type { Decision } from '../../functions/approval-flow/card.ts';

export const APPROVER = 'ou_approver';

const TASK = { id: 'task-1', user_id: 'u-approver', open_id: APPROVER, start_time: '1795395600000' };
const INSTANCE = {
  approval_name: 'Expenses',
  approval_code: 'code',
  instance_code: 'instance',
  serial_number: '202611230001',
  open_id: 'ou_requester',
  user_id: 'u-requester',
  department_id: 'department',
  status: 'PENDING' as const,
  end_time: '0',
  uuid: '',
  form: JSON.stringify([
    { name: 'Amount', type: 'number', value: 42 },
    { name: 'Receipts', type: 'image', value: ['https://example.com/1.png'] },
  ]),
  comment_list: [],
  timeline: [],
};

/** The platform with one approval, which counts decisions. */
export class Platform {
  taskStatus: 'PENDING' | 'APPROVED' | 'REJECTED' = 'PENDING';
  decisions = 0;

  readonly stubs = {
    approval: {
      instance: { get: () => ({ code: 0, data: { ...INSTANCE, task_list: [{ ...TASK, status: this.taskStatus }] } }) },
      task: {
        approve: () => this.#decide('APPROVED'),
        reject: () => this.#decide('REJECTED'),
      },
    },
    im: { message: { create: () => ({ code: 0, data: { message_id: 'om_card' } }) } },
  } satisfies EventRunOptions['feishu'];

  #decide(status: 'APPROVED' | 'REJECTED') {
    this.decisions += 1;
    if (this.taskStatus !== 'PENDING') return { code: 1390003, msg: 'the task is not pending' };
    this.taskStatus = status;
    return { code: 0 };
  }
}

export function taskEvent(status: string, operateTime: number, task = 'task-1'): EventPayloadsV1['approval_task'] {
  const event = samplePayload('approval_task');
  return { ...event, task_id: task, open_id: APPROVER, status, operate_time: `${operateTime}` };
}

export function click(
  status: Decision['status'],
  by = APPROVER,
  task = 'task-1',
): EventPayloads['card.action.trigger'] {
  const event = samplePayload('card.action.trigger');
  const value = { task, approver: APPROVER, status };
  return { ...event, operator: { ...event.operator, open_id: by }, action: { ...event.action, value } };
}

/** The card of the last call that sends or updates one, as text. */
export function lastCard(calls: { name: string; payload: unknown }[]): string | undefined {
  const call = calls.findLast(({ name }) => name === 'im.message.create' || name === 'im.message.patch');
  return call && JSON.stringify(call.payload);
}
