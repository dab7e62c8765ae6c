import { describe, expect, test } from 'vitest';
import type { Serverless, Template } from '../../lib/deploy/serverless.ts';
import { checkOwner, STACK_COMMANDS, storeOwner } from '../../lib/deploy/stack-owner.ts';

const serverless = (service: string, stage: string, provider: object = {}) =>
  ({
    service: { service },
    configurationInput: { provider },
    getProvider: () => ({ getStage: () => stage }),
  }) as unknown as Serverless;

/** Returns a stack that a service and stage have deployed. */
function stackOf(service: string, stage: string) {
  const template: Template = { Resources: {} };
  storeOwner(template, serverless(service, stage));
  const outputs = Object.entries(template.Outputs ?? {});
  return { Outputs: outputs.map(([OutputKey, { Value }]) => ({ OutputKey, OutputValue: String(Value) })) };
}

const tagged = (stage: string) => ({ Tags: [{ Key: 'STAGE', Value: stage }] });

describe('A stack that another service or stage has deployed under the same name is rejected', () => {
  test('if it stores its service and stage', () => {
    expect(() => checkOwner(stackOf('bot', 'eu-prod'), 'bot-eu-prod', serverless('bot-eu', 'prod'))).toThrow(
      'The stack bot-eu-prod belongs to the service bot with the stage eu-prod. The service bot-eu with the stage prod ' +
        'has the same stack name. Nothing was changed.',
    );
  });

  test("if an earlier version deployed it, by the framework's tag", () => {
    expect(() => checkOwner(tagged('eu-prod'), 'bot-eu-prod', serverless('bot-eu', 'prod'))).toThrow(
      'belongs to the service bot with the stage eu-prod',
    );
  });

  test('even if both set the same name for the stack', () => {
    expect(() => checkOwner(stackOf('bot', 'dev'), 'mine', serverless('app', 'dev', { stackName: 'mine' }))).toThrow(
      'The stack mine belongs to the service bot',
    );
  });
});

describe('A stack is accepted', () => {
  test.each([
    ['that does not exist', undefined],
    ['that the service and stage deployed', stackOf('bot', 'eu-prod')],
    ['that an earlier version deployed', tagged('eu-prod')],
    ['that has neither an output nor a tag', {}],
  ])('%s', (_, stack) => {
    checkOwner(stack, 'bot-eu-prod', serverless('bot', 'eu-prod'));
  });

  test("of an earlier version, if the tag or the stack's name is the user's", () => {
    checkOwner(tagged('prod'), 'bot-eu-prod', serverless('bot', 'eu-prod', { stackTags: { stage: 'prod' } }));
    checkOwner(tagged('prod'), 'bot-prod', serverless('bot', 'eu-prod', { stackName: 'bot-prod' }));
  });
});

test.each(['deploy', 'deploy function', 'remove', 'secrets', 'dlq redrive', 'queues move', 'doctor stack'])(
  'The command %s checks the stack',
  (command) => {
    expect(STACK_COMMANDS).toContain(command);
  },
);
