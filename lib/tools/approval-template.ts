/** A module in `functions/handlers/approvals`. */
export interface NewApproval {
  /** The last part of its URL. */
  name: string;
  kind: 'options' | 'quick-approval';
}

/** Returns the variables of the token and of the key, for example `CUSTOMERS_TOKEN`. */
export function approvalVariables({ name }: NewApproval): [token: string, key: string] {
  const words = name
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll(/\W+/g, '_')
    .toUpperCase();
  // On Lambda, names of variables start with a letter. Some prefixes are reserved: see lib/build/extensions.ts.
  const isAllowed = /^(?!(AWS|LAMBDA|FEISHU|POWERTOOLS)(_|$))[A-Z]/.test(words);
  const prefix = isAllowed ? words : `APPROVAL_${words.replace(/^_+/, '')}`;
  return [`${prefix}_TOKEN`, `${prefix}_KEY`];
}

/** Returns the module's path in the project, with forward slashes on every platform. */
export function approvalFile({ name }: NewApproval): string {
  return `functions/handlers/approvals/${name}.ts`;
}

export function approvalTestFile({ name }: NewApproval): string {
  return `test/handlers/approvals/${name}.test.ts`;
}

export function approvalSource(approval: NewApproval): string {
  const [token, key] = approvalVariables(approval);
  const definer = approval.kind === 'options' ? 'onApprovalOptions' : 'onQuickApproval';
  return `import { ${definer} } from '#feishu-events';

const settings = {
  token: process.env.${token},
  // Remove this line if the approval's definition has no key.
  key: process.env.${key},
};

${approval.kind === 'options' ? OPTIONS_HANDLER : QUICK_APPROVAL_HANDLER}`;
}

const OPTIONS_HANDLER = `export default onApprovalOptions(settings, async (request, { log }) => {
  log.info('Listing the options', { page: request.page_token });
  return { options: [{ id: 'first', text: { zh_cn: '选项一', en_us: 'First option' } }] };
});
`;

const QUICK_APPROVAL_HANDLER = `export default onQuickApproval(settings, async ({ action_type, task_id }, { log }) => {
  // A decision may arrive more than once: apply it only if the task is still pending.
  log.info('A user decided', { action: action_type, task: task_id });
});
`;

export function approvalTestSource(approval: NewApproval): string {
  const request =
    approval.kind === 'options'
      ? '{}'
      : `{
    action_type: 'APPROVE',
    user_id: 'b85s39b',
    approval_code: 'code',
    task_id: 'step1',
  }`;
  const name = approval.kind === 'options' ? 'lists the options' : 'accepts a decision';
  return `import { expect, it } from 'vitest';
import { run } from '#feishu-events/testing';
import handler from '../../../${approvalFile(approval)}';

it('${name}', async () => {
  const result = await run(handler, ${request});
  expect(result.outcome).toBe('answered');
});
`;
}
