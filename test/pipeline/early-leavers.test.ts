import { describe, expect, it } from 'vitest';
import { EarlyLeavers } from '../../src/pipeline/early-leavers.ts';
import { RecordingLogger, RecordingMeter } from '../support/recorders.ts';

const MINUTE = 60_000;

describe('lines that leave early', () => {
  it('are counted, and told of once while it lasts and once when it is over', () => {
    const logger = new RecordingLogger();
    const meter = new RecordingMeter();
    const leavers = new EarlyLeavers({ meter, logger });
    leavers.committed(0, 0);
    leavers.committed(5, MINUTE);
    leavers.committed(0, 10 * MINUTE);
    leavers.committed(7, 15 * MINUTE);
    leavers.committed(0, 30 * MINUTE);
    expect(logger.at('warn')).toHaveLength(1);
    expect(logger.at('info')).toHaveLength(0);
    leavers.committed(0, 31 * MINUTE);
    leavers.committed(0, 90 * MINUTE);
    expect(logger.at('info')).toHaveLength(1);
    leavers.committed(1, 91 * MINUTE);
    expect(logger.at('warn')).toHaveLength(2);
    expect(meter.counts.get('gatewatch_lines_left_early_total')).toBe(13);
  });
});
