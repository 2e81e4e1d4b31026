const DIGITS = '234567abcdefghijklmnopqrstuvwxyz'
/** Microseconds and a clock number: 13 digits of five bits. */
const LENGTH = 13
/** Shorter stretches of time hold hardly a page. */
const LEAST = 2n ** 30n

/** The record key half-way between two, which are times; undefined when they are too near to each other. */
export function middleKey(above: string, below: string): string | undefined {
  const [high, low] = [toNumber(above), toNumber(below)]
  return high - low < LEAST ? undefined : toKey((high + low) / 2n)
}

function toNumber(key: string): bigint {
  let value = 0n
  for (const digit of key) {
    value = value * 32n + BigInt(DIGITS.indexOf(digit))
  }
  return value
}

function toKey(value: bigint): string {
  let key = ''
  let rest = value
  for (let index = 0; index < LENGTH; index += 1) {
    key = (DIGITS[Number(rest % 32n)] ?? '2') + key
    rest /= 32n
  }
  return key
}
