import { cp, glob, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CALL_SCOPES } from '../../lib/app/known-call-scopes.ts';
import { EVENT_SCOPES } from '../../lib/app/known-scopes.ts';
import { deriveRequirements, type RequiredScope, scopesToRequest } from '../../lib/app/requirements.ts';
import { findSdkCalls } from '../../lib/app/sdk-calls.ts';
import { SAMPLE_TYPES } from '../../lib/samples/samples.ts';
import { PROJECT_ROOT } from '../support/project.ts';

const IMPORT = "import { fromDispatcher, onCallback, onEvent, onEventV1, onUnhandledEvent } from '#feishu-events';\n";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'feishu-events-requirements-'));
  const { imports } = JSON.parse(await readFile(path.join(PROJECT_ROOT, 'package.json'), 'utf8'));
  const manifest = { type: 'module', imports };
  await writeFile(path.join(root, 'package.json'), JSON.stringify(manifest));
  // A copy, because the modules of a linked folder would not count as the template's.
  await cp(path.join(PROJECT_ROOT, 'lib'), path.join(root, 'lib'), { recursive: true });
  await symlink(path.join(PROJECT_ROOT, 'node_modules'), path.join(root, 'node_modules'));
});
afterAll(() => rm(root, { recursive: true }));

/** Derives the requirements of a project with these files in `functions` and `src`. */
async function derive(files: Record<string, string>) {
  for (const folder of ['functions', 'src']) await rm(path.join(root, folder), { recursive: true, force: true });
  await mkdir(path.join(root, 'functions/handlers'), { recursive: true });
  for (const [name, source] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await writeFile(path.join(root, name), source);
  }
  return deriveRequirements(root);
}

