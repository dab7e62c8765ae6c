import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BuildOptions, build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { checkHandlers, handlerModules, handlerWarnings } from '../../lib/build/check-handlers.ts';
import { PROJECT_ROOT } from '../support/project.ts';
import { volume } from '../support/volume.ts';

const IMPORT =
  "import { onApprovalOptions, onCallback, onEvent, onEventV1, onQuickApproval, onUnhandledEvent } from '#feishu-events';\n";

type Found = { file: string; text: string }[];

/**
 * Writes the modules to a temporary project and runs `work` there.
 *
 * @param modules source code by file name, relative to `functions/handlers`
 */
async function withHandlers<Result>(
  modules: Record<string, string>,
  work: (folder: string) => Promise<Result>,
): Promise<Result> {
  const root = await mkdtemp(path.join(tmpdir(), 'handlers-'));
  const folder = path.join(root, 'functions/handlers');
  try {
    await mkdir(folder, { recursive: true });
    await mkdir(path.join(root, 'lib'));
    const manifest = { type: 'module', imports: { '#feishu-events': './lib/handler.ts' } };
    await writeFile(path.join(root, 'package.json'), JSON.stringify(manifest));
    await writeFile(path.join(root, 'lib/handler.ts'), `export * from '${PROJECT_ROOT}/lib/handler.ts';`);
    await symlink(path.join(PROJECT_ROOT, 'node_modules'), path.join(root, 'node_modules'));
    for (const [name, source] of Object.entries(modules)) {
      await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
      await writeFile(path.join(folder, name), source);
    }
    return await work(folder);
  } finally {
    await rm(root, { recursive: true });
  }
}

async function check(modules: Record<string, string>, limitMilliseconds = 60_000) {
  return withHandlers(modules, async (folder) => {
    const { errors, warnings } = await checkHandlers(folder, {}, limitMilliseconds);
    const found = (messages: typeof errors): Found =>
      messages.map(({ text = '', location }) => ({ file: path.relative(folder, location?.file ?? ''), text }));
    return { errors: found(errors), warnings: found(warnings) };
  });
}

function bundleOf(folder: string, name: string) {
  return {
    entryPoints: [path.join(folder, name)],
    bundle: true,
    format: 'esm',
    write: false,
    logLevel: 'silent',
    plugins: [handlerModules(folder)],
  } satisfies BuildOptions;
}

/** Returns the errors. Fails if a module could not be checked. */
async function problemsOf(modules: Record<string, string>): Promise<Found> {
  const { errors, warnings } = await check(modules);
  expect(warnings).toEqual([]);
  return errors;
}

/** Returns the cases in `npm run test:long`, and none in `npm test`, because each needs a build and a thread. */
function rarer<Case>(cases: Case[]): Case[] {
  return volume({ small: [], full: cases });
}

