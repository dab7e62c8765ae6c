import { cp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type BuildResult, build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { artifactFiles, platformSdkBundle, webhookBundle, workerBundle } from '../../lib/build/bundle.ts';
import { handlerWarnings } from '../../lib/build/check-handlers.ts';
import { packageReport, usedPackages } from '../../lib/build/installed-packages.ts';
import { findReferencedFiles } from '../../lib/build/referenced-files.ts';
import { parseEnvelope } from '../../lib/feishu/envelope.ts';
import { createQueue } from '../../lib/intake/event-queue.ts';
import { startBuilder } from '../../lib/local/functions/builder.ts';
import { createLocalFunction } from '../../lib/local/functions/local-function.ts';
import { startHttpServer } from '../../lib/local/http-server.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { jsonResponse } from '../../lib/webhook/http.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { installPackages } from '../support/packages.ts';
import { createProject, type TemporaryProject } from '../support/project.ts';
import { recordOutput } from '../support/written-output.ts';

/** What a handler for each event type does with packages. It logs what it found as `found`. */
const HANDLERS = {
  // Another client of the AWS SDK, with event streams, credential providers and profiles.
  'im.chat.disbanded_v1': {
    imports: "import { S3Client, SelectObjectContentCommand } from '@aws-sdk/client-s3';",
    code: `
      const client = new S3Client({ region: 'eu-west-1', profile: 'of-the-developer' });
      let failure;
      await client.send(new SelectObjectContentCommand({})).catch((error) => { failure = error.message; });
      return { client: client.constructor.name, command: SelectObjectContentCommand.name, failure };`,
  },
  // The official SDK's request options, which its client finds by a symbol.
  'im.chat.updated_v1': {
    imports: "import { AESCipher, Domain, withUserAccessToken } from '@larksuiteoapi/node-sdk';",
    code: `
      await feishu.calendar.calendar.list({ params: { page_size: 50 } }, withUserAccessToken('u-of-a-person'));
      return { cipher: typeof new AESCipher('key').decrypt, domain: Domain.Lark };`,
  },
  // A CommonJS package that uses the globals of CommonJS, and chooses a module at run time.
  'im.chat.member.user.added_v1': {
    imports: "import commonJs from '../../../helpers/common-js.cjs';",
    code: "return { ...commonJs.paths(), zipped: commonJs.codec('gzip')('text').toString('hex', 0, 2), own: __dirname };",
  },
  // Imported text, data and WebAssembly, and files that the handler reads next to itself.
  'im.chat.member.bot.added_v1': {
    imports: `
      import { readFileSync } from 'node:fs';
      import path from 'node:path';
      import answer from '../../../helpers/answer.wasm';
      import markdown from '../../../helpers/greeting.md';
      import text from '../../../helpers/greeting.txt';
      import data from '../../../helpers/data.json' with { type: 'json' };
      const atLoad = readFileSync(path.join(__dirname, '../../../helpers', 'greeting.txt'), 'utf8');`,
    code: `
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(answer));
      return {
        imported: [markdown, text, data.key, exports.answer()],
        read: [
          atLoad,
          readFileSync(new URL('../../../helpers/greeting.txt', import.meta.url), 'utf8'),
          readFileSync(path.join(import.meta.dirname, '../../../helpers', 'greeting.md'), 'utf8'),
        ],
      };`,
  },
  // Packages that do not work in a bundle, see test/support/packages.ts.
  'im.chat.member.bot.deleted_v1': {
    imports: `
      import module, { text as moduleText } from 'reads-module';
      import { shared, text, useDriver } from 'reads-common';
      import shared2 from 'shared-state';
      import { loadNative } from 'has-native';`,
    code: `
      let failures = [];
      for (const fail of [useDriver, loadNative]) try { fail(); } catch (error) { failures.push(error.message); }
      return { texts: [text(), module(), moduleText], isShared: shared === shared2, failures };`,
  },
  // A library that names tables after classes.
  'im.chat.member.user.deleted_v1': {
    imports: 'class ArchiveJob { key = this.constructor.name; }',
    code: 'return { key: new ArchiveJob().key };',
  },
} as const;

/** Builds the worker with the builder of `npm start`. */
async function buildAsNpmStart(root: string, outdir: string): Promise<Result> {
  const built = Promise.withResolvers<Result>();
  const stop = await startBuilder({
    bundle: workerBundle(root, outdir),
    watch: false,
    onEnd: async (result) => built.resolve(result as Result),
  });
  await stop();
  return built.promise;
}

type Result = BuildResult<{ metafile: true }>;

const COMMON_JS = `
  const { join, parse } = require('node:path');
  const modules = { gzip: 'node:zlib' };
  exports.paths = () => ({ templates: join(__dirname, 'templates'), file: parse(__filename).ext });
  exports.codec = (name) => require(modules[name])[name + 'Sync'];`;

/** The bundles that are deployed, in a thread, as `npm start` runs them. */
describe('A handler in the bundle', () => {
  const aws = emulatedAws();
  const authorizations: (string | undefined)[] = [];
  let project: TemporaryProject;
  let found: Map<string, unknown>;
  let outdir: string;
  let result: Result;

  beforeAll(async () => {
    project = await createProject();
    outdir = path.join(project.root, 'bundles');
    await cp(path.join(import.meta.dirname, 'imported-files'), path.join(project.root, 'helpers'), { recursive: true });
    await writeFile(path.join(project.root, 'helpers/common-js.cjs'), COMMON_JS);
    await writeFile(path.join(project.root, 'helpers/data.json'), '{"key":"value"}');
    await installPackages(project.root);
    for (const [type, { imports, code }] of Object.entries(HANDLERS)) {
      await project.writeHandler(
        `v2/${type}.ts`,
        `import { onEvent } from '#feishu-events';
         ${imports}
         const find = async (feishu) => { ${code} };
         export default onEvent('${type}', async (event, { feishu, log }) => {
           log.info('found', { type: '${type}', found: await find(feishu) });
         });`,
      );
    }
    result = await buildAsNpmStart(project.root, outdir);
    await build(platformSdkBundle(project.root, outdir, { isWhole: true }));
    found = await runAll();
  });
  afterAll(() => rm(project.root, { recursive: true }));

  /** Runs an event of each type through the worker. */
  async function runAll(): Promise<Map<string, unknown>> {
    const platform = await startHttpServer('127.0.0.1', 0, ({ headers }) => {
      authorizations.push(headers.authorization);
      return jsonResponse(200, {
        code: 0,
        msg: 'success',
        data: {},
        tenant_access_token: 't-of-the-app',
        expire: 7200,
      });
    });
    const results = new Map<string, unknown>();
    const lines: string[] = [];
    const worker = createLocalFunction({
      name: 'worker',
      environment: () => ({
        ...aws.emulators.environment,
        ...aws.environment,
        AWS_EC2_METADATA_DISABLED: 'true',
        FEISHU_APP_ID: 'cli_of_the_app',
        FEISHU_APP_SECRET: 'the secret of the app',
        FEISHU_DOMAIN: platform.origin,
      }),
      timeoutSeconds: 600,
      onLine(line) {
        recordOutput(`${line}\n`);
        lines.push(line);
        const { message, type, found: value } = line.startsWith('{') ? JSON.parse(line) : {};
        if (message === 'found') results.set(type, value);
      },
      onPublish: () => {},
    });
    worker.load(path.join(outdir, 'worker.mjs'));
    try {
      const queue = createQueue(aws.emulators.queueUrl);
      for (const type of Object.keys(HANDLERS)) {
        const text = createSample(type, { version: '2.0', token: '' });
        const event = { text, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
        await queue.send(parseEnvelope(text) as never, event, AbortSignal.timeout(30_000));
      }
      const response = await worker.invoke({ Records: await aws.drain() });
      expect(response, lines.join('\n')).toEqual({ batchItemFailures: [] });
    } finally {
      await worker.stop();
      await platform.stop();
    }
    return results;
  }

  it('uses another client of the AWS SDK, whole', () => {
    expect(found.get('im.chat.disbanded_v1')).toEqual({
      client: 'S3Client',
      command: 'SelectObjectContentCommand',
      // The lean one has no other provider than the environment.
      failure: 'Could not load credentials from any providers',
    });
  });

  it("shares the official SDK with the context's client, so that its options count", () => {
    expect(found.get('im.chat.updated_v1')).toEqual({ cipher: 'function', domain: 1 });
    expect(authorizations).toContain('Bearer u-of-a-person');
  });

  it('uses CommonJS packages that rely on __dirname, __filename and require', () => {
    expect(found.get('im.chat.member.user.added_v1')).toEqual({
      templates: path.join(project.root, 'helpers/templates'),
      file: '.cjs',
      zipped: '1f8b',
      own: path.join(project.root, 'functions/handlers/v2'),
    });
  });

  it('imports and reads files', async () => {
    const [markdown, text] = ['# Greeting\n\nHello 你好\n', 'Hello\n'];
    expect(found.get('im.chat.member.bot.added_v1')).toEqual({
      imported: [markdown, text, 'value', 42],
      read: [text, text, markdown],
    });
    const { files } = await findReferencedFiles(project.root, result.metafile);
    expect(files).toEqual(['helpers/greeting.md', 'helpers/greeting.txt']);
  });

  it('uses packages that do not work in a bundle', () => {
    expect(found.get('im.chat.member.bot.deleted_v1')).toEqual({
      texts: ['the text of reads-common', 'the default export', 'the text of reads-module'],
      isShared: true,
      failures: [
        expect.stringContaining("Cannot find module 'absent-driver'"),
        expect.stringMatching(/has-native[/\\]addon\.node/),
      ],
    });
    expect(usedPackages(project.root, result.metafile)).toEqual([
      'has-native',
      'reads-common',
      'reads-module',
      'shared-state',
    ]);
    const { reasons, missing } = packageReport(result.warnings) ?? {};
    expect(reasons).toEqual(
      new Map([
        ['has-native', 'native code'],
        ['reads-common', 'finds files in its own folder'],
        ['reads-module', 'finds files in its own folder'],
      ]),
    );
    expect(missing).toEqual(new Set(['absent-driver']));
  });

  it('is checked although it reads files when it is loaded', () => {
    expect(handlerWarnings(result.warnings)).toEqual([]);
  });

  it('keeps the names of classes', () => {
    expect(found.get('im.chat.member.user.deleted_v1')).toEqual({ key: 'ArchiveJob' });
  });

  it("of a callback has the official SDK in the webhook's artifact if it imports it", async () => {
    const files = async () => {
      const { metafile } = await build(webhookBundle(project.root, outdir));
      return artifactFiles('webhook', metafile);
    };
    expect(await files()).not.toContain('node_modules/@larksuiteoapi/node-sdk/**');
    await project.writeHandler(
      'callbacks/card.action.trigger.ts',
      `import { onCallback } from '#feishu-events';
       import { Domain } from '@larksuiteoapi/node-sdk';
       export default onCallback('card.action.trigger', () => ({ domain: Domain.Lark }));`,
    );
    expect(await files()).toContain('node_modules/@larksuiteoapi/node-sdk/**');
  });
});