describe('The requirements of handler modules', () => {
  it('are those of the echo bot in a fresh clone', async () => {
    const { scopes, ...rest } = await deriveRequirements(PROJECT_ROOT);
    expect(rest).toEqual({
      events: ['im.message.receive_v1'],
      eventsV1: ['message', 'out_approval'],
      callbacks: ['card.action.trigger'],
      unknown: [],
    });
    expect(scopesToRequest(scopes)).toEqual([
      'im:message.group_at_msg:readonly',
      'im:message.p2p_msg:readonly',
      'im:message:send_as_bot',
    ]);
    expect(scopes.at(-1)).toEqual({
      anyOf: ['im:message:send_as_bot', 'im:message'],
      neededBy: ['im.message.reply'],
    });
  });

  it('come from file names, declared lists and SDK calls', async () => {
    expect(
      await derive({
        'functions/handlers/v2/application.bot.menu_v6.ts': `${IMPORT}
          import { answer } from '../../../src/answer.ts';
          export const scopes = ['contact:user.base:readonly'];
          export default onEvent('application.bot.menu_v6', (_, { feishu }) => answer(feishu));`,
        'src/answer.ts':
          '// feishu.im.image.create()\nexport const answer = (feishu: any) => feishu.im.v1.message.create();',
        'functions/handlers/callbacks/example.thing.get.ts': `${IMPORT}
          export default onCallback('example.thing.get' as any, () => ({}));`,
        'functions/handlers/v1/app_ticket.ts': `${IMPORT}export default onEventV1('app_ticket', () => {});`,
        'functions/handlers/fallback.ts': `${IMPORT}
          export const events = ['im.chat.updated_v1', 'example.thing.get', 'leave_approval'];
          export default onUnhandledEvent(() => {});`,
      }),
    ).toEqual({
      events: ['application.bot.menu_v6', 'im.chat.updated_v1'],
      eventsV1: ['leave_approval'],
      callbacks: ['example.thing.get'],
      scopes: [
        {
          anyOf: ['contact:user.base:readonly'],
          neededBy: ['functions/handlers/v2/application.bot.menu_v6.ts'],
        },
        { anyOf: ['im:chat:read', 'im:chat:readonly', 'im:chat'], neededBy: ['im.chat.updated_v1'] },
        { anyOf: ['im:message:send_as_bot', 'im:message'], neededBy: ['im.message.create'] },
      ],
      unknown: [],
    });
  });

  it('include the scopes of what #feishu-events/messages calls, also for a helper module', async () => {
    const { scopes, unknown } = await derive({
      'functions/handlers/v2/application.bot.menu_v6.ts': `${IMPORT}
        import { readMessage, updateCard } from '#feishu-events/messages';
        import { answer } from '../../../src/answer.ts';
        export default onEvent('application.bot.menu_v6', async (event: any, context: any) => {
          await answer(readMessage(event, context));
          await updateCard(context, 'om_1', {});
        });`,
      'src/answer.ts': `export async function answer(message: any) {
          await message.attachments[0].download();
          await message.reply
            .markdown((await message.quoted()).text);
          await message.reply.stream();
        }`,
    });
    expect({ neededBy: scopes.flatMap(({ neededBy }) => neededBy).sort(), unknown }).toEqual({
      neededBy: [
        'cardkit.v1.card.create',
        'im.message.get',
        'im.message.patch',
        'im.message.reply',
        'im.messageResource.get',
      ],
      unknown: [],
    });
  });

  it.each([
    [
      'approval-flow',
      {
        events: [],
        eventsV1: ['approval_task'],
        callbacks: ['card.action.trigger'],
        requested: ['approval:approval', 'im:message:send_as_bot'],
        unknown: [],
      },
    ],
    [
      'assistant',
      {
        events: ['im.message.receive_v1'],
        eventsV1: [],
        callbacks: [],
        requested: [
          'cardkit:card:write',
          'im:message.group_at_msg:readonly',
          'im:message.p2p_msg:readonly',
          'im:message:readonly',
          'im:message:send_as_bot',
        ],
        unknown: [],
      },
    ],
  ])('are those of the example %s', async (name, expected) => {
    const example = path.join(PROJECT_ROOT, 'examples', name);
    const files = await Array.fromAsync(glob('functions/**/*.ts', { cwd: example }));
    const sources = await Promise.all(
      files.map(async (file) => [file, await readFile(path.join(example, file), 'utf8')] as const),
    );
    const { scopes, ...rest } = await derive(Object.fromEntries(sources));
    expect({ ...rest, requested: scopesToRequest(scopes) }).toEqual(expected);
  });

  it('list events and SDK methods whose scopes are not known', async () => {
    const { scopes, unknown } = await derive({
      'functions/handlers/v2/moments.post.created_v1.ts': `${IMPORT}
        export default onEvent('moments.post.created_v1', (_, context) => context.feishu.moments.post.get({} as any));`,
    });
    expect({ scopes, unknown }).toEqual({
      scopes: [],
      unknown: ['moments.post.created_v1', 'feishu.moments.post.get'],
    });
  });

  it('are found if a module imports a text', async () => {
    const { events } = await derive({
      'functions/handlers/v2/im.chat.updated_v1.ts': `${IMPORT}
        import prompt from '../../prompt.md';
        export default onEvent('im.chat.updated_v1', () => prompt);`,
      'functions/prompt.md': 'Be brief.',
    });
    expect(events).toEqual(['im.chat.updated_v1']);
  });

  it('treat the event module of a callback as a callback', async () => {
    const { events, callbacks } = await derive({
      'functions/handlers/v2/card.action.trigger.ts': `${IMPORT}export default onEvent('card.action.trigger', () => {});`,
    });
    expect({ events, callbacks }).toEqual({ events: [], callbacks: ['card.action.trigger'] });
  });

  it('include the type of a module that cannot be loaded without its settings', async () => {
    const { events } = await derive({
      'functions/handlers/v2/im.chat.updated_v1.ts': `${IMPORT}
        if (!process.env.NO_SUCH_VARIABLE) throw new Error('NO_SUCH_VARIABLE is not set');
        export default onEvent('im.chat.updated_v1', () => {});`,
    });
    expect(events).toEqual(['im.chat.updated_v1']);
  });

  it.each([
    ['scopes', "'im:chat:read'", 'must be a list of names'],
    ['events', "[['im.chat.updated_v1']]", 'must be a list of names'],
    ['events', "['im.chat.updated_v1']", 'only fallback.ts receives events of other types'],
  ])('reject `export const %s = %s` in a module of one event', async (name, value, message) => {
    const file = 'functions/handlers/v2/im.chat.disbanded_v1.ts';
    const source = `${IMPORT}export const ${name} = ${value};\nexport default onEvent('im.chat.disbanded_v1', () => {});`;
    const derived = derive({ [file]: source });
    await expect(derived).rejects.toThrow(message);
    await expect(derived).rejects.toThrow(file);
  });
});

