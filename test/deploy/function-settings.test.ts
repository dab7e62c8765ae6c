import { describe, expect, it, test } from 'vitest';
import { checkFunctionSettings } from '../../lib/deploy/function-settings.ts';

function check(reservedConcurrency: number | undefined, sqs: string | { maximumConcurrency?: number }): void {
  const reserved = reservedConcurrency === undefined ? {} : { reservedConcurrency };
  const worker = { handler: 'functions/worker.handler', events: [{ sqs }], ...reserved };
  const provider = { compiledCloudFormationTemplate: { Resources: {} } };
  checkFunctionSettings({ service: 'feishu-events', functions: { worker }, provider });
}

describe("The worker's reserved concurrency", () => {
  it('can be as high as the concurrency of the queue, or absent', () => {
    check(10, { maximumConcurrency: 10 });
    check(undefined, { maximumConcurrency: 10 });
    check(undefined, 'arn:aws:sqs:us-east-1:123456789012:queue');
  });

  it.each([
    [9, { maximumConcurrency: 10 }, '(9) is lower than the parameter workerConcurrency (10)'],
    [0, { maximumConcurrency: 10 }, '(0) is lower than the parameter workerConcurrency (10)'],
    [10, {}, '(10) is lower than the parameter workerConcurrency (unlimited)'],
    [10, 'arn:aws:sqs:us-east-1:123456789012:queue', 'workerConcurrency (unlimited)'],
  ])('must not be lower: %s with %j', (reservedConcurrency, sqs, message) => {
    expect(() => check(reservedConcurrency, sqs)).toThrow(message);
  });
});

test.each(['worker', 'webhook'])('The logs of the %s cannot be disabled: they contain the metrics', (name) => {
  const functions = { [name]: { handler: 'functions/example.handler', disableLogs: true } };
  const service = {
    service: 'feishu-events',
    functions,
    provider: { compiledCloudFormationTemplate: { Resources: {} } },
  };
  expect(() => checkFunctionSettings(service)).toThrow(`functions.${name}.disableLogs`);
});
