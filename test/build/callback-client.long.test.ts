import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { artifactFiles, connectionBundle, platformSdkBundle, webhookBundle } from '../../lib/build/bundle.ts';
import { handlerWarnings } from '../../lib/build/check-handlers.ts';
import { writeRequest } from '../../lib/feishu/request.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { toHttpEvent } from '../support/http-events.ts';
import { PlatformApi } from '../support/platform-api.ts';
import { createProject, PROJECT_ROOT, type TemporaryProject } from '../support/project.ts';
import { encryptKey, verificationToken as token } from '../support/secrets.ts';

const HANDLER = `import { onCallback } from '#feishu-events';
import { withUserAccessToken } from '@larksuiteoapi/node-sdk';
export default onCallback('card.action.trigger', async (_, { feishu, uuid }) => {
  const data = { msg_type: 'text', content: JSON.stringify({ text: uuid('note') }) };
  await feishu.im.message.reply({ path: { message_id: 'om_1' }, data }, withUserAccessToken('t-of-the-handler'));
  return { toast: { content: uuid('note') } };
});
`;

/** The sources of the client or the SDK in a bundle. */
const clientSources = ({ outputs }: Metafile) =>
  Object.values(outputs)
    .flatMap(({ inputs }) => Object.keys(inputs))
    .filter((source) => /api-client\/feishu-client|@larksuiteoapi/.test(source));

it('the long-connection program contains neither the client nor the SDK by default', async () => {
  const { metafile } = await build({ ...connectionBundle(PROJECT_ROOT, tmpdir()), write: false });
  expect(clientSources(metafile)).toEqual([]);
});

it.each([
  ['a destructured context', 'async (_, { log, feishu }) => void feishu.request({})', true],
  ['a renamed member', 'async (_, { feishu: client }) => void client.request({})', true],
  ['a member of the context', 'async (_, context) => void context.feishu.request({})', true],
  ['a comment', "(_, { log }) => log.info('https://open.feishu.cn') /* context.feishu */", false],
])('the build warns about a callback handler that uses the client without enabling it: %s', async (_, code, isUse) => {
  await using project = await createProject();
  await project.writeHandler(
    'callbacks/card.action.trigger.ts',
    `import { onCallback } from '#feishu-events';\nexport default onCallback('card.action.trigger', ${code});`,
  );
  const { warnings } = await build({ ...connectionBundle(project.root, tmpdir()), write: false });
  const expected = {
    text: 'functions/handlers/callbacks/card.action.trigger.ts uses `feishu`, which callback handlers do not have by default. Add `callbacks: { feishu: true }` to extensions.yml.',
    location: { file: 'functions/handlers/callbacks/card.action.trigger.ts' },
  };
  expect(handlerWarnings(warnings)).toMatchObject(isUse ? [expected] : []);
});

describe('With `callbacks: { feishu: true }` in extensions.yml,', () => {
  const aws = emulatedAws();
  let project: TemporaryProject;
  let outdir: string;
  beforeAll(async () => {
    project = await createProject();
    await writeFile(path.join(project.root, 'extensions.yml'), 'callbacks: { feishu: true }\n');
    outdir = await mkdtemp(path.join(tmpdir(), 'feishu-events-callback-client-'));
  });
  afterAll(async () => {
    await project[Symbol.asyncDispose]();
    await rm(outdir, { recursive: true });
  });

  it("the webhook's artifact contains the client and the SDK, even if no handler imports the SDK", async () => {
    const { metafile } = await build({ ...webhookBundle(project.root, outdir), write: false });
    expect(clientSources(metafile)).toContain('lib/api-client/feishu-client.ts');
    expect(artifactFiles('webhook', metafile)).toContain('node_modules/@larksuiteoapi/node-sdk/**');
  });

  it('a callback handler calls the platform, with a client that knows the SDK which the handler imports', async () => {
    await project.writeHandler('callbacks/card.action.trigger.ts', HANDLER);
    const { warnings } = await build(webhookBundle(project.root, outdir));
    expect(handlerWarnings(warnings)).toEqual([]);
    await build(platformSdkBundle(project.root, outdir, { isWhole: true }));

    await using platform = await PlatformApi.start();
    const environment = {
      ...aws.environment,
      ...platform.environment,
      FEISHU_ENCRYPT_KEY: encryptKey,
      // Otherwise a slow machine could exceed the time limit.
      NO_DEADLINES: 'true',
    };
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    try {
      const { handler } = await import(pathToFileURL(path.join(outdir, 'webhook.mjs')).href);
      // Loaded at startup, because loading it during a callback would use up much of its time.
      const { cache } = createRequire(import.meta.url);
      expect(Object.keys(cache).filter((file) => file.startsWith(outdir))).toHaveLength(1);
      const text = createSample('card.action.trigger', { version: '2.0', token });
      const { body } = await handler(toHttpEvent(writeRequest(text, { encryptKey }, Date.now())));
      const { content } = JSON.parse(body).toast;
      expect(content).toMatch(/^[0-9a-f]{32}$/);
      expect(platform.sent).toEqual([{ tenant: 'of-the-handler', text: content }]);
      await aws.drain();
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('the long-connection program, which is one file, contains the client and one copy of the SDK', async () => {
    await project.writeHandler('callbacks/card.action.trigger.ts', HANDLER);
    const { metafile } = await build({ ...connectionBundle(project.root, outdir), write: false });
    const sources = clientSources(metafile);
    expect(sources).toContain('lib/api-client/feishu-client.ts');
    expect(sources.filter((source) => source.includes('@larksuiteoapi'))).toHaveLength(1);
  });
});
