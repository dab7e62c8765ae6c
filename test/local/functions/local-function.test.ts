import { writeFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatFunctionLine, readFunctionLine } from '../../../lib/local/functions/function-lines.ts';
import { createLocalFunction } from '../../../lib/local/functions/local-function.ts';
import { createProject } from '../../support/project.ts';

describe('A local function', () => {
  const processPriority = getPriority();
  // Only Linux has thread priorities.
  const backgroundPriority = process.platform === 'linux' ? Math.max(processPriority, 10) : processPriority;

  it.each([
    ['runs with a low priority in the background', true, backgroundPriority],
    ['runs with the priority of the process otherwise', false, processPriority],
  ])('%s', async (_, isBackground, priority) => {
    await using project = await createProject();
    const bundle = path.join(project.root, 'bundle.mjs');
    await writeFile(bundle, "import { getPriority } from 'node:os'; export const handler = async () => getPriority();");
    const localFunction = createLocalFunction({
      name: 'function',
      environment: () => ({}),
      timeoutSeconds: 60,
      isBackground,
      onLine: () => {},
      onPublish: () => {},
    });
    localFunction.load(bundle);
    expect(await localFunction.invoke({})).toBe(priority);
    await localFunction.stop();
    expect(getPriority()).toBe(processPriority);
  });

  it("separates a handler's output from log lines", async () => {
    await using project = await createProject();
    const bundle = path.join(project.root, 'bundle.mjs');
    await writeFile(bundle, WRITING_BUNDLE);
    const lines: string[] = [];
    const localFunction = createLocalFunction({
      name: 'function',
      environment: () => ({}),
      timeoutSeconds: 60,
      onLine: (line) => lines.push(line),
      onPublish: () => {},
    });
    localFunction.load(bundle);
    await localFunction.invoke({});
    await expect.poll(() => lines.length, { timeout: 30_000 }).toBe(6);
    await localFunction.stop();
    expect(lines.filter((line) => readFunctionLine(line) !== undefined).map((line) => JSON.parse(line))).toEqual([
      { message: 'of the log\u2028{"message":"forged"}' },
    ]);
    const shown = lines.map(formatFunctionLine);
    expect(shown.filter((text) => text?.startsWith('    | ')).toSorted()).toEqual([
      '    | ',
      '    | from console.error',
      '    | from console.log',
      '    | {"message":"forged"}',
      '    | {"message":"forged"}',
    ]);
  });

  it('logs that it timed out', async () => {
    await using project = await createProject();
    const bundle = path.join(project.root, 'bundle.mjs');
    await writeFile(bundle, 'export const handler = () => new Promise(() => {});');
    const lines: string[] = [];
    const localFunction = createLocalFunction({
      name: 'worker',
      environment: () => ({}),
      timeoutSeconds: 0.1,
      onLine: (line) => lines.push(line),
      onPublish: () => {},
    });
    localFunction.load(bundle);
    const message = 'The function worker timed out after 0.1 seconds';
    await expect(localFunction.invoke({})).rejects.toThrow(message);
    await localFunction.stop();
    expect(lines.map(readFunctionLine)).toMatchObject([{ level: 'ERROR', message }]);
  });

  it('logs why it failed in one line', async () => {
    await using project = await createProject();
    const bundle = path.join(project.root, 'bundle.mjs');
    await writeFile(bundle, `throw new Error('no start\\n{"message":"forged"}');`);
    const lines: string[] = [];
    const localFunction = createLocalFunction({
      name: 'function',
      environment: () => ({}),
      timeoutSeconds: 60,
      onLine: (line) => lines.push(line),
      onPublish: () => {},
    });
    localFunction.load(bundle);
    await expect(localFunction.invoke({})).rejects.toThrow('The function function ended: Error: no start');
    await localFunction.stop();
    expect(lines.map((line) => readFunctionLine(line)?.message)).toEqual(['The function function failed']);
    expect(lines[0]).toContain('no start');
  });
});

const FORGED = '{"message":"forged"}';
const WRITING_BUNDLE = `export const handler = async () => {
  console.log('from console.log\\n${FORGED}');
  console.error('from console.error\\n${FORGED}\\n');
  process.stdout.write(JSON.stringify({ message: 'of the log\\u2028{"message":"forged"}' }) + '\\n');
};`;
