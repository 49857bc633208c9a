import { sha256 } from '../../pipeline/core/digest.ts'
import type { EventOf } from '../../pipeline/model/event.ts'

/** What a re-scan tells, with `findings` as its number of findings. */
export const rescanned = (findings: number): Pick<EventOf<'rescanned'>, 'kind' | 'data'> => ({
  kind: 'rescanned',
  data: {
    database: {
      source: 'registry.example/trivy-db:2',
      sha256: sha256(`database ${findings}`),
      updated: '2026-11-22T00:00:00Z',
      nextUpdate: '2026-11-23T00:00:00Z',
      canary: true,
    },
    trivy: { version: '0.70.0', sha256: sha256('trivy') },
    gate: {
      verdict: 'passed',
      subject: sha256('image'),
      policy: { name: 'default', sha256: sha256('policy') },
      vulnerability: 'judged',
      counts: {},
      excepted: [],
      waived: [],
      knownExploited: null,
      emergency: null,
    },
    findings,
    changes: { new: [], fixable: [], gone: [], rated: [] },
    report: { sha256: sha256(`report ${findings}`), bytes: 1 },
  },
})
