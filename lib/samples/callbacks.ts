import type { CallbackPayloads } from '../feishu/event-types.ts';
import { CHAT, MESSAGE, TENANT, USER, uniqueId } from './sample-values.ts';

type Payload<Type extends keyof CallbackPayloads> = CallbackPayloads[Type];
type CardAction = Payload<'card.action.trigger'>['action'];

const CONTEXT = { open_message_id: MESSAGE, open_chat_id: CHAT };
const OPERATOR = { tenant_key: TENANT, user_id: USER.user_id, open_id: USER.open_id };
const BUTTON = { value: { key: 'value' }, tag: 'button', name: 'confirm' };

/** Creates a unique token, like those of the platform for updating a card or a preview. */
function updateToken(): string {
  return `c-${uniqueId()}`;
}

function cardClick(action: CardAction): Payload<'card.action.trigger'> {
  return {
    operator: { ...OPERATOR, union_id: USER.union_id },
    token: updateToken(),
    action: { timezone: 'Asia/Shanghai', ...action },
    host: 'im_message',
    context: CONTEXT,
  };
}

export const CALLBACKS = {
  'card.action.trigger': {
    button: () => cardClick(BUTTON),
    form: () =>
      cardClick({
        ...BUTTON,
        name: 'submit',
        form_value: { reason: '拜访客户', date: '2026-11-23 +0800', days: ['monday', 'tuesday'] },
      }),
    input: () => cardClick({ tag: 'input', name: 'comment', input_value: 'Agreed' }),
    select: () => cardClick({ tag: 'select_static', name: 'colour', option: 'green' }),
    multi_select: () => cardClick({ tag: 'multi_select_static', name: 'colours', options: ['green', 'blue'] }),
    checker: () => cardClick({ tag: 'checker', name: 'done', checked: true }),
  },
  'url.preview.get': {
    link: () => ({
      operator: OPERATOR,
      host: 'im_message',
      context: { ...CONTEXT, url: 'https://example.com/', preview_token: updateToken() },
    }),
  },
  'profile.view.get': {
    view: () => ({ operator: OPERATOR, host: 'profile', context: {} }),
  },
  'card.action.trigger_v1': {
    button: () => ({
      open_id: USER.open_id,
      user_id: USER.user_id,
      open_message_id: MESSAGE,
      tenant_key: TENANT,
      token: updateToken(),
      action: BUTTON,
    }),
    select: () => ({
      open_id: USER.open_id,
      user_id: USER.user_id,
      open_message_id: MESSAGE,
      tenant_key: TENANT,
      token: updateToken(),
      action: { value: { key: 'value' }, tag: 'select_static', option: 'green' },
    }),
  },
} satisfies { [Type in keyof CallbackPayloads]?: Record<string, () => Payload<Type>> };
