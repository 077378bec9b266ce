/**
 * A process that looks after a device until SIGTERM, for campaigns: `node keeper.js DEVICE OPTIONS`. It has to be a
 * process: what `kill -9` leaves behind is what campaigns ask. SIGTERM is listened for before anything is attached.
 */
import { LiveSession, terminated } from '../../live/index.js';

const [device = '', options = '{}'] = process.argv.slice(2);
const ended = terminated();
const session = LiveSession.attach(device, JSON.parse(options) as Readonly<Record<string, number>>);
await session.run(ended);
