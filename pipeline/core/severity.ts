import type { Severity } from '../model/stages.ts'

/** Worst first. An advisory that nobody has rated yet may be anything. */
export const severityOrder: readonly Severity[] = ['CRITICAL', 'HIGH', 'UNKNOWN', 'MEDIUM', 'LOW']

/** For people. */
export const rated = (severity: Severity): string =>
  severity === 'UNKNOWN' ? 'not rated yet' : severity.toLowerCase()
