import type { EventContext } from '../handler.ts';
import { responseData } from '../observability/response-data.ts';
import type { StreamedReply, StreamRun } from '../reply-streams.ts';

/** Why a reply stops: the event is retried, it has failed for good, or another event's replies replace it. */
export type ReplyEnd = 'interrupted' | 'failed' | 'abandoned';

type CloseContext = Pick<EventContext, 'feishu' | 'uuid'>;

const FAILURE_ID = 'failure';
/** Understood in any language. */
const INTERRUPTED_SUMMARY = '⏳';
const ABANDONED_SUMMARY = '…';
/** An earlier attempt at closing has added the element, and its response was lost. */
const DUPLICATE_ELEMENT = 300301;

/** Returns whether a reply has to be closed if its event is not run again. */
export function isUnfinished({ status }: StreamedReply): boolean {
  return status === 'open';
}

/**
 * Closes the streamed replies that are not complete, so that no card seems to be generating.
 *
 * @throws what the platform's client throws
 */
export async function closeReplies(run: StreamRun, end: ReplyEnd, context: CloseContext): Promise<void> {
  const unfinished = Object.entries(run.replies).filter(([, reply]) => isUnfinished(reply));
  if (unfinished.length === 0) return;
  for (const [label, reply] of unfinished) {
    if (end === 'abandoned' && (await deleteEmpty(reply, context))) {
      delete run.replies[label];
      continue;
    }
    if (end === 'failed') await showFailure(run, label, reply, context);
    const summary = { content: summaryOf(end, reply) };
    // Earlier parts are closed, unless the process ended while it changed them.
    for (const { cardId } of end === 'interrupted' ? reply.parts.slice(-1) : reply.parts) {
      if (cardId === undefined) continue;
      await context.feishu.cardkit.v1.card.settings({
        path: { card_id: cardId },
        data: {
          settings: JSON.stringify({ config: { streaming_mode: false, summary } }),
          sequence: run.nextSequence(),
        },
      });
    }
    if (end !== 'interrupted') reply.status = 'failed';
  }
  await run.save();
}

function summaryOf(end: ReplyEnd, { failureText }: StreamedReply): string {
  if (end === 'failed') return failureText;
  return end === 'interrupted' ? INTERRUPTED_SUMMARY : ABANDONED_SUMMARY;
}

/** Deletes a card that shows no text yet. What a user may have read stays. */
async function deleteEmpty({ parts }: StreamedReply, { feishu }: CloseContext): Promise<boolean> {
  const [part] = parts;
  if (parts.length !== 1 || !part?.cardId || !part.messageId || part.shown > 0) return false;
  const path = { message_id: part.messageId };
  // For example because a user has deleted it.
  return await feishu.im.message.delete({ path }).then(
    () => true,
    () => false,
  );
}

/** Adds the failure text to the card. What has been written stays. */
async function showFailure(run: StreamRun, label: string, reply: StreamedReply, { feishu, uuid }: CloseContext) {
  const { target, failureText, parts } = reply;
  const last = parts.at(-1);
  if (last === undefined) return;
  if (last.cardId === undefined) {
    const data = { msg_type: 'text', content: JSON.stringify({ text: failureText }), uuid: uuid(`${label} failure`) };
    const inThread = target.threadId !== undefined && { reply_in_thread: true };
    await feishu.im.message.reply({ path: { message_id: target.id }, data: { ...data, ...inThread } });
    return;
  }
  // Stored with the status. A later run removes the element.
  reply.failureElementId = FAILURE_ID;
  await feishu.cardkit.v1.cardElement
    .create({
      path: { card_id: last.cardId },
      data: {
        type: 'append',
        elements: JSON.stringify([{ tag: 'markdown', element_id: FAILURE_ID, content: failureText }]),
        sequence: run.nextSequence(),
      },
    })
    .catch((error: unknown) => {
      if (responseData(error).code !== DUPLICATE_ELEMENT) throw error;
    });
}
