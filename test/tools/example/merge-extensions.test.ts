import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { mergeExtensions } from '../../../lib/tools/example/merge-extensions.ts';
import { PROJECT_ROOT } from '../../support/project.ts';

const SHIPPED = readFileSync(path.join(PROJECT_ROOT, 'extensions.yml'), 'utf8');
const EXAMPLE = `params:
  default:
    # Why.
    workerTimeout: 300
environment:
  FILES_BUCKET: !Ref FilesBucket
iamStatements:
  - Effect: Allow
    Resource: !Sub \${FilesBucket.Arn}/*
resources:
  Resources:
    FilesBucket:
      Type: AWS::S3::Bucket
`;

describe("An example's settings", () => {
  it('fill the empty sections of the shipped file, whose comments stay', () => {
    const { text, added, kept } = mergeExtensions(SHIPPED, EXAMPLE);
    expect(added).toEqual(['params', 'environment', 'iamStatements', 'resources']);
    expect(kept).toEqual([]);
    for (const [section, next] of [
      ['params:', 'environment:'],
      ['environment:', 'iamStatements:'],
    ] as const) {
      expect(text).toContain(EXAMPLE.slice(EXAMPLE.indexOf(`${section}\n`), EXAMPLE.indexOf(`${next}\n`)));
    }
    const comments = SHIPPED.split('\n').filter((line) => line.startsWith('#'));
    expect(text.split('\n')).toEqual(expect.arrayContaining(comments));
  });

  it('are added to those that the file has', () => {
    const own = `secrets: [KEY]
environment:
  OWN: 1 # mine
iamStatements:
  - Effect: Deny
resources:
  Resources:
    OwnTable: { Type: AWS::DynamoDB::Table }
`;
    const { text, added } = mergeExtensions(own, EXAMPLE);
    expect(added).toEqual(['params', 'environment.FILES_BUCKET', 'iamStatements', 'resources.Resources.FilesBucket']);
    expect(text).toContain('environment:\n  OWN: 1 # mine\n  FILES_BUCKET: !Ref FilesBucket\n');
    expect(text).toContain('iamStatements:\n  - Effect: Deny\n  - Effect: Allow\n');
    expect(text).toContain('    OwnTable: { Type: AWS::DynamoDB::Table }\n    FilesBucket:\n');
  });

  it('are added once', () => {
    const { text } = mergeExtensions(SHIPPED, EXAMPLE);
    expect(mergeExtensions(text, EXAMPLE)).toEqual({ text, added: [], kept: [] });
  });

  it('replace none of the same name, and do not mix two definitions of a resource', () => {
    const own = EXAMPLE.replace('300', '600').replace(
      'AWS::S3::Bucket',
      'AWS::S3::Bucket\n      DeletionPolicy: Delete',
    );
    expect(mergeExtensions(own, EXAMPLE)).toEqual({
      text: own,
      added: [],
      kept: ['params.default.workerTimeout', 'resources.Resources.FilesBucket'],
    });
  });

  it('become the file if it is empty', () => {
    expect(mergeExtensions('', EXAMPLE).text).toBe(EXAMPLE);
  });
});

it.each([
  ['a: [', 'extensions.yml is not valid YAML'],
  ['- a', 'extensions.yml must contain sections'],
])('%s is rejected', (own, message) => {
  expect(() => mergeExtensions(own, EXAMPLE)).toThrow(message);
});
