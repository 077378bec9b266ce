export class FibTable {}
