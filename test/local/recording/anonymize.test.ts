import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEnvelope } from '../../../lib/feishu/envelope.ts';
import { createAnonymizer } from '../../../lib/local/recording/anonymize.ts';
import { isDeveloperWord, isFieldName, isProtocolWord, isTime } from '../../../lib/local/recording/known-words.ts';
import { createSample, SAMPLE_TYPES } from '../../../lib/samples/samples.ts';

const anonymize = createAnonymizer({ key: 'key of the test' });
/** Anonymizes the value of a field. */
const replaced = (value: unknown, field = 'field') => JSON.parse(anonymize(JSON.stringify({ [field]: value })))[field];

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
  ])('are replaced if they identify people: %s', (name) => {
    const text = anonymize(JSON.stringify({ event: { action: { value: { votes: { [name]: 'yes' } } } } }));
    expect(text).not.toContain(name);
    expect(Object.keys(JSON.parse(text).event.action.value.votes)).toHaveLength(1);
  });

  it.each(['zh_cn', 'messageId', 'i18n_title', 'order_items_2'])(
    'are kept if they consist of known words: %s',
    (name) => {
      expect(anonymize(JSON.stringify({ event: { [name]: 1 } }))).toContain(`"${name}"`);
    },
  );

  it.each(['anna', 'zaphod_wang', 'quastelTitle', 'constructor', '__proto__'])('are replaced otherwise: %s', (name) => {
    expect(anonymize(`{"event":{"${name}":1}}`)).not.toContain(name);
  });

  it('keep their order, although integer keys would move to the front', () => {
    const valuesOf = (text: string) => Object.values(JSON.parse(anonymize(text)));
    expect(valuesOf('{"":null,"01":0}')).toEqual([null, 0]);
    expect(valuesOf('{"b":1,"007":2,"ab12cd":3,"9876543210":4,"13800138000":5}')).toEqual([1, 2, 3, 4, 5]);
    expect(valuesOf('{"54321":2,"12345":1,"name":3,"10":0}')).toEqual([0, 1, 2, 3]);
    expect(valuesOf('{"٣٤":1,"②":2,"x":3}')).toEqual([1, 2, 3]);
  });

  it('stay distinct, although one-letter words have few replacements', () => {
    const names = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ天地山水日月风云花草树木春夏秋冬东西南北红黄蓝白金石田禾米竹王李张'];
    const object = Object.fromEntries(names.map((name, index) => [name, index % 10]));
    expect(Object.values(JSON.parse(anonymize(JSON.stringify(object))))).toEqual(Object.values(object));
  });

  it('have the same replacement as values, so that an id still finds its entry in a map', () => {
    const text = anonymize('{"user_id":"1234567","chat_id":"oc_5ce6d572","votes":{"1234567":1,"oc_5ce6d572":2}}');
    const { user_id, chat_id, votes } = JSON.parse(text);
    expect(votes).toEqual({ [user_id]: 1, [chat_id]: 2 });
    expect(text).not.toMatch(/1234567|5ce6d572/);
  });
});

