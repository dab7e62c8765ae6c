import { describe, expect, test } from 'vitest';
import { resolveTemplate } from '../../lib/deploy/resolve-template.ts';

const resolveResource = (properties: object, knowledge: Partial<Parameters<typeof resolveTemplate>[1]> = {}) => {
  const template = { Resources: { It: { Type: 'AWS::It', Properties: { ...properties } } } };
  return resolveTemplate(template, { conditions: {}, values: {}, ...knowledge }).Resources.It?.Properties;
};

describe('Packaging resolves the template', () => {
  test('what is switched off is left out, and nobody waits for it', () => {
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

  test('a choice is made, and with AWS::NoValue there is nothing', () => {
    const choice = (condition: string) => ({ 'Fn::If': [condition, { Ref: 'Queue' }, { Ref: 'AWS::NoValue' }] });
    const conditions = { Yes: true, No: false };
    const properties = { One: choice('Yes'), None: choice('No'), List: [choice('No'), choice('Yes')] };
    expect(resolveResource(properties, { conditions })).toEqual({ One: { Ref: 'Queue' }, List: [{ Ref: 'Queue' }] });
  });

  test('known values are put in, and those there are not are left out', () => {
    const values = { 'Secret::KEY': '{{resolve:…}}', 'Secret::OTHER': undefined };
    const properties = { Key: { Ref: 'Secret::KEY' }, Other: { Ref: 'Secret::OTHER' }, Region: { Ref: 'AWS::Region' } };
    expect(resolveResource(properties, { values })).toEqual({ Key: '{{resolve:…}}', Region: { Ref: 'AWS::Region' } });
  });

  test('a value that becomes JSON text keeps its places for CloudFormation to fill', () => {
    const properties = {
      Body: { 'Fn::ToJsonString': { region: `\${AWS::Region}`, list: [{ Ref: 'AWS::NoValue' }, 1] } },
    };
    expect(resolveResource(properties)).toEqual({ Body: { 'Fn::Sub': `{"region":"\${AWS::Region}","list":[1]}` } });
  });

  test('an unknown condition is a mistake', () => {
    expect(() => resolveResource({ A: { 'Fn::If': ['Typo', 1, 2] } })).toThrow('unknown condition "Typo"');
  });
});
