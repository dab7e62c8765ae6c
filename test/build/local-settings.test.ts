import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readLocalSettings } from '../../lib/build/local-settings.ts';
import { createProject, type TemporaryProject } from '../support/project.ts';

let project: TemporaryProject;
beforeAll(async () => {
  project = await createProject();
});
afterAll(() => project[Symbol.asyncDispose]());

const read = async (extensions: string) => {
  await writeFile(path.join(project.root, 'extensions.yml'), extensions);
  return await readLocalSettings(project.root);
};

it("uses the template's timeout if the user sets none", async () => {
  expect(await read('')).toMatchObject({ workerTimeoutSeconds: 60 });
});

it('uses the timeout under `default`, not that of a stage', async () => {
  const { workerTimeoutSeconds } = await read(
    'params: { default: { workerTimeout: 300 }, prod: { workerTimeout: 900 } }',
  );
  expect(workerTimeoutSeconds).toBe(300);
});

it.each([0, 2, 901, 1.5, -3, 'long'])('rejects the timeout %s', async (value) => {
  await expect(read(`params: { default: { workerTimeout: ${value} } }`)).rejects.toThrow(
    `The parameter workerTimeout must be whole seconds from 3 to 900, not "${value}".`,
  );
});

it('reads whether callback handlers have the client', async () => {
  expect(await read('')).toMatchObject({ callbacksHaveClient: false });
  expect(await read('callbacks: { feishu: true }')).toMatchObject({ callbacksHaveClient: true });
});

it('skips values that only a deployment knows', async () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the framework's syntax for variables
  const text = 'environment: { MODEL: small, SIZE: 3, TABLE: !Ref Table, STAGE: "${sls:stage}" }';
  expect((await read(text)).environment).toEqual({
    worker: { MODEL: 'small', SIZE: '3' },
    callbacks: {},
    approvals: {},
  });
});
