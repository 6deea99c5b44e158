import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { BoundedTasks } from '../../../shared/bounded-tasks.ts';

describe('tasks beside each other', () => {
  test('are never more than the limit, and `end` waits for all', async () => {
    const tasks = new BoundedTasks(3);
    let running = 0;
    const seen: number[] = [];
    for (let i = 0; i < 20; i++) {
      await tasks.start(async () => {
        running++;
        for (let turn = 0; turn <= i % 5; turn++) await setImmediate();
        seen.push(running--);
      });
    }
    await tasks.end();
    expect(seen).toHaveLength(20);
    expect(Math.max(...seen)).toBe(3);
  });

  test('a failure is thrown at the next start, and by `end` again', async () => {
    const tasks = new BoundedTasks(1);
    await tasks.start(() => Promise.reject(new Error('no')));
    await expect(tasks.start(() => Promise.resolve())).rejects.toThrow('no');
    await expect(tasks.end()).rejects.toThrow('no');
  });
});
