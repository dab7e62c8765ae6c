import { describe, expect, it } from 'vitest';
import { ResponseTooLargeError, readResponseText } from '../../lib/feishu/response-text.ts';

function bodyOf(...chunks: string[]) {
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks.shift();
      if (chunk === undefined) controller.close();
      else controller.enqueue(Buffer.from(chunk, 'latin1'));
    },
    cancel() {
      isCancelled = true;
    },
  });
  return { body, isCancelled: () => isCancelled };
}

describe('The text of a response', () => {
  it('is decoded from all chunks as UTF-8', async () => {
    const bytes = Buffer.from('你好').toString('latin1');
    const { body } = bodyOf(bytes.slice(0, 2), bytes.slice(2));
    expect(await readResponseText(body, 6)).toBe('你好');
  });

  it('is empty without chunks', async () => {
    expect(await readResponseText(bodyOf().body, 0)).toBe('');
  });

  it('is not read beyond the limit', async () => {
    const { body, isCancelled } = bodyOf('1234', '5678', '90');
    const reading = readResponseText(body, 7);
    await expect(reading).rejects.toThrow(ResponseTooLargeError);
    await expect(reading).rejects.toThrow(/\b7 bytes/);
    await expect(reading).rejects.toThrow(expect.objectContaining({ name: 'ResponseTooLargeError' }));
    expect(isCancelled()).toBe(true);
  });
});
