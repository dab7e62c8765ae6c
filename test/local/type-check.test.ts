import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TypeCheck } from '../../lib/local/type-check.ts';
import { wait } from '../support/wait.ts';

// The compiler is a program that prints what a file contains, because the real one takes seconds of processor time.
const COMPILER = `import { appendFileSync, readFileSync } from 'node:fs';
const text = readFileSync('output', 'utf8');
const log = () => appendFileSync('runs', process.pid + '\\n');
if (text === 'never ends') {
  log();
  setInterval(() => {}, 1000);
} else {
  process.stdout.write(text);
  process.exitCode = text === '' ? 0 : 2;
  process.once('exit', log);
}
`;
const ERROR = "functions/a.ts(1,2): error TS2322: Type 'string' is not assignable to type 'number'.";
const DETAIL = "  Types of property 'x' are incompatible.";
const OF_PACKAGE = 'node_modules/a/index.d.ts(1,2): error TS2304: Cannot find name.\n  In a package.';

let root: string;
let notices: string[];
let typeCheck: TypeCheck;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'type-check-'));
  notices = [];
  typeCheck = new TypeCheck({ root, onNotice: (text) => notices.push(text), quietMilliseconds: 1 });
  await mkdir(path.join(root, 'node_modules/typescript/bin'), { recursive: true });
  await writeFile(path.join(root, 'node_modules/typescript/bin/tsc'), COMPILER);
  await writeFile(path.join(root, 'node_modules/typescript/package.json'), '{"type":"module"}');
  await writeFile(path.join(root, 'tsconfig.json'), '{}');
});
afterEach(async () => {
  typeCheck.stop();
  await rm(root, { recursive: true, maxRetries: 3 });
});

/** Returns the process ids of the compiler. */
async function runs(): Promise<number[]> {
  const text = await readFile(path.join(root, 'runs'), 'utf8').catch(() => '');
  return text.split('\n').slice(0, -1).map(Number);
}

async function check(output: string, expected: number): Promise<void> {
  await writeFile(path.join(root, 'output'), output);
  typeCheck.schedule();
  await vi.waitFor(async () => expect(await runs()).toHaveLength(expected), wait);
  if (output === 'never ends') return;
  // The next check would kill it.
  await vi.waitFor(async () => expect(await isRunning(expected - 1)).toBe(false), wait);
}

it("reports the errors in the project's files once, and once that they are fixed", async () => {
  const report = `Type error (the functions run anyway):\n${ERROR}\n${DETAIL}`;
  await check(`${ERROR}\n${DETAIL}\n${OF_PACKAGE}\n`, 1);
  await check(`${ERROR}\n${DETAIL}\n`, 2);
  await check(`${OF_PACKAGE}\n`, 3);
  await check('', 4);
  await check(`${ERROR}\n${DETAIL}\n`, 5);
  await vi.waitFor(() => expect(notices).toEqual([report, 'Type errors fixed.', report]), wait);
});

it('reports at most ten errors', async () => {
  await check(Array(12).fill(`${ERROR}\n`).join(''), 1);
  await vi.waitFor(() => expect(notices).toHaveLength(1), wait);
  expect(notices[0]).toMatch(/^12 type errors /);
  expect(notices[0]?.split(ERROR).length).toBe(11);
  expect(notices[0]).toMatch(/… and 2 more: npx tsc$/);
});

it('does not take a compiler that fails for one that finds no errors', async () => {
  await check(`${ERROR}\n`, 1);
  await check('Segmentation fault\n', 2);
  await check(`${ERROR}\n`, 3);
  await check('', 4);
  await vi.waitFor(() => expect(notices).toHaveLength(2), wait);
});

it('ends the check of sources that have changed since, and checks again', async () => {
  await check('never ends', 1);
  await check(`${ERROR}\n`, 2);
  await vi.waitFor(() => expect(notices).toHaveLength(1), wait);
  expect(await isRunning(0)).toBe(false);
});

it('ends a running check when it is stopped', async () => {
  await check('never ends', 1);
  typeCheck.stop();
  await vi.waitFor(async () => expect(await isRunning(0)).toBe(false), wait);
  expect(notices).toEqual([]);
});

async function isRunning(index: number): Promise<boolean> {
  try {
    return process.kill((await runs())[index] as number, 0);
  } catch {
    return false;
  }
}
