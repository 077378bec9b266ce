/** What `npm run peers` holds against what is wanted. */
export interface Row {
  readonly name: string;
  /** Ours in shares of the peer's. */
  readonly measured: number;
  readonly most: number;
}
