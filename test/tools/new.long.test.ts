import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkHandlers } from '../../lib/build/check-handlers.ts';
import { SAMPLE_TYPES } from '../../lib/samples/samples.ts';
import {
  approvalFile,
  approvalSource,
  approvalTestFile,
  approvalTestSource,
  type NewApproval,
} from '../../lib/tools/approval-template.ts';
import {
  folderOf,
  handlerFile,
  handlerSource,
  handlerTestFile,
  handlerTestSource,
  type NewHandler,
} from '../../lib/tools/handler-template.ts';
import { createEmptyProject } from '../support/empty-project.ts';
import type { TemporaryProject } from '../support/project.ts';

/** Runs a program of an installed package, like `npx`. */
async function runPackage(root: string, program: string, ...args: string[]): Promise<void> {
  const parameters = [path.join(root, 'node_modules', program), ...args];
  const execution = promisify(execFile)(process.execPath, parameters, { cwd: root });
  await execution.catch(({ message, stdout }) => expect.fail(`${message}\n${stdout}`));
}

describe('The handlers that npm run new writes', () => {
  const ALL: NewHandler[] = [
    ...SAMPLE_TYPES.map((sample) => ({ folder: folderOf(sample), type: sample.type })),
    ...SAMPLE_TYPES.filter(({ isCallback }) => isCallback).map((sample) => ({
      folder: folderOf({ ...sample, isCallback: false }),
      type: sample.type,
    })),
    { folder: 'v2', type: 'example.thing.created_v1', isUndeclared: true },
    { folder: 'v1', type: 'example_thing', isUndeclared: true },
    { folder: 'callbacks', type: 'example.thing.get', isUndeclared: true },
  ];
  const APPROVALS: NewApproval[] = [
    { name: 'customers', kind: 'options' },
    {
      name: 'expenses.2026-with_a-name-that-does-not-fit-into-a-line-of-code-of-a-hundred-characters',
      kind: 'quick-approval',
    },
  ];
  let project: TemporaryProject;
  beforeAll(async () => {
    project = await createEmptyProject();
    const files = [
      ...ALL.flatMap((handler) => [
        [handlerFile(handler), handlerSource(handler)] as const,
        [handlerTestFile(handler), handlerTestSource(handler)] as const,
      ]),
      ...APPROVALS.flatMap((approval) => [
        [approvalFile(approval), approvalSource(approval)] as const,
        [approvalTestFile(approval), approvalTestSource(approval)] as const,
      ]),
    ];
    for (const [name, source] of files) {
      const file = path.join(project.root, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, source, { flag: 'wx' });
    }
  });
  afterAll(() => project[Symbol.asyncDispose]());

  it('exist for every type, in the folder of their kind', async () => {
    const folders = path.join(project.root, 'functions/handlers');
    const count = async (folder: string) => (await readdir(path.join(folders, folder))).length;
    const typesOf = (version: string) => SAMPLE_TYPES.filter((sample) => sample.version === version).length;
    expect(await count('v2')).toBe(typesOf('2.0') + 1);
    expect(await count('v1')).toBe(typesOf('1.0') + 1);
    expect(await count('callbacks')).toBe(SAMPLE_TYPES.filter(({ isCallback }) => isCallback).length + 1);
  });

  it('pass the build', async () => {
    const result = await checkHandlers(path.join(project.root, 'functions/handlers'));
    expect(result).toEqual({ errors: [], warnings: [] });
  });

  it('compile, like their tests', async () => {
    await runPackage(project.root, 'typescript/bin/tsc');
  });

  it('pass npm run check, like their tests', async () => {
    const folders = ['functions', 'test/handlers'];
    await runPackage(project.root, '@biomejs/biome/bin/biome', 'check', '--vcs-enabled=false', ...folders);
  });

  it('pass their tests', async () => {
    // In one process: one per test would take minutes.
    const options = ['--no-isolate', '--reporter=json', '--outputFile=results.json'];
    await runPackage(project.root, 'vitest/vitest.mjs', 'run', 'test/handlers', ...options);
    const results = await readFile(path.join(project.root, 'results.json'), 'utf8');
    expect(JSON.parse(results)).toMatchObject({ success: true, numPassedTests: ALL.length + APPROVALS.length });
  });
});
