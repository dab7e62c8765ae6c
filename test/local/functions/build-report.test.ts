import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type BuildOptions, type BuildResult, build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type BuildFailure, BuildReport } from '../../../lib/local/functions/build-report.ts';
import { createBundleLoader } from '../../../lib/local/functions/bundle-loader.ts';
import { SourceChanges } from '../../../lib/local/functions/source-changes.ts';
import { wait } from '../../support/wait.ts';

const MESSAGE = 'functions/handlers/v2/im.message.receive_v1.ts';
const CARD = 'functions/handlers/callbacks/card.action.trigger.ts';
const HELPER = 'functions/answers.ts';
const BROKEN = 'export default [\n  1 2,\n];\n';

let root: string;
let notices: string[];
let failures: (BuildFailure | undefined)[];
let report: BuildReport;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'build-report-'));
  notices = [];
  failures = [];
  report = new BuildReport({
    root,
    onNotice: (text) => notices.push(text),
    onChange: (failure) => failures.push(failure),
  });
  await write(HELPER, 'export const answer = 1;');
  await write(MESSAGE, "export { answer as default } from '../../answers.ts';");
  await write(CARD, "export { answer as default } from '../../answers.ts';");
});
afterEach(() => rm(root, { recursive: true }));

async function write(name: string, source: string): Promise<void> {
  const file = path.join(root, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, source);
}

/** As if the file had been saved again. */
const touch = (name: string, seconds: number) => utimes(path.join(root, name), seconds, seconds);

/** Two functions that contain both handlers. */
const functionBundle = (name: string) =>
  ({
    stdin: {
      contents: `${JSON.stringify(name)};\nimport('./${MESSAGE}');\nimport('./${CARD}');`,
      resolveDir: root,
    },
    absWorkingDir: root,
    bundle: true,
    format: 'esm',
    metafile: true,
    outfile: path.join(root, 'out', `${name}.mjs`),
    logLevel: 'silent',
    plugins: [],
  }) satisfies BuildOptions;
const webhook = { name: 'webhook' };
const worker = { name: 'worker' };

async function buildAndAdd(bundle: { name: string }): Promise<void> {
  const result = await build(functionBundle(bundle.name)).catch((failed: BuildResult) => failed);
  await report.add(bundle, result);
}

describe('A build error', () => {
  it('is reported with its file, line, column and source line, relative to the project', async () => {
    await buildAndAdd(worker);
    await write(MESSAGE, BROKEN);
    await buildAndAdd(worker);
    expect(notices).toEqual([expect.stringContaining('The previous version of the functions keeps running')]);
    expect(notices[0]).toContain(`\n    ${MESSAGE}:2:4:\n`);
    expect(notices[0]).toContain('2 │   1 2,');
    expect(notices[0]).toContain('Expected "]" but found "2"');
    expect(notices[0]).not.toContain(root);
    expect(report.failure).toEqual({
      errors: [
        {
          text: 'Expected "]" but found "2"',
          file: MESSAGE,
          line: 2,
          column: 4,
          handlers: ['v2/im.message.receive_v1'],
        },
      ],
      omitted: 0,
      keepsRunning: true,
    });
  });

  it('is reported once if several functions contain the file, and ends when all are built', async () => {
    await buildAndAdd(webhook);
    await buildAndAdd(worker);
    await write(CARD, BROKEN);
    await buildAndAdd(webhook);
    await buildAndAdd(worker);
    expect(notices.length).toBe(1);
    expect(report.failure?.errors.length).toBe(1);
    await write(CARD, 'export default 1;');
    await buildAndAdd(webhook);
    expect(report.failure).toBeDefined();
    await buildAndAdd(worker);
    expect(report.failure).toBeUndefined();
    expect(failures.at(-1)).toBeUndefined();
    expect(notices.length).toBe(1);
  });

  it('is not reported again while other files change, but when its own file is saved', async () => {
    await write(CARD, BROKEN);
    await touch(CARD, 1);
    await buildAndAdd(worker);
    await write(HELPER, 'export const answer = 2;');
    await buildAndAdd(worker);
    await buildAndAdd(webhook);
    expect(notices.length).toBe(1);
    await touch(CARD, 2);
    await buildAndAdd(webhook);
    await buildAndAdd(worker);
    expect(notices.length).toBe(2);
  });

  it('is reported next to one that is already known', async () => {
    await write(CARD, BROKEN);
    await buildAndAdd(worker);
    await write(MESSAGE, "import './nowhere.ts';");
    await buildAndAdd(worker);
    expect(notices.length).toBe(2);
    expect(notices[1]).toContain('nowhere.ts');
    expect(notices[1]).not.toContain(CARD);
    expect(report.failure?.errors.map(({ file }) => file).toSorted()).toEqual([CARD, MESSAGE]);
  });

  it('is reported again if it arises again, although its file has not changed', async () => {
    await buildAndAdd(webhook);
    await buildAndAdd(worker);
    for (const times of [1, 2]) {
      await rm(path.join(root, HELPER));
      await buildAndAdd(webhook);
      await buildAndAdd(worker);
      // Both handlers import the file.
      expect(notices.length).toBe(times);
      await write(HELPER, 'export const answer = 1;');
      await buildAndAdd(webhook);
      await buildAndAdd(worker);
      expect(report.failure).toBeUndefined();
    }
  });

  it('names the handlers that use the file', async () => {
    await buildAndAdd(worker);
    await write(HELPER, BROKEN);
    await buildAndAdd(worker);
    const handlers = ['callbacks/card.action.trigger', 'v2/im.message.receive_v1'];
    expect(report.failure?.errors).toMatchObject([{ file: HELPER, handlers }]);
    expect(notices[0]).toContain('Used by callbacks/card.action.trigger, v2/im.message.receive_v1.');
  });

  it('of a function that has never been built says that it does not run', async () => {
    await write(CARD, BROKEN);
    await buildAndAdd(worker);
    expect(report.failure?.keepsRunning).toBe(false);
    expect(notices).toEqual([expect.stringContaining('The functions start when the error is fixed')]);
  });

  it('is one of at most 20, and the others are counted', async () => {
    const imports = Array.from({ length: 50 }, (_, index) => `import './missing-${index}.ts';\n`);
    await write(CARD, imports.join(''));
    await buildAndAdd(worker);
    expect(report.failure?.errors.length).toBe(20);
    expect(report.failure?.omitted).toBe(30);
    expect(notices[0]?.split('[ERROR]').length).toBe(21);
    expect(notices[0]).toContain('… and 30 more');
  });

  it('in a minified file does not print the whole line', async () => {
    await write(CARD, `export default ${'1+'.repeat(100_000)};`);
    await buildAndAdd(worker);
    expect(notices[0]?.length).toBeLessThan(1000);
  });
});

