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

  test('replaces Fn::ToJsonString with Fn::Sub, which CloudFormation resolves', () => {
    const properties = {
      Body: { 'Fn::ToJsonString': { region: `\${AWS::Region}`, list: [{ Ref: 'AWS::NoValue' }, 1] } },
    };
    expect(resolveProperties(properties)).toEqual({ Body: { 'Fn::Sub': `{"region":"\${AWS::Region}","list":[1]}` } });
  });

  test('throws if a condition is unknown', () => {
    expect(() => resolveProperties({ A: { 'Fn::If': ['Typo', 1, 2] } })).toThrow('unknown condition "Typo"');
  });
});
