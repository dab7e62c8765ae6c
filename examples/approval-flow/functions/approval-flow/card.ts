import type { Approval } from './approvals.ts';
import type { Task } from './task-store.ts';

/** What a button of the card sends. */
export interface Decision {
  task: string;
  /** The open_id of the only person who may decide. */
  approver: string;
  status: 'APPROVED' | 'REJECTED';
}

const COLORS: Readonly<Record<string, string>> = { PENDING: 'blue', APPROVED: 'green', REJECTED: 'red' };
const LABELS: Readonly<Record<string, string>> = {
  PENDING: 'Waiting for you',
  APPROVED: 'Approved',
  REJECTED: 'Rejected',
  TRANSFERRED: 'Transferred',
  ROLLBACK: 'Returned',
  REVERTED: 'Reverted',
  DONE: 'Done',
};

/**
 * Creates the card of a task: with buttons while the task is pending, without them afterwards.
 *
 * @see https://open.feishu.cn/document/feishu-cards/card-json-v2-structure
 */
export function taskCard({ id, approver, status }: Task, { name, requester, fields }: Approval): object {
  const lines = [
    ...(requester === undefined ? [] : [`Requested by <at id=${requester}></at>`]),
    ...fields.map((field) => `${field.name}: ${field.value}`),
  ];
  const button = (decision: Decision['status'], text: string, type: string) => ({
    tag: 'button',
    text: { tag: 'plain_text', content: text },
    type,
    behaviors: [{ type: 'callback', value: { task: id, approver, status: decision } satisfies Decision }],
  });
  const buttons = [button('APPROVED', 'Approve', 'primary'), button('REJECTED', 'Reject', 'danger')];
  return {
    schema: '2.0',
    // Without this, the card cannot be updated.
    config: { update_multi: true },
    header: {
      title: { tag: 'plain_text', content: name },
      subtitle: { tag: 'plain_text', content: LABELS[status] ?? status },
      template: COLORS[status] ?? 'grey',
    },
    body: {
      elements: [{ tag: 'markdown', content: lines.join('\n') }, ...(status === 'PENDING' ? buttons : [])],
    },
  };
}

/**
 * Reads the value of a clicked button.
 *
 * @returns `undefined` if the button is not from this card
 */
export function readDecision(value: Record<string, unknown> = {}): Decision | undefined {
  const { task, approver, status } = value;
  if (typeof task !== 'string' || typeof approver !== 'string') return undefined;
  return status === 'APPROVED' || status === 'REJECTED' ? { task, approver, status } : undefined;
}
