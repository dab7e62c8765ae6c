import { h } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { describe, expect, it } from 'vitest';
import { renderCard } from '../../../../lib/local/inspector/page/card/card.tsx';
import type { JsonObject } from '../../../../lib/local/inspector/page/card/json.ts';
import { renderMarkdown } from '../../../../lib/local/inspector/page/card/markdown.tsx';

const context = {
  people: [{ openId: 'ou_anna', userId: 'anna', unionId: 'on_anna', name: 'Anna' }],
  imageUrl: (key: string) => `/_inspector/chat/resource?key=${encodeURIComponent(key)}`,
  onAction: () => {},
};

const html = (card: JsonObject) => renderToString(h('div', {}, renderCard(card, context)));
const body = (...elements: object[]) => html({ schema: '2.0', body: { elements } });
const markdown = (text: string) => renderToString(h('div', {}, renderMarkdown(text, context)));
/** The texts between the tags. */
const texts = (markup: string) =>
  markup
    .split(/<[^>]*>/)
    .map((text) => text.trim())
    .filter((text) => text !== '');
const callback = (value: object) => [{ type: 'callback', value }];

describe('Cards of JSON 1.0', () => {
  it('show their header, texts, fields, pictures and notes', () => {
    const card = html({
      header: {
        template: 'red',
        title: { tag: 'plain_text', content: 'Alarm' },
        text_tag_list: [{ tag: 'text_tag', text: { tag: 'plain_text', content: 'P1' }, color: 'orange' }],
      },
      elements: [
        {
          tag: 'div',
          text: { tag: 'lark_md', content: '**Disk** full' },
          fields: [{ is_short: true, text: { tag: 'plain_text', content: 'Host a' } }],
          extra: { tag: 'button', text: { tag: 'plain_text', content: 'Mute' }, value: { mute: true } },
        },
        { tag: 'hr' },
        { tag: 'img', img_key: 'img_1', alt: { tag: 'plain_text', content: 'Graph' } },
        { tag: 'note', elements: [{ tag: 'plain_text', content: 'From the monitor' }] },
      ],
    });
    expect(texts(card)).toEqual(['Alarm', 'P1', 'Disk', 'full', 'Host a', 'Mute', 'From the monitor']);
    expect(card).toContain('class="card-header" data-color="red"');
    expect(card).toContain('<strong>Disk</strong>');
    expect(card).toContain('<hr/>');
    expect(card).toContain('src="/_inspector/chat/resource?key=img_1" alt="Graph"');
  });

  it('show their controls', () => {
    const options = [
      { text: { tag: 'plain_text', content: 'Red' }, value: 'r' },
      { text: { tag: 'plain_text', content: 'Green' }, value: 'g' },
    ];
    const card = html({
      elements: [
        {
          tag: 'action',
          actions: [
            { tag: 'button', text: { tag: 'plain_text', content: 'Docs' }, url: 'https://example.com/' },
            { tag: 'select_static', placeholder: { content: 'Color' }, options, initial_option: 'g' },
            { tag: 'select_person', placeholder: { content: 'Who' } },
            { tag: 'overflow', options },
            { tag: 'date_picker', initial_date: '2026-01-02', placeholder: { content: 'Day' } },
            { tag: 'picker_datetime', initial_datetime: '2026-01-02 03:04', placeholder: { content: 'When' } },
          ],
        },
      ],
    });
    expect(card).toContain('<a href="https://example.com/" target="_blank" rel="noopener noreferrer nofollow"');
    expect(card).toContain('<option value="g" selected>Green</option>');
    expect(card).toContain('<option value="ou_anna">Anna</option>');
    expect(card).toMatch(/<input[^>]*aria-label="Day" type="date" value="2026-01-02"/);
    expect(card).toMatch(/<input[^>]*aria-label="When" type="datetime-local" value="2026-01-02T03:04"/);
  });
});

