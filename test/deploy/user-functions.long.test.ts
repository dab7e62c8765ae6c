import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPromise } from 'yauzl';
import { readDocuments } from '../documents/document.ts';
import { createProject, type Project } from './support/project.ts';

/** Everything of a working copy that must not be deployed. */
const PRIVATE_FILES = {
  '.env': 'FEISHU_APP_SECRET=the-secret\n',
  '.env.prod': 'FEISHU_APP_SECRET=the-secret\n',
  '.local/queue/event.json': '{}',
  '.recorded/event.json': '{}',
  'certificates/server.pem': 'the key',
  'test/reminder.test.ts': '',
  'functions/reminder.test.ts': '',
};

describe('A function that the user adds in extensions.yml', () => {
  let project: Project;
  beforeEach(async () => {
    project = await createProject();
    for (const [name, content] of Object.entries(PRIVATE_FILES)) await write(name, content);
  });
  afterEach(() => project.remove());

  async function write(name: string, content: string): Promise<void> {
    const file = path.join(project.folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content);
  }

  async function addFunction(definition: string): Promise<void> {
    await write('extensions.yml', `functions:\n${definition}`);
  }

  async function filesIn(artifact: string): Promise<string[]> {
    const zip = await openPromise(path.join(project.folder, '.serverless', artifact));
    const names: string[] = [];
    for await (const { fileName } of zip.eachEntry()) names.push(fileName);
    return names.toSorted();
  }

  it('is bundled, and its artifact contains only the bundle', async () => {
    await addFunction(documentedFunction());
    await write('functions/reminder.ts', 'export const handler = async (): Promise<string> => "done";\n');
    const template = await project.package();
    expect(template.Resources.ReminderLambdaFunction?.Properties).toMatchObject({
      Handler: '.build/functions/reminder.handler',
      Timeout: 30,
    });
    expect(await filesIn('reminder.zip')).toEqual([
      '.build/functions/reminder.mjs',
      '.build/functions/reminder.mjs.map',
    ]);
    const { handler } = await import(path.join(project.folder, '.build/functions/reminder.mjs'));
    expect(await handler()).toBe('done');
  });

  it('gets the official SDK if it imports it, and the files that its patterns add', async () => {
    await addFunction(
      '  reminder:\n    handler: functions/reminder.run\n    package:\n      patterns:\n        - templates/**\n',
    );
    await write('templates/reminder.txt', 'Hello');
    await write(
      'functions/reminder.ts',
      "import { Domain } from '@larksuiteoapi/node-sdk';\nexport const run = async () => Domain.Lark;\n",
    );
    await project.package();
    expect(await filesIn('reminder.zip')).toEqual(
      expect.arrayContaining(['.build/node_modules/@larksuiteoapi/node-sdk/index.js', 'templates/reminder.txt']),
    );
    const { run } = await import(path.join(project.folder, '.build/functions/reminder.mjs'));
    expect(await run()).toBe(1);
  });

  it('is not packaged with private files', async () => {
    const names = Object.keys(PRIVATE_FILES);
    const patterns = ['!**', 'functions/reminder.js', ...names];
    // Not TypeScript, so that the framework alone selects the files.
    await addFunction(
      `  reminder:\n    handler: functions/reminder.run\n    package: { individually: true, patterns: ${JSON.stringify(patterns)} }\n`,
    );
    await write('functions/reminder.js', 'exports.run = async () => {};\n');
    const { code, output } = await project.serverless('package');
    expect(output).toContain('The artifact of the function reminder');
    for (const name of names) expect(output).toContain(`  ${name} (`);
    expect(output).toContain("starting with '!**'");
    expect(code).toBe(1);
  });
});

/** Returns the function of the example in docs/deploying.md. */
function documentedFunction(): string {
  const document = readDocuments().find(({ name }) => name === 'docs/deploying.md');
  const [example] = document?.codeBlocks.filter(({ lang }) => lang === 'yaml') ?? [];
  return `${example?.text.replace(/^functions:\n/, '')}\n`;
}
