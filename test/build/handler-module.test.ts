import { expect, it } from 'vitest';
import { findHandlerModule } from '../../lib/build/handler-module.ts';
import { PROJECT_ROOT } from '../support/project.ts';

it.each([
  ['functions/worker.handler', { source: 'functions/worker.ts', exportName: 'handler' }],
  ['./functions/../functions/worker.run', { source: 'functions/worker.ts', exportName: 'run' }],
  ['lib/cli/node-version.check', { source: 'lib/cli/node-version.cjs', exportName: 'check' }],
  ['functions/missing.handler', undefined],
])('finds the module of the handler %s', (handler, module) => {
  expect(findHandlerModule(PROJECT_ROOT, handler)).toEqual(module);
});
