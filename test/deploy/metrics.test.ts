import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Context } from 'aws-lambda';
import { beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { waitForRateLimits } from '../../lib/api-client/rate-limits.ts';
import { ConnectionMetrics } from '../../lib/connection/metrics.ts';
import { writeRequest } from '../../lib/feishu/request.ts';
import { Continue, Drop, onEvent } from '../../lib/handler.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { createLogCapture } from '../../lib/testing/captured-log.ts';
import { createWebhook } from '../../lib/webhook/webhook.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { CONNECTED } from '../support/connection-status.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { modulesOf } from '../support/handler-modules.ts';
import { toHttpEvent } from '../support/http-events.ts';
import { encryptKey, verificationToken } from '../support/secrets.ts';
import { writtenLines } from '../support/written-output.ts';
import { createRecord } from '../worker/queue-records.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const NAMESPACE = 'feishu-events';
const SERVICE = 'the-service-of-the-test';
/** The service as the template writes it. */
const TEMPLATE_SERVICE = `\${self:service}-\${sls:stage}`;

const readYaml = (name: string) =>
  parse(readFileSync(path.join(ROOT, name), 'utf8'), { logLevel: 'silent', merge: true });
const keyOf = (metric: string, dimensions: string[]) => `${metric} by ${[...dimensions].sort().join(' and ')}`;

/** What alarms.yml and dashboard.yml read from the template's namespace. */
interface UsedMetric {
  key: string;
  /** The value of the dimension `service`. */
  service: string | undefined;
}

const alarms: { Type: string; Properties: Record<string, unknown> }[] = Object.values(
  readYaml('deploy/alarms.yml').Resources,
);

function metricsOfAlarms(): UsedMetric[] {
  return alarms
    .filter(({ Properties }) => Properties.Namespace === NAMESPACE)
    .map(({ Properties: { MetricName, Dimensions } }) => {
      const dimensions = Dimensions as { Name: string; Value: string }[];
      return {
        key: keyOf(
          String(MetricName),
          dimensions.map(({ Name }) => Name),
        ),
        service: dimensions.find(({ Name }) => Name === 'service')?.Value,
      };
    });
}

/** `[namespace, metric, dimension, value, …, options?]`, or `[{ expression }]` */
type Row = [string | { expression?: string }, ...unknown[]];

function metricsOfDashboard(): UsedMetric[] {
  const { DashboardBody } = readYaml('deploy/dashboard.yml').Resources.Dashboard.Properties;
  const rows: Row[] = DashboardBody['Fn::Sub']['Fn::ToJsonString'].widgets.flatMap(
    (widget: Record<string, unknown>) => {
      const [, enabled] = (widget['Fn::If'] as { properties: { metrics: Row[] } }[] | undefined) ?? [];
      return (enabled ?? (widget as { properties: { metrics: Row[] } })).properties.metrics;
    },
  );
  return rows.flatMap(([first, ...rest]) => {
    if (typeof first === 'object') return [metricOfSearch(String(first.expression))];
    if (first !== NAMESPACE) return [];
    const [metric, dimension, service] = rest as string[];
    return [{ key: keyOf(String(metric), [String(dimension)]), service }];
  });
}

/**
 * A namespace in a search expression needs quotes if it contains anything but letters, digits and underscores.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
 */
const SEARCH =
  /^SEARCH\('\{(?<namespace>"[^"]+"|\w+),(?<dimensions>\w+(?:,\w+)*)\} MetricName="(?<metric>\w+)" service="(?<service>[^"]+)"', 'Sum'\)$/;

function metricOfSearch(expression: string): UsedMetric {
  expect(expression.replaceAll(/\s+/g, ' ')).toMatch(SEARCH);
  const { namespace, dimensions = '', metric = '', service } = SEARCH.exec(expression)?.groups ?? {};
  expect(namespace).toBe(`"${NAMESPACE}"`);
  return { key: keyOf(metric, dimensions.split(',')), service };
}

describe('Every metric of an alarm and of the dashboard', () => {
  const aws = emulatedAws();
  beforeEach(async () => {
    await runWebhook();
    await runWorker();
    runConnection();
  });

  async function runWebhook(): Promise<void> {
    const webhook = createWebhook(() => Promise.reject(new Error('No callback is expected')), {
      ...aws.environment,
      FEISHU_ENCRYPT_KEY: encryptKey,
      FEISHU_VERIFICATION_TOKEN: verificationToken,
      POWERTOOLS_SERVICE_NAME: SERVICE,
    });
    const event = createSample('im.chat.updated_v1', { version: '2.0', token: verificationToken });
    const challenge = JSON.stringify({ challenge: 'c', token: verificationToken, type: 'url_verification' });
    for (const [text, key] of [
      [event, encryptKey],
      [challenge, encryptKey],
      [event, 'a key that the app no longer has'],
      ['{"schema":"3.0"}', encryptKey],
    ] as const) {
      await webhook(toHttpEvent(writeRequest(text, { encryptKey: key }, Date.now())));
    }
  }

  async function runWorker(): Promise<void> {
    const failing = onEvent('im.message.receive_v1', () => {
      throw new Error('a failure');
    });
    const continuing = onEvent('im.message.recalled_v1', () => {
      throw new Continue('a state');
    });
    const dropping = onEvent('im.chat.disbanded_v1', () => {
      throw new Drop('not interesting');
    });
    const reject = async () => {
      throw Object.assign(new Error('limited'), { response: { status: 429 } });
    };
    const methods = { request: reject, get: reject, delete: reject, head: reject, options: reject };
    const time = { remainingMilliseconds: () => 0, signal: new AbortController().signal };
    const api = waitForRateLimits(
      { ...methods, post: reject, put: reject, patch: reject },
      time,
      createLogCapture().log,
    );
    const modules = {
      'im.chat.member.bot.added_v1': onEvent('im.chat.member.bot.added_v1', () => api.get()),
      'im.message.receive_v1': failing,
      'im.message.recalled_v1': continuing,
      'im.chat.disbanded_v1': dropping,
      'im.chat.updated_v1': onEvent('im.chat.updated_v1', () => {}),
    };
    const worker = createWorker(
      { v2: modulesOf(modules), v1: modulesOf({}), fallback: modulesOf({}) },
      { ...aws.environment, POWERTOOLS_SERVICE_NAME: SERVICE },
    );
    const deliver = (options: Parameters<typeof createRecord>[1]) =>
      worker({ Records: [createRecord(randomUUID(), options)] }, {
        getRemainingTimeInMillis: () => 60_000,
      } as Context);
    await deliver({ type: 'im.chat.updated_v1', eventId: 'handled twice' });
    await deliver({ type: 'im.chat.updated_v1', eventId: 'handled twice' });
    await deliver({ type: 'im.chat.disbanded_v1' });
    await deliver({ type: 'example.thing.created_v1' });
    await deliver({ type: 'card.action.trigger' });
    await deliver({ type: 'im.chat.member.bot.added_v1' });
    await deliver({ type: 'im.message.recalled_v1' });
    await deliver({ type: 'im.message.receive_v1', attempt: 1 });
    await deliver({ type: 'im.message.receive_v1', attempt: 5 });
  }

  function runConnection(): void {
    const metrics = new ConnectionMetrics(SERVICE);
    const observation = metrics.observe({ ended: Promise.resolve(), status: () => CONNECTED });
    metrics.acknowledged(3);
    metrics.counted(1);
    observation[Symbol.dispose]();
  }

  /** Returns the unit of each metric and dimension set that the functions wrote. */
  function writtenMetrics(): Map<string, string> {
    const units = new Map<string, string>();
    for (const text of writtenLines().filter((line) => line.includes('"_aws"'))) {
      const line = JSON.parse(text);
      expect(line.service).toBe(SERVICE);
      for (const { Namespace, Dimensions, Metrics } of line._aws.CloudWatchMetrics) {
        expect(Namespace).toBe(NAMESPACE);
        for (const { Name, Unit } of Metrics) {
          for (const dimensions of Dimensions) units.set(keyOf(Name, dimensions), Unit);
        }
      }
    }
    return units;
  }

  /** The HTTP API writes the access log, from which CloudWatch Logs makes these metrics. */
  function filteredMetrics(): [string, string][] {
    const { accessLog: format } = readYaml('deploy/custom.yml');
    const logged = JSON.parse(format);
    expect(logged).toMatchObject({ service: TEMPLATE_SERVICE, status: '$context.status' });
    return alarms
      .filter(({ Type }) => Type === 'AWS::Logs::MetricFilter')
      .flatMap(({ Properties: { MetricTransformations, FilterPattern } }) => {
        const [, field] = /^\{ \$\.(\w+) = "\d+" \}$/.exec(String(FilterPattern)) ?? [];
        expect(logged).toHaveProperty(String(field));
        return (MetricTransformations as Record<string, unknown>[]).map((transformation): [string, string] => {
          const dimensions = transformation.Dimensions as { Key: string; Value: string }[];
          for (const { Key, Value } of dimensions) expect(Value).toBe(`$.${Key}`);
          expect(transformation.MetricNamespace).toBe(NAMESPACE);
          const names = dimensions.map(({ Key }) => Key);
          return [keyOf(String(transformation.MetricName), names), String(transformation.Unit)];
        });
      });
  }

  it('is one that a function or a metric filter writes, with this unit and these dimensions', () => {
    const units = new Map([...writtenMetrics(), ...filteredMetrics()]);
    const used = [...metricsOfAlarms(), ...metricsOfDashboard()];
    expect(used.length).toBeGreaterThan(20);
    for (const { key, service } of used) {
      expect(service, key).toBe(TEMPLATE_SERVICE);
      expect(units.get(key), key).toBe(/^\w*(Time|Age) /.test(key) ? 'Milliseconds' : 'Count');
    }
  });
});

describe('The alarm for rejected requests', () => {
  it('is set off by three attempts of one event, and not by one forged event', () => {
    const { Properties } = readYaml('deploy/alarms.yml').Resources.RejectedRequestsAlarm;
    const { Period, DatapointsToAlarm, EvaluationPeriods, Threshold } = Properties;
    /** Returns whether requests at these times, in seconds, set it off for each position of the periods. */
    const isSetOff = (times: number[]) =>
      Array.from({ length: Period }, (_, offset) => {
        const periods = times.map((time) => Math.floor((time + offset) / Period));
        const breaching = new Set(
          periods.filter((period) => periods.filter((one) => one === period).length > Threshold),
        );
        return breaching.size >= DatapointsToAlarm && Math.max(...periods) - Math.min(...periods) < EvaluationPeriods;
      });
    expect(new Set(isSetOff([0, 15, 315]))).toEqual(new Set([true]));
    expect(new Set(isSetOff([0]))).toEqual(new Set([false]));
  });
});
