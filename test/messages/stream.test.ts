import { beforeEach, describe, expect, it } from 'vitest';
import { createLazyClient } from '../../lib/api-client/feishu-client.ts';
import { createUuid } from '../../lib/api-client/uuid.ts';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { Continue, Drop, onEvent } from '../../lib/handler.ts';
import { type ReceivedMessage, readMessage } from '../../lib/messages/message.ts';
import { MESSAGES } from '../../lib/samples/messages.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { createLogCapture } from '../../lib/testing/captured-log.ts';
import { createMemoryStreamStates } from '../../lib/testing/stream-states.ts';
import { runHandler } from '../../lib/worker/dispatch.ts';
import { createRunStreams } from '../../lib/worker/reply-streams.ts';
import { StreamingPlatform } from '../support/streaming-platform.ts';

const TYPE = 'im.message.receive_v1';
/** The machine may be busy. */
const PATIENTLY = { timeout: 60_000 };

let platform: StreamingPlatform;
beforeEach(async () => {
  platform = await StreamingPlatform.start();
  return () => platform[Symbol.asyncDispose]();
});

/** Creates an event whose attempts share what is stored. */
function createEvent(payload = MESSAGES.text()) {
  const key = payload.message.message_id;
  const states = createMemoryStreamStates();
  const text = createSample(TYPE, { version: '2.0', token: '', event: payload });
  const { signal } = new AbortController();
  const { log, lines } = createLogCapture();
  /** Runs one attempt, as the worker does. */
  const run = (handle: (message: ReceivedMessage) => unknown, attempt = 1, continued = 0) =>
    runHandler(
      onEvent(TYPE, (event, context) => handle(readMessage(event, context))),
      { envelope: parseEnvelope(text) as EventEnvelope, text },
      {
        source: 'webhook',
        attempt,
        log,
        signal,
        feishu: createLazyClient(platform.environment, log, undefined, { remainingMilliseconds: () => 60_000, signal }),
        uuid: createUuid(key),
        streams: createRunStreams(states, key, attempt > 1),
        ...((continued > 0 && { continued: { count: continued } }) as object),
      },
    );
  return { run, states, lines };
}

/** Answers with the words of a text. */
async function answer(message: ReceivedMessage, text: string) {
  const stream = await message.reply.stream();
  for (const word of text.split(/(?<= )/)) stream.write(word);
  return await stream.end();
}

/** Waits until the platform shows a text. */
const shows = (text: string) => expect.poll(() => platform.shown.at(-1)?.text, PATIENTLY).toBe(text);

describe('A streamed reply', () => {
  it('is one card that shows the text while it is written, and is closed with a summary', async () => {
    const { run } = createEvent();
    let sent: unknown;
    await run(async ({ reply }) => {
      const stream = await reply.stream();
      expect(platform.shown).toEqual([{ text: '…', isStreaming: true, summary: undefined }]);
      stream.write('# Hel');
      await shows('# Hel');
      stream.write('lo\n');
      stream.write('world');
      await shows('# Hello\nworld');
      stream.write('.');
      sent = await stream.end();
    });
    expect(sent).toEqual([{ id: 'om_1' }]);
    expect(platform.shown).toEqual([{ text: '# Hello\nworld.', isStreaming: false, summary: 'Hello world.' }]);
    expect(platform.calls).toEqual([
      'POST cards',
      'POST messages/:id/reply',
      'PUT cards/:id/elements/text/content',
      'PUT cards/:id/elements/text/content',
      'PUT cards/:id/elements/text/content',
      'PATCH cards/:id/settings',
    ]);
  });

  it('never has two updates at the same time, however fast the handler writes', async () => {
    const { run } = createEvent();
    let active = 0;
    platform.before = async () => {
      active += 1;
      expect(active).toBe(1);
      await new Promise(setImmediate);
      active -= 1;
      return undefined;
    };
    await run((message) => answer(message, 'word '.repeat(2000)));
    expect(platform.shown[0]?.text).toBe('word '.repeat(2000));
    expect(platform.calls.filter((call) => call.endsWith('content')).length).toBeLessThanOrEqual(2);
  });

  it('is completed if the handler does not end it', async () => {
    const { run } = createEvent();
    await run(async ({ reply }) => (await reply.stream()).write('Hello'));
    expect(platform.shown).toEqual([{ text: 'Hello', isStreaming: false, summary: 'Hello' }]);
  });

  it('rejects writing after the end, and an empty text', async () => {
    const { run } = createEvent();
    await run(async ({ reply }) => {
      const stream = await reply.stream();
      await expect(stream.end()).rejects.toThrow('Write text before calling end()');
      stream.write('Hello');
      await stream.end();
      expect(() => stream.write('!')).toThrow('The stream has ended');
    });
  });

  it('is several cards if the text exceeds 30 KB', async () => {
    const { run } = createEvent();
    const text = '世界 '.repeat(9000).trim();
    await run((message) => answer(message, text));
    expect(platform.shown.length).toBeGreaterThan(1);
    expect(platform.shown.map((one) => one.text).join(' ')).toBe(text);
    expect(platform.shown.every(({ isStreaming }) => !isStreaming)).toBe(true);
  });

  it('has at most three tables in a card', async () => {
    const { run } = createEvent();
    const table = '| a | b |\n|---|---|\n| 1 | 2 |\n';
    const code = '```\n| a |\n|---|\n```\n';
    await run((message) => answer(message, `${`${table}\n`.repeat(4)}${code}end`));
    expect(platform.shown.map(({ text }) => text.split('|---|---|').length - 1)).toEqual([3, 1]);
    expect(platform.shown[1]?.text).toContain(code);
  });
});

