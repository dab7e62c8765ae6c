import { mkdir, mkdtemp, mkdtempDisposable, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { invokeFunction } from '../../../lib/local/user-functions/invocation.ts';
import { environmentOf, readUserFunctions } from '../../../lib/local/user-functions/user-functions.ts';
import { PROJECT_ROOT } from '../../support/project.ts';
import { recordOutput } from '../../support/written-output.ts';

const SERVICE = `provider:
  runtime: nodejs24.x
  memorySize: 256
  timeout: 600
  environment:
    QUEUE_URL: !Ref EventsQueue
    STAGE: local
functions:
  job:
    handler: functions/job.run
    environment:
      GREETING: hello
      COUNT: 3
      TABLE: !Ref Table
      BUCKET: \${param:bucket}
      QUEUE_URL: null
      REMOVED: null
  slow: { handler: functions/slow.run, timeout: 1 }
  sdk: { handler: functions/sdk.run }
  plain: { handler: functions/plain.run }
  misspelled: { handler: functions/job.rum }
  missing: { handler: functions/missing.run }
  python: { handler: functions/job.run, runtime: python3.14 }
  container: { image: 'image:latest' }
`;

const MODULES = {
  'job.ts': `import { helper } from './helper.ts';
export const run = async (event: { fail?: string }, context: { getRemainingTimeInMillis(): number }) => {
  console.log('one line\\nand another');
  if (event.fail === 'throw') throw new Error('The database is down', { cause: new Error('no route to host') });
  if (event.fail === 'exit') process.exit(3);
  if (event.fail === 'unhandled') void Promise.reject(new Error('stray'));
  if (event.fail !== undefined) await new Promise(() => {});
  setInterval(() => {}, 1000);
  const { GREETING, COUNT, STAGE, TABLE, QUEUE_URL } = process.env;
  const remaining = context.getRemainingTimeInMillis();
  return { event, context, remaining, helper: helper(), GREETING, COUNT, STAGE, TABLE, QUEUE_URL };
};
`,
  'helper.ts': 'export const helper = (): string => "bundled";\n',
  'slow.ts': 'export const run = () => { while (true); };\n',
  'sdk.ts': "import { Domain } from '@larksuiteoapi/node-sdk';\nexport const run = async () => Domain.Lark;\n",
  'plain.cjs': 'exports.run = async () => {};\n',
};

describe('A function run locally', () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'feishu-events-functions-'));
    await mkdir(path.join(root, 'functions'));
    await symlink(path.join(PROJECT_ROOT, 'node_modules'), path.join(root, 'node_modules'));
    await writeFile(path.join(root, 'serverless.yml'), SERVICE);
    for (const [name, source] of Object.entries(MODULES)) await writeFile(path.join(root, 'functions', name), source);
  });
  afterAll(() => rm(root, { recursive: true }));

  async function find(name: string) {
    const { functions } = await readUserFunctions(root);
    const userFunction = functions.find((candidate) => candidate.name === name);
    if (userFunction === undefined) throw new Error(`There is no function ${name}`);
    return userFunction;
  }

  async function invoke(name: string, event: unknown = {}, user: Record<string, string> = {}, signal?: AbortSignal) {
    const userFunction = await find(name);
    const lines: string[] = [];
    const { environment } = environmentOf(userFunction, user);
    const outcome = await invokeFunction({
      root,
      userFunction,
      event,
      environment,
      onLine(line) {
        lines.push(line);
        recordOutput(`${line}\n`);
      },
      ...(signal !== undefined && { signal }),
    });
    return { ...outcome, lines };
  }

  it('gets the event, a context and its environment, and may leave timers', async () => {
    const { result = '', lines } = (await invoke('job', { a: 1 }, { COUNT: '4' })) as {
      result?: string;
      lines: string[];
    };
    expect(JSON.parse(result)).toEqual({
      event: { a: 1 },
      context: {
        functionName: 'job',
        functionVersion: '$LATEST',
        invokedFunctionArn: expect.stringMatching(/:function:job$/),
        memoryLimitInMB: '256',
        awsRequestId: expect.stringMatching(/^[\da-f-]{36}$/),
        logGroupName: '/aws/lambda/job',
        logStreamName: 'local',
        callbackWaitsForEmptyEventLoop: true,
      },
      remaining: expect.any(Number),
      helper: 'bundled',
      GREETING: 'hello',
      // The user's environment takes precedence.
      COUNT: '4',
      STAGE: 'local',
    });
    expect(JSON.parse(result).remaining).toBeGreaterThan(6000);
    expect(JSON.parse(result).remaining).toBeLessThanOrEqual(600_000);
    expect(lines).toEqual(['| one line', '| and another']);
  });

  it('reports an error with its position in the source and its cause', async () => {
    expect(await invoke('job', { fail: 'throw' })).toMatchObject({
      error: expect.stringMatching(
        /^Error: The database is down\n {4}at \S* ?\(?\S*functions\/job\.ts:4:\d+\)?\nCaused by Error: no route to host$/,
      ),
    });
  });

  it('fails if it ends the process', async () => {
    expect(await invoke('job', { fail: 'exit' })).toMatchObject({
      error: 'The function job exited with code 3 before it returned a result',
    });
  });

  it('fails if it leaves a rejected promise, as on Lambda', async () => {
    const { lines, ...outcome } = await invoke('job', { fail: 'unhandled' });
    expect(outcome).toMatchObject({ error: 'The function job exited with code 1 before it returned a result' });
    expect(lines.join('\n')).toMatch(/Error: stray\n.*functions\/job\.ts:6/);
  });

  it('fails at its timeout, even if it blocks its thread', async () => {
    expect(await invoke('slow')).toMatchObject({ error: 'The function slow timed out after 1 seconds' });
  });

  it('ends when it is stopped', async () => {
    expect(await invoke('job', {}, {}, AbortSignal.abort())).toMatchObject({ error: 'The function job was stopped' });
  });

  it('can use the official SDK', async () => {
    expect(await invoke('sdk')).toMatchObject({ result: '1' });
  });

  it('can be JavaScript, and return nothing', async () => {
    expect(await invoke('plain')).toMatchObject({ result: 'null' });
  });

  it('fails if its module does not export it', async () => {
    expect(await invoke('misspelled')).toMatchObject({
      error: 'functions/job.ts does not export a function named "rum"',
    });
  });

  it.each([
    ['missing', 'The handler of missing is functions/missing.run, but there is no such module'],
    ['python', 'python runs on python3.14: npm run invoke runs only Node functions'],
    ['container', 'container is a container image: npm run invoke runs only Node functions'],
  ])('is rejected with a reason: %s', async (name, message) => {
    await expect(invoke(name)).rejects.toThrow(message);
  });

  it('has the default limits of the framework', async () => {
    await using project = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-functions-'));
    await writeFile(path.join(project.path, 'serverless.yml'), 'functions:\n  job: { handler: job.run }\n');
    const { functions } = await readUserFunctions(project.path);
    expect(functions).toMatchObject([{ timeoutSeconds: 6, memoryMegabytes: 1024 }]);
  });

  it('lacks variables that only a deployment sets, unless the user sets them', async () => {
    const job = await find('job');
    expect(environmentOf(job, {}).missing).toEqual(['TABLE', 'BUCKET']);
    expect(environmentOf(job, { TABLE: 'local' })).toMatchObject({
      environment: { TABLE: 'local' },
      missing: ['BUCKET'],
    });
  });
});