describe('accepts a handler module', () => {
  const type = 'im.message.receive_v1';

  it.each([
    ['written as in the README', `export default onEvent('${type}', async () => {});`],
    ['assigned to a constant', `const handler = onEvent('${type}', () => {});\nexport default handler;`],
    [
      'next to a line comment about another',
      `// like onEvent('other', …)\nexport default onEvent('${type}', () => {});`,
    ],
    ...rarer([
      ['in double quotes', `export default onEvent("${type}", async () => {});`],
      ['in template quotes', `export default onEvent(\`${type}\`, async () => {});`],
      ['on several lines', `export default onEvent(\n  // the type\n  '${type}',\n  async () => {},\n);`],
      ['exported by an export clause', `const handler = onEvent('${type}', () => {});\nexport { handler as default };`],
      ['with type arguments', `export default onEvent<'${type}'>('${type}', () => {});`],
      [
        'with a merged declaration',
        `declare module 'x' { interface Y {} }\nexport default onEvent('${type}', () => {});`,
      ],
      [
        'next to a block comment about another',
        `/* onEventV1('other') */ export default onEvent('${type}', () => {});`,
      ],
      [
        'next to a license comment that mentions another',
        `/*! onEvent('other') */\nexport default onEvent('${type}', () => {});`,
      ],
      ['with comments inside the call', `export default onEvent(/* onEvent('other', */ '${type}', () => {});`],
    ]),
  ])('%s', async (_name, source) => {
    expect(await problemsOf({ [`v2/${type}.ts`]: IMPORT + source })).toEqual([]);
  });

  const other = 'im.chat.disbanded_v1';
  const helper = '../../helper.ts';
  const library = IMPORT.replace('../../../', '../deploy/');
  it.each<[string, string, Record<string, string>?]>([
    ['whose type is a constant', `const TYPE = '${type}';\nexport default onEvent(TYPE, () => {});`],
    [
      'whose type is a constant from another module',
      `import { TYPE } from '../../../helper.ts';\nexport default onEvent(TYPE, () => {});`,
      { [helper]: `export const TYPE = '${type}';` },
    ],
    [
      'that re-exports a handler of another module',
      `export { default } from '../../../helper.ts';`,
      { [helper]: `${library}export default onEvent('${type}', () => {});` },
    ],
    [
      "wrapped by the project's own function",
      `import { timed } from '../../../helper.ts';\nexport default timed(onEvent('${type}', () => {}));`,
      { [helper]: 'export const timed = (handler: any) => ({ ...handler, handle: () => handler.handle() });' },
    ],
    [
      "wrapped by a package's function",
      `import { wrapHandler } from '@sentry/node';\nexport default wrapHandler(onEvent('${type}', () => {}));`,
    ],
    ...rarer<[string, string, Record<string, string>?]>([
      ['that logs a call to another', `export default onEvent('${type}', () => console.log("onEvent('${other}')"));`],
      [
        'with the function under another name',
        `import { onEvent as on } from '#feishu-events';\nexport default on('${type}', () => {});`,
      ],
      [
        'with the library as a namespace',
        `import * as feishu from '#feishu-events';\nexport default feishu.onEvent('${type}', () => {});`,
      ],
      [
        'whose type is a template string',
        `const name = 'message';\nexport default onEvent(\`im.\${name}.receive_v1\`, () => {});`,
      ],
      [
        'that re-exports one of several handlers of another module',
        `export { a as default } from '../../../helper.ts';`,
        { [helper]: `${library}export const a = onEvent('${type}', () => {}), b = onEvent('${other}', () => {});` },
      ],
      [
        "created by the project's own function",
        `import { onTyped } from '../../../helper.ts';\nexport default onTyped(() => {});`,
        { [helper]: `${library}export const onTyped = (handle: any) => onEvent('${type}', handle);` },
      ],
      ['with an awaited handler', `export default await Promise.resolve(onEvent('${type}', () => {}));`],
      [
        'that also exports the handler by name',
        `export const handler = onEvent('${type}', () => {});\nexport default handler;`,
      ],
    ]),
  ])('%s', async (_name, source, helpers = {}) => {
    expect(
      await problemsOf({ [`v2/${type}.ts`]: (source.includes('lib/handler.ts') ? '' : IMPORT) + source, ...helpers }),
    ).toEqual([]);
  });

  it.each([
    [
      'opens a database connection',
      "import { Client } from 'pg';\nconst client = new Client();\nawait client.connect();\nconst { rows: [first] } = await client.query('');",
    ],
    [
      'constructs a client without its key',
      "import OpenAI from 'openai';\nimport * as all from 'openai';\nexport const model = new OpenAI({ apiKey: process.env.KEY }).chat.completions;\nexport const same = new all.OpenAI();",
    ],
    ['sends a request to a server', "if (!(await fetch('http://127.0.0.1:9/')).ok) throw new Error('offline');"],
    ['starts a process', "import { execFileSync } from 'node:child_process';\nexecFileSync('does-not-exist');"],
    [
      'reads a file in its folder',
      "import { readFileSync } from 'node:fs';\nimport path from 'node:path';\nJSON.parse(readFileSync(new URL('prompt.json', import.meta.url), 'utf8'));\nreadFileSync(path.join(import.meta.dirname, 'prompt.json'));",
    ],
    [
      "imports the project's JSON",
      "import data from './prompt.json' with { type: 'json' };\nif (data.text !== 'hello') throw new Error();",
    ],
    ...rarer([
      [
        'extends a class of a package',
        "import { Base } from 'some-package';\nclass Mine extends Base { twice() { return 2; } }\nif (new Mine().twice() !== 2) throw new Error();",
      ],
      ['loads a package dynamically', "const { parse } = await import('yaml');\nparse('');"],
      ['listens on a port', "import { createServer } from 'node:http';\ncreateServer().listen(1);"],
      ['starts a timer that never ends', 'setInterval(() => {}, 1000);'],
    ]),
  ])('that %s', async (_name, source) => {
    const files = { [`v2/${type}.ts`]: `${IMPORT}${source}\nexport default onEvent('${type}', () => {});` };
    expect(await problemsOf({ ...files, 'v2/prompt.json': '{"text":"hello"}' })).toEqual([]);
  });

  it('in each folder', async () => {
    const problems = await problemsOf({
      'v2/im.message.receive_v1.ts': `${IMPORT}export default onEvent('im.message.receive_v1', () => {});`,
      'v1/out_approval.ts': `${IMPORT}export default onEventV1('out_approval', () => {});`,
      'callbacks/card.action.trigger.ts': `${IMPORT}export default onCallback('card.action.trigger', () => ({}));`,
      'fallback.ts':
        "import { onUnhandledEvent } from '../../lib/handler.ts';\nexport default onUnhandledEvent(() => {});",
    });
    expect(problems).toEqual([]);
  });

  it('next to files that are not code', async () => {
    expect(await problemsOf({ 'README.md': '# onEvent', 'v2/example.json': '{}', 'v1/.gitkeep': '' })).toEqual([]);
  });

  it.each([path.resolve(import.meta.dirname, '../../functions/handlers')])('from the template', async (folder) => {
    expect(await checkHandlers(folder)).toEqual({ errors: [], warnings: [] });
  });
});

