import type { ScheduledEvent } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { createScheduledEvent, readSchedules, type Schedule } from '../../../lib/local/user-functions/schedules.ts';

describe('readSchedules', () => {
  it('reads expressions and objects with one or several rates, and ignores other events', () => {
    const events = [
      { httpApi: 'GET /daily' },
      { schedule: 'rate(6 hours)' },
      { schedule: { rate: 'cron(0 8 * * ? *)', enabled: false, input: { a: 1 } } },
      { schedule: { rate: ['rate(1 day)', 'rate(2 days)'], method: 'scheduler', timezone: 'Asia/Shanghai' } },
    ];
    expect(readSchedules(events)).toEqual([
      { expressions: ['rate(6 hours)'], isEnabled: true, method: 'eventBus', ignored: [] },
      { expressions: ['cron(0 8 * * ? *)'], isEnabled: false, method: 'eventBus', input: { a: 1 }, ignored: [] },
      {
        expressions: ['rate(1 day)', 'rate(2 days)'],
        isEnabled: true,
        method: 'scheduler',
        timezone: 'Asia/Shanghai',
        ignored: [],
      },
    ]);
  });

  it('names the settings that it cannot apply', () => {
    const rate = 'rate(1 day)';
    const events = [
      { schedule: { rate, inputPath: '$.detail' } },
      { schedule: { rate, inputTransformer: { inputTemplate: '<a>' } } },
      { schedule: { rate, input: { queue: `\${!Ref EventsQueue}` } } },
    ];
    const schedules = readSchedules(events);
    expect(schedules.map(({ ignored }) => ignored)).toEqual([['inputPath'], ['inputTransformer'], ['input']]);
    expect(schedules.some(({ input }) => input !== undefined)).toBe(false);
  });

  it.each([undefined, null, 'schedule', [null], [{ schedule: null }]])(
    'accepts events without a schedule: %j',
    (events) => {
      expect(readSchedules(events)).toEqual([]);
    },
  );
});

describe('createScheduledEvent', () => {
  const schedule = (fields: Partial<Schedule> = {}): Schedule => ({
    expressions: ['rate(1 day)'],
    isEnabled: true,
    method: 'eventBus',
    ignored: [],
    ...fields,
  });
  const now = new Date('2026-01-31T08:00:00.123Z');

  it('creates the event that EventBridge sends', () => {
    const event = createScheduledEvent(schedule(), 'daily', 'eu-west-1', now) as ScheduledEvent;
    expect(event).toEqual({
      version: '0',
      id: expect.stringMatching(/^[\da-f-]{36}$/),
      'detail-type': 'Scheduled Event',
      source: 'aws.events',
      account: '000000000000',
      time: '2026-01-31T08:00:00Z',
      region: 'eu-west-1',
      resources: ['arn:aws:events:eu-west-1:000000000000:rule/daily'],
      detail: {},
    });
  });

  it('creates the event that EventBridge Scheduler sends', () => {
    expect(createScheduledEvent(schedule({ method: 'scheduler' }), 'daily', 'eu-west-1', now)).toMatchObject({
      source: 'aws.scheduler',
      resources: ['arn:aws:scheduler:eu-west-1:000000000000:schedule/default/daily'],
      detail: '{}',
    });
  });

  it.each([
    [{ a: 1 }, { a: 1 }],
    ['{"a":1}', { a: 1 }],
    [{ body: '{"a":1}' }, { body: { a: 1 } }],
  ])('returns the input %j as the framework passes it on', (input, event) => {
    expect(createScheduledEvent(schedule({ input }), 'daily')).toEqual(event);
  });

  it('rejects an input that is not JSON', () => {
    expect(() => createScheduledEvent(schedule({ input: 'Hello' }), 'daily')).toThrow(
      /^The input of the schedule of daily is not valid JSON: /,
    );
  });
});
