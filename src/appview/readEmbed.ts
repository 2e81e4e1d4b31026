import { looseList, looseObject, looseText } from './loose.ts'
import { NO_EMBED } from './postView.ts'
import type { Embed, LinkCard, Picture } from './postView.ts'
import { isPictureUrl, isWebUrl } from './webUrl.ts'

const MAX_PICTURES = 10
const MAX_LENGTH = 2_000
const EMBED = 'app.bsky.embed.'

export interface EmbedReader {
  readonly allowLocalNetwork: boolean
  /** What is shown of a quoted post. */
  readonly readQuote: (record: unknown) => Embed['quote']
}

/** What a post carries beside its text: as the AppView shows it, or as it is in the record. */
export function readEmbed(embed: unknown, reader: EmbedReader): Embed {
  const { $type, media, record, ...own } = looseObject(embed)
  const kind = typeof $type === 'string' ? $type.replace(EMBED, '').replace('#view', '') : ''
  switch (kind) {
    case 'images':
      return { pictures: readPictures(own['images'], reader) }
    case 'gallery':
      return { pictures: readPictures(own['items'], reader) }
    case 'video':
      return { pictures: [], video: readPicture(own, own['thumbnail'], reader) }
    case 'external': {
      const link = readLink(own['external'], reader)
      return link === undefined ? NO_EMBED : { pictures: [], link }
    }
    case 'record': {
      const quote = reader.readQuote(record)
      return quote === undefined ? NO_EMBED : { pictures: [], quote }
    }
    case 'recordWithMedia': {
      const quote = reader.readQuote(looseObject(record)['record'])
      const { quote: _, ...rest } = readEmbed(media, { ...reader, readQuote: () => undefined })
      return quote === undefined ? rest : { ...rest, quote }
    }
    default:
      return NO_EMBED
  }
}

function readPictures(list: unknown, reader: EmbedReader): Picture[] {
  return looseList(list)
    .slice(0, MAX_PICTURES)
    .map((each) => {
      const picture = looseObject(each)
      return readPicture(picture, picture['thumb'] ?? picture['thumbnail'], reader)
    })
}

function readPicture(
  { alt, aspectRatio }: Readonly<Record<string, unknown>>,
  thumb: unknown,
  reader: EmbedReader,
): Picture {
  const { width, height } = looseObject(aspectRatio)
  const isSized = isSize(width) && isSize(height)
  return {
    thumb: readPictureUrl(thumb, reader),
    alt: looseText(alt, MAX_LENGTH),
    width: isSized ? width : undefined,
    height: isSized ? height : undefined,
  }
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0 && Number(value) < 100_000
}

export function readPictureUrl(
  value: unknown,
  { allowLocalNetwork }: Pick<EmbedReader, 'allowLocalNetwork'>,
): string | undefined {
  const url = typeof value === 'string' ? value : ''
  return url.length <= MAX_LENGTH && isPictureUrl(url, allowLocalNetwork) ? url : undefined
}

function readLink(external: unknown, reader: EmbedReader): LinkCard | undefined {
  const { uri, title, description, thumb } = looseObject(external)
  const url = typeof uri === 'string' ? uri : ''
  return isWebUrl(url)
    ? {
        url,
        title: looseText(title, 300),
        description: looseText(description, 300),
        thumb: readPictureUrl(thumb, reader),
      }
    : undefined
}
