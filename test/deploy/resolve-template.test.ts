import { describe, expect, test } from 'vitest';
import { resolveTemplate } from '../../lib/deploy/resolve-template.ts';

const resolveProperties = (properties: object, known: Partial<Parameters<typeof resolveTemplate>[1]> = {}) => {
  const template = { Resources: { Example: { Type: 'AWS::Example', Properties: { ...properties } } } };
  return resolveTemplate(template, { conditions: {}, values: {}, ...known }).Resources.Example?.Properties;
};

describe('resolveTemplate', () => {
  test('removes disabled resources and dependencies on them', () => {
    const template = {
      Resources: {
        On: { Type: 'AWS::On', Condition: 'Yes', DependsOn: ['Off', 'Always'] },
        Off: { Type: 'AWS::Off', Condition: 'No' },
        Always: { Type: 'AWS::Always', DependsOn: 'Off' },
      },
      Outputs: { OfOff: { Condition: 'No', Value: { Ref: 'Off' } }, OfOn: { Condition: 'Yes', Value: { Ref: 'On' } } },
    };
    expect(resolveTemplate(template, { conditions: { Yes: true, No: false }, values: {} })).toEqual({
      Resources: { On: { Type: 'AWS::On', DependsOn: ['Always'] }, Always: { Type: 'AWS::Always' } },
      Outputs: { OfOn: { Value: { Ref: 'On' } } },
    });
  });

  test('evaluates Fn::If, and removes AWS::NoValue', () => {
    const choice = (condition: string) => ({ 'Fn::If': [condition, { Ref: 'Queue' }, { Ref: 'AWS::NoValue' }] });
    const conditions = { Yes: true, No: false };
    const properties = { One: choice('Yes'), None: choice('No'), List: [choice('No'), choice('Yes')] };
    expect(resolveProperties(properties, { conditions })).toEqual({ One: { Ref: 'Queue' }, List: [{ Ref: 'Queue' }] });
  });

  test('inserts known values, and removes undefined ones', () => {
    const values = { 'Secret::KEY': '{{resolve:…}}', 'Secret::OTHER': undefined };
    const properties = { Key: { Ref: 'Secret::KEY' }, Other: { Ref: 'Secret::OTHER' }, Region: { Ref: 'AWS::Region' } };
    expect(resolveProperties(properties, { values })).toEqual({ Key: '{{resolve:…}}', Region: { Ref: 'AWS::Region' } });
  });

  test('rejects a reference to an unknown secret', () => {
    expect(() => resolveProperties({ Key: { Ref: 'Secret::OPENAI_API_KEY' } })).toThrow(
      '!Ref Secret::OPENAI_API_KEY refers to an unknown secret. Add OPENAI_API_KEY to `secrets` in extensions.yml.',
    );
  });

  test('replaces a Fn::Sub of Fn::ToJsonString with a Fn::Sub of the text', () => {
    const list = [{ 'Fn::If': ['No', 0, { Ref: 'AWS::NoValue' }] }, 1];
    const properties = { Body: { 'Fn::Sub': { 'Fn::ToJsonString': { region: `\${AWS::Region}`, list } } } };
    expect(resolveProperties(properties, { conditions: { No: false } })).toEqual({
      Body: { 'Fn::Sub': `{"region":"\${AWS::Region}","list":[1]}` },
    });
  });
});

describe('resolveTemplate leaves to CloudFormation', () => {
  const noValue = { Ref: 'AWS::NoValue' };
  const conditions = { Yes: true, No: false };

  test('the conditions that the user declares, wherever they are used', () => {
    const template = {
      Parameters: { Days: { Type: 'Number', Default: 0 } },
      Mappings: { Sizes: { prod: { memory: 1024 } } },
      Rules: { NotZero: { Assertions: [{ Assert: { 'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'Days' }, 0] }] } }] } },
      Conditions: { Own: { 'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'Days' }, 0] }] } },
      Resources: {
        Bucket: {
          Type: 'AWS::S3::Bucket',
          Condition: 'Own',
          DependsOn: ['Topic', 'Elsewhere'],
          Properties: {
            BucketName: { 'Fn::If': ['Own', { Ref: 'Topic' }, noValue] },
            Tags: [{ 'Fn::If': ['Own', noValue, { Key: 'a', Value: 'b' }] }],
            Size: { 'Fn::FindInMap': ['Sizes', 'prod', 'memory'] },
            Text: { 'Fn::ToJsonString': { Ref: 'Days' } },
            Absent: noValue,
          },
        },
        Topic: { Type: 'AWS::SNS::Topic' },
      },
      Outputs: { Bucket: { Condition: 'Own', Value: { 'Fn::If': ['Own', { Ref: 'Bucket' }, 'none'] } } },
    };
    expect(resolveTemplate(template, { conditions, values: {} })).toEqual(template);
  });

  test('only the rest where both kinds of conditions are combined', () => {
    const template = {
      Conditions: { Own: { 'Fn::And': [{ Condition: 'Yes' }, { 'Fn::Not': [{ Condition: 'Other' }] }] }, Other: {} },
      Resources: {
        Example: {
          Type: 'AWS::Example',
          Properties: {
            One: { 'Fn::If': ['Yes', { 'Fn::If': ['Own', 1, noValue] }, 2] },
            Two: { 'Fn::If': ['Own', { 'Fn::If': ['No', 1, noValue] }, { Ref: 'Secret::OTHER' }] },
          },
        },
      },
    };
    expect(resolveTemplate(template, { conditions, values: { 'Secret::OTHER': undefined } })).toMatchObject({
      Conditions: {
        Own: { 'Fn::And': [{ 'Fn::Equals': ['true', 'true'] }, { 'Fn::Not': [{ Condition: 'Other' }] }] },
      },
      Resources: {
        Example: {
          Properties: { One: { 'Fn::If': ['Own', 1, noValue] }, Two: { 'Fn::If': ['Own', noValue, noValue] } },
        },
      },
    });
  });

  test('the conditions of a macro', () => {
    const template = {
      Transform: 'AWS::LanguageExtensions',
      Resources: { Example: { Type: 'AWS::Example', Condition: 'OfMacro' } },
    };
    expect(resolveTemplate(template, { conditions, values: {} }).Resources).toEqual(template.Resources);
  });
});

describe('resolveTemplate rejects', () => {
  const conditions = { Yes: true, No: false };
  const example = { Type: 'AWS::Example' };
  const unknown = (part: string) =>
    `${part} uses the unknown condition "Typo". Declare it in serverless.yml under resources, Conditions, ` +
    "or use one of this template's: Yes, No.";

  test.each([
    ['Example', { Resources: { Example: { ...example, Condition: 'Typo' } } }],
    ['Example', { Resources: { Example: { ...example, Properties: { A: { 'Fn::If': ['Typo', 1, 2] } } } } }],
    ['Sum', { Resources: {}, Outputs: { Sum: { Condition: 'Typo', Value: 1 } } }],
    ['Own', { Resources: {}, Conditions: { Own: { 'Fn::Not': [{ Condition: 'Typo' }] } } }],
  ])('an unknown condition and names %s, which uses it', (part, template) => {
    expect(() => resolveTemplate(template, { conditions, values: {} })).toThrow(unknown(part));
  });

  test("a declared condition with the name of one of the template's", () => {
    const template = { Resources: {}, Conditions: { Yes: { 'Fn::Equals': ['a', 'b'] } } };
    expect(() => resolveTemplate(template, { conditions, values: {} })).toThrow('Give yours another name');
  });
});
