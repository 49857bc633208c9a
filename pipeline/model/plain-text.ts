/** Nothing that moves a cursor, turns the direction of writing, or is no character. */
export const isPlain = (text: string): boolean =>
  !/[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/u.test(text)
export const notPlain =
  'text without control characters, line ends and marks that turn the direction of writing'
