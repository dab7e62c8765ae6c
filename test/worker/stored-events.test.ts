import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Context } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { onEvent } from '../../lib/handler.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { modulesOf } from '../support/handler-modules.ts';
import { writtenLines } from '../support/written-output.ts';
import { createRecord } from './queue-records.ts';

const TYPE = 'example.thing.created_v1';

describe('A batch with events in S3', () => {
  const aws = emulatedAws();

  /** Creates the message of an event in S3. */
  function storedRecord(key: string, attempt = 1) {
    const record = createRecord(randomUUID(), { attempt, body: key });
    record.messageAttributes.encoding = { stringValue: 's3', dataType: 'String' };
    return record;
  }

  function start(environment: Record<string, string> = aws.environment) {
    const handled: unknown[] = [];
    const handler = onEvent(TYPE as never, (event) => void handled.push(event));
    const worker = createWorker(
      { v2: modulesOf({ [TYPE]: handler }), v1: modulesOf({}), fallback: modulesOf({}) },
      environment,
    );
    const context = { getRemainingTimeInMillis: () => 60_000 } as Context;
    return { handled, run: (Records: ReturnType<typeof createRecord>[]) => worker({ Records }, context) };
  }

  it('fails only the message whose event cannot be read, and retries it with a delay', async () => {
    const text = createRecord('stored').body;
    await aws.emulators.largeEvents.write('events/stored.json.gz', gzipSync(text), AbortSignal.timeout(60_000));
    const { handled, run } = start();
    const missing = storedRecord('events/missing.json.gz');
    const records = [missing, createRecord(randomUUID()), storedRecord('events/stored.json.gz')];
    expect(await run(records)).toEqual({ batchItemFailures: [{ itemIdentifier: missing.messageId }] });
    expect(handled).toEqual([{ thing: 'a thing' }, { thing: 'a thing' }]);
    const line = writtenLines().find((one) => one.includes(missing.messageId) && one.includes('will be retried'));
    expect(JSON.parse(line as string)).toMatchObject({
      error: expect.stringMatching(/^StoredEventUnavailable: .* S3 responded with 404 NoSuchKey/),
      seconds: 1,
    });
  });

  it('fails that message alone if the bucket is not configured', async () => {
    const { LARGE_EVENTS_BUCKET: _, ...environment } = aws.environment;
    const { handled, run } = start(environment);
    const stored = storedRecord('events/stored.json.gz');
    const result = await run([stored, createRecord(randomUUID())]);
    expect(result).toEqual({ batchItemFailures: [{ itemIdentifier: stored.messageId }] });
    expect(handled).toHaveLength(1);
    expect(writtenLines().join()).toContain('LARGE_EVENTS_BUCKET is not set');
  });
});
