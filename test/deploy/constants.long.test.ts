import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readLocalSettings } from '../../lib/build/local-settings.ts';
import { visibilityTimeoutSeconds } from '../../lib/build/worker-timeout.ts';
import { type Environment, isStoreApp, limitsCallRate } from '../../lib/config.ts';
import type { Template } from '../../lib/deploy/serverless.ts';
import { WEBHOOK_TIMEOUT_SECONDS } from '../../lib/local/stack.ts';
import { MAXIMUM_RECEIVES } from '../../lib/worker/retry.ts';
import { SCENARIOS } from '../bench/simulation/scenarios.ts';
import { createProject, type Project } from './support/project.ts';

describe('the local stack and the code agree with the deployment', () => {
  let project: Project;
  let template: Template;
  const propertiesOf = (name: string) => template.Resources[name]?.Properties;

  beforeAll(async () => {
    project = await createProject();
    template = await project.package();
  });
  afterAll(() => project.remove());

  test('about the timeouts of the functions', async () => {
    const { workerTimeoutSeconds } = await readLocalSettings(project.folder);
    expect(propertiesOf('WebhookLambdaFunction')).toMatchObject({ Timeout: WEBHOOK_TIMEOUT_SECONDS });
    expect(propertiesOf('WorkerLambdaFunction')).toMatchObject({ Timeout: workerTimeoutSeconds });
  });

  test('about the default app type', async () => {
    const isForStoreApp = ({ Resources }: Template) => {
      const environment = Resources.WorkerLambdaFunction?.Properties?.Environment as { Variables: Environment };
      expect(environment.Variables).toHaveProperty('FEISHU_APP_TYPE');
      return isStoreApp(environment.Variables);
    };
    expect(isForStoreApp(template)).toBe(false);
    expect(isForStoreApp(await project.package('--param', 'appType=store'))).toBe(true);
  });

  test('about the limit of calls', async () => {
    const isLimited = ({ Resources }: Template) => {
      const environment = Resources.WorkerLambdaFunction?.Properties?.Environment as { Variables: Environment };
      expect(environment.Variables).toHaveProperty('LIMIT_CALL_RATE');
      return limitsCallRate(environment.Variables);
    };
    expect(isLimited(template)).toBe(false);
    expect(isLimited(await project.package('--param', 'limitCallRate=true'))).toBe(true);
  });

  test('about batch size and concurrency, as does the scaling simulation', async () => {
    const mappingOf = ({ Resources }: Template) =>
      Object.values(Resources).find(({ Type }) => Type === 'AWS::Lambda::EventSourceMapping')?.Properties;
    const settingsOf = (name: string) => {
      const settings = SCENARIOS.find((candidate) => candidate.name === name)?.scenario.settings;
      return {
        BatchSize: settings?.batchSize,
        ScalingConfig: { MaximumConcurrency: settings?.maximumConcurrency },
      };
    };
    expect(mappingOf(template)).toMatchObject(settingsOf('1,000/s'));
    const parameters = ['ordering=conversation', 'workerConcurrency=400'].flatMap((text) => ['--param', text]);
    expect(mappingOf(await project.package(...parameters))).toMatchObject(
      settingsOf('1,000/s, in order, `workerConcurrency=400`'),
    );
  });

  test('about the visibility timeout and the number of deliveries', async () => {
    const { workerTimeoutSeconds } = await readLocalSettings(project.folder);
    expect(propertiesOf('EventsQueue')).toMatchObject({
      VisibilityTimeout: visibilityTimeoutSeconds(workerTimeoutSeconds),
      RedrivePolicy: { maxReceiveCount: MAXIMUM_RECEIVES },
    });
  });
});