it('Warnings about handlers are reported once, until their file changes', async () => {
  const [warning] = (await build({ stdin: { contents: 'typeof x == "y"' }, write: false, logLevel: 'silent' }))
    .warnings;
  const ofHandler = { ...warning, pluginName: 'handler-modules', text: 'The handler could not be checked' };
  const location = { ...warning?.location, file: CARD };
  const built = { errors: [], warnings: [{ ...ofHandler, location }] } as unknown as BuildResult;
  const failed = { errors: [{ ...ofHandler, text: 'Broken' }], warnings: [] } as unknown as BuildResult;
  await touch(CARD, 1);
  for (const result of [built, built, failed, built]) await report.add(worker, result);
  expect(notices.filter((text) => text.includes('could not be checked'))).toEqual(['The handler could not be checked']);
  await touch(CARD, 2);
  await report.add(worker, built);
  expect(notices.filter((text) => text.includes('could not be checked')).length).toBe(2);
});

it('reports only the first error while packages are being installed, and those that remain afterwards', async () => {
  const location = (file: string) => ({
    ...{ namespace: '', line: 1, column: 0, length: 1, lineText: '', suggestion: '' },
    file,
  });
  const error = (text: string, file: string) => ({
    id: '',
    pluginName: '',
    notes: [],
    detail: undefined,
    text,
    location: location(file),
  });
  const failed = (...errors: object[]) => ({ errors, warnings: [] }) as unknown as BuildResult;
  const missing = (name: string) => error(`Could not resolve "${name}"`, CARD);
  const inPackage = (name: string) => error('Could not resolve "./part.js"', `node_modules/${name}/index.js`);

  // A package that is missing is the user's error.
  await report.add(worker, failed(missing('typo')));
  expect(notices).toEqual([expect.stringContaining('Could not resolve "typo"')]);
  await report.add(worker, failed(inPackage('a'), missing('b'), missing('typo')));
  await report.add(worker, failed(inPackage('c'), inPackage('d')));
  await report.add(webhook, failed(missing('a'), missing('b'), missing('c'), missing('d')));
  expect(notices.slice(1)).toEqual([expect.stringMatching(/node_modules\/a\/.*and 2 more in packages.*npm install/s)]);
  await report.add(webhook, failed(missing('still'), error('Broken', HELPER)));
  expect(notices[2]).toMatch(/Could not resolve "still".*Broken/s);

  const built = { errors: [], warnings: [] } as unknown as BuildResult;
  await report.add(worker, built);
  await report.add(webhook, built);
  await report.add(worker, failed(inPackage('e')));
  expect(notices.at(-1)).toContain('node_modules/e/');
});

describe('A bundle that cannot be built at first', () => {
  const keepLoadedWith = (watch: boolean) =>
    createBundleLoader({ watch, report, changes: new SourceChanges(root), onNotice: (text) => notices.push(text) });
  const outputOf = (name: string) => readFile(path.join(root, 'out', `${name}.mjs`), 'utf8');

  it('is loaded once its source is fixed, if the sources are watched', async () => {
    await write(CARD, BROKEN);
    const loaded: string[] = [];
    const keepLoaded = keepLoadedWith(true);
    const names = ['webhook', 'worker'];
    const stops = [];
    for (const name of names) stops.push(await keepLoaded(functionBundle(name), () => loaded.push(name)));
    try {
      expect(loaded).toEqual([]);
      expect(notices.length).toBe(1);
      await write(CARD, "export default 'fixed';");
      await vi.waitFor(() => expect(loaded.toSorted()).toEqual(names), wait);
      await vi.waitFor(() => expect(report.failure).toBeUndefined(), wait);
      for (const name of names) expect(await outputOf(name)).toContain('fixed');
      expect(notices.slice(1)).toEqual(['Build succeeded: the functions are running.']);
      await write(HELPER, 'export const answer = 2;');
      const reloaded = `Sources changed: functions reloaded (${HELPER}).`;
      await vi.waitFor(() => expect(notices.slice(2)).toEqual([reloaded]), wait);
      await vi.waitFor(() => expect(loaded.length).toBe(4), wait);
      expect(notices.length).toBe(3);
    } finally {
      await Promise.all(stops.map((stop) => stop()));
    }
  });

  it('is an error with the position, if they are not watched', async () => {
    await write(CARD, BROKEN);
    const keepLoaded = keepLoadedWith(false);
    await expect(keepLoaded(functionBundle('worker'), () => {})).rejects.toThrow(`${CARD}:2:4`);
  });
});
