import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../../cli/backend.ts';
import { resumeRunCommand } from '../../../../cli/commands/resume-run.ts';
import { createProgram } from '../../../../cli/program.ts';
import type { RunRecord } from '../../../../shared/records.ts';
import { createFakeTerminal } from '../../../support/fake-terminal.ts';

const aRun = (run: string, state: RunRecord['state']): RunRecord => ({ run, state, tenant: 'local', error: 'only bad rows' }) as RunRecord;

/** Every run that is open fails at its second reading. */
async function resume(given: string | undefined, runs: readonly RunRecord[]) {
  const asked: string[] = [];
  const readRun = async (id: string) => {
    asked.push(id);
    const found = runs.find(({ run }) => run === id);
    return found && asked.filter((each) => each === id).length > 1 ? { ...found, state: 'failed' as const } : found;
  };
  let isStopped = false;
  const ledger = { readRun, readShards: async () => [], listRuns: async () => [...runs] };
  const backend = { ledger, waitsOf: async () => [], stop: async () => void (isStopped = true) } as unknown as Backend;
  const terminal = createFakeTerminal();
  const context = { terminal, tenant: 'local', backendOptions: { dataFolder: '.d', allowedNetworks: [] }, startBackend: async () => backend, signal: new AbortController().signal };
  const code = await resumeRunCommand(given, { out: '.o' }, context).catch((error: unknown) => (error as Error).message);
  return { code, asked: new Set(asked), terminal, isStopped };
}

describe('spillway run --resume', () => {
  it('goes on with the latest open run, and ends as run does', async () => {
    const { code, asked, terminal, isStopped } = await resume(undefined, [aRun('r3', 'finished'), aRun('r2', 'open'), aRun('r1', 'open')]);
    expect([...asked]).toEqual(['r2']);
    expect(code).toBe(3);
    expect(terminal.printed[0]).toContain('r2 failed');
    expect(isStopped).toBe(true);
  });

  it('takes the latest run when none is open: its results may not be on disk yet', async () => {
    const { terminal } = await resume(undefined, [aRun('r2', 'failed'), aRun('r1', 'finished')]);
    expect(terminal.noted).toContain('run r2 has ended already');
    expect(terminal.printed[0]).toContain('r2 failed');
  });

  it('goes on with the run that is named', async () => {
    const { asked } = await resume('r1', [aRun('r2', 'open'), aRun('r1', 'open')]);
    expect([...asked]).toEqual(['r1']);
  });

  it('says what to do when nothing was stored', async () => {
    const { code, isStopped } = await resume(undefined, []);
    expect(code).toContain('start it again with `spillway run <manifest>`');
    expect(isStopped).toBe(true);
  });

  it.each([[['list.csv', '--resume'], 'list.csv'], [['--resume', '-p', 'noop'], '--processor'], [['--resume', '-o', 'depth=2'], '--option'], [['--resume', '--expand', 'links'], '--expand']])(
    'refuses what would be ignored: %j',
    async (args, named) => {
      const program = createProgram({ onExit: () => undefined, signal: new AbortController().signal });
      await expect(program.parseAsync(['run', ...args], { from: 'user' })).rejects.toThrow(`expected nothing beside --resume, got ${named}`);
    },
  );
});
