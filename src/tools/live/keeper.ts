/** A process that looks after a device until SIGTERM, for campaigns: `node keeper.js DEVICE OPTIONS`. */
import { LiveSession, terminated } from '../../live/index.js';

const [device = '', options = '{}'] = process.argv.slice(2);
const ended = terminated();
const session = LiveSession.attach(device, JSON.parse(options) as Readonly<Record<string, number>>);
await session.run(ended);
