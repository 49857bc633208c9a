import { columns } from '../core/columns.ts'
import { visible } from '../core/show-value.ts'
import {
  brokenHistory,
  type ChannelHistory,
  type ChannelMove,
  type ChannelPlace,
} from '../stages/channel-history.ts'
import { localTime } from './local-time.ts'

export interface ToldHistory extends ChannelHistory {
  readonly place: ChannelPlace
  /** Where the channel's pointer is, before there was a history; null else. */
  readonly older: string | null
}

const words = { released: 'released', promoted: 'promoted', 'rolled-back': 'rolled back' } as const

function rowOf({ event }: ChannelMove): readonly string[] {
  const { why, from, by, approvals, reason, accepted } = event.data
  const told = [
    ...(approvals.length === 0 ? [] : [`approved by ${approvals.map((item) => item.by).join(', ')}`]),
    ...(reason === null ? [] : [reason]),
    ...(accepted === undefined ? [] : [`accepted: ${accepted.join(', ')}`]),
  ]
  return [
    localTime(event.at),
    `${from ?? 'nothing'} → ${event.version}`,
    words[why],
    `by ${by}`,
    told.join('; '),
  ]
}

/** The moves of a channel, oldest first, and whether the chain of them holds. */
export function historyLines(told: ToldHistory): readonly string[] {
  const { place, moves, older } = told
  const broken = brokenHistory(told)
  const count = `${moves.length} move${moves.length === 1 ? '' : 's'} unchanged`
  const state =
    broken !== null
      ? `✗ ${visible(broken)}`
      : older === null
        ? `✓ ${count}`
        : `points to ${older} and has no history: ./mintmark verify ${place.image}@${place.channel} says whether that may be`
  return [
    `${place.image} ${place.channel} (${place.variant})  ${state}`,
    ...(moves.length === 0
      ? []
      : columns(moves.map(rowOf))
          .split('\n')
          .map((line) => `  ${line}`)),
  ]
}

export function historyData({ place, moves, broken, headMissing, older }: ToldHistory) {
  return {
    channel: place.channel,
    variant: place.variant,
    broken,
    headMissing,
    older,
    moves: moves.map(({ event, sha256 }) => ({
      at: event.at,
      to: event.version,
      ...event.data,
      record: event.record,
      sequence: event.sequence,
      event: sha256,
    })),
  }
}
