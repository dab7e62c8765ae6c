import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

/**
 * The time on a service's clock, in milliseconds since the epoch. It is the same for all workers, even if their own
 * clocks differ by hours.
 */
export interface ServiceClock {
  /** The lower bound of the service's time. */
  earliest(): number;
  /** The upper bound of the service's time. */
  latest(): number;
}

/** The resolution of the `Date` header. */
const RESOLUTION_MILLISECONDS = 1000;

/**
 * Measures the clock of a client's service by the `Date` header of each response (RFC 9110, section 6.6.1). Until the
 * first response, this machine's clock is assumed to be accurate to the second.
 */
export function measureServiceClock(client: DynamoDBClient): ServiceClock {
  /** The bounds of how far the service's clock is ahead of this machine's. */
  let offset = { earliest: 0, latest: RESOLUTION_MILLISECONDS };
  let isMeasured = false;

  const observe = (date: number, sentAt: number, receivedAt: number) => {
    // The service wrote the header between the two times, and cut off the fraction of a second.
    const sample = { earliest: date - receivedAt, latest: date + RESOLUTION_MILLISECONDS - sentAt };
    const combined = {
      earliest: Math.max(offset.earliest, sample.earliest),
      latest: Math.min(offset.latest, sample.latest),
    };
    // If the bounds contradict each other, one of the clocks was adjusted.
    offset = isMeasured && combined.earliest <= combined.latest ? combined : sample;
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
    // Low priority, so that it runs before the response is deserialized, which throws if it is an error.
    // Stryker disable next-line StringLiteral: this SDK version adds its deserializer first, so any order works
    { step: 'deserialize', priority: 'low' },
  );

  return {
    earliest: () => Date.now() + offset.earliest,
    latest: () => Date.now() + offset.latest,
  };
}
