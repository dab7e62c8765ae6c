import { onCallback } from '#feishu-events';
import { readDecision } from '../../approval-flow/card.ts';

/**
 * Tells the person who clicked at once whether the click counts. It runs in the webhook, which has no access to the table:
 * `v2/card.action.trigger.ts` applies the decision.
 */
export default onCallback('card.action.trigger', ({ action, operator }) => {
  const decision = readDecision(action.value);
  if (decision === undefined) return {};
  if (decision.approver !== operator.open_id) {
    return { toast: { type: 'error', content: 'Only the approver can decide' } };
  }
  return { toast: { type: 'info', content: 'Your decision is being recorded' } };
});
