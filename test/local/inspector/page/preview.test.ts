import { describe, expect, it } from 'vitest';
import { previewOf } from '../../../../lib/local/inspector/page/chat/preview.ts';
import { createMessage } from '../chat-samples.ts';

describe('The preview of a message', () => {
  it('shows the Markdown of a post without its marks', () => {
    const text = '# Result\nYou wrote: **hello `world`**, see [the menu](https://example.com/a_b) for snake_case';
    const post = createMessage(1, 'post', { zh_cn: { content: [[{ tag: 'md', text }]] } });
    expect(previewOf(post)).toBe('Result You wrote: hello world, see the menu for snake_case');
  });

  it('shows the title of a card, or its summary', () => {
    const summary = { content: 'The answer is 42' };
    const card = { schema: '2.0', config: { summary }, body: { elements: [] } };
    expect(previewOf(createMessage(1, 'interactive', card))).toBe('[Card] The answer is 42');
    const header = { title: { tag: 'plain_text', content: 'Lunch' } };
    expect(previewOf(createMessage(1, 'interactive', { ...card, header }))).toBe('[Card] Lunch');
  });
});
