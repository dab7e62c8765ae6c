import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseExtensions } from '../../lib/build/extensions.ts';
import { approvalVariables } from '../../lib/tools/approval-template.ts';
import { createEmptyProject } from '../support/empty-project.ts';
import type { TemporaryProject } from '../support/project.ts';
import { run } from '../support/run.ts';

describe('npm run new', () => {
  let project: TemporaryProject;
  beforeAll(async () => {
    project = await createEmptyProject();
  });
  afterAll(() => project[Symbol.asyncDispose]());
  const create = (...args: string[]) => run(project.root, 'lib/tools/new.ts', args);
  const read = (name: string) => readFile(path.join(project.root, name), 'utf8');

  it('writes a handler and its test, and prints the next steps', async () => {
    const { code, output } = await create('contact.user.created_v3');
    expect(output).toContain('Wrote functions/handlers/v2/contact.user.created_v3.ts\n');
    expect(output).toContain('Wrote test/handlers/v2/contact.user.created_v3.test.ts\n');
    expect(output).toContain('npx vitest run test/handlers/v2/contact.user.created_v3.test.ts\n');
    expect(output).toContain('npm run send -- contact.user.created_v3');
    expect(code).toBe(0);
    expect(await read('functions/handlers/v2/contact.user.created_v3.ts')).toContain(
      "export default onEvent('contact.user.created_v3',",
    );
    expect(await read('test/handlers/v2/contact.user.created_v3.test.ts')).toContain('await run(handler,');
  });

  it('overwrites neither a handler nor a test', async () => {
    const handler = 'functions/handlers/v1/message.ts';
    const test = 'test/handlers/v1/user_add.test.ts';
    for (const name of [handler, test]) {
      await mkdir(path.dirname(path.join(project.root, name)), { recursive: true });
      await writeFile(path.join(project.root, name), '// mine');
    }
    expect(await create('message')).toMatchObject({
      code: 1,
      output: `${handler} already exists: nothing was written.\n`,
    });
    expect(await create('user_add')).toMatchObject({
      code: 1,
      output: `${test} already exists: nothing was written.\n`,
    });
    expect(await read(handler)).toBe('// mine');
    expect(await read(test)).toBe('// mine');
    await expect(read('test/handlers/v1/message.test.ts')).rejects.toThrow('ENOENT');
    await expect(read('functions/handlers/v1/user_add.ts')).rejects.toThrow('ENOENT');
  });

  it('completes a partial type', async () => {
    expect(await create('bot.menu')).toMatchObject({
      code: 0,
      output: expect.stringContaining('Using application.bot.menu_v6.'),
    });
    expect(await read('functions/handlers/v2/application.bot.menu_v6.ts')).toContain('onEvent(');
  });

  it('suggests the correct spelling of a type, and writes nothing', async () => {
    const { code, output } = await create('im.message.recieve_v1');
    expect(output).toContain('Did you mean im.message.receive_v1?');
    expect(code).toBe(2);
    expect(await readdir(path.join(project.root, 'functions/handlers/v2'))).not.toContain('im.message.recieve_v1.ts');
  });

  it('writes the response handler of a callback, or with --event the handler that runs from the queue', async () => {
    expect(await create('card.action.trigger')).toMatchObject({
      code: 0,
      output: expect.stringContaining('npm run new -- card.action.trigger --event'),
    });
    expect(await create('card.action.trigger', '--event')).toMatchObject({ code: 0 });
    expect(await read('functions/handlers/callbacks/card.action.trigger.ts')).toContain('onCallback(');
    expect(await read('functions/handlers/v2/card.action.trigger.ts')).toContain('onEvent(');
  });

  it('declares a type that the SDK does not contain yet', async () => {
    expect(await create('example.thing.created_v1')).toMatchObject({
      code: 2,
      output: expect.stringContaining('--declare'),
    });
    expect(await create('example.thing.created_v1', '--declare')).toMatchObject({ code: 0 });
    expect(await read('functions/handlers/v2/example.thing.created_v1.ts')).toContain('declare module');
  });

  it('declares a callback with its response', async () => {
    const { code, output } = await create('example.thing.get', '--declare', '--callback');
    expect(output).toContain('npm run new -- example.thing.get --declare   for work that continues');
    expect(code).toBe(0);
    const source = await read('functions/handlers/callbacks/example.thing.get.ts');
    expect(source).toMatch(/interface CallbackPayloads \{[^}]*'example\.thing\.get'/);
    expect(source).toMatch(/interface CallbackResponses \{[^}]*'example\.thing\.get'/);
  });

  it('says which version it assumes if the type may be of either, and accepts the other one', async () => {
    const { code, output } = await create('example.thing.deleted_v1', '--declare');
    expect(output).toContain('Assuming a v2.0 event, because its name contains a dot. If it is not: --v1.\n');
    expect(code).toBe(0);
    const declared = await create('example.thing.moved_v1', '--declare', '--v1');
    expect(declared.output).not.toContain('Assuming');
    expect(await read('functions/handlers/v1/example.thing.moved_v1.ts')).toContain('onEventV1(');

    const trip = 'approval.instance.trip_group_update_v4';
    expect((await create('trip_group', '--v1')).output).not.toContain('Assuming');
    expect(await read(`functions/handlers/v1/${trip}.ts`)).toContain('onEventV1(');
    expect((await create(trip)).output).toContain('Assuming v2.0, the envelope that the platform sends.');
    expect(await read(`functions/handlers/v2/${trip}.ts`)).toContain('onEvent(');
  });

  it.each([
    ['--approval-options', 'onApprovalOptions('],
    ['--quick-approval', 'onQuickApproval('],
  ])('writes a handler for Approval with %s, and says how to set its secrets', async (option, call) => {
    const { code, output } = await create(`my${option}`, option);
    expect(code).toBe(0);
    const file = `functions/handlers/approvals/my${option}.ts`;
    expect(output).toContain(`Wrote ${file}\n`);
    const [token, key] = approvalVariables({ name: `my${option}`, kind: 'options' });
    expect(output).toContain(`approvals: { secrets: [${token}, ${key}] }`);
    expect(output).toContain(`/feishu/approvals/my${option} `);
    const source = await read(file);
    expect(source).toContain(call);
    expect(source).toContain(`process.env.${token}`);
    expect(await create(`my${option}`, option)).toMatchObject({ code: 1 });
  });

  it.each([
    ['customers', 'CUSTOMERS_TOKEN'],
    ['travelExpenses.v2', 'TRAVEL_EXPENSES_V2_TOKEN'],
    ['2026', 'APPROVAL_2026_TOKEN'],
    ['_a', 'APPROVAL_A_TOKEN'],
    ['feishu-forms', 'APPROVAL_FEISHU_FORMS_TOKEN'],
    ['aws', 'APPROVAL_AWS_TOKEN'],
  ])('names the variable of the token of the approval %s %s', (name, variable) => {
    expect(approvalVariables({ name, kind: 'options' })[0]).toBe(variable);
    expect(() => parseExtensions({ approvals: { secrets: [variable] } })).not.toThrow();
  });

  it.each([
    ['both kinds of approvals', ['a', '--quick-approval', '--approval-options'], /not both/],
    ['an approval with an option of events', ['a', '--quick-approval', '--v1'], /--v1 is for events and callbacks/],
    ['no name of an approval', ['--quick-approval'], /Pass one name/],
    ['a path as the name of an approval', ['../a', '--approval-options'], /Pass one name/],
    ['no type', [], /Pass one event type/],
    ['two types', ['message', 'user_add'], /Pass one event type/],
    ['both kinds', ['card.action.trigger', '--event', '--callback'], /not both/],
    ['an event as a callback', ['user_leave', '--callback'], /user_leave is an event, not a callback/],
    ['a declaration of an existing type', ['user_leave', '--declare'], /already declared/],
    ['a path as a type', ['../../lib/handler', '--declare'], /is not a valid event type/],
    ['both versions', ['message', '--v1', '--v2'], /--v1 or --v2, not both/],
    ['another version', ['im.message.receive_v1', '--v1'], /im\.message\.receive_v1 is a v2\.0 event: remove --v1/],
    ['a version of a new callback', ['a.b', '--declare', '--callback', '--v1'], /remove --v1, or --callback/],
    ['a version of a callback', ['card.action.trigger', '--v2'], /is a callback: remove --v2, or add --event/],
    ['an unknown option', ['message', '--force'], /--force/],
  ])('explains what is wrong with %s', async (_, args, message) => {
    const { code, output } = await create(...args);
    expect(output).toMatch(message);
    expect(code).toBe(2);
  });
});
