/** A figure that has been published, or is wanted, beside what a model says. */

/** A row of the table. */
export interface Row {
  readonly group: string;
  readonly what: string;
  readonly unit: string;
  readonly published: number;
  readonly model: number;
  /** A bound, or how far it may be off, in percent. */
  readonly wanted: 'at most' | 'at least' | number;
}

/** Is the model where it is wanted? */
export function passes({ published, model, wanted }: Row): boolean {
  if (wanted === 'at most') return model <= published;
  if (wanted === 'at least') return model >= published;
  return Math.abs(model / published - 1) * 100 <= wanted;
}
