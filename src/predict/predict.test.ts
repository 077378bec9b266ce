/** Contracts against what the interpreter counts, on every example and its capture. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { exampleNames, openExample } from '../../test/support/examples.js';
import { openCapture } from '../packet/index.js';
import { loadMaps } from '../vm/index.js';
import { Prediction } from './predict.js';

async function* chunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

describe('instructions and memory operations are exact', () => {
  test.each(exampleNames)('%s on its capture', async (name) => {
    const { object, main, maps, folder } = openExample(name);
    const prediction = new Prediction(object, main, {
      fill: (machine) => maps !== undefined && loadMaps(machine, maps.contents, maps.file),
    });
    const capture = await openCapture(chunk(readFileSync(`${folder}traffic.pcap`)));
    let packets = 0;
    for await (const { data, time } of capture.packets()) {
      if (packets++ === 200) break;
      prediction.run({ data, now: time }, () => '');
    }
    const { classes } = prediction;

    expect(classes.reduce((sum, { packets: n }) => sum + n, 0) + prediction.trapped).toBe(Math.min(packets, 200));
    expect(classes.filter(({ wrong }) => wrong > 0).map(({ example }) => example)).toEqual([]);
  });
});
