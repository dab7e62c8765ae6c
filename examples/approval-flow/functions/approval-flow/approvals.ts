import type { EventContext } from '#feishu-events';
import type { Task } from './task-store.ts';

type Feishu = EventContext['feishu'];

/** What the platform says about the approval that a task is part of. */
export interface Approval {
  name: string;
  /** The open_id of the person who made the request. */
  requester: string | undefined;
  /** The filled-in fields whose values are texts or numbers. */
  fields: { name: string; value: string }[];
  /** The status of each task, by its id. */
  taskStatus: ReadonlyMap<string, string>;
}

/** @see https://open.feishu.cn/document/server-docs/approval-v4/instance/get */
export async function readApproval(feishu: Feishu, { instanceCode }: Task): Promise<Approval> {
  const { code, msg, data } = await feishu.approval.instance.get({ path: { instance_id: instanceCode } });
  if (code !== 0 || data === undefined) throw new Error(`Cannot read the approval: ${code} ${msg}`);
  return {
    // The mock platform of npm start returns no fields.
    name: data.approval_name ?? 'Approval',
    requester: data.open_id,
    fields: readFields(data.form ?? '[]'),
    taskStatus: new Map(data.task_list?.map(({ id, status }) => [id, status])),
  };
}

/**
 * Decides a task in the name of its approver.
 *
 * @see https://open.feishu.cn/document/server-docs/approval-v4/task/approve
 */
export async function decide(feishu: Feishu, task: Task, decision: 'APPROVED' | 'REJECTED'): Promise<void> {
  const request = {
    params: { user_id_type: 'open_id' as const },
    data: {
      approval_code: task.approvalCode,
      instance_code: task.instanceCode,
      task_id: task.id,
      user_id: task.approver,
    },
  };
  const { code, msg } = await (decision === 'APPROVED'
    ? feishu.approval.task.approve(request)
    : feishu.approval.task.reject(request));
  if (code !== 0) throw new Error(`Feishu rejected the decision: ${code} ${msg}`);
}

/** @param form a JSON list of the form's fields */
function readFields(form: string): Approval['fields'] {
  const fields: { name: string; value: unknown }[] = JSON.parse(form);
  return fields.flatMap(({ name, value }) =>
    typeof value === 'string' || typeof value === 'number' ? [{ name, value: String(value) }] : [],
  );
}
