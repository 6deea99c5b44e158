import { describe, expect, it } from 'vitest';
import { readBackendOptions, readRunOptions, readTenant } from '../../../cli/settings.ts';

const globals = { data: '.spillway', tenant: 'local' };

describe('global options', () => {
  it('are numbers and networks where they are given', () => {
    expect(readBackendOptions({ ...globals, workers: '3', hostRate: '0.5', allowNetwork: ['127.0.0.0/8', '::1/128'] })).toEqual({
      dataFolder: '.spillway', workers: 3, hostRatePerSecond: 0.5, allowedNetworks: ['127.0.0.0/8', '::1/128'],
    });
  });

  it('leave the defaults to the stack', () => {
    expect(readBackendOptions(globals)).toEqual({ dataFolder: '.spillway', allowedNetworks: [] });
  });

  it.each([
    [{ workers: '0' }, /--workers to be an integer from 1 to 256, got 0/],
    [{ workers: '1.5' }, /--workers/],
    [{ workers: '' }, /--workers/],
    [{ hostRate: '-1' }, /--host-rate to be a number/],
    [{ allowNetwork: ['localhost'] }, /--allow-network to be a network such as 127.0.0.0\/8, got localhost/],
  ])('%j is refused by its name', (wrong, message) => {
    expect(() => readBackendOptions({ ...globals, ...wrong })).toThrow(message);
  });

  it('a tenant is a DNS label', () => {
    expect(() => readTenant({ ...globals, tenant: 'Acme Inc' })).toThrow(/--tenant/);
  });
});

describe('options of a run', () => {
  it('are JSON where they can be, else text', () => {
    expect(readRunOptions(['n=5', 'isOn=true', 'list=[1,2]', 'name=a=b'])).toEqual({ n: 5, isOn: true, list: [1, 2], name: 'a=b' });
  });

  it('without a name are refused', () => {
    expect(() => readRunOptions(['=5'])).toThrow(/expected --option name=value, got =5/);
  });
});
