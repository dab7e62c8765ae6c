import { Drop, onEvent } from '#feishu-events';
import { type Attachment, readMessage } from '#feishu-events/messages';
import { storeFile } from '../../files-to-s3/store-file.ts';

/** Stores the attachments of a message, and confirms it. */
export default onEvent('im.message.receive_v1', async (event, context) => {
  const message = readMessage(event, context);
  if (message.attachments.length === 0) throw new Drop('The message has no files and pictures');
  const names: string[] = [];
  for (const [index, attachment] of message.attachments.entries()) {
    const { stream } = await attachment.download();
    // The same key in every attempt, so a retry replaces the object.
    const key = `${message.chatId}/${message.id}/${index + 1}-${fileName(attachment)}`;
    await storeFile(key, stream, context.signal);
    context.log.info('Stored a file', { messageId: message.id, kind: attachment.kind });
    names.push(attachment.name ?? attachment.kind);
  }
  await message.reply.text(`Stored: ${names.join(', ')}`);
});

/** Keys may have 1,024 bytes, and slashes would look like folders. */
function fileName({ name, kind }: Attachment): string {
  return (name ?? kind).replaceAll(/[/\\\p{Control}]/gu, '_').slice(-200);
}
