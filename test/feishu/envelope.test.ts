import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { rejectionOf } from '../support/rejection.ts';
import { runs } from '../support/volume.ts';

const parse = (body: unknown) => parseEnvelope(JSON.stringify(body));

describe('a v2.0 event', () => {
  const body = {
    schema: '2.0',
    header: {
      event_id: '5e3702a84e847582be8db7fb73283c02',
      event_type: 'im.message.receive_v1',
      create_time: '1608725989000',
      token: 'rvaYgkND1GOiu5MM0E1rncYC6PLtF7JV',
      app_id: 'cli_9f5343c580712544',
      tenant_key: '2ca1d211f64f6438',
    },
    event: { message: { message_id: 'om_5ce6d572455d361153b7cb51da133945' } },
  };

  it('is recognized by its header', () => {
    expect(parse(body)).toEqual({
      kind: 'event',
      header: {
        id: '5e3702a84e847582be8db7fb73283c02',
        type: 'im.message.receive_v1',
        version: '2.0',
        tenant: '2ca1d211f64f6438',
        app: 'cli_9f5343c580712544',
        created: new Date('2020-12-23T12:19:49Z'),
        fields: {
          event_id: '5e3702a84e847582be8db7fb73283c02',
          event_type: 'im.message.receive_v1',
          create_time: '1608725989000',
          app_id: 'cli_9f5343c580712544',
          tenant_key: '2ca1d211f64f6438',
        },
      },
      token: 'rvaYgkND1GOiu5MM0E1rncYC6PLtF7JV',
      event: body.event,
    });
  });

  it('is recognized by its header if the schema is missing', () => {
    expect(parse({ ...body, schema: undefined })).toEqual(parse(body));
  });

  it('may have an event.type that is not a string', () => {
    const event = { type: 3, calendar_id: 'feishu.cn_xxx@group.calendar.feishu.cn' };
    expect(parse({ ...body, event })).toMatchObject({
      header: { version: '2.0', type: 'im.message.receive_v1' },
      event,
    });
  });

  it('may have an event.type that looks like a v1.0 type', () => {
    const event = { type: 'out_approval' };
    expect(parse({ ...body, event })).toMatchObject({
      header: { version: '2.0', type: 'im.message.receive_v1' },
      event,
    });
  });

  it('needs only a type', () => {
    expect(parse({ schema: '2.0', header: { event_type: 'im.message.receive_v1' } })).toEqual({
      kind: 'event',
      header: {
        id: undefined,
        type: 'im.message.receive_v1',
        version: '2.0',
        tenant: undefined,
        app: undefined,
        created: undefined,
        fields: { event_type: 'im.message.receive_v1' },
      },
      token: undefined,
      event: {},
    });
  });

  it('keeps all fields of its header except the token', () => {
    const drive = {
      resource_id: 'doccn1',
      user_list: [{ open_id: 'ou_1', union_id: 'on_1', user_id: '' }],
      novel: [1],
    };
    const { header } = parse({ ...body, header: { ...body.header, ...drive } }) as EventEnvelope;
    const { token: _, ...fields } = body.header;
    expect(header.fields).toEqual({ ...fields, ...drive });
  });

  it('may have an event_create_time, in seconds, in place of a create_time', () => {
    const header = { ...body.header, create_time: undefined, event_create_time: '1764150000.1234567' };
    expect(parse({ ...body, header })).toMatchObject({ header: { created: new Date('2025-11-26T09:40:00.123Z') } });
  });

  it('may have empty strings in place of missing values', () => {
    const header = { event_type: 'im.message.receive_v1', event_id: '', token: '', app_id: '', tenant_key: '' };
    const { header: parsed, token } = parse({ ...body, header }) as EventEnvelope;
    expect({ id: parsed.id, tenant: parsed.tenant, app: parsed.app, created: parsed.created, token }).toEqual({});
  });

  it.each([[null], [[]], ['text'], [1]])('has an empty payload if "event" is %j', (event) => {
    expect(parse({ ...body, event })).toMatchObject({ event: {} });
  });

  it.each(['card.action.trigger', 'url.preview.get', 'profile.view.get'])(
    'is a callback if its type is %s',
    (event_type) => {
      const event = { token: 'c-295ee57216a5dc9de90fefd0aadb4b1d7d6b7b18', host: 'im_message' };
      expect(parse({ ...body, header: { ...body.header, event_type }, event })).toMatchObject({
        kind: 'callback',
        header: { type: event_type, version: '2.0' },
        // Not the event's token, which is for updating the card.
        token: 'rvaYgkND1GOiu5MM0E1rncYC6PLtF7JV',
        event,
      });
    },
  );
});

