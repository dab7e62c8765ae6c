import { onEventV1 } from '#feishu-events';

/** Handles an approved request to work out of the office. */
export default onEventV1('out_approval', async (event, { log }) => {
  log.info('Approved to be out of the office', {
    user: event.user_id,
    from: event.out_start_time,
    to: event.out_end_time,
  });
});
