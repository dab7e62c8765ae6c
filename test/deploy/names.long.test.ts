import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Template } from '../../lib/deploy/serverless.ts';
import { createProject, type Project } from './support/project.ts';

// The names of several stacks in one account and region. Two stacks with the same `<service>-<stage>` have the same stack
// name, and the second deployment is rejected: see stack-owner.test.ts.

const SERVICE = 'service-placeholder';
const STAGE = 'stage-placeholder';

/** Their names are not unique, or unique only within a cluster, a role or a namespace. */
const NOT_UNIQUE = /^(AWS::ApiGatewayV2::Api|AWS::ECS::Service)$/;

let project: Project;
/** Each name in the template, with the kind of thing that it must be unique among. */
let names: { kind: string; name: string }[];
let text: string;

beforeAll(async () => {
  project = await createProject();
  const file = path.join(project.folder, 'serverless.yml');
  await writeFile(file, (await readFile(file, 'utf8')).replace('service: feishu-events', `service: ${SERVICE}`));
  const all = ['longConnection=true', 'alarmEmail=a@example.com', 'noEventsAlarmHours=1', 'tracing=xray'];
  const packageWith = (ordering: string) =>
    project.package('--stage', STAGE, ...[...all, ordering].flatMap((parameter) => ['--param', parameter]));
  const templates = [await packageWith('ordering=none'), await packageWith('ordering=conversation')];
  text = JSON.stringify(templates);
  const found = templates.flatMap((template) => [...resourceNames(template), ...exportNames(template)]);
  names = [...new Map(found.map((entry) => [JSON.stringify(entry), entry])).values()];
});
afterAll(() => project.remove());

function resourceNames({ Resources }: Template) {
  return Object.values(Resources).flatMap(({ Type, Properties = {} }) =>
    Object.entries(Properties)
      .filter(([key]) => /^(\w*Name|Family)$/.test(key) && !NOT_UNIQUE.test(Type))
      .map(([key, value]) => ({ kind: `${Type} ${key}`, name: JSON.stringify(value) }))
      .filter(({ name }) => name.includes(STAGE)),
  );
}

function exportNames({ Outputs = {} }: Template) {
  const outputs = Object.values(Outputs) as { Export?: { Name: unknown } }[];
  return outputs.flatMap(({ Export }) =>
    Export === undefined ? [] : [{ kind: 'export', name: JSON.stringify(Export.Name) }],
  );
}

const nameOf = (name: string, service: string, stage: string) =>
  name.replaceAll(SERVICE, service).replaceAll(STAGE, stage);

/** Returns stages whose names begin like one of the template's names: `prod`, `prod-dead`, `prod-dead-letter` … */
function confusingStages(): string[] {
  const suffixes = names.flatMap(({ name }) => name.split(`${STAGE}-`)[1]?.match(/^[\w-]+/) ?? []);
  const parts = suffixes.flatMap((suffix) => {
    const words = suffix.split('-');
    return words.map((_, index) => words.slice(0, index + 1).join('-'));
  });
  return ['prod', ...new Set(parts.map((part) => `prod-${part}`))];
}

describe('Stacks in one account', () => {
  it('share no name and no export, even if one is named like a part of the other', () => {
    expect(new Set(names.map(({ kind }) => kind))).toEqual(
      new Set([
        'AWS::CloudWatch::Alarm AlarmName',
        'AWS::CloudWatch::Dashboard DashboardName',
        'AWS::ECS::Cluster ClusterName',
        'AWS::ECS::TaskDefinition Family',
        'AWS::Lambda::Function FunctionName',
        'AWS::Logs::LogGroup LogGroupName',
        'AWS::SNS::Topic TopicName',
        'AWS::SQS::Queue QueueName',
        'export',
      ]),
    );
    const stages = confusingStages();
    expect(stages).toContain('prod-dead');
    const owners = new Map<string, string>();
    for (const stage of stages) {
      for (const { kind, name } of names) {
        const key = `${kind} ${nameOf(name, 'bot', stage)}`;
        expect(owners.get(key) ?? stage, key).toBe(stage);
        owners.set(key, stage);
      }
    }
  });

  it('share no secret and no folder of the deployment bucket, even if their names are the same', () => {
    const references = text.match(/(resolve:secretsmanager:|:secret:|serverless\/)[\w/-]*-placeholder\b/g) ?? [];
    const separate = [`${SERVICE}/${STAGE}`];
    const ids = references.map((reference) =>
      reference.replace(/^(resolve:secretsmanager:|:secret:|serverless\/)/, ''),
    );
    expect(new Set(ids)).toEqual(new Set(separate));
    expect(text).toContain(`serverless/${SERVICE}/${STAGE}/`);
  });
});
