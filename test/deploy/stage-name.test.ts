import { expect, test } from 'vitest';
import { checkStageName } from '../../lib/deploy/stage-name.ts';

const serviceWith = (service: string, names: string[]) => ({
  service,
  functions: Object.fromEntries(names.map((name) => [name, { handler: 'x' }])),
  provider: { compiledCloudFormationTemplate: { Resources: {} } },
});

test.each([
  ['feishu-events', ['webhook', 'worker'], 42],
  ['bots', ['webhook', 'worker'], 51],
  ['bots', ['worker', 'weekly-report-of-the-whole-company'], 24],
])('With the service %s and the functions %j, a stage has at most %i characters', (service, names, maximum) => {
  checkStageName(serviceWith(service, names), 's'.repeat(maximum));
  expect(() => checkStageName(serviceWith(service, names), 's'.repeat(maximum + 1))).toThrow(
    `--stage must have at most ${maximum} characters`,
  );
});
