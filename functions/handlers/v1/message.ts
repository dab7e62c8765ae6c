import { onEventV1 } from '#feishu-events';

/** A message as v1.0 of the events brought it, to apps that still subscribe to it. */
export default onEventV1('message', async (event, { log }) => {
  log.info('Received a message', { chat: event.open_chat_id, kind: event.msg_type });
});
