import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../../../../shared/errors.ts';
import { parseDefinition } from '../../../../../localstack/embedded/state-machine/definition.ts';
import { machine, task } from './bench.ts';

const faultsOf = (definition: unknown): string => {
  try {
    parseDefinition(definition, 'm');
  } catch (fault) {
    if (fault instanceof ConfigurationError) return fault.message;
    throw fault;
  }
  return '';
};
const token = 'arn:aws:states:::lambda:invoke.waitForTaskToken';
const distributed = (states: Record<string, unknown>, more = {}) => ({ Type: 'Map', ItemProcessor: { ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'EXPRESS' }, ...machine(states) }, End: true, ...more });

describe('parseDefinition', () => {
  it('names every fault with its place in one message', () => {
    const message = faultsOf(machine({ A: task({ Foo: 1, Resource: 'arn:aws:states:::dynamodb:putItem' }), B: { Type: 'Pass', Next: 'Nowhere', InputPath: '$..x' } }));
    for (const place of ['States.A: ', 'States.A.Resource: ', 'States.B.InputPath: ']) expect(message).toContain(place);
  });

  it.each<[string, unknown, string]>([
    ['a definition that is no object', 7, 'StartAt'],
    ['an unknown field of the machine', { ...machine({ A: { Type: 'Succeed' } }), Foo: 1 }, '"Foo"'],
    ['JSONata', { ...machine({ A: { Type: 'Succeed' } }), QueryLanguage: 'JSONata' }, 'QueryLanguage'],
    ['a start that does not exist', { StartAt: 'X', States: { A: { Type: 'Succeed' } } }, 'StartAt'],
    ['an unknown type', machine({ A: { Type: 'Loop' } }), 'States.A.Type'],
    ['a state that nothing leads to', machine({ A: { Type: 'Succeed' }, B: { Type: 'Succeed' } }), 'States.B: expected a way'],
    ['Next and End together', machine({ A: { Type: 'Pass', End: true, Next: 'A' } }), 'exactly one of Next, End'],
    ['a Next that does not exist', machine({ A: { Type: 'Pass', Next: 'X' } }), '"X"'],
    ['a Catch that leads nowhere', machine({ A: task({ Catch: [{ ErrorEquals: ['States.ALL'], Next: 'X' }] }) }), '"X"'],
    ['States.ALL beside others', machine({ A: task({ Retry: [{ ErrorEquals: ['States.ALL', 'B'] }] }) }), 'stand alone'],
    ['States.ALL before others', machine({ A: task({ Retry: [{ ErrorEquals: ['States.ALL'] }, { ErrorEquals: ['B'] }] }) }), 'only in the last'],
    ['a parameter that the integration lacks', machine({ A: task({ Parameters: { FunctionName: 'f', Qualifier: '1' } }) }), 'Qualifier'],
    ['a missing parameter', machine({ A: task({ Parameters: { 'Payload.$': '$' } }) }), 'FunctionName'],
    ['an unknown intrinsic', machine({ A: task({ Parameters: { 'FunctionName.$': 'States.Nope()' } }) }), 'States.Nope'],
    ['a heartbeat as long as the time-out', machine({ A: task({ TimeoutSeconds: 5, HeartbeatSeconds: 5 }) }), 'HeartbeatSeconds'],
    ['ResultPath into the context', machine({ A: task({ ResultPath: '$$.x' }) }), 'ResultPath'],
    ['a token in an express child', machine({ M: distributed({ A: task({ Resource: token }) }) }), 'express'],
    ['an ItemReader in an inline Map', machine({ M: { ...distributed({ A: task() }), ItemProcessor: machine({ A: task() }), ItemReader: { Resource: 'arn:aws:states:::s3:getObject', ReaderConfig: { InputType: 'JSON' }, Parameters: {} } } }), 'ItemReader'],
    ['an ItemBatcher', machine({ M: distributed({ A: task() }, { ItemBatcher: { MaxItemsPerBatch: 2 } }) }), 'ItemBatcher'],
    ['tolerated failures', machine({ M: distributed({ A: task() }, { ToleratedFailureCount: 2 }) }), 'ToleratedFailureCount'],
    ['a fault inside a Map', machine({ M: distributed({ A: { Type: 'Pass', Bar: 1 } }) }), 'States.M.ItemProcessor.States.A'],
    ['a fault inside a branch', machine({ P: { Type: 'Parallel', End: true, Branches: [machine({ A: { Type: 'Pass' } })] } }), 'States.P.Branches.0.States.A'],
    ['a Wait with two times', machine({ W: { Type: 'Wait', Seconds: 1, SecondsPath: '$.s', End: true } }), 'exactly one of Seconds'],
    ['a Choice rule with an unknown operator', machine({ C: { Type: 'Choice', Choices: [{ Variable: '$.a', Equals: 1, Next: 'C' }] } }), 'States.C.Choices.0'],
  ])('refuses %s', (_, definition, expected) => {
    expect(faultsOf(definition)).toContain(expected);
  });
});