describe('An anonymized event', () => {
  const text = anonymize(JSON.stringify(MESSAGE));
  const body: typeof MESSAGE = JSON.parse(text);

  it('contains no id, name, number, address or word of the original', () => {
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

  it('keeps its type, time and kind', () => {
    expect(parseEnvelope(text)).toMatchObject({
      kind: 'event',
      token: undefined,
      header: { type: 'im.message.receive_v1', version: '2.0', created: new Date(1608725989000) },
      event: { sender: { sender_type: 'user' }, message: { chat_type: 'group', message_type: 'text' } },
    });
  });

  it('replaces the same id in the same way, with the same kind and length', () => {
    const { sender, message } = body.event;
    expect(message.mentions[0]?.id.open_id).toBe(sender.sender_id.open_id);
    expect(sender.sender_id.open_id).toMatch(/^ou_[\da-f]{31}$/);
    expect(message.chat_id).toMatch(/^oc_[\da-f]{32}$/);
    expect(message.message_id).toMatch(/^om_[\da-f]{32}$/);
    expect(body.header.app_id).toMatch(/^cli_[\da-f]{16}$/);
    expect(sender.tenant_key).toBe(body.header.tenant_key);
    expect(sender.sender_id.user_id).not.toBe(message.chat_id);
  });

  it('replaces words with words, and keeps mentions', () => {
    const { message } = body.event;
    expect(message.mentions[0]?.key).toBe('@_user_1');
    expect(JSON.parse(message.content).text).toMatch(
      /^@_user_1 [A-Z][a-z]{3} [A-Z][a-z]{3} [A-Z][a-z]{3}, \+\d{13} [a-z]{2} [a-z]+@example\.com \p{Script=Han}{2} 👋$/u,
    );
  });

  it('is the same each time, and different with another key', () => {
    expect(createAnonymizer({ key: 'key of the test' })(JSON.stringify(MESSAGE))).toBe(text);
    expect(createAnonymizer({ key: 'another key' })(JSON.stringify(MESSAGE))).not.toBe(text);
  });

  it('keeps texts on request, except the ids in them', () => {
    const event = { content: JSON.stringify({ text: 'Ask ou_84aad35d084aa403a838cf73ee18467, Anna' }), name: 'Anna' };
    const kept = JSON.parse(createAnonymizer({ key: 'key of the test', keepsText: true })(JSON.stringify(event)));
    expect(JSON.parse(kept.content).text).toMatch(/^Ask ou_[\da-f]{31}, Anna$/);
    expect(kept.content).not.toContain('84aad35d084aa403a838cf73ee18467');
    expect(kept.name).not.toBe('Anna');
  });
});

describe('The anonymizer', () => {
  it.each(['https://corp.example/people/anna?id=1', 'http://10.0.0.1/'])('replaces the URL %s', (address) => {
    expect(replaced(address)).toMatch(/^https:\/\/example\.com\/\w+$/);
  });

  it("keeps developers' names in a card, but not what people enter", () => {
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

  it.each<[string, object, string[]]>([
    [
      'telephone numbers in a list',
      { mobiles: [13800138000], phones: ['+86 138 0013 8000'] },
      ['1380013', '0013', '8000'],
    ],
    ['ids in a list', { user_ids: ['e33ggbyz', 7, 12], id_list: ['zaphod'] }, ['e33ggbyz', 'zaphod', '7', '12']],
    ['text in a unit', { leave_unit: 'ward seven', out_unit: 'Kreissaal' }, ['ward', 'seven', 'Kreissaal']],
    ['text in a status', { after_status: 'on sick leave', status: 'burnout' }, ['sick', 'leave', 'burnout']],
    ['text in a tag', { tag: 'pregnant', customer_tag: 'Quastel GmbH' }, ['pregnant', 'Quastel', 'GmbH']],
    [
      'text in a type',
      { employee_type: 'temporary', type: 'Margarethe', msg_type: 'zaphod' },
      ['temporary', 'Margarethe', 'zaphod'],
    ],
    [
      'names in the value of a card',
      { action: { value: { owner: 'anna', person: 'zaphod.wang' } } },
      ['anna', 'zaphod', 'wang'],
    ],
    [
      'names in the option of a card',
      { action: { option: 'anna', options: ['zaphod', 'Tom'] } },
      ['anna', 'zaphod', 'Tom'],
    ],
    ['numbers in the value of a card', { action: { value: { salary: 18500 } } }, ['18500']],
    ['text in a locale', { locale: 'Kreissaal', language: 'quastel_de' }, ['Kreissaal', 'quastel']],
    ['a telephone number in a time', { start_time: '+8613800138000', create_time: 13_800_138_000 }, ['138001']],
    ['an address in a version', { version: '192.168.10.17', pc_version: '10.20.30.40' }, ['192', '168', '.30.']],
    ['a date of birth', { birth_date: '1984-07-23' }, ['1984']],
    [
      'JSON nested in strings',
      { content: JSON.stringify({ a: JSON.stringify([{ anna: 'Quastel' }]) }) },
      ['anna', 'Quastel'],
    ],
  ])('replaces %s', (_, event, secrets) => {
    const text = anonymize(JSON.stringify({ event }));
    const survivors = secrets.filter((secret) => new RegExp(`(?<![a-z\\d])${secret}(?![a-z])`).test(text));
    expect(survivors).toEqual([]);
  });

  it.each<[string, object]>([
    [
      'kinds',
      { chat_type: 'p2p', msg_type: 'text', sender_type: 'app', file_type: 'docx', recall_type: 'message_owner' },
    ],
    ['states', { status: 'APPROVED', probation_status: 'converted', leave_unit: 'HALF_DAY', emoji_type: 'THUMBSUP' }],
    ['elements', { content: '[[{"tag":"lark_md","style":["bold","lineThrough"]}]]' }],
    ['places and languages', { locale: 'zh_cn', language: 'en-US', timezone: 'Asia/Shanghai', i18n_key: 'ja_jp' }],
    ['versions', { schema: '2.0', pc_version: '7.12.3' }],
    ['times', { ts: '1795395600.123456', create_time: '1795395600000', end_time: 1_795_395_600, time: '09:30 +0800' }],
    [
      'dates',
      { date: '2026-11-23 +0800', out_start_time: '2026-11-23 09:00:00', due_date: '2026-11-23T09:00:00+08:00' },
    ],
    [
      'small numbers',
      { gender: 2, width: 300, score: 0.75, count: -12, is_default: true, enabled: 'false', comment: null },
    ],
    ['places of mentions', { content: '{"text":"@_user_1 @_all"}', text: '<at user_id="all"></at>', name: '@i18n@' }],
    [
      'commands',
      { event_key: 'open_menu', action: { tag: 'button', value: { action: 'approve', step: 'order.confirm' } } },
    ],
  ])("keeps the platform's and developers' words: %s", (_, event) => {
    expect(JSON.parse(anonymize(JSON.stringify({ event })))).toEqual({ event });
  });

  it('keeps the type of the event in its envelope, and no other', () => {
    const header = { event_type: 'some.new.thing_v1' };
    const { event, ...rest } = JSON.parse(anonymize(JSON.stringify({ header, event: { type: 'quastel' } })));
    expect(rest).toEqual({ header });
    expect(event.type).not.toBe('quastel');
    expect(JSON.parse(anonymize('{"event":{"type":"some_new_thing"}}'))).toEqual({ event: { type: 'some_new_thing' } });
  });

  it('keeps the extension of a file, and the markup around mentions', () => {
    expect(replaced('周报 Quastel.pdf', 'file_name')).toMatch(/^\p{Script=Han}{2} [A-Z][a-z]{6}\.pdf$/u);
    expect(replaced('Quastel.anna', 'file_name')).not.toMatch(/Quastel|anna/);
    expect(replaced('<at open_id="ou_echo1234">@Echo</at> Hi', 'text')).toMatch(
      /^<at open_id="ou_[a-z]{4}\d{4}">@[A-Z][a-z]{3}<\/at> [A-Z][a-z]$/,
    );
  });

  it('replaces a number with another of the same size, the same everywhere', () => {
    const text = anonymize('{"a":13800138000,"b":"13800138000","c":[-1234.5678,6.02e23,0.12345,1e400]}');
    const [a, b, c] = Object.values<string[]>(JSON.parse(text.replace('1e400', '"1e400"')));
    expect(`${a}`).toBe(b);
    expect(b).toMatch(/^[2-9]\d{10}$/);
    expect(text).toMatch(/-[2-9]\d{3}\.\d{4},/);
    expect(c?.[1]).toBe(6.02e23);
    expect(text).toMatch(/\b0\.\d{5},/);
  });

  it('replaces every letter and digit of a word', () => {
    for (let index = 0; index < 2_000; index++) {
      const word = `Word${index}word`;
      const replacement: string = replaced(word);
      expect([...word].filter((character, position) => character === replacement[position])).toEqual([]);
    }
  });

  it('keeps no three characters in a row of private values, except known words', () => {
    const prefix = /(ou|on|oc|om|omt|od|cli|img|file)_|@|https?:/;
    const privateText = fc
      .oneof(
        fc.string({ unit: 'binary', maxLength: 12 }),
        fc.stringMatching(/^[a-z]{1,9}(_[a-z]{1,9}){0,2}$/),
        fc.stringMatching(/^\+?\d{1,13}$/),
        fc.stringMatching(/^[A-Z][a-z]{2,9}( [A-Z][a-z]{2,9})?$/),
      )
      .filter((text) => !prefix.test(text));
    const field = fc.constantFrom(
      ...['leave_unit', 'after_status', 'tag', 'chat_type', 'value', 'option', 'name', 'mobiles', 'user_ids', 'locale'],
      ...[
        'timezone',
        'version',
        'start_time',
        'ts',
        'content',
        'action',
        'event_key',
        'type',
        'style',
        'text',
        'title',
      ],
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        privateText,
        fc.maxSafeInteger(),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(fc.oneof(field, privateText), tie('tree'), { maxKeys: 4 }),
        tie('tree').map((value) => JSON.stringify([value])),
      ),
    }));
    const expectReplaced = (original: string, other: string) => {
      const [before, after] = [Array.from(original), Array.from(other)];
      for (let index = 0; index + 3 <= before.length; index++) {
        const part = before.slice(index, index + 3).join('');
        if (/^[\p{L}\p{N}]{3}$/u.test(part)) expect(after.slice(index, index + 3).join('')).not.toBe(part);
      }
    };
    const compare = (original: unknown, other: unknown, name: string): void => {
      if (typeof original === 'number') {
        const isKept = Math.abs(original) < 1000 || isTime(name, `${original}`);
        if (!isKept) expect(other).not.toBe(original);
      } else if (typeof original === 'string') {
        const isKnown = isProtocolWord(name, original) || isTime(name, original) || isDeveloperWord(original);
        const isJson = original.startsWith('[') && typeof other === 'string' && other.startsWith('[');
        if (isJson) compare(parse(original), parse(other), name);
        else if (!isKnown) expectReplaced(original, other as string);
      } else if (Array.isArray(original)) {
        for (const [index, item] of original.entries()) compare(item, (other as unknown[])[index], name);
      } else {
        const others = Object.entries(other as object);
        for (const [index, [key, value]] of Object.entries(original as object).entries()) {
          const [otherKey = '', otherValue] = others[index] ?? [];
          if (!isFieldName(key)) expectReplaced(key, otherKey);
          compare(value, otherValue, key);
        }
      }
    };
    const parse = (text: string): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        return text;
      }
    };
    fc.assert(
      fc.property(tree, (event) => {
        const body = JSON.stringify({ schema: '2.0', header: { event_type: 'a.b_v1' }, event });
        compare(JSON.parse(body).event, JSON.parse(anonymize(body)).event, 'event');
      }),
      { numRuns: 500 },
    );
  });

  it('removes the Verification Token, and replaces the token of a card', () => {
    expect(replaced('the verification token', 'token')).toBe('');
    const cardToken = replaced('c-295ee57216a5dc9de90fefd0aadb4b1d7d', 'token');
    expect(cardToken).toMatch(/^c-[\da-f]{34}$/);
    expect(cardToken).not.toContain('295ee57216');
  });

  it('replaces ids used as field names', () => {
    const [field] = Object.keys(replaced({ ou_84aad35d084aa403a838cf73ee18467: 1 }));
    expect(field).toMatch(/^ou_(?!84aad35d)[\da-f]{31}$/);
  });

  it('replaces numeric ids of any size, and keeps other small numbers', () => {
    const text = anonymize('{"id":7090754740375519252,"user_id":1234567,"count":7,"start_time":1795395600}');
    expect(text).toMatch(/"id": \d{18,19},\n {2}"user_id": \d{6,7},\n {2}"count": 7,\n {2}"start_time": 1795395600\n/);
    expect(text).not.toMatch(/7090754740375519252|1234567\b/);
  });

  it('keeps the shape of any JSON', () => {
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

  it('keeps [[{"":null,"01":0}]] in order', () => {
    // Found by a property test: "01" became an integer key, which JavaScript moves to the front.
    const [[object]] = replaced([[{ '': null, '01': 0 }]]);
    expect(Object.values(object)).toEqual([null, 0]);
  });

  const samples = SAMPLE_TYPES.flatMap(({ type, version, variants }) =>
    (variants.length > 0 ? variants : [undefined]).map((variant) => ({ type, version, variant })),
  );

  it.each(samples)('keeps the type and the fields of $type, $variant', ({ type, version, variant }) => {
    const text = createSample(type, { version, token: '', ...(variant !== undefined && { variant }) });
    const { header, kind } = parseEnvelope(text) as { header: { created: Date | undefined }; kind: string };
    const anonymous = anonymize(text);
    expect(parseEnvelope(anonymous)).toMatchObject({ kind, header: { type, version, created: header.created } });
    expect(pathsOf(JSON.parse(anonymous))).toEqual(pathsOf(JSON.parse(text)));
  });
});

/** Returns the paths of all fields, including those in JSON within strings. Ids of translations are shortened to `@`. */
function pathsOf(value: unknown, path = ''): string[] {
  if (typeof value === 'string' && /^(\{"|\[)/.test(value)) return pathsOf(JSON.parse(value), path);
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([name, inner]) => pathsOf(inner, `${path}/${name.replace(/^@i18n@.*/, '@')}`));
}
