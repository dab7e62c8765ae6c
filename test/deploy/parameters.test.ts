import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readOptions } from '../../lib/deploy/options.ts';
import type { Serverless } from '../../lib/deploy/serverless.ts';

const file = path.resolve(import.meta.dirname, '../../deploy/parameters.yml');
const defaults = parse(readFileSync(file, 'utf8'));

/** Reads the options of `serverless deploy --param …`. */
function optionsOf(...parameters: string[]) {
  return readOptions({
    configurationInput: { params: { default: defaults } },
    processedInput: { commands: ['deploy'], options: { param: parameters }, isHelpRequest: false },
    getProvider: () => ({ getStage: () => 'dev' }),
  } as unknown as Serverless);
}

const network = ['connectionVpc=vpc-1', 'connectionSubnets=subnet-1,subnet-2'];

describe('The parameters', () => {
  it('have valid defaults', () => {
    expect(optionsOf()).toMatchObject({
      noEventsAlarmHours: 0,
      tracing: 'none',
      webhookRateLimit: 2000,
      webhookBurstLimit: 1000,
      connectionCount: 1,
      connectionPublicIp: true,
    });
  });

  it.each([
    ['noEventsAlarmHours', '169'],
    ['noEventsAlarmHours', '1.5'],
    ['webhookRateLimit', '0'],
    ['webhookBurstLimit', 'many'],
    ['connectionCount', '0'],
    ['connectionCount', '51'],
  ])('reject %s=%s', (name, value) => {
    expect(() => optionsOf(`${name}=${value}`)).toThrow(
      new RegExp(`The parameter ${name} must be an integer from \\d+ to \\d+, not "${value}"`),
    );
  });

  it('accept tasks without a public IP address only in existing subnets', () => {
    expect(() => optionsOf('connectionPublicIp=false')).toThrow('The new VPC has no NAT gateway');
    expect(optionsOf('connectionPublicIp=false', ...network).connectionPublicIp).toBe(false);
  });

  it('name images of exact versions, so that a task never starts with an untested one', () => {
    expect(defaults.connectionImage).toMatch(/:24\.\d+\.\d+-slim$/);
    expect(defaults.connectionFetchImage).toMatch(/:\d+\.\d+\.\d+$/);
  });
});
