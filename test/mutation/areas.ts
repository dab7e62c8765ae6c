/** Modules, and the tests that have to notice when one of them is changed. */
export interface Area {
  modules: string[];
  tests: string[];
}

/** What must not break unnoticed: the platform's protocol, and everything that keeps an event from being lost. */
export const AREAS: readonly Area[] = [
  { modules: ['lib/feishu/*.ts'], tests: ['test/feishu/*.test.ts'] },
  {
    modules: ['lib/feishu/long-connection/{address,backoff,errors,fragments,frame,heartbeat,refusal,settings}.ts'],
    tests: ['test/feishu/long-connection/{address,backoff,errors,fragments,frame,heartbeat,refusal,settings}.test.ts'],
  },
  {
    modules: ['lib/feishu/long-connection/{acknowledgement,client,connection,deliveries,discovery,turns}.ts'],
    tests: ['test/feishu/long-connection/{connection,deliveries,discovery,events,stop}.test.ts'],
  },
  { modules: ['lib/queue-message.ts'], tests: ['test/queue-message.test.ts'] },
  {
    modules: ['lib/claims.ts', 'lib/idempotency-records.ts'],
    tests: ['test/claims.test.ts', 'test/worker.test.ts', 'test/worker-isolation.test.ts'],
  },
  {
    modules: ['lib/retry.ts', 'lib/delivery.ts'],
    tests: ['test/retry.test.ts', 'test/worker*.test.ts', 'test/testing/run.test.ts'],
  },
  {
    modules: ['lib/redrives.ts', 'lib/deploy/dead-letters/redrive.ts'],
    tests: ['test/redrives.test.ts', 'test/deploy/dead-letters/*.test.ts'],
  },
];

/** They declare types and constants: a mutant of them says nothing. */
export const WITHOUT_BEHAVIOR: readonly string[] = ['lib/feishu/log.ts', 'lib/feishu/long-connection/timing.ts'];
