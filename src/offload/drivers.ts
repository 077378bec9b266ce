/** Drivers by name. */
import type { Driver } from './driver.js';
import type { DeviceRecord } from './model.js';
import { netdevsim } from './netdevsim/driver.js';
import { nfp } from './nfp/driver.js';

/** The driver of a card. */
export function driverOf({ driver }: DeviceRecord): Driver {
  return driver === 'nfp' ? nfp : netdevsim;
}