describe('Cards of JSON 2.0', () => {
  it('show columns, panels, tables and forms', () => {
    const card = body(
      { tag: 'column_set', columns: [{ tag: 'column', weight: 2, elements: [{ tag: 'markdown', content: 'Left' }] }] },
      {
        tag: 'collapsible_panel',
        expanded: true,
        header: { title: { tag: 'plain_text', content: 'More' } },
        elements: [{ tag: 'markdown', content: 'Inside' }],
      },
      {
        tag: 'table',
        columns: [
          { name: 'a', display_name: 'Name' },
          { name: 'b', display_name: 'State', data_type: 'options' },
        ],
        rows: [{ a: 'One', b: [{ text: 'open', color: 'blue' }] }],
      },
      {
        tag: 'form',
        name: 'f',
        elements: [
          { tag: 'input', name: 'title', label: { tag: 'plain_text', content: 'Title' }, required: true },
          { tag: 'checker', name: 'urgent', text: { tag: 'plain_text', content: 'Urgent' }, checked: true },
          {
            tag: 'multi_select_static',
            name: 'tags',
            options: [{ text: { content: 'X' }, value: 'x' }],
            selected_values: ['x'],
          },
          { tag: 'button', name: 'go', form_action_type: 'submit', text: { tag: 'plain_text', content: 'Go' } },
          { tag: 'button', form_action_type: 'reset', text: { tag: 'plain_text', content: 'Clear' } },
        ],
      },
    );
    expect(texts(card)).toEqual([
      ...['Left', 'More', 'Inside', 'Name', 'State', 'One', 'open'],
      ...['Title', '*', 'Urgent', 'X', 'Go', 'Clear'],
    ]);
    expect(card).toMatch(/<details[^>]*open/);
    expect(card).toMatch(/<input name="field-0" required aria-label="Title"/);
    expect(card).toMatch(/type="checkbox" checked|checked type="checkbox"/);
    expect(card).toContain('<button type="submit" value="0"');
    expect(card).toContain('<button type="reset"');
  });

  it('show a disabled button with the reason', () => {
    const card = body({
      tag: 'button',
      text: { tag: 'plain_text', content: 'Approve' },
      disabled: true,
      disabled_tips: { tag: 'plain_text', content: 'Already approved' },
      behaviors: callback({}),
    });
    expect(card).toMatch(/<button[^>]* disabled title="Already approved"[^>]*>Approve<\/button>/);
  });

  it('name what is not shown', () => {
    expect(texts(body({ tag: 'chart', chart_spec: {} }))).toEqual(['Not shown here: chart']);
    expect(texts(html({ type: 'template', data: { template_id: 'AAq1', template_variable: { a: 1 } } }))).toEqual([
      'Card template AAq1. Only the platform can show its content.',
      expect.stringContaining('&quot;a&quot;: 1'),
    ]);
  });
});

describe('Markdown', () => {
  it('has the platform’s tags', () => {
    const result = markdown(
      "<font color='red'>**late**</font> <at id=ou_anna></at> <at id=all></at> <text_tag color='blue'>new</text_tag><br>[site](https://example.com/)",
    );
    expect(result).toContain('<span class="colored" data-color="red"><strong>late</strong></span>');
    expect(result).toContain('<span class="mention">@Anna</span>');
    expect(result).toContain('<span class="mention">@all</span>');
    expect(result).toContain('<span class="tag" data-color="blue">new</span>');
    expect(result).toContain('<br/>');
    expect(result).toContain('href="https://example.com/"');
  });

  it('has lists, tables, code, quotes, headings and entities', () => {
    const result = markdown(
      '# Big\n- one\n- two\n\n> quote\n\n```js\n1 < 2\n```\n\n|a|\n|-|\n|b|\n\n1 &lt; 2 &#42;x&#42;',
    );
    expect(result).toContain('<p class="heading heading-1">Big</p>');
    expect(result).toContain('<ul><li>one</li><li>two</li></ul>');
    expect(result).toContain('<blockquote><p>quote</p></blockquote>');
    expect(result).toContain('<pre class="code">1 &lt; 2</pre>');
    expect(result).toContain('<th scope="col">a</th>');
    expect(result).toContain('<p>1 &lt; 2 *x*</p>');
  });

  it('breaks lines as the platform does', () => {
    expect(markdown('one\ntwo')).toContain('one<br/>two');
    expect(markdown('<hr>\ntext')).toContain('<hr/>');
    expect(texts(markdown('[a]: https://example.com'))).toContain('https://example.com');
  });
});

