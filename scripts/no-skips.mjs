// Reads a vitest JSON report: fails when a test was skipped or none ran, and names the skipped ones.
import { readFileSync } from 'node:fs';

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const skipped = report.testResults.flatMap((file) =>
  file.assertionResults
    .filter((test) => test.status !== 'passed' && test.status !== 'failed')
    .map((test) => `${file.name}: ${test.fullName}: ${test.status}`),
);
for (const line of skipped) console.error(line);
console.log(`${report.numPassedTests} tests passed, ${report.numFailedTests} failed, ${skipped.length} skipped`);
process.exit(skipped.length > 0 || report.numPassedTests === 0 ? 1 : 0);
