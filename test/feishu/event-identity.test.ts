import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { conversationOf, deduplicationKey, userOf } from '../../lib/feishu/event-identity.ts';
import { samplePayload, versionOf } from '../../lib/samples/samples.ts';
import { runs } from '../support/volume.ts';

type SampleName = Parameters<typeof samplePayload>[0];

interface Identity {
  id?: string;
  type?: string;
  app?: string;
  tenant?: string;
}

function version2(
  event: object,
  { id = 'event-1', type = 'im.chat.updated_v1', app = 'cli_1', tenant = 't1' }: Identity,
) {
  return JSON.stringify({
    schema: '2.0',
    header: { event_id: id, event_type: type, app_id: app, tenant_key: tenant },
    event,
  });
}

const version1 = (uuid: string, event: object) =>
  JSON.stringify({ ts: '1502199207.7', uuid, token: 't', type: 'event_callback', event });

const envelopeOf = (text: string) => parseEnvelope(text) as EventEnvelope;
const keyOf = (text: string) => deduplicationKey(envelopeOf(text), text);
const conversation = (text: string, splitsTopics = false) => conversationOf(envelopeOf(text), splitsTopics);

describe('the deduplication key', () => {
  it('is the same for a message that is delivered again with another event_id', () => {
    const type = 'im.message.receive_v1';
    const event = { message: { message_id: 'om_1' } };
    expect(keyOf(version2(event, { type, id: 'event-1' }))).toBe(keyOf(version2(event, { type, id: 'event-2' })));
  });

  it('differs for two messages with the same event_id', () => {
    const type = 'im.message.receive_v1';
    expect(keyOf(version2({ message: { message_id: 'om_1' } }, { type }))).not.toBe(
      keyOf(version2({ message: { message_id: 'om_2' } }, { type })),
    );
  });

  it.each([[{}], [{ message: {} }], [{ message: { message_id: '' } }], [{ message: 'om_1' }], [{ message: null }]])(
    'uses the event_id of a message without a message_id: %j',
    (event) => {
      const type = 'im.message.receive_v1';
      expect(keyOf(version2(event, { type, id: 'event-1' }))).toBe(
        keyOf(version2({ other: 1 }, { type, id: 'event-1' })),
      );
      expect(keyOf(version2(event, { type, id: 'event-1' }))).not.toBe(keyOf(version2(event, { type, id: 'event-2' })));
    },
  );

  it('uses the event_id of every other v2.0 event, even for the same message', () => {
    const type = 'im.message.reaction.created_v1';
    const event = { message: { message_id: 'om_1' } };
    expect(keyOf(version2(event, { type, id: 'event-1' }))).not.toBe(keyOf(version2(event, { type, id: 'event-2' })));
    expect(keyOf(version2(event, { type }))).toBe(keyOf(version2({ another: 'payload' }, { type })));
  });

  it('uses the uuid of a v1.0 event', () => {
    const event = { type: 'out_approval', app_id: 'cli_1' };
    expect(keyOf(version1('uuid-1', event))).toBe(keyOf(version1('uuid-1', { ...event, out_reason: 'later' })));
    expect(keyOf(version1('uuid-1', event))).not.toBe(keyOf(version1('uuid-2', event)));
  });

  it('never uses the inner uuid of an approval_instance, which all its events share', () => {
    const event = { type: 'approval_instance', app_id: 'cli_1', uuid: 'the-instance' };
    expect(keyOf(version1('uuid-1', event))).not.toBe(keyOf(version1('uuid-2', event)));
    expect(keyOf(version1('', { ...event, status: 'PENDING' }))).not.toBe(
      keyOf(version1('', { ...event, status: 'APPROVED' })),
    );
  });

  it('is a hash of the body if the event has no id', () => {
    const text = version2({ a: 1 }, { id: '' });
    expect(keyOf(text)).toBe(keyOf(text));
    expect(keyOf(text)).not.toBe(keyOf(version2({ a: 2 }, { id: '' })));
  });

  describe('of an event without an id', () => {
    const version2Text = (token: string, rest = '') =>
      `{"schema":"2.0","header":{"event_id":"","event_type":"a.b_v1",${token}"app_id":"cli_1"},"event":{"n":1${rest}}}`;
    const version1Text = (token: string, rest = '') => `{"uuid":"",${token}"event":{"type":"a","n":1${rest}}}`;

    it.each([
      ['v2.0', version2Text],
      ['v1.0', version1Text],
    ])('is the same for any Verification Token: %s', (_name, write) => {
      const byWebhook = keyOf(write('"token":"rvaYgkND1GOiu5MM0E1rncYC6PLtF7JV",'));
      expect(keyOf(write('"token":"",'))).toBe(byWebhook);
      expect(keyOf(write('"token":"after a rotation",'))).toBe(byWebhook);
      expect(keyOf(write('"\\u0074oken": "escaped" , '))).toBe(byWebhook);
      expect(keyOf(write(''))).toBe(byWebhook);
    });

    it.each([
      ['v2.0', version2Text],
      ['v1.0', version1Text],
    ])('differs if anything else differs: %s', (_name, write) => {
      const rests = [
        '',
        ',"token":"c-1"',
        ',"token":"c-2"',
        ',"id":9007199254740992',
        ',"id":9007199254740993',
        ',"header":{"token":"c-1"}',
        ',"header":{"token":"c-2"}',
      ];
      expect(new Set(rests.map((rest) => keyOf(write('"token":"t",', rest)))).size).toBe(rests.length);
    });

    it('depends on a token in a place where the version has no Verification Token', () => {
      const keys = ['a', 'b'].map((token) =>
        keyOf(version2Text('').replace('{"schema"', `{"token":"${token}","schema"`)),
      );
      expect(new Set(keys).size).toBe(2);
    });

    it('can be computed for an event that is nested 100,000 levels deep', () => {
      const deep = (inner: string) => `,"deep":${'{"a":'.repeat(100_000)}${inner}${'}'.repeat(100_000)}`;
      const keys = ['1', '2'].map((inner) => keyOf(version2Text('"token":"t",', deep(inner))));
      expect(keys[0]).not.toBe(keys[1]);
      expect(keyOf(version2Text('"token":"",', deep('1')))).toBe(keys[0]);
    });
  });

  it('is a hash of the body of an old card callback, so that each click counts', () => {
    const click = (token: string) => JSON.stringify({ open_message_id: 'om_1', token, action: { tag: 'button' } });
    expect(keyOf(click('c-1'))).toBe(keyOf(click('c-1')));
    expect(keyOf(click('c-1'))).not.toBe(keyOf(click('c-2')));
  });

  it('differs between apps and types', () => {
    const keys = [
      keyOf(version2({}, {})),
      keyOf(version2({}, { app: 'cli_2' })),
      keyOf(version2({}, { app: '' })),
      keyOf(version2({}, { type: 'im.chat.disbanded_v1' })),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('depends on where the app ends and the type begins', () => {
    const anyPart = fc.string({ minLength: 1 });
    fc.assert(
      fc.property(anyPart, anyPart, anyPart, fc.constantFrom(',', ':', '/', '|', '#', '","'), (a, b, c, separator) => {
        const one = { app: `${a}${separator}${b}`, type: c };
        const other = { app: a, type: `${b}${separator}${c}` };
        expect(keyOf(version2({}, one))).not.toBe(keyOf(version2({}, other)));
      }),
      { numRuns: runs(2000) },
    );
  });
});

describe('the conversation of an event', () => {
  it.each([
    ["a message's chat", { message: { chat_id: 'oc_1' } }],
    ["the event's chat", { chat_id: 'oc_1' }],
    ["the chat of v1.0's messages", { open_chat_id: 'oc_1' }],
    ['the chat in which a card was clicked', { context: { open_chat_id: 'oc_1' } }],
  ])('is %s', (_name, event) => {
    expect(conversation(version2(event, {}))).toBe('oc_1');
  });

  it.each<[string, SampleName, SampleName]>([
    ['a document', 'drive.file.title_updated_v1', 'drive.file.bitable_record_changed_v1'],
    ['an approval instance', 'approval.instance.status_changed_v4', 'approval.task.status_changed_v4'],
    ['an approval instance in v1.0', 'approval_cc', 'out_approval_revert'],
    ['a meeting', 'vc.meeting.meeting_started_v1', 'vc.meeting.recording_ended_v1'],
    ['a post', 'moments.post.created_v1', 'moments.post.deleted_v1'],
    ['a user', 'contact.user.created_v3', 'contact.user.deleted_v3'],
    ['a user in v1.0', 'user_add', 'user_leave'],
  ])('is %s if there is no chat', (_, type, another) => {
    const [first, second] = [type, another].map((each) => identify(samplePayload(each), each));
    expect(first).toBe(second);
    expect(first).not.toBe('t1');
    expect(identify(withOtherIds(samplePayload(type)), type)).not.toBe(first);
  });

  it('is the message that a reaction is for', () => {
    const type = 'im.message.reaction.created_v1';
    expect(identify({ message_id: 'om_1', user_id: { open_id: 'ou_1' } }, type)).toBe('om_1');
  });

  it('is not somebody who did something to what the event is about', () => {
    const operator = { operator_id: { open_id: 'ou_admin' } };
    const types = ['drive.file.edit_v1', 'approval.instance.status_changed_v4', 'vc.meeting.meeting_ended_v1'] as const;
    for (const type of types) {
      expect(identify({ ...samplePayload(type), ...operator }, type)).toBe(identify(samplePayload(type), type));
    }
    expect(conversation(version2(operator, {}))).toBe('t1');
  });

  it.each([
    [{}],
    [{ chat_id: '' }],
    [{ chat_id: 5 }],
    [{ message: 'oc_1' }],
    [{ context: ['oc_1'] }],
    [{ object: [] }],
  ])('is the tenant if there is neither a chat nor a subject: %j', (event) => {
    expect(conversation(version2(event, {}))).toBe('t1');
  });

  it('is the app if there is no tenant', () => {
    expect(conversation(version1('1', { type: 'app_ticket', app_id: 'cli_1' }))).toBe('cli_1');
  });

  it('is never empty, which SQS would reject', () => {
    expect(conversation(version1('1', { type: 'app_ticket' }))).toBe('unknown');
  });
});

describe('the conversation of a message in a topic', () => {
  const message = (fields: object) => version2({ message: { message_id: 'om_9', chat_id: 'oc_1', ...fields } }, {});

  it('is the topic if topics are ordered by themselves, with or without the message that it began with', () => {
    expect(conversation(message({ thread_id: 'omt_1' }), true)).toBe('omt_1');
    expect(conversation(message({ thread_id: 'omt_1', root_id: 'om_1', parent_id: 'om_2' }), true)).toBe('omt_1');
  });

  it('is the message that the replies began with if there is no thread', () => {
    expect(conversation(message({ root_id: 'om_1', parent_id: 'om_2' }), true)).toBe('om_1');
    const event = { type: 'message', open_chat_id: 'oc_1', root_id: 'om_1' };
    expect(conversation(version1('1', event), true)).toBe('om_1');
  });

  it('is the chat for other messages, and by default', () => {
    expect(conversation(message({}), true)).toBe('oc_1');
    expect(conversation(message({ thread_id: '', root_id: '' }), true)).toBe('oc_1');
    expect(conversation(message({ thread_id: 'omt_1', root_id: 'om_1' }))).toBe('oc_1');
  });
});

/** Returns the conversation of a payload in its type's version, for the tenant `t1`. */
function identify(payload: object, type: string): string {
  const isVersion2 = versionOf(type) === '2.0';
  return conversation(isVersion2 ? version2(payload, { type }) : version1('1', { ...payload, type, tenant_key: 't1' }));
}

/** Changes every id of a payload, as in an event about something else. */
function withOtherIds(payload: object): object {
  const text = JSON.stringify(payload, (name, value) =>
    typeof value === 'string' && /(^id|_id|_token|_code)$/.test(name) ? `other-${value}` : value,
  );
  return JSON.parse(text);
}

describe('The user who caused an event', () => {
  it.each([
    ['the sender of a message', { sender: { sender_id: { open_id: 'ou_1' } } }, 'ou_1'],
    ['the operator of a card', { operator: { open_id: 'ou_2' } }, 'ou_2'],
    ['the reader of a message', { reader: { reader_id: { open_id: 'ou_3' } } }, 'ou_3'],
    ['unknown if the event names none', { chat_id: 'oc_1' }, undefined],
  ])('is %s', (_, event, user) => {
    expect(userOf({ event })).toBe(user);
  });
});