describe('A streamed reply continues after', () => {
  it('the platform ended streaming after 10 minutes', async () => {
    const { run } = createEvent();
    await run(async ({ reply }) => {
      const stream = await reply.stream();
      stream.write('One');
      await shows('One');
      platform.now += 10 * 60 * 1000;
      stream.write(', two');
      await shows('One, two');
      platform.now += 10 * 60 * 1000;
      await stream.end();
    });
    const codes = platform.calls.filter((call) => call === 'PATCH cards/:id/settings');
    expect(codes).toHaveLength(2);
    expect(platform.shown).toEqual([{ text: 'One, two', isStreaming: false, summary: 'One, two' }]);
  });

  it('a lost response', async () => {
    const { run } = createEvent();
    const lost = new Set<string>();
    platform.after = ({ name }) => {
      if (!name.includes('cards/') || lost.has(name)) return;
      lost.add(name);
      throw new Error('lost');
    };
    await run((message) => answer(message, 'Hello world'));
    expect(lost.size).toBe(2);
    expect(platform.shown).toEqual([{ text: 'Hello world', isStreaming: false, summary: 'Hello world' }]);
  });

  it('a lost response to its message, also if the platform has forgotten its id', async () => {
    const { run } = createEvent();
    platform.after = ({ name }) => {
      if (name.endsWith('reply')) throw new Error('lost');
    };
    await expect(run((message) => answer(message, 'Hello'))).rejects.toThrow();
    platform.after = () => {};
    platform.forgetIds();
    await run((message) => answer(message, 'Hello'), 2);
    expect(platform.shown).toEqual([{ text: 'Hello', isStreaming: false, summary: 'Hello' }]);
  });

  it.each([300317, 200770])('a response %i, with the next sequence', async (code) => {
    const { run } = createEvent();
    let rejected = 0;
    platform.before = ({ body }) => {
      // The complete text.
      if (body.content !== 'Hello world' || rejected > 0) return undefined;
      rejected += 1;
      return { status: 400, body: { code, msg: 'rejected' } };
    };
    await run((message) => answer(message, 'Hello world'));
    expect(rejected).toBe(1);
    expect(platform.shown[0]).toMatchObject({ text: 'Hello world', isStreaming: false });
  });

  it('a rate limit', async () => {
    const { run } = createEvent();
    platform.millisecondsPerRequest = 0;
    await run(async ({ reply }) => {
      const stream = await reply.stream();
      stream.write('Hello');
      await shows('Hello');
      // Another program uses the card.
      const [cardId = ''] = platform.sentCards;
      for (let count = 0; count < 10; count += 1) {
        platform.cards.handle('PATCH', `/open-apis/cardkit/v1/cards/${cardId}/settings`, { sequence: 1 });
      }
      platform.after = () => {
        platform.now += 1500;
      };
      stream.write(' world');
      await stream.end();
    });
    expect(platform.shown[0]).toMatchObject({ text: 'Hello world', isStreaming: false });
  });

  it('a failed attempt, in the same card', async () => {
    const { run } = createEvent();
    const failing = run(async ({ reply }) => {
      const stream = await reply.stream();
      stream.write('A long beginning');
      await shows('A long beginning');
      throw new Error('failed');
    });
    await expect(failing).rejects.toThrow('failed');
    expect(platform.shown).toEqual([{ text: 'A long beginning', isStreaming: false, summary: '⏳' }]);
    await run(async ({ reply }) => {
      const stream = await reply.stream();
      stream.write('A long');
      stream.write(' beginning, and');
      await shows('A long beginning, and');
      stream.write(' the end');
      await stream.end();
    }, 2);
    expect(platform.shown).toEqual([
      { text: 'A long beginning, and the end', isStreaming: false, summary: 'A long beginning, and the end' },
    ]);
  });

  it('a failed attempt, and does not shrink until it has caught up', async () => {
    const { run } = createEvent();
    await expect(
      run(async (message) => {
        const stream = await message.reply.stream();
        stream.write('A long beginning');
        await shows('A long beginning');
        throw new Error('failed');
      }),
    ).rejects.toThrow('failed');
    const texts = new Set<string | undefined>();
    platform.after = () => void texts.add(platform.shown[0]?.text);
    await run(async ({ reply }) => {
      const stream = await reply.stream();
      stream.write('Short');
      // Gives the update the chance to happen.
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
      stream.write(', and more than before');
      await shows('Short, and more than before');
      await stream.end();
    }, 2);
    expect([...texts]).toEqual(['A long beginning', 'Short, and more than before']);
  });

  it('a Continue, before which all that is written is shown', async () => {
    const { run } = createEvent();
    const words = ['One', ', two', ', three'];
    const continuing = run(async ({ reply }) => {
      const stream = await reply.stream();
      for (const word of words) stream.write(word);
      throw new Continue('');
    });
    await expect(continuing).rejects.toThrow(Continue);
    expect(platform.shown).toEqual([{ text: words.join(''), isStreaming: false, summary: '⏳' }]);
  });

  it('the event continues in another invocation, unless it was complete', async () => {
    const { run } = createEvent();
    const unfinished = run(async ({ reply }) => {
      const stream = await reply.stream();
      stream.write('First');
      await shows('First');
      throw new Error('continue');
    });
    await expect(unfinished).rejects.toThrow('continue');
    const complete = async (message: ReceivedMessage) => {
      await answer(message, 'First, complete');
      throw new Error('continue');
    };
    // The second time is a retry.
    await expect(run(complete, 1, 1)).rejects.toThrow('continue');
    await expect(run(complete, 2, 1)).rejects.toThrow('continue');
    expect(platform.shown.map(({ text }) => text)).toEqual(['First, complete']);
    await run((message) => answer(message, 'Second'), 1, 2);
    await run((message) => answer(message, 'Second'), 2, 2);
    expect(platform.shown.map(({ text }) => text)).toEqual(['First, complete', 'Second']);
  });

  it('an attempt that wrote more, whose further messages are deleted', async () => {
    const { run } = createEvent();
    await expect(
      run(async (message) => {
        await answer(message, '世界 '.repeat(9000));
        throw new Error('failed');
      }),
    ).rejects.toThrow('failed');
    // The reply was complete: it stays.
    const { length } = platform.messages;
    await run((message) => answer(message, 'Short'), 2);
    expect(platform.messages).toHaveLength(length);

    const other = createEvent();
    platform.messages.length = 0;
    platform.before = ({ name, body }) => {
      const closes = name.endsWith('settings') && String(body.settings).includes('false');
      return closes && platform.messages.length > 1 ? { status: 400, body: { code: 300122, msg: 'no' } } : undefined;
    };
    await expect(other.run((message) => answer(message, '世界 '.repeat(9000)))).rejects.toThrow('300122');
    expect(platform.messages.length).toBeGreaterThan(1);
    platform.before = () => undefined;
    await other.run((message) => answer(message, 'Short'), 2);
    expect(platform.shown).toEqual([{ text: 'Short', isStreaming: false, summary: 'Short' }]);
  });
});

