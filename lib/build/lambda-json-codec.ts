/**
 * Replaces the SDK's JSON codec in the functions' bundles by the SDK's earlier one, which uses `JSON.stringify`. The current
 * one is larger and writes each byte in JavaScript. V8 optimizes this loop during the cold start, when the
 * function has one vCPU for everything.
 */
export { JsonCodec as JsonCodec2 } from '@smithy/core/protocols';
