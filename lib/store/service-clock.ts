import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

/**
 * The time on a service's clock, in milliseconds since the epoch. All workers see the same service, so that times they
 * write and compare mean the same even if their own clocks differ by hours.
 */
export interface ServiceClock {
  /** The service's clock shows this time or a later one. */
  earliest(): number;
  /** The service's clock shows this time or an earlier one. */
  latest(): number;
}

/** The `Date` header has whole seconds. */
const RESOLUTION_MILLISECONDS = 1000;

/**
 * Measures a client's service clock by the `Date` header of each response (RFC 9110, section 6.6.1). Before the first
 * response, the clock is assumed to be right to the second.
 */
export function measureServiceClock(client: DynamoDBClient): ServiceClock {
  /** The bounds of what the service's clock is ahead of this machine's. */
  let offset = { earliest: 0, latest: RESOLUTION_MILLISECONDS };
  let isMeasured = false;

  const observe = (date: number, sentAt: number, receivedAt: number) => {
    // The service wrote the header between the two, and cut the fraction of a second off.
    const sample = { earliest: date - receivedAt, latest: date + RESOLUTION_MILLISECONDS - sentAt };
    const both = {
      earliest: Math.max(offset.earliest, sample.earliest),
      latest: Math.min(offset.latest, sample.latest),
    };
    // If they contradict each other, one of the clocks was set since.
    offset = isMeasured && both.earliest <= both.latest ? both : sample;
    isMeasured = true;
  };

  client.middlewareStack.add(
    (next) => async (args) => {
      const sentAt = Date.now();
      const result = await next(args);
      const { headers } = result.response as { headers: Record<string, string> };
      const date = Date.parse(`${headers.date}`);
      if (!Number.isNaN(date)) observe(date, sentAt, Date.now());
      return result;
    },
    // Of low priority: called with the response before it is deserialized, which throws if it is an error.
    // Stryker disable next-line StringLiteral: this version of the SDK adds its deserializer before, so that any order fits
    { step: 'deserialize', priority: 'low' },
  );

  return {
    earliest: () => Date.now() + offset.earliest,
    latest: () => Date.now() + offset.latest,
  };
}
