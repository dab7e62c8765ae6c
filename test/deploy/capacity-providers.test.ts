import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { keepDeployedParameters } from '../../lib/deploy/deployed-parameters.ts';
import type { DeployOptions } from '../../lib/deploy/options.ts';
import { resolveTemplate } from '../../lib/deploy/resolve-template.ts';
import type { Serverless } from '../../lib/deploy/serverless.ts';
import { templateValues } from '../../lib/deploy/template-values.ts';

const FILE = path.resolve(import.meta.dirname, '../../deploy/connection.yml');
const template = parse(readFileSync(FILE, 'utf8'), {
  merge: true,
  logLevel: 'silent',
  customTags: [
    { tag: '!Ref', resolve: (name: string) => ({ Ref: name }) },
    { tag: '!If', collection: 'seq', resolve: (sequence) => ({ 'Fn::If': JSON.parse(JSON.stringify(sequence)) }) },
  ],
});

/** Returns the providers of the cluster, and the one that the service uses. */
function providers(connectionSpot: boolean, isSpotDeployed: boolean) {
  const options = { connectionCount: 1, longConnection: true, connectionSpot } as DeployOptions;
  const { ConnectionCluster, ConnectionService } = template.Resources;
  const { Type, Properties } = ConnectionService;
  const service = { Type, Properties: { Strategy: Properties.CapacityProviderStrategy } };
  const { conditions, values } = templateValues(
    { ...options, approvals: false, state: false },
    'eu-west-1',
    {},
    isSpotDeployed,
  );
  const Resources = { ConnectionCluster, service };
  const resolved = resolveTemplate({ Resources }, { conditions, values }).Resources;
  return {
    cluster: resolved.ConnectionCluster?.Properties?.CapacityProviders,
    service: resolved.service?.Properties?.Strategy,
  };
}

const serviceWith = (CapacityProvider: string) => [{ CapacityProvider, Weight: 1 }];

describe('The cluster of the long connection has the capacity provider FARGATE_SPOT', () => {
  test('only with connectionSpot', () => {
    expect(providers(false, false)).toEqual({ cluster: ['FARGATE'], service: serviceWith('FARGATE') });
    expect(providers(true, false)).toEqual({
      cluster: ['FARGATE', 'FARGATE_SPOT'],
      service: serviceWith('FARGATE_SPOT'),
    });
  });

  test('and in the deployment that turns connectionSpot off, because the service still uses it when the cluster changes', () => {
    expect(providers(false, true)).toEqual({
      cluster: ['FARGATE', 'FARGATE_SPOT'],
      service: serviceWith('FARGATE'),
    });
  });
});

describe('Whether the deployed service may run on Spot is known', () => {
  const serverless = {
    configurationInput: {},
    processedInput: { options: { param: ['connectionSpot=false'] } },
    extendConfiguration() {},
    getProvider: () => ({
      getStage: () => 'dev',
      getRegion: () => 'eu-west-1',
      getAccountId: async () => '123456789012',
      naming: { getStackName: () => 'feishu-events-dev' },
    }),
  } as unknown as Serverless;
  const outputs = (values: Record<string, string>) => ({
    StackName: 'feishu-events-dev',
    CreationTime: new Date(),
    StackStatus: 'UPDATE_COMPLETE' as const,
    Outputs: Object.entries(values).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
  });

  test.each([
    ['a new stack', undefined, false],
    ['a stack without Spot', outputs({ DeploymentParameters: '{"longConnection":"true"}' }), false],
    ['a stack with Spot', outputs({ DeploymentParameters: '{"connectionSpot":"true"}' }), true],
    ['an earlier version, which stored no parameters', outputs({ EventsQueueUrl: 'https://sqs/1/events' }), true],
  ])('for %s', async (_, stack, isSpotDeployed) => {
    expect(await keepDeployedParameters(serverless, stack, () => {})).toMatchObject({ isSpotDeployed });
  });
});
