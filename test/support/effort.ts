/**
 * How much the tests try. `npm test` is short and the same each time; `JITNIC_EFFORT=10` makes every generated campaign
 * ten times as long, `JITNIC_SEED=random` (or a number) lets properties see inputs that they have not seen.
 */
import fc from 'fast-check';

const effort = Number(process.env['JITNIC_EFFORT'] ?? 1);

/** Rounds of a campaign that has `usual` of them in `npm test`. */
export const rounds = (usual: number): number => Math.max(1, Math.round(usual * effort));

/**
 * Lets all properties of a file start from one seed, which a failure prints: what is green stays green until code
 * changes.
 */
export function seedProperties(): void {
  const wish = process.env['JITNIC_SEED'];
  if (wish === 'random') return;
  fc.configureGlobal({ seed: Number(wish ?? 1) });
}
