/** Drivers by name. Apart from the interface, so that drivers can import that without a circle. */
import type { Driver } from './driver.js';
import type { DeviceRecord } from './model.js';
import { netdevsim } from './netdevsim/driver.js';
import { nfp } from './nfp/driver.js';

/** The driver of a card. */
export function driverOf({ driver }: DeviceRecord): Driver {
  return driver === 'nfp' ? nfp : netdevsim;
}
