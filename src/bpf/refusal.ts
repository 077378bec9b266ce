/** Why a function can't be made into bytecode. Thrown inside of this room, and a value outside of it. */
export class BpfRefusal extends Error {}
