// Runs the token bucket on its capture, and reads its maps by the types of the program.
import { readFileSync } from 'node:fs';
import { decodeCapture, openSession, parseMapsFile } from 'jitnic';

const example = (name) => readFileSync(new URL(`../../token-bucket/${name}`, import.meta.url));

const session = openSession(example('token-bucket.o'), {
  maps: { contents: parseMapsFile(example('token-bucket.maps.json').toString()) },
});
for (const packet of decodeCapture(example('traffic.pcap')).packets) session.run(packet);

console.log(session.verdicts);
console.log(session.stats);
// An array of structs: the classes that the map file has set, one changed.
const classes = session.map('classes');
classes.set(2, { ...classes.get(2), committed_rate: 60_000n });
for (const [key, value] of classes) if (value.committed_rate > 0n) console.log(key, value);
// A per-CPU array: a value for each CPU.
console.log(session.map('stats').get(1));
