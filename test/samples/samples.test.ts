import path from 'node:path';
import { EventDispatcher, LoggerLevel, normalize } from '@larksuiteoapi/node-sdk';
import { describe, expect, it } from 'vitest';
import { OLD_CARD_TYPE, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { generateSamples } from '../../lib/samples/generate.ts';
import { createSample, SAMPLE_TYPES, type SampleType, samplePayload } from '../../lib/samples/samples.ts';
import { PROJECT_ROOT } from '../support/project.ts';

const token = 'verification token';

/** All samples: each type's only sample, or each of its variants. */
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
  it('match the current types', async () => {
    const file = path.join(PROJECT_ROOT, 'lib/samples/generated.ts');
    await expect(generateSamples(PROJECT_ROOT)).toMatchFileSnapshot(file);
  });

  it('are never empty', () => {
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

  it('contains no host but example.com', () => {
    const hosts = Array.from(create(sample).matchAll(/https?:\/\/([^/"\\]+)/g), ([, host]) => host);
    expect(hosts.filter((host) => host !== 'example.com')).toEqual([]);
  });
});

describe.each(SAMPLES.filter(({ type }) => type !== OLD_CARD_TYPE))('The sample of $name', (sample) => {
  it('is accepted by the official SDK, with its payload', async () => {
    const body = JSON.parse(create(sample));
    // The SDK overwrites fields of a v1.0 event with those of its envelope.
    const ownFields = Object.fromEntries(Object.entries(body.event).filter(([name]) => !(name in body)));
    const received: object[] = [];
    const dispatcher = new EventDispatcher({ loggerLevel: LoggerLevel.error });
    dispatcher.register({ [sample.type]: (payload: object) => received.push(payload) });
    await dispatcher.invoke(body, { needCheck: false });
    expect(received).toEqual([expect.objectContaining(ownFields)]);
  });
});

describe('The samples of messages', () => {
  const type = 'im.message.receive_v1';
  const variants = SAMPLE_TYPES.find((sample) => sample.type === type)?.variants ?? [];

  it('contain every kind', () => {
    const kinds = new Set(variants.map((variant) => samplePayload(type, variant).message.message_type));
    expect([...kinds].sort()).toEqual([
      ...['audio', 'calendar', 'file', 'folder', 'general_calendar', 'hongbao', 'image', 'interactive', 'location'],
      ...['media', 'merge_forward', 'post', 'share_calendar_event', 'share_chat', 'share_user', 'sticker', 'system'],
      ...['text', 'todo', 'video_chat', 'vote'],
    ]);
  });

  // The SDK cannot read a card as the platform delivers it.
  it.each(variants.filter((variant) => variant !== 'interactive'))(
    'have content that the official SDK can read: %s',
    async (variant) => {
      const event = samplePayload(type, variant);
      const { content } = await normalize(event as Parameters<typeof normalize>[0], {
        botIdentity: { openId: 'ou_bot', name: 'Echo' },
        fetchSubMessages: async () => [],
      });
      // The SDK's placeholder for content that it cannot read, such as "[image]".
      expect(content).not.toMatch(/^(<\w+>\n)?\[[a-z ]+\]/);
      expect(content).not.toMatch(/\{\w+\}/);
    },
  );
});

describe('createSample', () => {
  it('creates events with unique ids', () => {
    const events = SAMPLES.filter(({ type }) => type !== OLD_CARD_TYPE).flatMap((sample) => [
      create(sample),
      create(sample),
    ]);
    const ids = events.map((text) => parseEnvelope(text)).map((envelope) => 'header' in envelope && envelope.header.id);
    expect(new Set(ids).size).toBe(events.length);
  });

  it('rejects an unknown variant, and lists the known ones', () => {
    const options = { version: '2.0', token, variant: 'picture' } as const;
    expect(() => createSample('im.message.receive_v1', options)).toThrow(
      /no sample "picture" of im\.message\.receive_v1\. Choose one of: text, .*image/,
    );
    expect(() => createSample('acs.user.updated_v1', options)).toThrow(
      'There is no sample "picture" of acs.user.updated_v1. It has only one sample.',
    );
  });
});