it('An event of any version is a callback if the caller says so', () => {
  const types = new Set(['example.thing.get']);
  const version2 = { schema: '2.0', header: { event_type: 'example.thing.get' } };
  const version1 = { uuid: '1', event: { type: 'example.thing.get' } };
  for (const body of [version2, version1]) {
    expect(parseEnvelope(JSON.stringify(body), types)).toMatchObject({ kind: 'callback' });
    expect(parseEnvelope(JSON.stringify(body))).toMatchObject({ kind: 'event' });
  }
});

describe('a v1.0 event', () => {
  const body = {
    ts: '1502199207.7171419',
    uuid: 'bc447199585340d1f3728d26b1c0297a',
    token: '41a9425ea7df4536a7623e38fa321bae',
    type: 'event_callback',
    event: { type: 'p2p_chat_create', app_id: 'cli_xxx', tenant_key: '736588c9260f175c', chat_id: 'oc_xxx' },
  };

  it('is recognized by its event.type', () => {
    expect(parse(body)).toEqual({
      kind: 'event',
      header: {
        id: 'bc447199585340d1f3728d26b1c0297a',
        type: 'p2p_chat_create',
        version: '1.0',
        tenant: '736588c9260f175c',
        app: 'cli_xxx',
        created: new Date('2017-08-08T13:33:27.717Z'),
        fields: { ts: '1502199207.7171419', uuid: 'bc447199585340d1f3728d26b1c0297a', type: 'event_callback' },
      },
      token: '41a9425ea7df4536a7623e38fa321bae',
      event: body.event,
    });
  });

  it.each([[''], [undefined], ['something_else'], [7]])('is recognized if the outer type is %j', (type) => {
    const expected = parse(body) as EventEnvelope;
    const { type: _, ...fields } = expected.header.fields;
    const header = { ...expected.header, fields: { ...fields, ...(type !== undefined && { type }) } };
    expect(parse({ ...body, type })).toEqual({ ...expected, header });
  });

  it('keeps the fields next to its event', () => {
    expect(parse({ ...body, novel: { a: 1 } })).toMatchObject({ header: { fields: { novel: { a: 1 } } } });
  });

  it('may have an empty uuid', () => {
    expect(parse({ ...body, uuid: '' })).toMatchObject({ header: { type: 'p2p_chat_create', id: undefined } });
  });

  it('keeps the uuid of an approval_instance in the payload and never uses it as the event id', () => {
    const event = { type: 'approval_instance', app_id: 'cli_xxx', uuid: 'the-instance', status: 'APPROVED' };
    expect(parse({ ...body, event })).toMatchObject({ header: { id: body.uuid }, event: { uuid: 'the-instance' } });
    expect(parse({ ...body, uuid: '', event })).toMatchObject({ header: { id: undefined } });
  });

  it('may have no tenant, for example app_ticket', () => {
    const event = { type: 'app_ticket', app_id: 'cli_xxx', app_ticket: 'xxx' };
    expect(parse({ ...body, event })).toMatchObject({ header: { type: 'app_ticket', tenant: undefined }, event });
  });

  it('is not an old card callback, even if it has an action and a message', () => {
    const event = { type: 'message', open_message_id: 'om_1', action: { tag: 'button' } };
    expect(parse({ ...body, open_message_id: 'om_1', action: {}, event })).toMatchObject({
      header: { type: 'message' },
    });
  });
});

describe('a URL verification', () => {
  const body = { challenge: 'ajls384kdjx98XX', token: 'xxxxxx', type: 'url_verification' };

  it('is recognized by its type', () => {
    expect(parse(body)).toEqual({ kind: 'url-verification', challenge: 'ajls384kdjx98XX', token: 'xxxxxx' });
  });

  it('may lack its token', () => {
    expect(parse({ ...body, token: undefined })).toMatchObject({ kind: 'url-verification', token: undefined });
  });

  it.each([[undefined], [''], [5], [{}]])('is rejected if its challenge is %j', (challenge) => {
    expect(rejectionOf(() => parse({ ...body, challenge }))?.code).toBe('FEISHU_ENVELOPE_UNKNOWN');
  });
});

describe('an old card callback', () => {
  const body = {
    open_id: 'ou_sdfimx9948345',
    user_id: 'eu_sd923r0sdf5',
    open_message_id: 'om_abcdefg1234567890',
    tenant_key: 'd32004232',
    token: 'c-295ee57216a5dc9de90fefd0aadb4b1d7d6b7b18',
    timezone: '',
    action: { value: { tag: 'button' }, tag: 'button' },
  };

  it('is recognized by its action and message, and the whole body is the payload', () => {
    expect(parse(body)).toEqual({
      kind: 'callback',
      header: {
        id: undefined,
        type: 'card.action.trigger_v1',
        version: '1.0',
        tenant: 'd32004232',
        app: undefined,
        created: undefined,
        fields: {},
      },
      token: undefined,
      event: body,
    });
  });

  it('takes precedence over a "type" field in the body', () => {
    expect(parse({ ...body, type: 'url_verification', challenge: 'x' })).toMatchObject({ kind: 'callback' });
  });
});

