import { ACCOUNT, REGION } from '../contracts.ts';
import type { FaultList } from './faults.ts';
import { isRecord, listOf, recordOf, show } from './json.ts';
import { functionOf } from './function-reference.ts';
import { findPatternFaults } from '../events/event-pattern.ts';
import type { ResolvedResource } from './resolve.ts';
import type { FunctionPlan, RulePlan } from './stack-plan.ts';

const RATE = /^rate\((\d+) (minute|minutes|hour|hours|day|days)\)$/;
const SECONDS: Readonly<Record<string, number>> = { minute: 60, hour: 3_600, day: 86_400 };

export function planRule(resource: ResolvedResource, functions: readonly FunctionPlan[], faults: FaultList): RulePlan {
  const { logicalId, name, properties } = resource;
  const where = `${logicalId}.Properties`;
  const { EventPattern: pattern, ScheduleExpression: schedule } = properties;
  if ((pattern === undefined) === (schedule === undefined)) faults.add(where, 'expected an EventPattern or a ScheduleExpression, one of the two');
  if (pattern !== undefined) for (const fault of findPatternFaults(pattern)) faults.add(`${where}.EventPattern${fault.path}`, fault.what);
  return {
    logicalId,
    arn: `arn:aws:events:${REGION}:${ACCOUNT}:rule/${name}`,
    pattern: isRecord(pattern) ? pattern : undefined,
    periodSeconds: schedule === undefined ? undefined : readPeriod(schedule, `${where}.ScheduleExpression`, faults),
    isEnabled: properties['State'] !== 'DISABLED',
    targets: listOf(properties['Targets']).map((target, i) => readTarget(target, `${where}.Targets[${i}]`, functions, faults)),
  };
}

function readPeriod(schedule: unknown, where: string, faults: FaultList): number | undefined {
  const [, count, unit] = RATE.exec(String(schedule)) ?? [];
  if (unit !== undefined && Number(count) > 0) return Number(count) * SECONDS[unit.replace(/s$/, '')]!;
  faults.add(where, `expected rate(<number> minutes|hours|days), got ${show(schedule)}`);
  return undefined;
}

function readTarget(target: unknown, where: string, functions: readonly FunctionPlan[], faults: FaultList): RulePlan['targets'][number] {
  const { Arn: arn, Input: input } = recordOf(target);
  const found = functionOf(arn, functions);
  if (found === undefined) faults.add(`${where}.Arn`, `expected a function of this template, got ${show(arn)}`);
  return { functionName: found?.name ?? '', input: typeof input === 'string' ? input : undefined };
}