describe('A streamed reply of an event that fails for good', () => {
  const FAILURE = 'Sorry, this answer could not be completed.';

  async function failing({ reply }: ReceivedMessage, error = new Error('failed')): Promise<void> {
    const stream = await reply.stream();
    stream.write('A beginning');
    await shows('A beginning');
    throw error;
  }

  it('shows the failure below what was written, until a redrive completes it', async () => {
    const { run } = createEvent();
    await expect(run(failing, 5)).rejects.toThrow('failed');
    const text = `A beginning\n\n${FAILURE}`;
    expect(platform.shown).toEqual([{ text, isStreaming: false, summary: FAILURE }]);
    await run((message) => answer(message, 'The answer'));
    expect(platform.shown).toEqual([{ text: 'The answer', isStreaming: false, summary: 'The answer' }]);
  });

  it('shows it if the event is dropped, with the text of the option', async () => {
    const { run } = createEvent();
    const drop = await run(async ({ reply }) => {
      const stream = await reply.stream({ failureText: '未能完成。' });
      stream.write('开头');
      await shows('开头');
      throw new Drop('not wanted');
    });
    expect(drop?.message).toBe('not wanted');
    expect(platform.shown).toEqual([{ text: '开头\n\n未能完成。', isStreaming: false, summary: '未能完成。' }]);
  });

  it('shows it if a later attempt succeeds without the reply', async () => {
    const { run } = createEvent();
    await expect(
      run(async (message) => {
        await answer(message, 'One');
        await failing(message);
      }),
    ).rejects.toThrow('failed');
    await run((message) => answer(message, 'One'), 2);
    expect(platform.shown).toMatchObject([{ text: 'One' }, { text: `A beginning\n\n${FAILURE}`, isStreaming: false }]);
  });

  it.each<[string, () => void]>([
    ['succeeds', () => {}],
    [
      'is dropped',
      () => {
        throw new Drop('not wanted');
      },
    ],
  ])('shows it if a later attempt %s and does not stream at all', async (_, handle) => {
    const { run } = createEvent();
    await expect(run(failing)).rejects.toThrow('failed');
    await run(handle, 2);
    const text = `A beginning\n\n${FAILURE}`;
    expect(platform.shown).toEqual([{ text, isStreaming: false, summary: FAILURE }]);
    const { length } = platform.requests;
    await run(handle, 3);
    expect(platform.requests).toHaveLength(length);
  });

  it('stops its updates', async () => {
    const { run, lines } = createEvent();
    let stream: Awaited<ReturnType<ReceivedMessage['reply']['stream']>> | undefined;
    await expect(
      run(async (message) => {
        stream = await message.reply.stream();
        stream.write('A');
        throw new Error('failed');
      }, 5),
    ).rejects.toThrow('failed');
    const { length } = platform.requests;
    stream?.write('B');
    await expect(stream?.end()).rejects.toThrow('The handler of the stream has ended');
    expect(platform.requests).toHaveLength(length);
    expect(lines).toEqual([]);
  });
});

