import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createDeployerPolicy } from '../../lib/deploy/deployer-policy.ts';
import type { Resource } from '../../lib/deploy/serverless.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** The resources that the framework adds to those of the files in deploy/. */
const FRAMEWORK_TYPES = [
  'AWS::ApiGatewayV2::Api',
  'AWS::ApiGatewayV2::Integration',
  'AWS::ApiGatewayV2::Route',
  'AWS::ApiGatewayV2::Stage',
  'AWS::Lambda::EventSourceMapping',
  'AWS::Lambda::Function',
  'AWS::Lambda::Permission',
  'AWS::S3::Bucket',
  'AWS::S3::BucketPolicy',
];

function typesOfTemplate(): string[] {
  const files = globSync('deploy/*.yml', { cwd: ROOT });
  const types = files.flatMap((file) => {
    const { Resources = {} } = parse(readFileSync(path.join(ROOT, file), 'utf8'), { logLevel: 'silent', merge: true });
    return Object.values(Resources as Record<string, Resource>).map(({ Type }) => Type);
  });
  return [...new Set([...types, ...FRAMEWORK_TYPES])];
}

function policyOf(types: string[], settings: Partial<Parameters<typeof createDeployerPolicy>[1]> = {}) {
  const Resources = Object.fromEntries(types.map((Type, index) => [`R${index}`, { Type }]));
  return createDeployerPolicy(
    { Resources },
    { service: 'bot', stage: 'prod', stackName: 'bot-prod', region: 'eu-west-1', ...settings },
  );
}

const statementsOf = (...parameters: Parameters<typeof policyOf>) => policyOf(...parameters).document.Statement;

describe("The deployer's policy", () => {
  it('covers every type of resource in the template', () => {
    const types = typesOfTemplate();
    expect(types.length).toBeGreaterThan(25);
    expect(policyOf(types).unknownTypes).toEqual([]);
  });

  it('fits into an inline policy of a role, even with the longest names', () => {
    const stackName = `${'s'.repeat(30)}-production0`;
    const { document } = policyOf(typesOfTemplate(), { service: 's'.repeat(30), stage: 'production0', stackName });
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    expect(JSON.stringify(document).length).toBeLessThanOrEqual(10_240);
  });

  it('names the types that it lacks', () => {
    expect(policyOf(['AWS::SQS::Queue', 'AWS::S3::AccessPoint']).unknownTypes).toEqual(['AWS::S3::AccessPoint']);
  });

  it('contains no action with a wildcard', () => {
    for (const { Action } of statementsOf(typesOfTemplate())) expect(Action.join()).not.toMatch(/[*?]/);
  });

  it("is limited to the stage's names, or to its region where AWS supports no names", () => {
    for (const { Sid, Resource, Condition } of statementsOf(typesOfTemplate())) {
      if (Resource.includes('*')) {
        expect(Condition, Sid).toEqual({ StringEquals: { 'aws:RequestedRegion': 'eu-west-1' } });
      } else if (!/^(Apigateway|CreateServiceLinkedRole)$/.test(Sid)) {
        for (const arn of Resource) expect(arn, Sid).toMatch(/bot[-/]prod|event-source-mapping:\*$/);
      }
    }
  });

  it('does not match the secret, queues and dashboard of a stage whose name begins with the name of this one', () => {
    const named = (type: string, property: string, name: string) => ({ Type: type, Properties: { [property]: name } });
    const resources = (stack: string) => ({
      Queue: named('AWS::SQS::Queue', 'QueueName', `${stack}-events`),
      Dashboard: named('AWS::CloudWatch::Dashboard', 'DashboardName', `${stack}-eu-west-1`),
    });
    const stage = { service: 'bot', stage: 'prod', stackName: 'bot-prod', region: 'eu-west-1' };
    const { document } = createDeployerPolicy({ Resources: resources('bot-prod') }, stage);
    const patterns = document.Statement.flatMap(({ Resource }) => Resource).filter((pattern) => pattern !== '*');
    const isMatched = (arn: string) => patterns.some((pattern) => path.matchesGlob(arn, pattern));
    const arns = (prefix: string, secret: string) => [
      `arn:aws:sqs:eu-west-1:1:${prefix}-events`,
      // Replaced by a change of the ordering.
      `arn:aws:sqs:eu-west-1:1:${prefix}-events.fifo`,
      `arn:aws:cloudwatch::1:dashboard/${prefix}-eu-west-1`,
      `arn:aws:secretsmanager:eu-west-1:1:secret:bot/${secret}-AbCdEf`,
    ];
    for (const arn of arns('bot-prod', 'prod')) expect(isMatched(arn), arn).toBe(true);
    for (const arn of arns('bot-prod-eu', 'prod-eu')) expect(isMatched(arn), arn).toBe(false);
  });

  it('passes roles only to the services that run the code', () => {
    const passing = statementsOf(typesOfTemplate()).filter(({ Action }) => Action.includes('iam:PassRole'));
    expect(passing).toMatchObject([
      {
        Resource: ['arn:aws:iam::*:role/bot-prod-*'],
        Condition: { StringEquals: { 'iam:PassedToService': ['lambda.amazonaws.com', 'ecs-tasks.amazonaws.com'] } },
      },
    ]);
  });

  it('allows nothing for parts that the stack does not have', () => {
    const services = statementsOf(['AWS::SQS::Queue']).flatMap(({ Action }) => Action.map((one) => one.split(':')[0]));
    expect(services).toContain('sqs');
    for (const service of ['ec2', 'ecs', 'sns', 'apigateway']) expect(services).not.toContain(service);
  });

  it('attaches managed policies to roles only if the template does', () => {
    const actionsWith = (Properties: object) =>
      createDeployerPolicy(
        { Resources: { Role: { Type: 'AWS::IAM::Role', Properties: { ...Properties } } } },
        { service: 'bot', stage: 'prod', stackName: 'bot-prod', region: 'eu-west-1' },
      ).document.Statement.flatMap(({ Action }) => Action);
    expect(actionsWith({})).not.toContain('iam:AttachRolePolicy');
    expect(actionsWith({ ManagedPolicyArns: ['arn'] })).toContain('iam:AttachRolePolicy');
  });

  it('matches names that CloudFormation shortens, in every partition', () => {
    const stackName = 'a-service-with-a-long-name-production';
    const names = { service: 'a-service-with-a-long-name', stage: 'production', stackName, region: 'cn-north-1' };
    const resources = statementsOf(typesOfTemplate(), names).flatMap(({ Resource }) => Resource);
    expect(resources).toContain('arn:aws-cn:iam::*:role/a-service-with-a-long-na*');
    expect(resources).toContain('arn:aws-cn:s3:::a-service-with-a-long-na*');
    expect(resources.filter((arn) => arn.startsWith('arn:aws:'))).toEqual([]);
  });
});
