import { onEventV1 } from '#feishu-events';

/** Handles the v1.0 message event, for apps that still subscribe to it. */
export default onEventV1('message', async (event, { log }) => {
  log.info('Received a message', { chat: event.open_chat_id, kind: event.msg_type });
});
