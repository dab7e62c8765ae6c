import { Drop, onEvent } from '#feishu-events';
import { updateCard } from '#feishu-events/messages';
import { decide, readApproval } from '../../approval-flow/approvals.ts';
import { readDecision, taskCard } from '../../approval-flow/card.ts';
import { findTask, saveTask } from '../../approval-flow/task-store.ts';

/** Applies the decision of the approver who clicked a button, and shows it in the card. Every step can be repeated. */
export default onEvent('card.action.trigger', async ({ action, operator, context: { open_message_id } }, context) => {
  const decision = readDecision(action.value);
  if (decision === undefined) throw new Drop('The button is not from an approval card');
  const task = await findTask(decision.task);
  if (task === undefined) throw new Drop('The task is unknown');
  if (task.approver !== operator.open_id) throw new Drop('Only the approver can decide');

  const approval = await readApproval(context.feishu, task);
  let current = task;
  if (task.status === 'PENDING') {
    // An earlier attempt, another click or the Approval app may have decided already.
    let status = approval.taskStatus.get(task.id);
    if (status === undefined || status === 'PENDING') {
      await decide(context.feishu, task, decision.status);
      status = decision.status;
    }
    current = await saveTask({ ...task, status, changedAt: Date.now() });
    context.log.info('A task was decided', { task: task.id, status });
  }
  await updateCard(context, open_message_id, taskCard(current, approval));
});
