/**
 * jitnic as a library. All of it runs in a browser as well; what needs Linux is in `jitnic/linux`. It can be had in
 * parts, `jitnic/object`, `jitnic/verifier`, `jitnic/optimizer`, `jitnic/packet`, `jitnic/runtime` and `jitnic/nic`,
 * or all of these as `jitnic`.
 *
 *     import { readFileSync } from 'node:fs';
 *     import { decodeCapture, openSession } from 'jitnic';
 *
 *     const session = openSession(readFileSync('examples/ipv6-filter/ipv6-filter.o'), { cacheSize: 16, check: true });
 *     const { packets } = decodeCapture(readFileSync('examples/ipv6-filter/traffic.pcap'));
 *     for (const packet of packets) session.run(packet);
 *     if (session.finish() !== undefined) throw new Error('card and interpreter differ');
 *     console.log(session.verdicts);
 *     for (const trace of session.traces) console.log(`${trace.packets} packets: ${trace.condition.text}`);
 *
 * Maps are read and written by the types that the program has for them:
 *
 *     session.map('flows').get({ saddr: 1, daddr: 2 });   // { packets: 7n, bytes: 420n }
 *
 * Errors: `InputError` for a file or a value, `UnsupportedError` for what it asks for and jitnic does not do,
 * `RejectedError` for a program that Linux would not load, `UsageError` for options, `BudgetError` for what is too
 * large; all of them say where and have a `format()`. Anything else is a bug.
 */
// Each list stands in one place, the entry point of its subpath.
export * from './api/nic.js';
export * from './api/object.js';
export * from './api/optimizer.js';
export * from './api/packet.js';
export * from './api/runtime.js';
export * from './api/verifier.js';
