import path from 'node:path';
import { EventDispatcher, LoggerLevel } from '@larksuiteoapi/node-sdk';
import { describe, expect, it } from 'vitest';
import { OLD_CARD_TYPE, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { generateSamples } from '../../lib/samples/generate.ts';
import { createSample, SAMPLE_TYPES, type SampleType } from '../../lib/samples/samples.ts';
import { PROJECT_ROOT } from '../support/project.ts';

const token = 'verification token';

/** Each sample there is: the one of a type, or each of its variants. */
const SAMPLES = SAMPLE_TYPES.flatMap((sample) =>
  sample.variants.length === 0
    ? [{ ...sample, name: sample.type }]
    : sample.variants.map((variant) => nameOf(sample, variant)),
);

function nameOf(sample: SampleType, variant: string) {
  return { ...sample, name: `${sample.type} (${variant})`, variant };
}

const create = ({ type, version, variant }: { type: string; version: '1.0' | '2.0'; variant?: string }) =>
  createSample(type, { version, token, ...(variant !== undefined && { variant }) });

describe('The generated samples', () => {
  it('are those of the types as they are now', async () => {
    const file = path.join(PROJECT_ROOT, 'lib/samples/generated.ts');
    await expect(generateSamples(PROJECT_ROOT)).toMatchFileSnapshot(file);
  });

  it('are empty for no type', () => {
    const empty = SAMPLES.filter((sample) => sample.variants.length === 0).filter(({ type, version }) => {
      const body = JSON.parse(createSample(type, { version, token }));
      return Object.keys(body.event).length === 0;
    });
    expect(empty.map(({ type }) => type)).toEqual([]);
  });
});

describe.each(SAMPLES)('The sample of $name', (sample) => {
  it('is an event of its type', () => {
    expect(parseEnvelope(create(sample))).toMatchObject({
      kind: sample.isCallback ? 'callback' : 'event',
      header: { type: sample.type, version: sample.version },
    });
  });

  it('names no host but an example', () => {
    const hosts = Array.from(create(sample).matchAll(/https?:\/\/([^/"\\]+)/g), ([, host]) => host);
    expect(hosts.filter((host) => host !== 'example.com')).toEqual([]);
  });
});

describe.each(SAMPLES.filter(({ type }) => type !== OLD_CARD_TYPE))('The sample of $name', (sample) => {
  it('is taken by the official SDK, with its payload', async () => {
    const body = JSON.parse(create(sample));
    // It puts the fields of v1.0's envelope over the event's own.
    const own = Object.fromEntries(Object.entries(body.event).filter(([name]) => !(name in body)));
    const received: object[] = [];
    const dispatcher = new EventDispatcher({ loggerLevel: LoggerLevel.error });
    dispatcher.register({ [sample.type]: (payload: object) => received.push(payload) });
    await dispatcher.invoke(body, { needCheck: false });
    expect(received).toEqual([expect.objectContaining(own)]);
  });
});

describe('createSample', () => {
  it('gives each event ids of its own', () => {
    const events = SAMPLES.filter(({ type }) => type !== OLD_CARD_TYPE).flatMap((sample) => [
      create(sample),
      create(sample),
    ]);
    const ids = events.map((text) => parseEnvelope(text)).map((envelope) => 'header' in envelope && envelope.header.id);
    expect(new Set(ids).size).toBe(events.length);
  });

  it('refuses a variant that there is not, and says which there are', () => {
    const options = { version: '2.0', token, variant: 'picture' } as const;
    expect(() => createSample('im.message.receive_v1', options)).toThrow(
      /no "picture" of im\.message\.receive_v1: there is text, .*image/,
    );
    expect(() => createSample('acs.user.updated_v1', options)).toThrow(
      'There is no "picture" of acs.user.updated_v1: there is but one sample of it.',
    );
  });
});
