import { rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { decrypt } from '../../lib/feishu/cipher.ts';
import type { Stack } from '../../lib/local/stack.ts';
import { startLocalStack } from '../support/local-stack.ts';
import { createProject, type TemporaryProject } from '../support/project.ts';
import { encryptKey as key, verificationToken as token } from '../support/secrets.ts';
import { wait } from '../support/wait.ts';

const source = (text: string) => `import { onApprovalOptions } from '#feishu-events';

export default onApprovalOptions({ token: process.env.CUSTOMERS_TOKEN, key: process.env.CUSTOMERS_KEY }, () => ({
  options: [{ id: '1', text: '${text}' }],
}));
`;

describe('The local stack, started without modules in functions/handlers/approvals', () => {
  let project: TemporaryProject;
  let stack: Stack;
  const notices: string[] = [];
  beforeAll(async () => {
    project = await createProject();
    stack = await startLocalStack({
      root: project.root,
      environment: { CUSTOMERS_TOKEN: token, CUSTOMERS_KEY: key },
      watch: true,
      onNotice: (text) => notices.push(text),
    });
  });
  afterAll(async () => {
    await stack.stop();
    await project[Symbol.asyncDispose]();
  });

  async function post(request: object): Promise<{ status: number; body: { data: { result: string } } }> {
    const url = new URL('/feishu/approvals/customers', stack.webhookUrl);
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(request) });
    return { status: response.status, body: (await response.json()) as never };
  }

  async function optionText() {
    const { status, body } = await post({ token });
    if (status !== 200) return status;
    return JSON.parse(decrypt(body.data.result, key)).i18nResources[0].texts['@i18n@1'];
  }

  it('responds at the URL of a module as long as it exists, and reloads a changed one', async () => {
    expect(await post({ token })).toEqual({ status: 404, body: { message: expect.stringContaining('no module') } });
    expect(await stack.approvalUrls()).toEqual([]);

    await project.writeHandler('approvals/customers.ts', source('Acme'));
    expect(await stack.approvalUrls()).toEqual([new URL('/feishu/approvals/customers', stack.webhookUrl).href]);
    expect(await optionText()).toBe('Acme');
    expect(await post({ token: 'other' })).toMatchObject({ status: 401 });

    await project.writeHandler('approvals/customers.ts', source('Umbrella'));
    await vi.waitFor(async () => expect(await optionText()).toBe('Umbrella'), wait);

    await project.writeHandler('approvals/customers.ts', 'export const a = 1;\n');
    await vi.waitFor(() => expect(notices.join()).toContain('customers.ts has no default export'), wait);
    expect(await optionText()).toBe('Umbrella');

    await rm(path.join(project.root, 'functions/handlers/approvals/customers.ts'));
    expect(await optionText()).toBe(404);
  });
});
