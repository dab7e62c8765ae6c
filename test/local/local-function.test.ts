import { writeFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLocalFunction } from '../../lib/local/local-function.ts';
import { createProject } from '../support/project.ts';

describe('A local function', () => {
  const own = getPriority();
  // Only Linux has priorities of threads.
  const behind = process.platform === 'linux' ? Math.max(own, 10) : own;

  it.each([
    ['lets others go first when nobody waits for it', true, behind],
    ['runs as the process does when somebody waits for it', false, own],
  ])('%s', async (_, isBackground, priority) => {
    await using project = await createProject();
    const bundle = path.join(project.root, 'bundle.mjs');
    await writeFile(bundle, "import { getPriority } from 'node:os'; export const handler = async () => getPriority();");
    const localFunction = createLocalFunction({
      name: 'function',
      environment: {},
      timeoutSeconds: 60,
      isBackground,
      onLine: () => {},
      onObservation: () => {},
    });
    localFunction.load(bundle);
    expect(await localFunction.invoke({})).toBe(priority);
    await localFunction.stop();
    expect(getPriority()).toBe(own);
  });
});
