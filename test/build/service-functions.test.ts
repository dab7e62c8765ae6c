import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isResolved } from '../../lib/build/read-yaml.ts';
import { readServiceFunctions } from '../../lib/build/service-functions.ts';
import { PROJECT_ROOT } from '../support/project.ts';

describe('readServiceFunctions', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'feishu-events-service-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  const read = async (files: Record<string, string>) => {
    for (const [name, content] of Object.entries(files)) await writeFile(path.join(root, name), content);
    return readServiceFunctions(root);
  };

  it('reads the functions of the template', async () => {
    const { functions, provider, unresolved } = await readServiceFunctions(PROJECT_ROOT);
    expect([...functions.keys()]).toEqual(['webhook', 'worker', 'approvals']);
    expect(provider.runtime).toBe('nodejs24.x');
    expect(unresolved).toEqual([]);
  });

  it('reads functions in serverless.yml and in the files that it includes', async () => {
    const { functions } = await read({
      'serverless.yml': `functions:
  - \${file(extensions.yml):functions, null}
  - \${file(./more.yml)}
  - here: { handler: functions/here.handler }\n`,
      'extensions.yml': 'functions:\n  daily: { handler: functions/daily.handler }\n',
      'more.yml': 'weekly: { handler: functions/weekly.handler }\n',
    });
    expect([...functions]).toEqual([
      ['daily', { handler: 'functions/daily.handler' }],
      ['weekly', { handler: 'functions/weekly.handler' }],
      ['here', { handler: 'functions/here.handler' }],
    ]);
  });

  it('reads functions that are not in a list', async () => {
    const { functions } = await read({ 'serverless.yml': 'functions:\n  here: { handler: here.handler }\n' });
    expect([...functions.keys()]).toEqual(['here']);
  });

  it.each(['', 'functions:\n', `functions:\n  - \${file(extensions.yml):functions, null}\n`])(
    'accepts a service without functions: %j',
    async (text) => {
      const { functions, unresolved } = await read({ 'serverless.yml': text, 'extensions.yml': 'functions:\n' });
      expect([functions.size, unresolved]).toEqual([0, []]);
    },
  );

  it('names functions that only the framework can resolve', async () => {
    const { unresolved } = await read({ 'serverless.yml': `functions:\n  - \${self:custom.functions}\n` });
    expect(unresolved).toEqual([`\${self:custom.functions}`]);
  });

  it('marks variables and CloudFormation tags as unresolved', async () => {
    const { functions } = await read({
      'serverless.yml': `functions:
  daily:
    environment:
      A: text
      B: 3
      C: !!str 4
      D: !Ref EventsQueue
      E: !GetAtt [EventsQueue, Arn]
      F: !Sub { a: b }
      G: \${param:x}\n`,
    });
    const environment = functions.get('daily')?.environment as Record<string, unknown>;
    expect(environment).toMatchObject({ A: 'text', B: 3, C: '4', D: `\${!Ref EventsQueue}` });
    expect(Object.keys(environment).filter((name) => isResolved(environment[name]))).toEqual(['A', 'B', 'C']);
  });

  it.each([
    ['is missing', {}, /^Cannot read serverless.yml: ENOENT/],
    ['is not YAML', { 'serverless.yml': 'functions: [\n' }, /^serverless.yml is not valid YAML: .* at line 2/],
    [
      'includes a missing file',
      { 'serverless.yml': `functions:\n  - \${file(a.yml)}\n` },
      /^Cannot read a.yml: ENOENT/,
    ],
  ])('rejects a service that %s', async (_, files, message) => {
    await expect(read(files)).rejects.toThrow(message);
  });
});
