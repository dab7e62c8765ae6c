import { onCallback } from '#feishu-events';

/** Tells the person who clicked a card's button that it worked. */
export default onCallback('card.action.trigger', ({ action }, { log }) => {
  log.info('A card was clicked', { tag: action.tag, name: action.name });
  return { toast: { type: 'success', content: 'Done', i18n: { en_us: 'Done', zh_cn: '已完成' } } };
});
