import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findMisnamedHandlers } from '../../lib/deploy/handler-modules.ts';

const IMPORT = "import { onCallback, onEvent, onEventV1, onUnhandledEvent } from '../../../lib/handler.ts';\n";

/** Writes the modules to a folder of their own. Names are relative to `functions/handlers`. */
async function problemsOf(modules: Record<string, string>): Promise<{ file: string; text: string }[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'handlers-'));
  try {
    for (const [name, source] of Object.entries(modules)) {
      await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
      await writeFile(path.join(folder, name), source);
    }
    const problems = await findMisnamedHandlers(folder);
    return problems.map(({ text = '', location }) => ({ file: path.relative(folder, location?.file ?? ''), text }));
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('a handler module is accepted', () => {
  const type = 'im.message.receive_v1';

  it.each([
    ['as the README writes it', `export default onEvent('${type}', async () => {});`],
    ['in double quotes', `export default onEvent("${type}", async () => {});`],
    ['in template quotes', `export default onEvent(\`${type}\`, async () => {});`],
    ['over several lines', `export default onEvent(\n  // the type\n  '${type}',\n  async () => {},\n);`],
    ['as a constant', `const handler = onEvent('${type}', () => {});\nexport default handler;`],
    [
      'as a constant that is exported by a clause',
      `const it = onEvent('${type}', () => {});\nexport { it as default };`,
    ],
    ['with type arguments', `export default onEvent<'${type}'>('${type}', () => {});`],
    [
      'with a declaration merged in',
      `declare module 'x' { interface Y {} }\nexport default onEvent('${type}', () => {});`,
    ],
    ['beside a line comment on another', `// like onEvent('other', …)\nexport default onEvent('${type}', () => {});`],
    ['beside a block comment on another', `/* onEventV1('other') */ export default onEvent('${type}', () => {});`],
    ['beside a licence that mentions another', `/*! onEvent('other') */\nexport default onEvent('${type}', () => {});`],
    ['with comments inside of the call', `export default onEvent(/* onEvent('other', */ '${type}', () => {});`],
  ])('%s', async (_name, source) => {
    expect(await problemsOf({ [`v2/${type}.ts`]: IMPORT + source })).toEqual([]);
  });

  it('in each of the folders', async () => {
    const problems = await problemsOf({
      'v2/im.message.receive_v1.ts': "export default onEvent('im.message.receive_v1', () => {});",
      'v1/out_approval.ts': "export default onEventV1('out_approval', () => {});",
      'callbacks/card.action.trigger.ts': "export default onCallback('card.action.trigger', () => ({}));",
      'fallback.ts': 'export default onUnhandledEvent(() => {});',
    });
    expect(problems).toEqual([]);
  });

  it('beside what is no code', async () => {
    expect(await problemsOf({ 'README.md': '# onEvent', 'v2/example.json': '{}', 'v1/.gitkeep': '' })).toEqual([]);
  });

  it('with what does not parse, which the bundler reports with its place', async () => {
    expect(await problemsOf({ 'v2/im.chat.updated_v1.ts': 'export default (' })).toEqual([]);
  });

  it.each([path.resolve(import.meta.dirname, '../../functions/handlers')])('of the template', async (folder) => {
    expect(await findMisnamedHandlers(folder)).toEqual([]);
  });
});

describe('a file that would never be called is refused', () => {
  const event = "export default onEvent('im.chat.updated_v1', () => {});";

  it.each([
    [
      'a type that is not its name',
      'v2/im.message.receive_v1.ts',
      event,
      ['handles "im.chat.updated_v1"', 'named for "im.message.receive_v1"', 'rename it to im.chat.updated_v1.ts'],
    ],
    ['a name in another case', 'v2/IM.chat.updated_v1.ts', event, ['named for "IM.chat.updated_v1"']],
    [
      'an event of v1.0 in v2',
      'v2/message.ts',
      "export default onEventV1('message', () => {});",
      ['exports onEventV1(…)', 'in v2/', 'onEvent(…)'],
    ],
    ['an event of v2.0 in v1', 'v1/im.chat.updated_v1.ts', event, ['exports onEvent(…)', 'in v1/', 'onEventV1(…)']],
    [
      'an event in callbacks',
      'callbacks/im.chat.updated_v1.ts',
      event,
      ['exports onEvent(…)', 'in callbacks/', 'onCallback(…)'],
    ],
    [
      'a callback in v2',
      'v2/card.action.trigger.ts',
      "export default onCallback('card.action.trigger', () => ({}));",
      ['exports onCallback(…)', 'in v2/', 'onEvent(…)'],
    ],
    ['a fallback in v2', 'v2/fallback.ts', 'export default onUnhandledEvent(() => {});', ["onEvent('fallback', …)"]],
    ['a helper', 'v2/format.ts', 'export const format = (text: string) => text.trim();', ['one handler', 'Helpers']],
    ['an empty file', 'v2/im.chat.updated_v1.ts', '', ["export default onEvent('im.chat.updated_v1', …)"]],
    ['a comment alone', 'v2/im.chat.updated_v1.ts', `// ${event}`, ['must export one handler']],
    [
      'no default export',
      'v2/im.chat.updated_v1.ts',
      event.replace('default', 'const handler ='),
      ['must export one handler'],
    ],
    ['no export', 'v2/im.chat.updated_v1.ts', event.replace('export default', ''), ['must export one handler']],
    [
      'two handlers',
      'v2/im.chat.updated_v1.ts',
      `onEvent('im.chat.disbanded_v1', () => {});\n${event}`,
      ['must export one handler'],
    ],
    [
      'a type that is computed',
      'v2/im.chat.updated_v1.ts',
      event.replace("'im.chat.updated_v1'", 'process.env.TYPE'),
      ['must export one handler'],
    ],
    ['a test', 'v2/im.chat.updated_v1.test.ts', event, ['named for "im.chat.updated_v1.test"']],
    [
      'a test without a handler',
      'v2/echo.test.ts',
      "import { it } from 'vitest';\nit('echoes', () => {});",
      ['tests go elsewhere'],
    ],
    ['declarations', 'v2/types.d.ts', 'export interface Echo { text: string }', ['must export one handler']],
    [
      'a folder in v2',
      'v2/im/im.chat.updated_v1.ts',
      event,
      ['is never called', 'v2/<type>.ts, v1/<type>.ts and callbacks/<type>.ts'],
    ],
    [
      'another folder',
      'v3/im.chat.updated_v1.ts',
      event,
      ['is never called', 'v2/<type>.ts, v1/<type>.ts and callbacks/<type>.ts'],
    ],
    ['a helper beside the folders', 'helpers.ts', 'export const a = 1;', ['is never called', 'helpers are elsewhere']],
    ['a handler beside the folders', 'im.chat.updated_v1.ts', event, ['is never called']],
    ['JavaScript', 'v2/im.chat.updated_v1.js', event, ['is never called', '<type>.ts']],
    ['an .mts file', 'v2/im.chat.updated_v1.mts', event, ['is never called', '<type>.ts']],
    ['a .tsx file', 'callbacks/card.action.trigger.tsx', event, ['is never called', '<type>.ts']],
    ['a name that every object has', 'constructor/im.chat.updated_v1.ts', event, ['is never called']],
  ])('%s: %s', async (_name, file, source, words) => {
    const problems = await problemsOf({ [file]: `${IMPORT}${source}` });
    expect(problems).toEqual([{ file, text: expect.stringContaining(`functions/handlers/${file}`) }]);
    for (const word of words) expect(problems[0]?.text).toContain(word);
  });

  it('each of several, in the order of their names, and no other', async () => {
    const problems = await problemsOf({
      'v2/b.ts': event,
      'v1/message.ts': "export default onEventV1('message', () => {});",
      'v2/a.ts': event,
      'helper.ts': '',
    });
    expect(problems.map(({ file }) => file)).toEqual(['helper.ts', 'v2/a.ts', 'v2/b.ts']);
  });
});
