import type { Log } from '#feishu-events';
import { type Attachment, FeishuApiError, type Message, type ReceivedMessage } from '#feishu-events/messages';
import instructions from './instructions.md';
import type { ChatMessage, ContentPart } from './model.ts';

/** Larger pictures are not passed to the model. */
const MAXIMUM_IMAGE_BYTES = 5_000_000;

/** The first bytes of the formats that models read. */
const IMAGE_FORMATS: readonly (readonly [type: string, pattern: RegExp])[] = [
  ['image/png', /^\x89PNG/],
  ['image/jpeg', /^\xff\xd8\xff/],
  ['image/gif', /^GIF8/],
  ['image/webp', /^RIFF.{4}WEBP/s],
];

/** Writes what the model needs to answer a message: the instructions, the message that it replies to, and itself. */
export async function conversationOf(message: ReceivedMessage, log: Log): Promise<ChatMessage[]> {
  const quoted = await message.quoted().catch((error: unknown) => {
    // It may have been recalled.
    if (!(error instanceof FeishuApiError)) throw error;
    log.warn('Cannot read the quoted message', { error });
    return undefined;
  });
  return [
    { role: 'system', content: instructions },
    ...(quoted === undefined ? [] : [await userMessage(quoted, 'My next message replies to this one:\n\n', log)]),
    await userMessage(message, '', log),
  ];
}

async function userMessage(message: Message, prefix: string, log: Log): Promise<ChatMessage> {
  const text = `${prefix}${message.markdown}`;
  const pictures = message.attachments.filter(({ kind }) => kind === 'image');
  const images: ContentPart[] = [];
  // One after the other, to have only one download in memory.
  for (const picture of pictures) {
    const url = await dataUrl(picture);
    if (url === undefined) log.warn('A picture is too large, or has a format that models cannot read');
    else images.push({ type: 'image_url', image_url: { url } });
  }
  return { role: 'user', content: images.length === 0 ? text : [{ type: 'text', text }, ...images] };
}

/** @returns `undefined` if the picture is too large, or has an unknown format */
async function dataUrl(picture: Attachment): Promise<string | undefined> {
  const { stream } = await picture.download();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    size += chunk.length;
    // Leaving the loop ends the download.
    if (size > MAXIMUM_IMAGE_BYTES) return undefined;
  }
  const content = Buffer.concat(chunks);
  const start = content.toString('latin1', 0, 12);
  const type = IMAGE_FORMATS.find(([, pattern]) => pattern.test(start))?.[0];
  return type && `data:${type};base64,${content.toString('base64')}`;
}