describe('scopesToRequest', () => {
  const required = (...anyOf: [string, ...string[]]): RequiredScope => ({ anyOf, neededBy: [] });

  it('requests the first scope of each choice', () => {
    expect(scopesToRequest([required('b', 'c'), required('a')])).toEqual(['a', 'b']);
  });

  it('requests nothing for a choice that a granted scope satisfies', () => {
    expect(scopesToRequest([required('b', 'c'), required('a')], ['c', 'x'])).toEqual(['a']);
  });

  it('requests nothing for a choice that a scope without an alternative satisfies', () => {
    expect(scopesToRequest([required('b', 'c'), required('c')])).toEqual(['c']);
  });
});

describe('findSdkCalls', () => {
  it.each([
    ['feishu.im.message.reply({})', ['im.message.reply']],
    ['this.context.feishu?.im.v1.message\n  .create({})', ['im.message.create']],
    ['feishu.task.v2.task.create({})', ['task.v2.task.create']],
    ['feishu.task.task.create({})', ['task.task.create']],
    ['feishu.request({})', []],
    ['// feishu.im.message.reply()\n', []],
    ['notfeishu.im.message.reply()', []],
    ['const { feishu } = context; feishu.im.chat.get(a); feishu.im.chat.get(b)', ['im.chat.get']],
  ])('finds the calls in %s', async (source, calls) => {
    expect(await findSdkCalls(source)).toEqual(calls);
  });
});

describe('The tables of scopes', () => {
  it('contain only events that exist', () => {
    const types = SAMPLE_TYPES.map(({ type }) => type);
    expect([...EVENT_SCOPES.keys()].filter((type) => !types.includes(type))).toEqual([]);
  });

  it("contain only methods of the official SDK's client", async () => {
    const { Client } = await import('@larksuiteoapi/node-sdk');
    const client: unknown = new Client({ appId: 'cli_1', appSecret: 'secret' });
    const find = (name: string) =>
      name.split('.').reduce<unknown>((value, part) => Reflect.get(Object(value), part), client);
    // The client has some services only by version.
    const isMethod = (name: string) => [name, name.replace('.', '.v1.')].some((one) => typeof find(one) === 'function');
    expect([...CALL_SCOPES.keys()].filter((name) => !isMethod(name))).toEqual([]);
  });

  it('contain only names of scopes, and none twice in a choice', () => {
    const choices = [...EVENT_SCOPES.values(), ...CALL_SCOPES.values()].flatMap(({ scopes }) => scopes);
    for (const choice of choices) {
      expect(new Set(choice).size).toBe(choice.length);
      for (const scope of choice) expect(scope).toMatch(/^[a-z_]+(:[a-z_.0-9]+){1,2}$/);
    }
  });

  it.each([
    ['im.chat.member.user.added_v1', 'im:chat'],
    ['im.message.reaction.created_v1', 'im:message.reactions:read'],
    ['vc.room.created_v1', 'vc:room'],
  ])('accept for %s each scope that the platform accepts, such as %s', (type, granted) => {
    const required = (EVENT_SCOPES.get(type)?.scopes ?? []).map((anyOf) => ({ anyOf, neededBy: [type] }));
    expect(required).toHaveLength(1);
    expect(scopesToRequest(required, [granted])).toEqual([]);
  });

  it('name a source for each entry', () => {
    for (const { source } of [...EVENT_SCOPES.values(), ...CALL_SCOPES.values()]) expect(source).toMatch(/^https:/);
  });
});
