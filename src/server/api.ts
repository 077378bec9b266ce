/**
 * What can be asked of the daemon, and of one process: calls by name, each a function of the kernel and a body of JSON
 * fields. Names are bpftool's (`bpftool OBJECT COMMAND` is `object/command`), with those of cards beside them
 * (`device`). Answers have bpftool's keys, so that scripts which read `bpftool -j` read these. Reading calls change
 * nothing.
 *
 * A call is: read all fields, `done()`, then one operation of the kernel. In that order, so that a mistake in the last
 * field is found before anything happens; and one operation, since that is one transaction and one entry of the log.
 * Bounds here are those of the format (32 bits) or guard memory. What kernel and card allow, the kernel says, with its
 * errno.
 */
import { UnsupportedError } from '../base/index.js';
import { readObject, xdpCandidates } from '../object/index.js';
import {
  attachTypes,
  capabilityNames,
  deviceJson,
  elementJson,
  eventJson,
  featureJson,
  type Json,
  jitedJson,
  mapJson,
  netJson,
  type ObjectRef,
  type OffloadKernel,
  progJson,
  toHex,
  trafficJson,
  xlatedJson,
} from '../offload/index.js';
import type { MapTypeName } from '../platform/index.js';
import type { Fields } from './fields.js';

/** One call. */
export interface Call {
  /** The path behind `/v1/`: lower-case letters and slashes. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** Throws UserError for what is refused. `now`: milliseconds since 1970; 0 where there is no daemon. */
  readonly run: (kernel: OffloadKernel, body: Fields, now: number) => Json;
}

/** The longest object file that is read, in bytes. A million instructions, the kernel's limit, have 8 bytes each. */
export const maxObject: number = 8 << 20;

/** All of a kind, or the one that is asked for. */
function shown(ref: ObjectRef | undefined, all: () => Json[], one: (ref: ObjectRef) => Json): Json {
  return ref === undefined ? all() : one(ref);
}

/**
 * Loads one program of an object. The object comes whole and is read here, not at the client, so that a daemon trusts
 * no reader but its own. `program` may be left out where only one is XDP: a guess would load the wrong one quietly.
 */
function loadCall(kernel: OffloadKernel, body: Fields, now: number): Json {
  const bytes = body.base64('object');
  const name = body.optionalText('program');
  const dev = body.optionalText('dev');
  const pin = body.text('pin');
  const offload = body.word('offload', ['required', 'preferred'], 'required');
  const reuse = body.numbers('maps');
  body.done();
  if (bytes.length > maxObject) throw new UnsupportedError(`the object has more than ${maxObject} bytes`);
  const object = readObject(bytes, { name: 'object' });
  const candidates = xdpCandidates(object);
  const found =
    name === undefined ? candidates : candidates.filter((each) => each.name === name || each.section === name);
  const [program] = found;
  if (program === undefined || found.length > 1) {
    const known = candidates.map((each) => each.name).join(', ');
    throw new UnsupportedError(
      program === undefined ? 'there is no such XDP program' : 'which program?',
      {},
      `programs: ${known}`,
    );
  }
  const { prog, log, fallback } = kernel.load({
    object,
    program,
    dev,
    pin,
    offload,
    reuse,
    // bpf_prog_info has nanoseconds since boot, of which bpftool makes seconds since 1970; so these are.
    now: Math.floor(now / 1000),
  });
  return { prog: progJson(kernel, prog), log, ...(fallback === undefined ? {} : { fallback }) };
}

/** The answer of a call that only changes something: an object, so that fields can be added later. */
const nothing: Json = {};

