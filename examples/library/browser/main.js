// A program and a capture, fetched; verdicts and the busiest traces, shown.
import { decodeCapture, openSession } from 'jitnic';
import object from '../../firewall/firewall.o?url';
import capture from '../../firewall/traffic.pcap?url';

const bytesOf = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());

const session = openSession(await bytesOf(object), { name: 'firewall.o' });
for (const packet of decodeCapture(await bytesOf(capture)).packets) session.run(packet);

const counts = Object.entries(session.verdicts).map(([name, count]) => `${count} ${name}`);
document.querySelector('#verdicts').textContent = `${session.stats.packets} packets: ${counts.join(', ')}`;
for (const { packets, condition } of session.traces.toSorted((a, b) => b.packets - a.packets).slice(0, 10)) {
  const item = document.createElement('li');
  item.textContent = `${packets} packets: ${condition.text}`;
  document.querySelector('#traces').append(item);
}
