import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readDocument } from '../documents/document.ts';
import { providePython } from './environment.ts';

/** Posts an event of each kind to the application in `server.py`, and records its calls to the platform. */
const PROGRAM = `
import json, server

calls = []
server.client.im.v1.message.reply = lambda request: calls.append([request.message_id, request.request_body.content])
browser = server.app.test_client()

def post(body):
    response = browser.post("/webhook/event", json=body)
    return [response.status_code, response.get_json()]

def event(type, event):
    return {"schema": "2.0", "header": {"event_id": "1", "event_type": type, "token": "t"}, "event": event}

message = {"message_id": "om_1", "content": json.dumps({"text": "Hello"})}
results = [
    post(event("im.message.receive_v1", {"message": message})),
    post({"uuid": "2", "token": "t", "type": "event_callback", "event": {"type": "out_approval", "instance_code": "A"}}),
    post(event("card.action.trigger", {"action": {"value": {}, "tag": "button"}})),
]
print(json.dumps({"results": results, "calls": calls}))
`;

test('The Python code in docs/migrating.md works with the official SDK', async () => {
  const python = await providePython();
  const examples = readDocument('docs/migrating.md').codeBlocks.filter(({ lang }) => lang === 'python');
  expect(examples).toHaveLength(1);
  const folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-python-'));
  try {
    await writeFile(path.join(folder, 'server.py'), `${examples[0]?.text}\n`);
    await writeFile(path.join(folder, 'program.py'), PROGRAM);
    const { status, stdout, stderr } = spawnSync(python, ['program.py'], {
      cwd: folder,
      env: {
        ...process.env,
        FEISHU_APP_ID: 'cli_1',
        FEISHU_APP_SECRET: 'secret',
        FEISHU_ENCRYPT_KEY: '',
        FEISHU_VERIFICATION_TOKEN: 't',
      },
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
    expect(stdout).toContain('A leave request was decided A');
    expect(JSON.parse(stdout.trim().split('\n').at(-1) as string)).toEqual({
      results: [
        [200, { msg: 'success' }],
        [200, { msg: 'success' }],
        [200, { toast: { type: 'success', content: 'Saved' } }],
      ],
      calls: [['om_1', '{"text": "Hello"}']],
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
