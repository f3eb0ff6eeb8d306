import type { WorldEvent } from '../../src/sandbox/world.ts';
import { BASE_ID, BASE_MS, ROUND_MS } from './bench-traffic.ts';

/** FilterLogEvents pages end at 10,000 events or 1 MB, counted as UTF-8 plus 26 bytes for each event. */
const PAGE_EVENTS = 10_000;
const PAGE_BYTES = 1_048_576;
const EVENT_OVERHEAD = 26;

/** A page of the base round as bytes, and where its times and ids stand: another round is a copy with those written over. */
export interface PageTemplate {
  readonly events: number;
  /** Without the closing of the list: `{"events":[…`. */
  bytesOf(roundStartMs: number): Buffer;
}

export function pageTemplates(events: readonly WorldEvent[]): readonly PageTemplate[] {
  const pages: PageTemplate[] = [];
  let written: string[] = [];
  let bytes = 0;
  for (const event of events) {
    const size = Buffer.byteLength(event.message) + EVENT_OVERHEAD;
    if (written.length === PAGE_EVENTS || (written.length > 0 && bytes + size > PAGE_BYTES)) {
      pages.push(pageTemplate(written));
      written = [];
      bytes = 0;
    }
    written.push(wireEvent(event));
    bytes += size;
  }
  if (written.length > 0) pages.push(pageTemplate(written));
  return pages;
}

function wireEvent(event: WorldEvent): string {
  return JSON.stringify({
    logStreamName: event.logStream,
    timestamp: event.timestampMs,
    message: event.message,
    ingestionTime: event.ingestionMs,
    eventId: event.eventId,
  });
}

/** What of a time or id changes from round to round; all of one length, so that bytes can be written over in place. */
function slotsOf(roundStartMs: number): readonly Buffer[] {
  const id = Math.imul(roundStartMs / ROUND_MS, 2_654_435_761) >>> 0;
  const digits = String(ROUND_MS).length - 1;
  return [
    Buffer.from(roundStartMs === BASE_MS ? BASE_ID : id.toString(16).padStart(8, '0')),
    Buffer.from(String(roundStartMs).slice(0, -digits)),
    Buffer.from(String(roundStartMs + ROUND_MS).slice(0, -digits)),
    Buffer.from(new Date(roundStartMs).toISOString().slice(0, '2025-10-09T08:55:2'.length)),
  ];
}

function pageTemplate(written: readonly string[]): PageTemplate {
  const base = Buffer.from(`{"events":[${written.join(',')}`);
  const places = slotsOf(BASE_MS).map((slot) => placesOf(base, slot));
  return {
    events: written.length,
    bytesOf(roundStartMs) {
      const bytes = Buffer.from(base);
      for (const [index, slot] of slotsOf(roundStartMs).entries())
        writeOver(bytes, places[index] ?? [], slot);
      return bytes;
    },
  };
}

function placesOf(bytes: Buffer, slot: Buffer): readonly number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(slot); at >= 0; at = bytes.indexOf(slot, at + slot.length)) places.push(at);
  return places;
}

function writeOver(bytes: Buffer, places: readonly number[], slot: Buffer): void {
  for (const place of places) bytes.set(slot, place);
}
