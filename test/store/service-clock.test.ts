import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { measureServiceClock } from '../../lib/store/service-clock.ts';

/** What this machine's clock shows. */
const NOW = Date.parse('2026-01-02T03:04:05.250Z');
const HOUR_MILLISECONDS = 60 * 60 * 1000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
});
afterEach(() => {
  vi.useRealTimers();
});

interface Response {
  /** Of the header, relative to {@link NOW}; a text: the header itself. */
  date: number | string | undefined;
  takesMilliseconds?: number;
  status?: number;
}

/** Creates a clock, and a function that simulates a response. */
function createClock() {
  let next: Response = { date: undefined };
  const client = new DynamoDBClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    requestHandler: {
      async handle() {
        const { date, takesMilliseconds = 0, status = 200 } = next;
        vi.setSystemTime(Date.now() + takesMilliseconds);
        const header = typeof date === 'number' ? new Date(NOW + date).toUTCString() : date;
        const headers = { 'content-type': 'application/x-amz-json-1.0', ...(header !== undefined && { date: header }) };
        return { response: { statusCode: status, headers, body: new TextEncoder().encode('{}') } };
      },
    } as never,
  });
  const clock = measureServiceClock(client);
  return {
    /** The bounds, relative to {@link NOW}. */
    bounds: () => [clock.earliest() - NOW, clock.latest() - NOW],
    async receive(response: Response) {
      next = response;
      await client.send(new GetItemCommand({ TableName: 'table', Key: { id: { S: 'id' } } }));
    },
  };
}

describe('The clock of a service', () => {
  it('equals this machine’s clock to the second before the first response', () => {
    expect(createClock().bounds()).toEqual([0, 1000]);
  });

  it('is within the second of the response, and advances with this machine’s clock', async () => {
    const { bounds, receive } = createClock();
    await receive({ date: HOUR_MILLISECONDS });
    // The header has no fraction of a second.
    expect(bounds()).toEqual([HOUR_MILLISECONDS - 250, HOUR_MILLISECONDS + 750]);
    vi.setSystemTime(NOW + 5000);
    expect(bounds()).toEqual([HOUR_MILLISECONDS + 4750, HOUR_MILLISECONDS + 5750]);
  });

  it('is less certain the longer the response took', async () => {
    const { bounds, receive } = createClock();
    await receive({ date: -250, takesMilliseconds: 400 });
    // From the second in the header, if it was written last, to its end and 400 ms, if it was written first.
    expect(bounds()).toEqual([-250, 1150]);
  });

  it('is the same for an error response', async () => {
    const { bounds, receive } = createClock();
    await expect(receive({ date: HOUR_MILLISECONDS, status: 400 })).rejects.toThrow();
    expect(bounds()).toEqual([HOUR_MILLISECONDS - 250, HOUR_MILLISECONDS + 750]);
  });

  it.each([undefined, 'yesterday'])('is not changed by a response whose date is %s', async (date) => {
    const { bounds, receive } = createClock();
    await receive({ date });
    expect(bounds()).toEqual([0, 1000]);
    await receive({ date: HOUR_MILLISECONDS });
    await receive({ date });
    expect(bounds()).toEqual([HOUR_MILLISECONDS - 250, HOUR_MILLISECONDS + 750]);
  });

  it('is within the bounds of all responses', async () => {
    const { bounds, receive } = createClock();
    await receive({ date: -250 });
    expect(bounds()).toEqual([-250, 750]);
    vi.setSystemTime(NOW + 600);
    // Now the service's second is not over yet: it began at most 400 ms before.
    await receive({ date: -250 });
    expect(bounds()).toEqual([350, 750]);
    vi.setSystemTime(NOW + 800);
    await receive({ date: 750 });
    expect(bounds()).toEqual([750, 950]);
  });

  it('is exact when the bounds meet', async () => {
    const { bounds, receive } = createClock();
    await receive({ date: -250 });
    vi.setSystemTime(NOW + 1000);
    await receive({ date: 1750 });
    expect(bounds()).toEqual([1750, 1750]);
  });

  it('follows the last response if a clock was changed', async () => {
    const { bounds, receive } = createClock();
    await receive({ date: HOUR_MILLISECONDS });
    await receive({ date: -HOUR_MILLISECONDS });
    expect(bounds()).toEqual([-HOUR_MILLISECONDS - 250, -HOUR_MILLISECONDS + 750]);
    await receive({ date: HOUR_MILLISECONDS });
    expect(bounds()).toEqual([HOUR_MILLISECONDS - 250, HOUR_MILLISECONDS + 750]);
  });
});
