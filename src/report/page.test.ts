import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openExample } from '../../test/support/examples.js';
import { decodeCapture } from '../packet/index.js';
import { Session } from '../runtime/index.js';
import { reportPage } from './page.js';
import { type ReportData, reportData } from './report-data.js';
import { Timeline } from './timeline.js';

function pageOf(name: string): ReportData {
  const { object, main, maps } = openExample(name);
  const session = new Session(object, main, { keepRecordings: true, maps });
  const timeline = new Timeline();
  for (const packet of decodeCapture(readFileSync(`examples/${name}/traffic.pcap`)).packets) {
    session.run(packet);
    timeline.note(session.runtime);
  }
  timeline.finish(session.runtime);
  return reportData(session, { capture: 'traffic.pcap', timeline: timeline.moments });
}

describe('the report of a run', () => {
  const data = pageOf('ipv6-filter');

  it('tells what the run did', () => {
    expect(data).toMatchObject({ packets: 408, hits: 405, misses: 3, installs: 3, verdicts: { DROP: 225, PASS: 183 } });
    expect(data.timeline.at(-1)).toMatchObject({ packets: 408, hits: 405 });
    expect(data.traces.map(({ packets }) => packets)).toEqual([224, 166, 15]);
  });

  it('joins the traces where they ask the same', () => {
    expect(data.tree.children.map(({ guards }) => guards)).toEqual([['len >= 14'], ['len < 14']]);
    expect(data.tree.children[0]?.children.map(({ guards }) => guards)).toEqual([
      ['eth.type != 0x86dd'],
      ['eth.type == 0x86dd'],
    ]);
  });

  it('sets what was recorded beside what is left, line by line of the source', () => {
    const lines = data.traces[0]?.lines ?? [];
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.every(({ place }) => /^ipv6-filter\.bpf\.c:\d+$/.test(place))).toBe(true);
    expect(lines.flatMap(({ after }) => after)).toContain('ret 1');
    const recorded = lines.flatMap(({ before }) => before);
    for (const value of lines.flatMap(({ after }) => after)) {
      if (value !== 'ret 1') expect(recorded).toContain(value);
    }
  });

  it('is one page that asks nothing of any other', () => {
    const page = reportPage(data);
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).not.toMatch(/(?:src|href)="(?!#)/);
    expect(page).toContain('ipv6_filter');
  });

  it('shows names as text, whatever is in them', () => {
    const page = reportPage({ ...data, program: '<script>alert(1)</script>', capture: '"&\'.pcap' });
    expect(page).not.toContain('<script>alert');
    expect(page).toContain('&#60;script&#62;alert(1)');
  });

  it('shows what shares a place as one condition and sides with their shares', () => {
    const bucket = pageOf('token-bucket');
    const [region] = bucket.regions;
    if (region === undefined) throw new Error('no region');
    expect(region.words?.condition).toMatch(/^len >= \d+/);
    const { traces } = bucket;
    expect(region.packets).toEqual(region.traces.map((id) => traces.find((trace) => trace.id === id)?.packets));
    const page = reportPage(bucket);
    expect(page.match(/<details class="region">/g)?.length).toBe(bucket.regions.length);
    const shown = page.slice(page.indexOf('<h2 id="regions">'), page.indexOf('<h2>Traces</h2>'));
    for (const id of region.traces) expect(shown).toContain(`href="#trace-${id}"`);
    expect(shown).toContain('<span class="and">else</span>');
    expect(reportPage(data)).not.toContain('<h2 id="regions">');
  });

  it('is made for a run without traces too', () => {
    const nothing = reportPage({
      ...data,
      packets: 0,
      hits: 0,
      traces: [],
      regions: [],
      timeline: [],
      tree: { guards: [], packets: 0, traces: [], children: [] },
    });
    expect(nothing).toContain('No trace was installed');
  });
});
