import { describe, expect, it } from 'vitest';
import { EventContents } from '../../../lib/local/inspector/event-contents.ts';

describe('The contents of events', () => {
  it('are searched for words in any case', () => {
    const contents = new EventContents();
    contents.setText('1', '{"text":"Hello world"}');
    contents.setText('2', '{"text":"hello"}');
    contents.addLine('{"message":"hello","message_id":"3"}');
    expect(contents.search(['HELLO'])).toEqual(['1', '2']);
    expect(contents.search(['world', 'hello'])).toEqual(['1']);
    expect(contents.search(['nowhere'])).toEqual([]);
  });
});
