import { eventKey, eventsPrefix, headKey, historyPrefix } from '../../pipeline/core/events.ts'
import type { Store } from './catalog-store.ts'

const record = 'releases/debian-13/1.0.0/qemu-x86_64.dsse.json'
const pointer = 'channels/debian-13/nightly/qemu-x86_64.json'
const reservation = 'releases/debian-13/1.0.0/reservation.json'
const place = { image: 'debian-13', version: '1.0.0', variant: 'qemu-x86_64' }
const events = eventsPrefix(place)

/** What is done to the keys of a catalog that holds debian-13@1.0.0 with two events. */
export interface Damage {
  readonly title: string
  readonly by: (at: { readonly store: Store }) => Promise<void>
  readonly key: string
  readonly says: string | RegExp
}

const edited =
  (key: string, edit: (text: string) => string) =>
  async ({ store }: { readonly store: Store }): Promise<void> =>
    store.put(key, edit((await store.catalog.read(key))?.value ?? ''))

export const damages: readonly Damage[] = [
  {
    title: 'a record cut off',
    by: edited(record, (text) => text.slice(0, 99)),
    key: record,
    says: 'it is not JSON',
  },
  {
    title: 'a record at another place',
    by: async ({ store }) => {
      const text = (await store.catalog.read(record))?.value ?? ''
      await store.put(record.replace('1.0.0', '1.0.7'), text)
    },
    key: record.replace('1.0.0', '1.0.7'),
    says: 'it is the record of debian-13@1.0.0 qemu-x86_64',
  },
  {
    title: 'no reservation',
    by: ({ store }) => store.drop(reservation),
    key: record,
    says: 'debian-13@1.0.0 has no reservation',
  },
  {
    title: 'a reservation of another version',
    by: edited(reservation, (text) => text.replace('"1.0.0"', '"1.0.1"')),
    key: reservation,
    says: 'it is the reservation of debian-13@1.0.1',
  },
  {
    title: 'an empty reservation',
    by: edited(reservation, () => ''),
    key: reservation,
    says: 'it is no reservation',
  },
  {
    title: "a run's choice of a version at another run's place",
    by: ({ store }) =>
      store.put(
        'runs/debian-13/ci-7/000001.json',
        JSON.stringify({ schema: 1, image: 'debian-13', run: 'ci-8', turn: 1, version: '1.0.1' }),
      ),
    key: 'runs/debian-13/ci-7/000001.json',
    says: 'it is turn 1 of run ci-8 of debian-13',
  },
  {
    title: 'a pointer to nothing',
    by: edited(pointer, (text) => text.replace('"1.0.0"', '"3.0.0"')),
    key: pointer,
    says: 'it points to debian-13@3.0.0, which has no whole record',
  },
  {
    title: 'a pointer to another record',
    by: edited(pointer, (text) => text.replace(/"record":"[0-9a-f]{8}/, '"record":"00000000')),
    key: pointer,
    says: 'it names another record or image than debian-13@1.0.0 has',
  },
  {
    title: 'a pointer that is none',
    by: edited(pointer, () => '{}'),
    key: pointer,
    says: 'is not the pointer of a channel',
  },
  {
    title: 'an event that is missing',
    by: ({ store }) => store.drop(eventKey(events, 1)),
    key: eventKey(events, 2),
    says: 'is missing before it',
  },
  {
    title: 'the last event is missing',
    by: ({ store }) => store.drop(eventKey(events, 2)),
    key: headKey(events),
    says: 'it names event 2, and there are 1',
  },
  {
    title: 'an event twice',
    by: async ({ store }) => {
      const text = (await store.catalog.read(eventKey(events, 2)))?.value ?? ''
      await store.put(eventKey(events, 3), text)
    },
    key: eventKey(events, 3),
    says: 'it says that it is event 2',
  },
  {
    title: 'a head of another event',
    by: edited(headKey(events), (text) => text.replace(/"sha256":"[0-9a-f]{8}/, '"sha256":"00000000')),
    key: headKey(events),
    says: 'event 2 is not the one that it names',
  },
  {
    title: 'an event changed',
    by: edited(eventKey(events, 1), () => '{}'),
    key: eventKey(events, 1),
    says: /no DSSE envelope/,
  },
  {
    title: 'an event of a release among the moves of a channel',
    by: async ({ store }) => {
      const text = (await store.catalog.read(eventKey(events, 1)))?.value ?? ''
      await store.put(eventKey(historyPrefix('debian-13', 'stable', 'qemu-x86_64'), 1), text)
    },
    key: eventKey(historyPrefix('debian-13', 'stable', 'qemu-x86_64'), 1),
    says: 'it is no move of debian-13@stable qemu-x86_64',
  },
  {
    title: 'a pointer that is gone, and its history is there',
    by: ({ store }) => store.drop(pointer),
    key: pointer,
    says: 'it is missing, and its history ends with 1.0.0',
  },
  {
    title: 'a history that is gone, and its pointer is there',
    by: async ({ store }) => {
      for (const key of await store.catalog.list('history/')) await store.drop(key)
    },
    key: pointer,
    says: 'it has no history: it was made by hand, or its history is lost',
  },
  {
    title: 'a key that nobody writes',
    by: ({ store }) => store.put('releases/debian-13/1.0.0/note.json', '{}'),
    key: 'releases/debian-13/1.0.0/note.json',
    says: 'no such key is part of a catalog',
  },
]
