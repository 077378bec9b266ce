/** Runs before each test file. */
import { seedProperties } from './effort.js';

seedProperties();
