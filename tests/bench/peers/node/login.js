// What a login becomes: a row of user_logins from a message of the queue.
import * as crypto from 'node:crypto';
import net from 'node:net';

const INT_MAX = 2 ** 31 - 1;
const VERSION = /^[0-9]+(\.[0-9]+)*$/;
const DATE = /^\d{4}-\d\d-\d\d$/;
const MOMENT = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(:\d\d(\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?$/;
// Lone surrogates would be replaced without a word.
const BAD_TEXT = /\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Cannot become a row; says which key and never its value. */
export class BadLogin extends Error {}

function text(event, key, length = Infinity) {
  const value = event[key];
  if (value === undefined || value === null || value === '') return null;
  // A string of more code points than the column takes has more UTF-16 units too; the reverse needs counting.
  if (typeof value !== 'string' || BAD_TEXT.test(value) || (value.length > length && [...value].length > length))
    throw new BadLogin(key);
  return value;
}

// crypto.hash, new in Node 20.12, makes no object for each value.
const sha256 = crypto.hash
  ? (value) => crypto.hash('sha256', value)
  : (value) => crypto.createHash('sha256').update(value).digest('hex');

const mask = (value) => (value === null ? null : sha256(value));

/** RFC 5952 for IPv6; another text stays as it is. */
function canonicalIp(value) {
  if (value === null || !value.includes(':') || value.includes('%') || !net.isIPv6(value)) return value;
  return new net.SocketAddress({ address: value, family: 'ipv6' }).address;
}

/** 2.3.0 is 230. */
function versionNumber(value) {
  if (value === undefined || value === null || value === '') return null;
  const number = VERSION.test(value) ? Number(String(value).replaceAll('.', '')) : NaN;
  if (!(number <= INT_MAX) || typeof value === 'object') throw new BadLogin('app_version');
  return number;
}

/** A date exists if it comes back from a Date as it was. */
function isDate(value) {
  const at = new Date(`${value}T00:00:00Z`);
  return DATE.test(value) && !Number.isNaN(at.getTime()) && at.toISOString().startsWith(value);
}

/** The event's own date, in UTC, or the day on which the queue got it. */
function day(value, sentMs) {
  if (value === null) return new Date(Number(sentMs)).toISOString().slice(0, 10);
  const [, date = value, clock, , , zone = 'Z'] = MOMENT.exec(value) ?? [];
  if (!isDate(date)) throw new BadLogin('create_date');
  if (clock === undefined) return date;
  const at = new Date(`${date}T${clock}${zone}`);
  if (Number.isNaN(at.getTime())) throw new BadLogin('create_date');
  return at.toISOString().slice(0, 10);
}

function parse(body) {
  try {
    return JSON.parse(body);
  } catch {
    throw new BadLogin('not JSON'); // the parser's own words would quote the body
  }
}

/** [user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date] */
export function rowOf(message) {
  const event = parse(message.Body);
  if (typeof event !== 'object' || event === null || Array.isArray(event)) throw new BadLogin('not an object');
  const userId = text(event, 'user_id', 128);
  if (userId === null) throw new BadLogin('user_id');
  return [
    userId,
    text(event, 'device_type', 32),
    mask(canonicalIp(text(event, 'ip'))),
    mask(text(event, 'device_id')),
    text(event, 'locale', 32),
    versionNumber(event.app_version),
    day(text(event, 'create_date'), message.Attributes.SentTimestamp),
  ];
}
