import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { SAMPLE_TYPES } from '../../lib/samples/samples.ts';
import { providePython } from './environment.ts';

/** Registers a handler of every type and prints the types, for example `p2.im.message.receive_v1`. */
const PROGRAM = `
import json
import lark_oapi as lark

builder = lark.EventDispatcherHandler.builder("", "")
for name in dir(builder):
    if name.startswith("register_") and not name.endswith("_customized_event"):
        getattr(builder, name)(lambda data: None)
dispatcher = builder.build()
print(json.dumps([*dispatcher._processorMap, *dispatcher._callback_processor_map]))
`;

test('Every type of the official Python SDK is declared, for the same version', async () => {
  const python = await providePython();
  const types: string[] = JSON.parse(execFileSync(python, ['-c', PROGRAM], { encoding: 'utf8' }));
  const declared = SAMPLE_TYPES.flatMap(({ type, declaredVersions }) =>
    declaredVersions.map((version) => `${version === '2.0' ? 'p2' : 'p1'}.${type}`),
  );
  expect(types.length).toBeGreaterThan(150);
  expect(types.filter((type) => !declared.includes(type))).toEqual([]);
});
