import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEnvelope } from '../../lib/feishu/envelope.ts';
import { createAnonymiser } from '../../lib/tools/anonymise.ts';
import { createSample, SAMPLE_TYPES } from '../../lib/tools/samples.ts';

const anonymise = createAnonymiser({ key: 'key of the test' });
/** What becomes of a field. */
const replaced = (value: unknown, field = 'field') => JSON.parse(anonymise(JSON.stringify({ [field]: value })))[field];

const MESSAGE = {
  schema: '2.0',
  header: {
    event_id: '5e3702a84e847582be8db7fb73283c02',
    event_type: 'im.message.receive_v1',
    create_time: '1608725989000',
    token: 'rvaYgkND1GOiu5MM0E1rncYC6PLtF7JV',
    app_id: 'cli_9f5343c580712544',
    tenant_key: '2ca1d211f64f6438',
  },
  event: {
    sender: {
      sender_id: {
        union_id: 'on_8ed6aa67826108097d9ee143816345',
        user_id: 'e33ggbyz',
        open_id: 'ou_84aad35d084aa403a838cf73ee18467',
      },
      sender_type: 'user',
      tenant_key: '2ca1d211f64f6438',
    },
    message: {
      message_id: 'om_5ce6d572455d361153b7cb51da133945',
      create_time: '1609073151345',
      chat_id: 'oc_5ce6d572455d361153b7cb5aa133945f',
      chat_type: 'group',
      message_type: 'text',
      content: '{"text":"@_user_1 Ring Anna Wang, +8613912345678 or anna.wang@corp.example 王芳 👋"}',
      mentions: [
        {
          key: '@_user_1',
          id: { open_id: 'ou_84aad35d084aa403a838cf73ee18467', union_id: '', user_id: 'e33ggbyz' },
          name: 'Tom Miller',
          tenant_key: '2ca1d211f64f6438',
        },
      ],
    },
  },
};

describe('The names of fields', () => {
  it.each([
    'zaphod@heartofgold.example',
    '王小明',
    'Margarethe Quastel',
    'Quastel',
    'ou_84aad35d084aa403a838cf73ee18467',
  ])('are replaced where they are those of people: %s', (name) => {
    const text = anonymise(JSON.stringify({ event: { action: { value: { votes: { [name]: 'yes' } } } } }));
    expect(text).not.toContain(name);
    expect(Object.keys(JSON.parse(text).event.action.value.votes)).toHaveLength(1);
  });

  it.each(['zh_cn', 'messageId', 'i18n_title', 'x-version'])('are kept where a developer chose them: %s', (name) => {
    expect(anonymise(JSON.stringify({ event: { [name]: 1 } }))).toContain(`"${name}"`);
  });
});

describe('An anonymised event', () => {
  const text = anonymise(JSON.stringify(MESSAGE));
  const body: typeof MESSAGE = JSON.parse(text);

  it('holds no id, name, number, address or word of the original', () => {
    const secrets = [
      '5e3702a84e847582be8db7fb73283c02',
      'rvaYgkND1GOiu5MM0E1rncYC6PLtF7JV',
      '9f5343c580712544',
      '2ca1d211f64f6438',
      '8ed6aa67826108097d9ee143816345',
      'e33ggbyz',
      '84aad35d084aa403a838cf73ee18467',
      '5ce6d572455d361153b7cb51da133945',
      '5ce6d572455d361153b7cb5aa133945f',
      'Ring',
      'Anna',
      'Wang',
      '13912345678',
      'anna.wang',
      'corp',
      '王',
      '芳',
      'Tom',
      'Miller',
    ];
    expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
  });

  it('is still an event of its type, its time and its kind', () => {
    expect(parseEnvelope(text)).toMatchObject({
      kind: 'event',
      token: undefined,
      header: { type: 'im.message.receive_v1', version: '2.0', created: new Date(1608725989000) },
      event: { sender: { sender_type: 'user' }, message: { chat_type: 'group', message_type: 'text' } },
    });
  });

  it('has the same replacement for the same id, of the same kind and length', () => {
    const { sender, message } = body.event;
    expect(message.mentions[0]?.id.open_id).toBe(sender.sender_id.open_id);
    expect(sender.sender_id.open_id).toMatch(/^ou_[\da-f]{31}$/);
    expect(message.chat_id).toMatch(/^oc_[\da-f]{32}$/);
    expect(message.message_id).toMatch(/^om_[\da-f]{32}$/);
    expect(body.header.app_id).toMatch(/^cli_[\da-f]{16}$/);
    expect(sender.tenant_key).toBe(body.header.tenant_key);
    expect(sender.sender_id.user_id).not.toBe(message.chat_id);
  });

  it('has words where there were words, and mentions where there were mentions', () => {
    const { message } = body.event;
    expect(message.mentions[0]?.key).toBe('@_user_1');
    expect(JSON.parse(message.content).text).toMatch(
      /^@_user_1 [A-Z][a-z]{3} [A-Z][a-z]{3} [A-Z][a-z]{3}, \+\d{13} [a-z]{2} [a-z]+@example\.com \p{Script=Han}{2} 👋$/u,
    );
  });

  it('is the same at each time, and another with another key', () => {
    expect(createAnonymiser({ key: 'key of the test' })(JSON.stringify(MESSAGE))).toBe(text);
    expect(createAnonymiser({ key: 'another key' })(JSON.stringify(MESSAGE))).not.toBe(text);
  });

  it('keeps what people wrote when told, but for the ids in it', () => {
    const event = { content: JSON.stringify({ text: 'Ask ou_84aad35d084aa403a838cf73ee18467, Anna' }), name: 'Anna' };
    const kept = JSON.parse(createAnonymiser({ key: 'key of the test', keepsText: true })(JSON.stringify(event)));
    expect(JSON.parse(kept.content).text).toMatch(/^Ask ou_[\da-f]{31}, Anna$/);
    expect(kept.content).not.toContain('84aad35d084aa403a838cf73ee18467');
    expect(kept.name).not.toBe('Anna');
  });
});

