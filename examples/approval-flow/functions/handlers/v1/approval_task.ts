import { Drop, onEventV1 } from '#feishu-events';
import { updateCard } from '#feishu-events/messages';
import { readApproval } from '../../approval-flow/approvals.ts';
import { taskCard } from '../../approval-flow/card.ts';
import { saveCard, saveTask } from '../../approval-flow/task-store.ts';

export const scopes = ['approval:approval'];

/** Stores each task of an approval, sends a card to the approver, and keeps the card up to date. */
export default onEventV1('approval_task', async (event, context) => {
  const { feishu, uuid } = context;
  if (!event.open_id) throw new Drop('The task has no approver: the platform decided it');
  const stored = await saveTask({
    id: event.task_id,
    approvalCode: event.approval_code,
    instanceCode: event.instance_code,
    approver: event.open_id,
    status: event.status,
    changedAt: Number(event.operate_time),
  });
  if (stored.cardMessageId === undefined && stored.status !== 'PENDING')
    throw new Drop('Decided before there was a card');

  const approval = await readApproval(feishu, stored);
  if (stored.cardMessageId !== undefined) {
    await updateCard(context, stored.cardMessageId, taskCard(stored, approval));
    return;
  }
  const { code, msg, data } = await feishu.im.message.create({
    params: { receive_id_type: 'open_id' },
    data: {
      receive_id: stored.approver,
      msg_type: 'interactive',
      content: JSON.stringify(taskCard(stored, approval)),
      // Every attempt sends the same id, so there is only one card.
      uuid: uuid('card'),
    },
  });
  if (code !== 0 || data?.message_id === undefined) throw new Error(`Cannot send the card: ${code} ${msg}`);
  const current = await saveCard(stored.id, data.message_id);
  // The event of a decision that was processed meanwhile found no card to update.
  if (current.status !== stored.status) await updateCard(context, data.message_id, taskCard(current, approval));
});