describe('warns about a module that it cannot check', () => {
  const source = `${IMPORT}export default onEvent('im.chat.updated_v1', () => {});`;
  const file = 'v2/im.chat.updated_v1.ts';

  it.each([
    [
      'that throws',
      "throw new TypeError('KEY is not set\\nin .env');\n",
      /because it throws TypeError: KEY is not set\. It/,
    ],
    ['that ends the process', 'process.exit(0);\n', /because it ends the process/],
    ['that awaits a promise that never settles', 'await new Promise(() => {});\n', /because it .*awaits a promise/],
    [
      'whose type comes from a package',
      "import { type } from 'some-package';\nexport default onEvent(type, () => {});//",
      /comes from a package/,
    ],
    ['whose handler comes from a package', "export { default } from 'some-package';//", /comes from a package/],
  ])('%s', async (_name, start, text) => {
    const modules = { [file]: IMPORT + start + source.slice(IMPORT.length) };
    // Later modules are still checked.
    const { errors, warnings } = await check({ ...modules, 'v2/z.ts': source });
    expect(warnings).toEqual([{ file, text: expect.stringMatching(text) }]);
    expect(warnings[0]?.text).toContain('It will be checked when its first event arrives');
    expect(errors).toMatchObject([{ file: 'v2/z.ts', text: expect.stringContaining('named for "z"') }]);
  });

  it('that loops forever, after the time limit', async () => {
    const modules = { [file]: `while (true);\n${source}`, 'v2/z.ts': source };
    const { errors, warnings } = await check(modules, 1000);
    expect(warnings).toContainEqual({ file, text: expect.stringContaining('because it takes longer than 1 s') });
    expect(warnings.length + errors.length).toBe(2);
  });

  it('except for a syntax error, which the bundler reports with its location', async () => {
    await withHandlers({ [file]: 'export default (' }, async (folder) => {
      const failure = build(bundleOf(folder, file));
      await expect(failure).rejects.toMatchObject({ errors: [{ location: { line: 1 }, pluginName: '' }] });
    });
  });

  it('through the warnings of the build', async () => {
    await withHandlers({ [file]: `throw new Error('no');\n${source}` }, async (folder) => {
      const { warnings } = await build(bundleOf(folder, file));
      expect(handlerWarnings(warnings)).toMatchObject([{ text: expect.stringContaining('could not be checked') }]);
    });
  });
});