describe('Without CardKit, a streamed reply', () => {
  beforeEach(() => {
    platform.before = ({ name }) =>
      name.includes('/cardkit/')
        ? { status: 400, body: { code: 99991672, msg: 'Access denied. cardkit:card:write is required' } }
        : undefined;
  });

  it('is a post that is edited, and the log says why', async () => {
    const { run, lines } = createEvent();
    await run(async ({ reply }) => {
      const stream = await reply.stream();
      stream.write('Hello');
      await shows('Hello');
      stream.write(' world');
      expect(await stream.end()).toEqual([{ id: 'om_1' }]);
    });
    expect(platform.messages.map(({ type, edits }) => [type, edits])).toEqual([['post', 1]]);
    expect(platform.shown[0]?.text).toBe('Hello world');
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'warn', message: expect.stringContaining('CardKit is not available') }),
    );
  });

  it('continues in the same post, or in another one if it was edited too often', async () => {
    const { run } = createEvent();
    const failing = run(async ({ reply }) => {
      const stream = await reply.stream();
      stream.write('Hello');
      await shows('Hello');
      throw new Error('failed');
    });
    await expect(failing).rejects.toThrow('failed');
    await run(async (message) => {
      await answer(message, 'Hello again');
      throw new Error('failed');
    }, 2).catch(() => {});
    expect(platform.shown.map(({ text }) => text)).toEqual(['Hello again']);
    // Later attempts leave edits for others, and only show the complete text.
    expect(platform.messages[0]?.edits).toBe(1);

    const other = createEvent();
    platform.messages.length = 0;
    await other.run(async ({ reply }) => {
      const stream = await reply.stream();
      stream.write('One');
      await expect.poll(() => platform.messages.length, PATIENTLY).toBe(1);
      Object.assign(platform.messages[0] as object, { edits: 20 });
      stream.write(', two');
      await stream.end();
    });
    expect(platform.shown.map(({ text }) => text)).toEqual(['One', 'One, two']);
  });

  it('is followed by the failure', async () => {
    const { run } = createEvent();
    await expect(
      run(async ({ reply }) => {
        const stream = await reply.stream({ failureText: 'Failed.' });
        stream.write('Hello');
        await shows('Hello');
        throw new Error('failed');
      }, 5),
    ).rejects.toThrow('failed');
    expect(platform.shown.map(({ text }) => text)).toEqual(['Hello', 'Failed.']);
  });
});
