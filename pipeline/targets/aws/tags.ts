/** What everything that a run makes is marked with, from its creation. */
export interface Marks {
  readonly image: string
  /** Null where nothing is released: a trial. */
  readonly version: string | null
  readonly run: string
  /** The team of the definition. */
  readonly owner: string
}

export interface Tag {
  readonly Key: string
  readonly Value: string
}

/** Tags of one resource, with its name for people; `now` is when it is made. */
export const marks = (m: Marks, name: string, now: Date): Tag[] => [
  { Key: 'Name', Value: name },
  { Key: 'mintmark:image', Value: m.image },
  ...(m.version === null ? [] : [{ Key: 'mintmark:version', Value: m.version }]),
  { Key: 'mintmark:run', Value: m.run },
  { Key: 'mintmark:owner', Value: m.owner },
  { Key: 'mintmark:created', Value: now.toISOString() },
]

/** Tags as EC2 tells them. */
export const tagsOf = (
  tags: readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[] = [],
): Readonly<Record<string, string>> =>
  Object.fromEntries(tags.map(({ Key = '', Value = '' }) => [Key, Value]))

/** What a run made, as filter of an EC2 list. */
export const runFilter = (run: string): { Name: string; Values: string[] }[] => [
  { Name: 'tag:mintmark:run', Values: [run] },
]

/** The same for one image: a run's id may be that of several images. */
export const imageRunFilter = (image: string, run: string): { Name: string; Values: string[] }[] => [
  ...runFilter(run),
  { Name: 'tag:mintmark:image', Values: [image] },
]
