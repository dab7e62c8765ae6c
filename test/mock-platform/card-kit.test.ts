import { describe, expect, it } from 'vitest';
import { CardKit, type CardKitResponse } from '../../lib/mock-platform/card-kit.ts';

const CARDS = '/open-apis/cardkit/v1/cards';
const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

const text = (content: string, id = 'text') => ({ tag: 'markdown', element_id: id, content });
const cardOf = (elements: object[], config: object = { streaming_mode: true, update_multi: true }) => ({
  schema: '2.0',
  config,
  body: { elements },
});

function bodyOf(response: CardKitResponse | undefined) {
  if (response === undefined) throw new Error('CardKit did not respond');
  return response.body as { code: number; data?: { card_id?: string } };
}

/** Creates a card, and a function that operates on it and returns the code. */
function createCard(json: object = cardOf([text('…')])) {
  const clock = { now: 1_800_000_000_000 };
  const cards = new CardKit(() => clock.now);
  const created = cards.handle('POST', CARDS, { type: 'card_json', data: JSON.stringify(json) });
  const { code, data } = bodyOf(created);
  const id = data?.card_id ?? '';
  let sequence = 0;
  const operate = (method: string, path: string, body: object = {}) => {
    clock.now += 200;
    sequence += 1;
    const response = cards.handle(method, `${CARDS}/${id}/${path}`, { sequence, ...body });
    return bodyOf(response).code;
  };
  const write = (content: string, body: object = {}) => operate('PUT', 'elements/text/content', { content, ...body });
  const configure = (config: object) => operate('PATCH', 'settings', { settings: JSON.stringify({ config }) });
  return { code, id, cards, clock, operate, write, configure };
}

describe('CardKit', () => {
  it('ignores other paths', () => {
    expect(new CardKit(Date.now).handle('POST', '/open-apis/im/v1/messages', {})).toBeUndefined();
  });

  it('shows the complete text, and ends streaming with a summary', () => {
    const { cards, id, write, configure } = createCard();
    expect(write('Hel')).toBe(0);
    expect(write('Hello')).toBe(0);
    expect(cards.card(id)).toMatchObject({ isStreaming: true, sequence: 2, summary: undefined });
    expect(configure({ streaming_mode: false, summary: { content: 'Hello' } })).toBe(0);
    expect(cards.card(id)).toMatchObject({
      json: { body: { elements: [text('Hello')] } },
      isStreaming: false,
      sequence: 3,
      summary: 'Hello',
    });
    expect(write('Hello!')).toBe(300309);
  });

  it('ends streaming after 10 minutes, with two codes', () => {
    const { cards, id, clock, write, configure } = createCard();
    clock.now += 10 * 60 * 1000;
    expect(cards.card(id)?.isStreaming).toBe(false);
    expect([write('a'), write('b'), configure({ streaming_mode: true }), write('c')]).toEqual([200850, 300309, 0, 0]);
  });

  it('rejects a sequence that does not rise, a repeated uuid and a missing sequence', () => {
    const { write } = createCard();
    expect(write('a', { sequence: 5, uuid: 'u' })).toBe(0);
    expect(write('b', { sequence: 5 })).toBe(300317);
    expect(write('b', { sequence: 6, uuid: 'u' })).toBe(200770);
    expect(write('b', { sequence: undefined })).toBe(10002);
    expect(write('b', { sequence: 2 ** 31 })).toBe(10002);
    expect(write('b', { sequence: 100 })).toBe(0);
  });

  it('accepts 10 operations per second', () => {
    const { clock, write } = createCard();
    const codes = Array.from({ length: 11 }, () => {
      clock.now -= 150;
      return write('a');
    });
    expect(codes).toEqual([...Array(10).fill(0), 230020]);
    clock.now += 1000;
    expect(write('a')).toBe(0);
  });

  it('adds, changes and removes elements, streaming or not', () => {
    const { cards, id, operate, configure } = createCard();
    configure({ streaming_mode: false });
    const add = (type: string, name: string) =>
      operate('POST', 'elements', {
        type,
        ...(type !== 'append' && { target_element_id: 'text' }),
        elements: JSON.stringify([text(name, name)]),
      });
    expect([add('append', 'd'), add('insert_before', 'a'), add('insert_after', 'c')]).toEqual([0, 0, 0]);
    expect(add('append', 'd')).toBe(300301);
    expect(operate('PUT', 'elements/c', { element: JSON.stringify(text('C', 'c')) })).toBe(0);
    expect(operate('PATCH', 'elements/d', { partial_element: '{"content":"D"}' })).toBe(0);
    expect(operate('DELETE', 'elements/text')).toBe(0);
    expect(operate('DELETE', 'elements/text')).toBe(300313);
    expect(cards.card(id)?.json).toMatchObject({
      body: { elements: [text('a', 'a'), text('C', 'c'), text('D', 'd')] },
    });
  });

  it.each([
    ['of JSON 1.0', { elements: [] }, 200220],
    ['with an action', cardOf([{ tag: 'action' }]), 200861],
    ['with 201 nested elements', cardOf([{ tag: 'column_set', columns: Array(200).fill({ tag: 'column' }) }]), 300305],
    ['over 30 KB', cardOf([text('界'.repeat(10_500))]), 200860],
    ['with a repeated id', cardOf([text('a'), text('b')]), 300301],
    ['for one user', cardOf([text('a')], { streaming_mode: true, update_multi: false }), 300302],
  ])('rejects a card %s', (_, json, code) => {
    expect(createCard(json).code).toBe(code);
  });

  it('sends a card once, and lets it expire after 14 days', () => {
    const { cards, id, clock, write } = createCard();
    expect(cards.send('unknown')?.body).toMatchObject({ code: 230099 });
    expect(cards.send(id)).toBeUndefined();
    expect(cards.send(id)?.body).toMatchObject({ code: 230099 });
    clock.now += 14 * DAY_MILLISECONDS;
    expect(write('a')).toBe(200750);
  });
});