describe('rejects a file that would never be called', () => {
  type Case = [problem: string, file: string, source: string, words: string[]];
  const event = "export default onEvent('im.chat.updated_v1', () => {});";

  it.each<Case>([
    [
      'a type that differs from the file name',
      'v2/im.message.receive_v1.ts',
      event,
      ['handles "im.chat.updated_v1"', 'named for "im.message.receive_v1"', 'rename it to im.chat.updated_v1.ts'],
    ],
    [
      'a v1.0 event in v2',
      'v2/message.ts',
      "export default onEventV1('message', () => {});",
      ['exports onEventV1(…)', 'in v2/', 'onEvent(…)'],
    ],
    [
      'an event in callbacks',
      'callbacks/im.chat.updated_v1.ts',
      event,
      ['exports onEvent(…)', 'in callbacks/', 'onCallback(…)'],
    ],
    [
      'a helper',
      'v2/format.ts',
      'export const format = (text: string) => text.trim();',
      ['no default export', 'one handler', 'Put helpers'],
    ],
    [
      'no default export',
      'v2/im.chat.updated_v1.ts',
      event.replace('default', 'const handler ='),
      ['must export one handler'],
    ],
    [
      'two handlers',
      'v2/im.chat.updated_v1.ts',
      `onEvent('im.chat.disbanded_v1', () => {});\n${event}`,
      ["also calls onEvent('im.chat.disbanded_v1', …)", 'must export one handler'],
    ],
    [
      'a type that is a constant',
      'v2/im.chat.updated_v1.ts',
      `const TYPE = 'im.chat.disbanded_v1';\n${event.replace("'im.chat.updated_v1'", 'TYPE')}`,
      ['handles "im.chat.disbanded_v1"'],
    ],
    [
      'a function',
      'v2/im.chat.updated_v1.ts',
      'export default async () => {};',
      ['default export', 'is a value of type function', 'must export one handler'],
    ],
    [
      'an event as the fallback',
      'fallback.ts',
      event.replace('../../../', '../../'),
      ['exports onEvent(…)', 'onUnhandledEvent(…)'],
    ],
    ['a test', 'v2/im.chat.updated_v1.test.ts', event, ['named for "im.chat.updated_v1.test"']],
    [
      'a folder in v2',
      'v2/im/im.chat.updated_v1.ts',
      event,
      ['is never called', 'v2/<type>.ts, v1/<type>.ts, callbacks/<type>.ts and approvals/<name>.ts'],
    ],
    ['a helper outside the folders', 'helpers.ts', 'export const a = 1;', ['is never called', 'Move helpers']],
    [
      'an event as a callback',
      'callbacks/im.chat.updated_v1.ts',
      "export default onCallback('im.chat.updated_v1', () => ({}));",
      ['im.chat.updated_v1 is an event', 'Move the module to v2/'],
    ],
    [
      'a name that is not an event type',
      'v2/im chat.ts',
      "export default onEvent('im chat', () => {});",
      ['is never called', 'letters, digits'],
    ],
    [
      'an event handler in approvals',
      'approvals/im.chat.updated_v1.ts',
      event,
      ['exports onEvent(…)', 'in approvals/ it must be onApprovalOptions(…) or onQuickApproval(…)'],
    ],
    [
      'an approval without an export',
      'approvals/customers.ts',
      'export const a = 1;',
      ['export default onApprovalOptions(…) or export default onQuickApproval(…)'],
    ],
    ['JavaScript', 'v2/im.chat.updated_v1.js', event, ['is never called', '<type>.ts']],
    ...rarer<Case>([
      ['a file name in different case', 'v2/IM.chat.updated_v1.ts', event, ['named for "IM.chat.updated_v1"']],
      ['a v2.0 event in v1', 'v1/im.chat.updated_v1.ts', event, ['exports onEvent(…)', 'in v1/', 'onEventV1(…)']],
      [
        'a callback in v2',
        'v2/card.action.trigger.ts',
        "export default onCallback('card.action.trigger', () => ({}));",
        ['exports onCallback(…)', 'in v2/', 'onEvent(…)'],
      ],
      [
        'a fallback in v2',
        'v2/fallback.ts',
        'export default onUnhandledEvent(() => {});',
        ['exports onUnhandledEvent(…)', 'it must be onEvent(…)'],
      ],
      ['an empty file', 'v2/im.chat.updated_v1.ts', '', ["export default onEvent('im.chat.updated_v1', …)"]],
      ['only a comment', 'v2/im.chat.updated_v1.ts', `// ${event}`, ['must export one handler']],
      ['no export', 'v2/im.chat.updated_v1.ts', event.replace('export default', ''), ['must export one handler']],
      [
        'two exported handlers',
        'v2/im.chat.updated_v1.ts',
        `export const other = onEventV1('message', () => {});\n${event}`,
        ["also calls onEventV1('message', …)"],
      ],
      [
        "another handler, wrapped by a package's function",
        'v2/im.chat.disbanded_v1.ts',
        `import { wrap } from 'some-package';\n${event.replace(/(onEvent.*);$/, 'wrap($1);')}`,
        ['handles "im.chat.updated_v1"'],
      ],
      [
        'a test without a handler',
        'v2/echo.test.ts',
        "import { it } from 'vitest';\nit('echoes', () => {});",
        ['tests elsewhere'],
      ],
      ['type declarations', 'v2/types.d.ts', 'export interface Echo { text: string }', ['must export one handler']],
      [
        'another folder',
        'v3/im.chat.updated_v1.ts',
        event,
        ['is never called', 'v2/<type>.ts, v1/<type>.ts, callbacks/<type>.ts and approvals/<name>.ts'],
      ],
      ['a handler outside the folders', 'im.chat.updated_v1.ts', event, ['is never called']],
      [
        'a v1.0 event as a callback',
        'callbacks/message.ts',
        "export default onCallback('message', () => ({}));",
        ['message is an event', 'Move the module to v1/'],
      ],
      [
        'an approval in callbacks',
        'callbacks/customers.ts',
        'export default onQuickApproval({ token: "t" }, () => {});',
        ['exports onQuickApproval(…)', 'in callbacks/ it must be onCallback(…)'],
      ],
      [
        'a second approval in a module',
        'approvals/customers.ts',
        'export default onApprovalOptions({ token: "t" }, () => ({ options: [] }));\nonApprovalOptions({ token: "t" }, () => ({ options: [] }));',
        ['also calls onApprovalOptions(…)', 'never called'],
      ],
      [
        'an approval whose name is not part of a URL',
        'approvals/the customers.ts',
        'export default onQuickApproval({ token: "t" }, () => {});',
        ['is never called', 'letters, digits'],
      ],
      ['a folder in approvals', 'approvals/a/b.ts', 'export const a = 1;', ['is never called', 'approvals/<name>.ts']],
      ['an .mts file', 'v2/im.chat.updated_v1.mts', event, ['is never called', '<type>.ts']],
      ['a .tsx file', 'callbacks/card.action.trigger.tsx', event, ['is never called', '<type>.ts']],
      [
        'a folder named like a property of every object',
        'constructor/im.chat.updated_v1.ts',
        event,
        ['is never called'],
      ],
    ]),
  ])('%s: %s', async (_name, file, source, words) => {
    const toRoot = '../'.repeat(file.split('/').length + 1);
    const problems = await problemsOf({ [file]: `${IMPORT.replace('../../../', toRoot)}${source}` });
    expect(problems).toEqual([{ file, text: expect.stringContaining(`functions/handlers/${file}`) }]);
    for (const word of words) expect(problems[0]?.text).toContain(word);
  });

  it('is reported by the build of the function that contains it, which a change rebuilds', async () => {
    const callback = 'callbacks/url.preview.get.ts';
    await withHandlers(
      { 'v2/a.ts': IMPORT + event, [callback]: IMPORT + event, 'callbacks/a.js': '' },
      async (folder) => {
        const filesOf = async (group: 'callbacks' | 'events') => {
          const { errors } = await checkHandlers(folder, {}, 60_000, group);
          return errors.map(({ location }) => path.relative(folder, location?.file ?? ''));
        };
        expect(await filesOf('callbacks')).toEqual(['callbacks/a.js', callback]);
        expect(await filesOf('events')).toEqual(['v2/a.ts']);
      },
    );
  });

  it('is not reported if the module has been written meanwhile', async () => {
    const written = JSON.stringify(IMPORT + event);
    const source = `import { writeFileSync } from 'node:fs';\nwriteFileSync(import.meta.filename, ${written});`;
    expect(await check({ 'v2/im.chat.updated_v1.ts': source })).toEqual({ errors: [], warnings: [] });
  });

  it('is not reported if the module is empty only while an editor saves it', async () => {
    await withHandlers({ 'v2/im.chat.updated_v1.ts': '' }, async (folder) => {
      const checked = checkHandlers(folder);
      // Longer than a check takes.
      await sleep(300);
      await writeFile(path.join(folder, 'v2/im.chat.updated_v1.ts'), IMPORT + event);
      expect(await checked).toEqual({ errors: [], warnings: [] });
    });
  });

  it('points to the default export, or to the first line', async () => {
    const modules = { 'v2/a.ts': `${IMPORT}\n${event}`, 'v2/b.ts': '// nothing' };
    await withHandlers(modules, async (folder) => {
      const { errors } = await checkHandlers(folder, {}, 60_000);
      expect(errors).toMatchObject([
        { location: { line: 3, lineText: event } },
        { location: { line: 1, lineText: '// nothing' } },
      ]);
    });
  });

  it('two modules of the same event type in v1 and v2', async () => {
    const type = 'approval.instance.trip_group_update_v4';
    const problems = await problemsOf({
      [`v1/${type}.ts`]: `${IMPORT}export default onEventV1('${type}', () => {});`,
      [`v2/${type}.ts`]: `${IMPORT}export default onEvent('${type}', () => {});`,
    });
    expect(problems).toEqual([{ file: `v1/${type}.ts`, text: expect.stringContaining('handle the same event type') }]);
    expect(problems[0]?.text).toContain(`functions/handlers/v1/${type}.ts and functions/handlers/v2/${type}.ts`);
  });

  it('two approvals whose routes would have the same name', async () => {
    const source = `${IMPORT}export default onQuickApproval({ token: 't' }, () => {});`;
    const problems = await problemsOf({
      'approvals/a.b.ts': source,
      'approvals/a-b.ts': source,
      'approvals/a_B.ts': source,
    });
    expect(problems).toEqual([
      { file: 'approvals/a_B.ts', text: expect.stringContaining('approvals/a.b.ts differ only') },
    ]);
  });

  it('reports only such files, sorted by name', async () => {
    const problems = await problemsOf({
      'v2/b.ts': IMPORT + event,
      'v1/message.ts': `${IMPORT}export default onEventV1('message', () => {});`,
      'v2/a.ts': IMPORT + event,
      'helper.ts': '',
    });
    expect(problems.map(({ file }) => file)).toEqual(['helper.ts', 'v2/a.ts', 'v2/b.ts']);
  });
});