describe('The anonymiser', () => {
  it.each(['https://corp.example/people/anna?id=1', 'http://10.0.0.1/'])('replaces the address %s', (address) => {
    expect(replaced(address)).toMatch(/^https:\/\/example\.com\/\w+$/);
  });

  it('keeps the names that a developer gives to the parts of a card, not what people enter', () => {
    const action = {
      tag: 'button',
      name: 'submit_order',
      value: { command: 'approve', order: 'A-1001', person: 'Anna' },
      form_value: { reason: 'holiday' },
      input_value: 'holiday',
    };
    const result = replaced(action, 'action');
    expect(result).toMatchObject({ tag: 'button', name: 'submit_order', value: { command: 'approve' } });
    expect(result.value.order).toMatch(/^[A-Z]-\d{4}$/);
    expect(result.value.person).not.toBe('Anna');
    expect(result.form_value.reason).not.toBe('holiday');
    expect(result.input_value).not.toBe('holiday');
  });

  it('leaves out the Verification Token, and replaces the token of a card', () => {
    expect(replaced('the verification token', 'token')).toBe('');
    const cardToken = replaced('c-295ee57216a5dc9de90fefd0aadb4b1d7d', 'token');
    expect(cardToken).toMatch(/^c-[\da-f]{34}$/);
    expect(cardToken).not.toContain('295ee57216');
  });

  it('replaces ids that are names of fields', () => {
    const [field] = Object.keys(replaced({ ou_84aad35d084aa403a838cf73ee18467: 1 }));
    expect(field).toMatch(/^ou_(?!84aad35d)[\da-f]{31}$/);
  });

  it('replaces numbers that are ids, however large, and keeps the others', () => {
    const text = anonymise('{"id":7090754740375519252,"user_id":1234567,"count":7,"start_time":1795395600}');
    expect(text).toMatch(/"id": \d{18,19},\n {2}"user_id": \d{6,7},\n {2}"count": 7,\n {2}"start_time": 1795395600\n/);
    expect(text).not.toMatch(/7090754740375519252|1234567\b/);
  });

  it('writes JSON of the same shape, whatever it is given', () => {
    const shapeOf = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(shapeOf);
      if (typeof value === 'object' && value !== null) return Object.values(value).map(shapeOf);
      return value === null ? 'null' : typeof value;
    };
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(shapeOf(replaced(value))).toEqual(shapeOf(JSON.parse(JSON.stringify(value))));
      }),
    );
  });

  it.each(SAMPLE_TYPES.filter(({ version }) => version === '2.0'))('leaves $type an event of its type', ({ type }) => {
    const text = createSample(type, { version: '2.0', token: '' });
    const { header, kind } = parseEnvelope(text) as { header: object; kind: string };
    const { created } = header as { created: Date };
    expect(parseEnvelope(anonymise(text))).toMatchObject({ kind, header: { type, version: '2.0', created } });
  });
});
