import { Definition } from '../../pipeline/model/definition.ts'

/** A definition with nothing but what it must have, and what is given. */
export const plainDefinition = (more: Readonly<Record<string, unknown>> = {}): Definition =>
  Definition.parse({
    schema: 1,
    owner: 'team-platform',
    os: { family: 'debian', release: '13', arch: ['x86_64'] },
    base: { from: 'archive' },
    hardening: { profiles: ['cis-l2-server'] },
    targets: { qemu: {} },
    ...more,
  })
