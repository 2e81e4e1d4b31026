/** SQLite answers at once and Postgres later: callers await, hot paths go on at once when they can. */
export type Eventually<T> = T | Promise<T>

/** Goes on with a value: at once when it is there, later when it is not. */
export function whenReady<T, R>(
  value: Eventually<T>,
  next: (value: T) => Eventually<R>,
): Eventually<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}