/** In the order of the documentation. */
export const calls: readonly Call[] = [
  {
    name: 'device/add',
    summary: 'a card, with its network devices',
    run: (kernel, body) => {
      const request = {
        name: body.text('name'),
        card: body.text('card'),
        ports: body.number('ports', 1, 64, 1),
        off: body.words('off', capabilityNames),
      };
      body.done();
      return { netdevs: kernel.addDevice(request) };
    },
  },
  {
    name: 'device/remove',
    summary: 'takes a card or one of its network devices away',
    run: (kernel, body) => {
      const name = body.text('name');
      body.done();
      kernel.removeDevice(name);
      return nothing;
    },
  },
  {
    name: 'device/set',
    summary: 'switches a capability or a knob',
    run: (kernel, body) => {
      const [name, knob, on] = [body.text('name'), body.text('knob'), body.flag('on')];
      body.done();
      kernel.set(name, knob, on);
      return nothing;
    },
  },
  {
    name: 'device/show',
    summary: 'cards',
    run: (kernel, body) => {
      const name = body.optionalText('name');
      body.done();
      const { model } = kernel;
      return name === undefined
        ? model.names('device').map((each) => deviceJson(model, each))
        : deviceJson(model, name);
    },
  },
  { name: 'prog/load', summary: 'loads a program and pins it', run: loadCall },
  {
    name: 'prog/show',
    summary: 'programs',
    run: (kernel, body) => {
      const ref = body.optionalRef();
      body.done();
      const json = (prog: Parameters<typeof progJson>[1]): Json => progJson(kernel, prog);
      return shown(
        ref,
        () => kernel.progs().map(json),
        (one) => json(kernel.prog(one)),
      );
    },
  },
  {
    name: 'prog/dump',
    summary: 'instructions of a program: xlated, or the code of the card',
    run: (kernel, body) => {
      const ref = body.ref();
      const what = body.word('what', ['xlated', 'jited']);
      const shown = { opcodes: body.flag('opcodes'), linum: body.flag('linum') };
      body.done();
      const prog = kernel.prog(ref);
      return what === 'xlated' ? xlatedJson(prog, shown) : jitedJson(prog, shown);
    },
  },
  ...(['prog', 'map'] as const).map(
    (kind): Call => ({
      name: `${kind}/pin`,
      summary: `pins a ${kind}`,
      run: (kernel, body) => {
        const ref = body.ref();
        const path = body.text('path');
        body.done();
        kernel.pin(kind, ref, path);
        return nothing;
      },
    }),
  ),
  {
    name: 'unpin',
    summary: 'takes a pin away',
    run: (kernel, body) => {
      const path = body.text('path');
      body.done();
      kernel.unpin(path);
      return nothing;
    },
  },
  {
    name: 'net/attach',
    summary: 'attaches a program',
    run: (kernel, body) => {
      const ref = body.ref();
      const dev = body.text('dev');
      const type = body.word('type', attachTypes, 'xdp');
      const force = body.flag('overwrite');
      body.done();
      kernel.attach(dev, type, ref, { force });
      return nothing;
    },
  },
  {
    name: 'net/detach',
    summary: 'takes a program off',
    run: (kernel, body) => {
      const [dev, type] = [body.text('dev'), body.word('type', attachTypes, 'xdp')];
      body.done();
      kernel.attach(dev, type, undefined);
      return nothing;
    },
  },
  {
    name: 'net/mtu',
    summary: 'sets the longest packet of a network device',
    run: (kernel, body) => {
      // 68 is ETH_MIN_MTU (include/uapi/linux/if_ether.h), what IPv4 needs.
      const [dev, mtu] = [body.text('dev'), body.number('mtu', 68, 65_535)];
      body.done();
      kernel.setMtu(dev, mtu);
      return nothing;
    },
  },
  {
    name: 'net/show',
    summary: 'what is attached',
    run: (kernel, body) => {
      body.done();
      return netJson(kernel.model);
    },
  },
  {
    name: 'map/create',
    summary: 'makes a map and pins it',
    run: (kernel, body) => {
      const spec = {
        name: body.text('name'),
        type: body.text('type') as MapTypeName,
        // 512: MAX_BPF_STACK, as a key has to fit the stack; 1 MiB for a value is a bound of ours. 0 is for the kernel
        // to judge: some types have no key.
        keySize: body.number('key', 0, 512),
        valueSize: body.number('value', 0, 1 << 20),
        maxEntries: body.number('entries', 0, 0xffff_ffff),
        flags: body.number('flags', 0, 0xffff_ffff, 0),
      };
      const [dev, pin] = [body.optionalText('dev'), body.text('pin')];
      body.done();
      return mapJson(kernel, kernel.createMap({ ...spec, init: undefined }, dev, pin));
    },
  },
  {
    name: 'map/show',
    summary: 'maps',
    run: (kernel, body) => {
      const ref = body.optionalRef();
      body.done();
      const json = (map: Parameters<typeof mapJson>[1]): Json => mapJson(kernel, map);
      return shown(
        ref,
        () => kernel.maps().map(json),
        (one) => json(kernel.map(one)),
      );
    },
  },
  {
    name: 'map/dump',
    summary: 'elements of a map',
    run: (kernel, body) => {
      const ref = body.ref();
      body.done();
      return kernel.dump(ref).map(({ key, value }) => elementJson(key, value));
    },
  },
  {
    name: 'map/lookup',
    summary: 'one element',
    run: (kernel, body) => {
      const [ref, key] = [body.ref(), body.bytes('key', 512)];
      body.done();
      return elementJson(key, kernel.lookup(ref, key));
    },
  },
  {
    name: 'map/update',
    summary: 'puts an element',
    run: (kernel, body) => {
      const [ref, key, value] = [body.ref(), body.bytes('key', 512), body.bytes('value', 1 << 20)];
      // BPF_ANY, BPF_NOEXIST and BPF_EXIST of include/uapi/linux/bpf.h.
      const flags = { any: 0, noexist: 1, exist: 2 }[body.word('flags', ['any', 'noexist', 'exist'], 'any')];
      body.done();
      kernel.update(ref, key, value, flags);
      return nothing;
    },
  },
  {
    name: 'map/delete',
    summary: 'takes an element away',
    run: (kernel, body) => {
      const [ref, key] = [body.ref(), body.bytes('key', 512)];
      body.done();
      kernel.delete(ref, key);
      return nothing;
    },
  },
  {
    name: 'map/getnext',
    summary: 'the key behind a key',
    run: (kernel, body) => {
      const [ref, key] = [body.ref(), body.optionalBytes('key', 512)];
      body.done();
      const next = kernel.next(ref, key);
      // Bytes as bpftool's JSON has them (common.c, print_hex_data_json): strings, each with `0x`.
      const bytes = (each: Uint8Array): Json => (toHex(each).match(/../g) ?? []).map((byte) => `0x${byte}`);
      return { key: key === undefined ? null : bytes(key), next_key: bytes(next) };
    },
  },
  {
    name: 'map/events',
    summary: 'what programs left for readers since the last time; the first time begins',
    run: (kernel, body, now) => {
      const ref = body.ref();
      const most = body.number('most', 1, 10_000, 1000);
      body.done();
      const { map, records } = kernel.takeEvents(ref, most, now);
      return records.map((record) => eventJson(map, record));
    },
  },
  {
    name: 'traffic/start',
    summary: 'packets of a capture arrive at a network device',
    run: (kernel, body) => {
      const request = {
        name: body.text('name'),
        dev: body.text('dev'),
        capture: body.base64('capture'),
        rate: body.number('rate', 0, 1_000_000_000, 1000),
        loops: body.number('loops', 0, 1_000_000_000, 1),
      };
      body.done();
      return trafficJson(kernel.startTraffic(request));
    },
  },
  {
    name: 'traffic/stop',
    summary: 'ends a source of packets and forgets it',
    run: (kernel, body) => {
      const name = body.text('name');
      body.done();
      return trafficJson(kernel.stopTraffic(name));
    },
  },
  {
    name: 'traffic/show',
    summary: 'sources of packets, and what became of them',
    run: (kernel, body) => {
      const name = body.optionalText('name');
      body.done();
      const { model } = kernel;
      return name === undefined
        ? model.all('traffic').map(trafficJson)
        : trafficJson(model.get('traffic', name, 'show traffic'));
    },
  },
  {
    name: 'feature/probe',
    summary: 'what a card can do',
    run: (kernel, body) => {
      const dev = body.text('dev');
      body.done();
      return featureJson(kernel.model, dev);
    },
  },
];

/** The call of a name; undefined where there is none. A look through two dozen rows costs less than reading a body. */
export function callNamed(name: string): Call | undefined {
  return calls.find((call) => call.name === name);
}
