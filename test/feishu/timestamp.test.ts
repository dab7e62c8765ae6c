import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCreationTime, parseSigningTime } from '../../lib/feishu/timestamp.ts';
import { runs } from '../support/volume.ts';

const iso = (milliseconds: number | undefined) =>
  milliseconds === undefined ? undefined : new Date(milliseconds).toISOString();

describe('the timestamp of a request', () => {
  it.each([
    ['1728036226', '2024-10-04T10:03:46.000Z'],
    ['17280362260123456789abcdef', '2024-10-04T10:03:46.000Z'],
    ['2026-10-04 18:23:46 +08001234abcd', '2026-10-04T10:23:46.000Z'],
    ['2026-10-04 18:23:46.052290112 +0800 CST m=+3612.1', '2026-10-04T10:23:46.052Z'],
    ['2026-10-04 18:23:46.052290112 +0800 CST', '2026-10-04T10:23:46.052Z'],
    ['2026-10-04 18:23:46.5 +0800 CST m=+0.000000001', '2026-10-04T10:23:46.500Z'],
    ['2026-10-04 18:23:46 +0000 UTC', '2026-10-04T18:23:46.000Z'],
    ['2026-10-04 18:23:46.25 -0330 -0330', '2026-10-04T21:53:46.250Z'],
  ])('%s is %s', (timestamp, expected) => {
    expect(iso(parseSigningTime(timestamp))).toBe(expected);
  });

  it.each([
    ['an empty string', ''],
    ['words', 'yesterday'],
    ['too few digits', '172803622'],
    ['a negative number', '-1728036226'],
    ['an exponent', '1e9'],
    ['a hexadecimal number', '0x10'],
    ['spaces around it', ' 1728036226 '],
    ['RFC 3339', '2026-10-04T18:23:46+08:00'],
    ['a month that does not exist', '2026-13-04 18:23:46 +0800 CST'],
    ['no time zone', '2026-10-04 18:23:46'],
  ])('is undefined for %s', (_name, timestamp) => {
    expect(parseSigningTime(timestamp)).toBeUndefined();
  });

  it("is read in Go's format for any time in any zone", () => {
    const anyTime = fc.date({ min: new Date('1971-01-01'), max: new Date('2200-01-01'), noInvalidDate: true });
    const anyZoneMinutes = fc.integer({ min: -12 * 60, max: 14 * 60 });
    fc.assert(
      fc.property(anyTime, anyZoneMinutes, fc.nat(999_999), (time, zone, nanoseconds) => {
        expect(iso(parseSigningTime(goTime(time, zone, nanoseconds)))).toBe(time.toISOString());
      }),
      { numRuns: runs(10_000) },
    );
  });

  it('is a number or undefined for any string, and never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789 :.+-m=CST你') }), (timestamp) => {
        const milliseconds = parseSigningTime(timestamp);
        expect(milliseconds === undefined || Number.isFinite(milliseconds)).toBe(true);
      }),
      { numRuns: runs(5000) },
    );
  });
});

describe('the creation time of an event', () => {
  it.each([
    ['milliseconds, which most events have', '1608725989000', '2020-12-23T12:19:49.000Z'],
    ['microseconds', '1608725989123456', '2020-12-23T12:19:49.123Z'],
    ['seconds with a fraction, which v1.0 has', '1502199207.7171419', '2017-08-08T13:33:27.717Z'],
    ['whole seconds', '1502199207', '2017-08-08T13:33:27.000Z'],
    ['a number', 1608725989000, '2020-12-23T12:19:49.000Z'],
    ['the largest number of seconds', 99_999_999_999, '5138-11-16T09:46:39.000Z'],
    ['the smallest number of milliseconds', 100_000_000_000, '1973-03-03T09:46:40.000Z'],
    ['the largest number of milliseconds', 99_999_999_999_999, '5138-11-16T09:46:39.999Z'],
    ['the smallest number of microseconds', 100_000_000_000_000, '1973-03-03T09:46:40.000Z'],
  ])('is read from %s', (_name, value, expected) => {
    expect(parseCreationTime(value)?.toISOString()).toBe(expected);
  });

  it.each([
    [undefined],
    [null],
    [''],
    ['0'],
    [0],
    ['-1'],
    ['soon'],
    ['Infinity'],
    ['1e400'],
    ['99999999999999999999'],
    [{}],
    [[1608725989000]],
    [true],
  ])('is undefined for %j', (value) => {
    expect(parseCreationTime(value)).toBeUndefined();
  });

  it('is a valid date or undefined for any value', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.double(), fc.double().map(String)), (value) => {
        const date = parseCreationTime(value);
        expect(date === undefined || !Number.isNaN(date.getTime())).toBe(true);
      }),
      { numRuns: runs(5000) },
    );
  });
});

/** Formats a time like Go's `time.String()`. */
function goTime(time: Date, zoneMinutes: number, nanoseconds: number): string {
  const local = new Date(time.getTime() + zoneMinutes * 60_000).toISOString();
  const digits = `${local.slice(20, 23)}${String(nanoseconds).padStart(6, '0')}`.replace(/0+$/, '');
  const hours = String(Math.floor(Math.abs(zoneMinutes) / 60)).padStart(2, '0');
  const minutes = String(Math.abs(zoneMinutes) % 60).padStart(2, '0');
  const zone = `${zoneMinutes < 0 ? '-' : '+'}${hours}${minutes}`;
  return `${local.slice(0, 10)} ${local.slice(11, 19)}${digits && `.${digits}`} ${zone} ${zone}`;
}
