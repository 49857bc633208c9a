/**
 * Work that ends with its signal or its deadline, also where it looks at neither: a program that is asked for credentials. What such
 * work comes to later is nobody's any more.
 *
 * The timer is one of our own: a signal of `AbortSignal.timeout` that only `AbortSignal.any` holds is collected between two tries.
 * @param work is given what aborts its requests; the reason is a TimeoutError at the deadline
 */
export async function inTime<T>(
  signal: AbortSignal,
  deadlineMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const ending = new AbortController()
  const stop = (): void => ending.abort(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  const timer = setTimeout(
    () => ending.abort(new DOMException('the deadline has passed', 'TimeoutError')),
    deadlineMs,
  )
  const ended = new Promise<never>((_, reject) => {
    ending.signal.addEventListener('abort', () => reject(ending.signal.reason), { once: true })
  })
  ended.catch(() => undefined)
  const working = work(ending.signal)
  working.catch(() => undefined)
  try {
    return await Promise.race([working, ended])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}
