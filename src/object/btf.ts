// Placeholder replaced by the BTF reader.
export interface Btf {
  readonly types: readonly unknown[];
}
