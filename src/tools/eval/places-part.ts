/** The part of the evaluation's page about places: what few of them decide, with regions and joins and without. */
import { short } from './charts.js';
import { about, type Cell, percent, table } from './markdown.js';
import type { ProgramResult } from './measure.js';
import { cardPlaces, wantedShare, warmUp } from './places.js';

/** How many programs have what is wanted. */
export function placesCount(results: readonly ProgramResult[]): { readonly passed: number; readonly failed: number } {
  const passed = results.filter(({ places }) => places.regions.share >= wantedShare).length;
  return { passed, failed: results.length - passed };
}

/** Examples one by one, programs of the corpus that have not what is wanted, and the count. */
export function placesPart(examples: readonly ProgramResult[], corpus: readonly ProgramResult[]): string {
  const all = [...examples, ...corpus];
  const shown = [...examples, ...corpus.filter(({ places }) => places.regions.share < wantedShare)];
  const rows = shown.map((result): Cell[] => {
    const { regions, traces, unjoined } = result.places;
    return [
      result.isExample ? short(result.object) : `${short(result.object)} \`${result.program}\``,
      percent(regions.share),
      percent(wantedShare),
      regions.places,
      regions.traces,
      about(regions.values, 0),
      percent(traces.share),
      percent(unjoined.share),
    ];
  });
  const { passed, failed } = placesCount(all);
  return `## Few places

A condition is about what classes packets. Where state parts their ways, a short branch is joined (both sides computed, one chosen), and longer ones are sides of a *region*, which has one place on the card; on a full card other ways share places as well
([traces](traces.md)). So ${cardPlaces} places hold what took as many traces as there are histories. Share of the realistic packets (%) that a card with ${cardPlaces} places decides behind ${about(warmUp, 0)} packets of warm-up; what is in its places at the end; and the same without regions, and
without joins either. Programs of the corpus are listed where they miss what is wanted: ${passed} passed, ${failed} failed.

${table(['program', 'regions', 'wanted', 'places', 'traces', 'values', 'traces alone', 'without joins'], rows)}`;
}
