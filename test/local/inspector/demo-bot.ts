/** The handlers of the bot in the pictures: it streams an answer, sends a card, and fails once. */
export function createDemoBot(isChinese: boolean): Record<string, string> {
  const texts = isChinese ? CHINESE : ENGLISH;
  return {
    'v2/im.message.receive_v1.ts': MESSAGE_HANDLER.replace('TEXTS', JSON.stringify(texts)),
    'callbacks/card.action.trigger.ts': CALLBACK_HANDLER.replace('TEXTS', JSON.stringify(texts)),
  };
}

export const ENGLISH = {
  question: 'Why is checkout slow?',
  answer: `**checkout** waits for its database: 95% of the requests take more than two seconds.

| instance | load | connections |
|---|---|---|
| db-1 | 93% | 480 of 500 |
| db-2 | 12% | 60 of 500 |

1. Most queries come from the job \`export-orders\`, which started at 09:12.
2. It reads from \`db-1\`, although \`db-2\` is free.`,
  title: 'Stop export-orders?',
  subtitle: 'checkout, production',
  body: 'The job can be resumed later. **No data is lost.**',
  stop: 'Stop the job',
  keep: 'Keep it running',
  stopped: 'Stopped. The load of db-1 is **24%**.',
  toast: 'The job was stopped',
  report: 'Send me the report',
  reportSent: 'The report has 3 pages.',
  error: 'The report service does not respond',
};

export const CHINESE: typeof ENGLISH = {
  question: '结算服务为什么这么慢？',
  answer: `**checkout** 在等待数据库：95% 的请求耗时超过 2 秒。

| 实例 | 负载 | 连接数 |
|---|---|---|
| db-1 | 93% | 480 / 500 |
| db-2 | 12% | 60 / 500 |

1. 大部分查询来自 09:12 启动的任务 \`export-orders\`。
2. 它读取的是 \`db-1\`，而 \`db-2\` 处于空闲状态。`,
  title: '停止 export-orders？',
  subtitle: 'checkout，生产环境',
  body: '任务之后可以继续执行，**不会丢失数据**。',
  stop: '停止任务',
  keep: '继续运行',
  stopped: '已停止，db-1 的负载降至 **24%**。',
  toast: '任务已停止',
  report: '把报告发给我',
  reportSent: '报告共 3 页。',
  error: '报告服务没有响应',
};

const CARD = `const plain = (content: string) => ({ tag: 'plain_text', content });
const cardOf = (...elements: object[]) => ({
  schema: '2.0',
  config: { update_multi: true },
  header: { title: plain(texts.title), subtitle: plain(texts.subtitle), template: 'orange' },
  body: { elements },
});
`;

const MESSAGE_HANDLER = `import { setTimeout } from 'node:timers/promises';
import { onEvent } from '#feishu-events';
import { readMessage } from '#feishu-events/messages';

const texts = TEXTS;
${CARD}
const button = (text: string, type: string, stop: boolean) => ({
  tag: 'column',
  width: 'auto',
  elements: [{ tag: 'button', text: plain(text), type, behaviors: [{ type: 'callback', value: { stop } }] }],
});

export default onEvent('im.message.receive_v1', async (event, context) => {
  const message = readMessage(event, context);
  context.log.info('Received a message', { type: message.type, attempt: context.attempt });
  if (message.textWithoutMentions !== texts.question) {
    if (context.attempt === 1) throw new Error(texts.error);
    await message.reply.markdown(texts.reportSent);
    return;
  }
  const stream = await message.reply.stream();
  for (const piece of texts.answer.match(/.{1,8}/gs) ?? []) {
    stream.write(piece);
    await setTimeout(70);
  }
  await stream.end();
  const columns = [button(texts.stop, 'primary_filled', true), button(texts.keep, 'default', false)];
  await message.reply.card(cardOf({ tag: 'markdown', content: texts.body }, { tag: 'column_set', columns }));
});
`;

const CALLBACK_HANDLER = `import { onCallback } from '#feishu-events';

const texts = TEXTS;
${CARD}
export default onCallback('card.action.trigger', () => ({
  toast: { type: 'success', content: texts.toast },
  card: { type: 'raw', data: cardOf({ tag: 'markdown', content: texts.stopped }) },
}));
`;
