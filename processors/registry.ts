import { UsageError } from '../shared/errors.ts';
import { document } from './document/processor.ts';
import { generate } from './generate/processor.ts';
import { llmsTxt } from './llms-txt/processor.ts';
import { noop } from './noop/processor.ts';
import type { Processor } from './processor.ts';

/** Every processor that a deployment knows: one line each. */
const PROCESSORS: readonly Processor[] = [
  document,
  generate,
  llmsTxt,
  noop,
];

export const listProcessors = (): readonly Processor[] => PROCESSORS;

export const findProcessor = (name: string): Processor | undefined => PROCESSORS.find((processor) => processor.name === name);

/** @throws UsageError naming those that exist */
export function processorOf(name: string): Processor {
  const processor = findProcessor(name);
  if (!processor) throw new UsageError(`expected a processor (${PROCESSORS.map((known) => known.name).join(', ')}), got ${JSON.stringify(name)}`);
  return processor;
}
