import { describe, expect, it } from 'vitest';
import {
  actionOf,
  changeOf,
  confirmationOf,
  linkOf,
  sendsCallback,
  submitOf,
} from '../../../../lib/local/inspector/page/card/actions.ts';

const data = (...fields: [name: string, value: string][]) => {
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value);
  return form;
};

describe('The action of a control', () => {
  it('has the value of JSON 1.0 or of the callback of JSON 2.0', () => {
    expect(actionOf({ tag: 'button', value: { a: 1 }, name: 'go' })).toEqual({
      ...{ tag: 'button', name: 'go', value: { a: 1 } },
    });
    const behaviors = [
      { type: 'open_url', default_url: 'https://example.com' },
      { type: 'callback', value: 'text' },
    ];
    expect(actionOf({ tag: 'button', behaviors })).toEqual({ tag: 'button', value: 'text' });
  });

  it('has what was entered', () => {
    expect(changeOf({ tag: 'select_static' }, data(['field-0', 'a']))).toEqual({ tag: 'select_static', option: 'a' });
    expect(changeOf({ tag: 'multi_select_static' }, data(['field-0', 'a'], ['field-0', 'b']))).toEqual({
      ...{ tag: 'multi_select_static', options: ['a', 'b'] },
    });
    expect(changeOf({ tag: 'select_img', multi_select: true }, data(['field-0', 'a']))).toEqual({
      ...{ tag: 'select_img', options: ['a'] },
    });
    expect(changeOf({ tag: 'input' }, data(['field-0', 'text']))).toEqual({ tag: 'input', inputValue: 'text' });
    expect(changeOf({ tag: 'checker' }, data())).toEqual({ tag: 'checker', checked: false });
    expect(changeOf({ tag: 'checker' }, data(['field-0', 'on']))).toEqual({ tag: 'checker', checked: true });
    expect(changeOf({ tag: 'picker_datetime' }, data(['field-0', '2026-01-02T03:04']))).toEqual({
      tag: 'picker_datetime',
      option: expect.stringMatching(/^2026-01-02 03:04 [+-]\d{4}$/),
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    });
  });

  it('has the values of the form for its submit button, under any name', () => {
    const fields = [
      { name: 'elements', element: { tag: 'input' } },
      { name: '__proto__', element: { tag: 'checker' } },
      { name: 'day', element: { tag: 'date_picker' } },
    ];
    const { formValue, ...action } = submitOf(
      { tag: 'button', name: 'send', value: 1 },
      fields,
      data(['field-0', 'text'], ['field-1', 'on'], ['field-2', '']),
    );
    expect(action).toEqual({ tag: 'button', name: 'send', value: 1 });
    expect(JSON.stringify(formValue)).toBe('{"elements":"text","__proto__":true,"day":""}');
  });
});

describe('A button', () => {
  it('sends a callback unless it only opens a link', () => {
    expect(sendsCallback({ tag: 'button' })).toBe(true);
    expect(sendsCallback({ tag: 'button', url: 'https://example.com' })).toBe(false);
    expect(sendsCallback({ tag: 'button', url: 'https://example.com', value: {} })).toBe(true);
    expect(sendsCallback({ behaviors: [{ type: 'open_url', default_url: 'https://example.com' }] })).toBe(false);
    expect(sendsCallback({ behaviors: [{ type: 'callback' }] })).toBe(true);
  });

  it('opens only web pages', () => {
    expect(linkOf({ url: 'https://example.com' })).toBe('https://example.com/');
    expect(linkOf({ multi_url: { url: 'https://a.example', pc_url: 'https://b.example' } })).toBe('https://b.example/');
    expect(linkOf({ behaviors: [{ type: 'open_url', default_url: 'http://c.example' }] })).toBe('http://c.example/');
    for (const url of ['javascript:alert(1)', ' javascript:alert(1)', 'data:text/html,x', 'lark://x', '/x', 'x', {}]) {
      expect(linkOf({ url, multi_url: { url }, behaviors: [{ type: 'open_url', default_url: url }] })).toBeUndefined();
    }
  });

  it('asks before it sends if the card says so', () => {
    const confirm = { title: { tag: 'plain_text', content: 'Sure?' }, text: { tag: 'plain_text', content: 'Gone.' } };
    expect(confirmationOf({ confirm })).toEqual({ title: 'Sure?', text: 'Gone.' });
    expect(confirmationOf({})).toBeUndefined();
  });
});