describe('a body that parseEnvelope rejects', () => {
  it.each([
    ['invalid JSON', '{"schema":'],
    ['empty', ''],
    ['JSON after a byte order mark', '\uFEFF{"schema":"2.0","header":{"event_type":"im.message.receive_v1"}}'],
    ['two values', '{}{}'],
    ['an array', '[{"schema":"2.0","header":{"event_type":"im.message.receive_v1"}}]'],
    ['a string', '"text"'],
    ['a number', '1'],
    ['null', 'null'],
  ])('is %s', (_name, text) => {
    expect(rejectionOf(() => parseEnvelope(text))).toMatchObject({ code: 'FEISHU_BODY_NOT_JSON', status: 400 });
  });

  it.each([
    ['no fields', {}],
    ['a schema without a header', { schema: '2.0' }],
    ['a schema without a header, and an event with a type', { schema: '2.0', event: { type: 'message' } }],
    ['a header that is not an object', { schema: '2.0', header: 'im.message.receive_v1' }],
    ['a header without a type', { schema: '2.0', header: { event_id: '1' }, event: { type: 'message' } }],
    ['an empty type', { schema: '2.0', header: { event_type: '' } }],
    ['a type that is not a string', { schema: '2.0', header: { event_type: ['im.message.receive_v1'] } }],
    ['an event without a type', { uuid: '1', type: 'event_callback', event: {} }],
    ['an event with an empty type', { uuid: '1', type: 'event_callback', event: { type: '' } }],
    ['an event that is an array', { uuid: '1', type: 'event_callback', event: [{ type: 'message' }] }],
    ['an old card without a message', { action: { tag: 'button' }, open_id: 'ou_1' }],
    ['an old card without an action', { open_message_id: 'om_1', open_id: 'ou_1' }],
  ])('has %s', (_name, body) => {
    expect(rejectionOf(() => parse(body))).toMatchObject({ code: 'FEISHU_ENVELOPE_UNKNOWN', status: 400 });
  });

  it('is not quoted in the error', () => {
    const marker = 'd7f3c1a95b';
    for (const text of [
      marker,
      `{"${marker}":"${marker}"}`,
      `{"schema":"${marker}"}`,
      `{"event":{"type":["${marker}"]}}`,
    ]) {
      const error = rejectionOf(() => parseEnvelope(text));
      expect(`${error?.stack} ${error?.cause}`).toContain('FeishuError');
      expect(`${error?.stack} ${error?.cause}`).not.toContain(marker);
    }
  });
});

describe('parseEnvelope', () => {
  it('returns a typed event or throws a FeishuError for any JSON', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          anyEnvelopeLike.map((body) => JSON.stringify(body)),
        ),
        expectEnvelopeOrError,
      ),
      { numRuns: runs(10_000) },
    );
  });

  it('returns a typed event or throws a FeishuError for any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), expectEnvelopeOrError), { numRuns: runs(10_000) });
  });

  it('returns any payload unchanged', () => {
    fc.assert(
      fc.property(anyPayload, fc.string({ minLength: 1 }), (event, event_type) => {
        const parsed = parse({ schema: '2.0', header: { event_type }, event });
        expect(parsed).toMatchObject({ header: { type: event_type } });
        expect((parsed as EventEnvelope).event).toEqual(JSON.parse(JSON.stringify(event)));
      }),
      { numRuns: runs(2000) },
    );
  });

  it('is not confused by the names of properties that every object has', () => {
    const text = '{"__proto__":{"schema":"2.0","header":{"event_type":"im.message.receive_v1"}},"constructor":{}}';
    expect(rejectionOf(() => parseEnvelope(text))?.code).toBe('FEISHU_ENVELOPE_UNKNOWN');
  });
});

const anyPayload = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 5 });
const anyField = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom('', 'url_verification', 'message', '2.0'));
/** Objects with the fields of envelopes and arbitrary values. */
const anyEnvelopeLike = fc.record(
  {
    schema: anyField,
    header: fc.oneof(anyField, fc.record({ event_type: anyField, event_id: anyField, token: anyField })),
    event: fc.oneof(anyField, fc.record({ type: anyField, app_id: anyField })),
    type: anyField,
    uuid: anyField,
    token: anyField,
    challenge: anyField,
    action: fc.oneof(anyField, fc.constant({})),
    open_message_id: anyField,
  },
  { requiredKeys: [] },
);

function expectEnvelopeOrError(text: string): void {
  const error = rejectionOf(() => {
    const envelope = parseEnvelope(text);
    if (envelope.kind === 'url-verification') expect(envelope.challenge).not.toBe('');
    else expect([envelope.header.type === '', typeof envelope.event]).toEqual([false, 'object']);
  });
  expect(error?.status ?? 400).toBe(400);
}
