import { describe, expect, test } from 'vitest';
import { describeParameterChanges, readStoredParameters, selectKept } from '../../lib/deploy/deployed-parameters.ts';

const outputs = (values: Record<string, string>) => ({
  Outputs: Object.entries(values).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
});

describe('The parameters of a deployed stack', () => {
  test('are in one of its outputs', () => {
    const stored = { DeploymentParameters: '{"ordering":"conversation"}', EventsQueueUrl: 'https://sqs/1/events' };
    expect(readStoredParameters(outputs(stored))).toEqual({
      parameters: { ordering: 'conversation' },
      isComplete: true,
    });
  });

  test('can be told from the resources if an earlier version did not store them', () => {
    const standard = { EventsQueueUrl: 'https://sqs/1/events', HttpApiUrl: 'https://api' };
    expect(readStoredParameters(outputs(standard))).toEqual({ parameters: {}, isComplete: false });
    const other = { EventsQueueUrl: 'https://sqs/1/events.fifo', ConnectionServiceName: 'connection' };
    expect(readStoredParameters(outputs(other))).toEqual({
      parameters: { ordering: 'conversation', longConnection: 'true', webhook: 'false' },
      isComplete: false,
    });
  });

  test('are unknown if its first deployment failed', () => {
    expect(readStoredParameters(outputs({ ServerlessDeploymentBucketName: 'bucket' }))).toBeUndefined();
    expect(readStoredParameters({})).toBeUndefined();
  });
});

describe('A deployed parameter is kept', () => {
  const defaults = { ordering: 'none', longConnection: false, connectionSpot: false, alarmEmail: '' };

  test('unless it is given', () => {
    const deployed = { ordering: 'conversation', alarmEmail: 'a@b.example' };
    expect(selectKept(deployed, { ordering: 'none' }, defaults)).toEqual({ alarmEmail: 'a@b.example' });
    expect(selectKept(deployed, {}, defaults)).toEqual(deployed);
  });

  test('unless an upgrade removed it', () => {
    expect(selectKept({ removed: 'yes' }, {}, defaults)).toEqual({});
  });

  test('unless it is for the long connection, which is turned off', () => {
    const deployed = { longConnection: 'true', connectionSpot: 'true' };
    expect(selectKept(deployed, { longConnection: 'false' }, defaults)).toEqual({});
    expect(selectKept(deployed, { longConnection: 'true' }, defaults)).toEqual({ connectionSpot: 'true' });
  });
});

test('The changes of parameters are described', () => {
  const template = (parameters: object) => ({
    Resources: {},
    Outputs: { DeploymentParameters: { Value: JSON.stringify(parameters) } },
  });
  const before = template({ ordering: 'conversation', alarmEmail: 'a@b.example', logLevel: 'WARN' });
  const after = template({ alarmEmail: '', workerConcurrency: '20', logLevel: 'WARN' });
  expect(describeParameterChanges(before, after)).toEqual([
    'ordering: conversation → default',
    'alarmEmail: a@b.example → none',
    'workerConcurrency: default → 20',
  ]);
  expect(describeParameterChanges({ Resources: {} }, after)).toEqual([]);
});
