import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vitest.config.js';

// `npm run record:histories`: plays every scenario and writes its histories for this version.
export default mergeConfig(
  { ...base, test: { ...base.test, include: [] } },
  defineConfig({ test: { include: ['test/replay/record-*.ts'] } }),
);