describe('Hostile cards', () => {
  const SCRIPTS = [
    '<img src=x onerror=alert(1)>',
    '<script>alert(1)</script>',
    '<svg/onload=alert(1)>',
    '<font color="red" onmouseover="alert(1)">x</font>',
    '<a href="javascript:alert(1)">x</a>',
    '[x](javascript:alert(1))',
    '[x](JaVaScRiPt:alert(1))',
    '[x](data:text/html,<script>alert(1)</script>)',
    '![x](javascript:alert(1))',
    '![x](https://tracker.example/pixel.png)',
    '<link url="javascript:alert(1)">x</link>',
    '&lt;img src=x onerror=alert(1)&gt;',
    '`<img src=x onerror=alert(1)>`',
    '```\n<img src=x onerror=alert(1)>\n```',
  ];
  /** Without the values of attributes. */
  const structure = (markup: string) => markup.replace(/"[^"]*"/g, '""');

  it.each(SCRIPTS)('contain %s as text', (script) => {
    const text = { tag: 'lark_md', content: script };
    const card = html({
      header: { title: { tag: 'plain_text', content: script }, subtitle: text, template: script },
      elements: [
        { tag: 'markdown', content: script },
        { tag: 'div', text, fields: [{ text }], extra: { tag: script } },
        { tag: 'button', text, url: 'javascript:alert(1)', type: script },
        { tag: 'img', img_key: script, alt: { content: script } },
        { tag: 'select_static', placeholder: text, options: [{ text, value: script }] },
        { tag: 'input', name: script, label: text, default_value: script },
        { tag: 'table', columns: [{ name: 'a', display_name: script }], rows: [{ a: script }] },
        { tag: 'person', user_id: script },
      ],
      card_link: { url: 'javascript:alert(1)' },
    });
    expect(structure(card)).not.toMatch(/<(script|svg|iframe|object|link|style)\b|<[^<>]*\son\w+=/i);
    const addresses = [...card.matchAll(/\s(?:href|src)="([^"]*)"/g)].map(([, address]) => address);
    for (const address of addresses) expect(address).toMatch(/^(https?:\/\/|\/_inspector\/chat\/resource\?)/);
    const pictures = [...card.matchAll(/<img[^>]*src="([^"]*)"/g)].map(([, address]) => address);
    for (const picture of pictures) expect(picture).toMatch(/^\/_inspector\//);
  });

  it('may have anything where something else is expected', () => {
    for (const value of [
      null,
      0,
      'text',
      [],
      [[]],
      {},
      [null],
      { tag: {} },
      [{ tag: ['div'] }],
      [{ tag: '__proto__' }],
    ]) {
      const element = (tag: string) => ({ tag, elements: value, columns: value, rows: value, text: value });
      const controls = (tag: string) => ({ tag, options: value, name: value, behaviors: value, placeholder: value });
      const card = {
        header: value,
        body: value,
        elements: [value, ...['div', 'markdown', 'column_set', 'form', 'table', 'person_list', 'note'].map(element)],
        i18n_elements: value,
        card_link: value,
      };
      expect(html(card)).toContain('class="card"');
      const tags = ['button', 'overflow', 'select_static', 'multi_select_static', 'date_picker', 'input', 'checker'];
      expect(body(...tags.map(controls))).toContain('class="card"');
    }
  });

  it('are limited in depth, in the number of elements and in the length of a text', () => {
    let nested: object = { tag: 'markdown', content: 'innermost' };
    for (let depth = 0; depth < 5000; depth += 1) nested = { tag: 'form', elements: [nested] };
    expect(texts(body(nested))).toEqual(['Elements that are nested too deeply are not shown.']);

    const many = body(...Array.from({ length: 5000 }, () => ({ tag: 'hr' })));
    expect(many.split('<hr/>').length - 1).toBe(1000);
    expect(texts(many)).toEqual(['The card has too many elements. The rest is not shown.']);

    expect(body({ tag: 'markdown', content: 'x'.repeat(10_000_000) }).length).toBeLessThan(40_000);
  });

  it.each([
    ['quotes', '>'],
    ['quotes with spaces', '> '],
    ['brackets', '['],
    ['pictures', '!['],
    ['links', '[a]('],
    ['emphasis', '*a'],
    ['strong emphasis', '**a '],
    ['underscores', '_a_ '],
    ['nested emphasis', '*a **a '],
    ['list markers', '- '],
    ['numbers', '1. '],
    ['backticks', '`a'],
    ['fences', '```\n'],
    ['tildes', '~~a'],
    ['tags', '<font color=red>'],
    ['open tags', '<a '],
    ['attributes', '<a b="c" '],
    ['table cells', '|a'],
    ['table rows', '|a|\n|-|\n'],
    ['backslashes', '\\'],
    ['line breaks', '\n'],
    ['spaces', ' '],
    ['hashes', '#'],
  ])('with many %s are still shown', (_, part) => {
    for (const count of [1999, 30_000]) {
      expect(markdown(part.repeat(count).slice(0, 30_000))).toContain('class="markdown"');
    }
  });

  it('with deeply nested lists are still shown', () => {
    const text = Array.from({ length: 200 }, (_, depth) => `${'  '.repeat(depth)}- a`).join('\n');
    expect(markdown(text)).toContain('class="markdown"');
  });
});
