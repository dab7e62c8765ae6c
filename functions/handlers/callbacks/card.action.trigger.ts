import { onCallback } from '#feishu-events';

/** Shows a success toast to the user who clicked a button of a card. */
export default onCallback('card.action.trigger', ({ action }, { log }) => {
  log.info('A card was clicked', { tag: action.tag, name: action.name });
  return { toast: { type: 'success', content: 'Done', i18n: { en_us: 'Done', zh_cn: '已完成' } } };
});
