/** Drivers by name. Apart from the interface, so that drivers can import that without a circle. */
import { described } from './described/driver.js';
import type { Driver } from './driver.js';
import type { DeviceRecord, DriverName } from './model.js';
import { netdevsim } from './netdevsim/driver.js';
import { nfp } from './nfp/driver.js';

const drivers: Readonly<Record<DriverName, Driver>> = { nfp, netdevsim, jitnic: described };

/** The driver of a card. */
export function driverOf({ driver }: DeviceRecord): Driver {
  return drivers[driver];
}
