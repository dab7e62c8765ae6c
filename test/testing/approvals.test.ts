import { expect, it } from 'vitest';
import { ApprovalError, onApprovalOptions, onQuickApproval } from '../../lib/handler.ts';
import { run } from '../../lib/testing/run.ts';

const settings = { token: undefined };
const decision = { action_type: 'REJECT', user_id: 'b85s39b', approval_code: 'code', task_id: 'step1' };

it('run returns the options as the platform receives them before their encryption', async () => {
  const handler = onApprovalOptions({ ...settings, key: 'key' }, ({ query }, { log }) => {
    log.info('Searching');
    return { options: [{ id: '1', text: `found ${query}` }] };
  });
  expect(await run(handler, { query: '北京' })).toEqual({
    outcome: 'answered',
    answer: {
      options: [{ id: '1', value: '@i18n@1' }],
      i18nResources: [{ locale: 'zh_cn', isDefault: true, texts: { '@i18n@1': 'found 北京' } }],
      hasMore: false,
    },
    log: [expect.objectContaining({ message: 'Searching' })],
  });
});

it('run passes a decision to the handler', async () => {
  let received: unknown;
  const handler = onQuickApproval(settings, (approval) => {
    received = approval;
  });
  expect(await run(handler, decision)).toEqual({ outcome: 'answered', answer: {}, log: [] });
  expect(received).toEqual(decision);
});

it('run returns the message for the user', async () => {
  const handler = onQuickApproval(settings, () => {
    throw new ApprovalError('Too late');
  });
  expect(await run(handler, decision)).toEqual({ outcome: 'rejected', message: 'Too late', log: [] });
});

it('run returns the error of a handler that fails or times out', async () => {
  const error = new Error('failed');
  const failing = onQuickApproval(settings, () => Promise.reject(error));
  expect(await run(failing, decision)).toEqual({ outcome: 'failed', error, log: [] });
  const empty = onApprovalOptions(settings, () => ({ options: [{ id: '', text: '' }] }));
  expect(await run(empty, {})).toMatchObject({ outcome: 'failed', error: expect.any(TypeError) });
  const slow = onQuickApproval(settings, () => new Promise(() => {}));
  const result = await run(slow, decision, { withinMilliseconds: 1 });
  expect(result).toMatchObject({ outcome: 'failed', error: { name: 'TimeoutError' } });
});
